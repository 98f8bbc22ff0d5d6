//! Shows problems with their place, the text underlined.

use miette::{Diagnostic, GraphicalReportHandler, GraphicalTheme};

use super::Paint;

/// A problem as several lines of text, ending with a line break.
pub(crate) fn render(problem: &dyn Diagnostic, paint: Paint) -> String {
    let theme = match paint {
        Paint::Always => GraphicalTheme::unicode(),
        Paint::Never => GraphicalTheme::unicode_nocolor(),
    };
    let handler = GraphicalReportHandler::new_themed(theme).with_width(110).with_links(false);
    let mut text = String::new();
    match handler.render_report(&mut text, problem) {
        Ok(()) => text,
        Err(_) => format!("{problem}\n"),
    }
}
