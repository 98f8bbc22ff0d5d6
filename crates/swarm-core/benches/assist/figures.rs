//! Medians of rounds, as a table.

use crate::measure::Figures;

/// A column of a table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Column {
    title: &'static str,
    decimals: usize,
    compared: bool,
}

impl Column {
    pub(crate) fn plain(title: &'static str, decimals: usize) -> Self {
        Self { title, decimals, compared: false }
    }

    /// Beside it stands the ratio to the first contender, round by round.
    pub(crate) fn compared(title: &'static str, decimals: usize) -> Self {
        Self { title, decimals, compared: true }
    }
}

/// What each contender reached, round by round.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<Column>,
    rows: Vec<(&'static str, Vec<Figures>)>,
}

impl Table {
    pub(crate) fn new(columns: Vec<Column>) -> Self {
        Self { columns, rows: Vec::new() }
    }

    /// The figures of one more round.
    pub(crate) fn add(&mut self, contender: &'static str, figures: Figures) {
        match self.rows.iter_mut().find(|(name, _)| *name == contender) {
            Some((_, rounds)) => rounds.push(figures),
            None => self.rows.push((contender, vec![figures])),
        }
    }

    /// The table as text, its columns aligned.
    pub(crate) fn table(&self, heading: &str) -> String {
        let mut titles = vec![String::new()];
        for column in &self.columns {
            titles.push(column.title.to_owned());
            if column.compared {
                titles.push("ratio".to_owned());
            }
        }
        let mut lines = vec![titles];
        lines.extend(self.rows.iter().map(|(name, rounds)| self.line(name, rounds)));
        let mut text = format!("{heading}\n");
        for line in &lines {
            for (at, cell) in line.iter().enumerate() {
                let width = lines.iter().map(|line| line[at].len()).max().unwrap_or_default();
                text += &if at == 0 { format!("  {cell:width$}") } else { format!("  {cell:>width$}") };
            }
            text += "\n";
        }
        text
    }

    fn line(&self, name: &str, rounds: &[Figures]) -> Vec<String> {
        let mut cells = vec![name.to_owned()];
        for (at, column) in self.columns.iter().enumerate() {
            let figures = rounds.iter().filter_map(|figures| figures[at]);
            cells.push(cell(median(figures), column.decimals));
            if column.compared {
                let ratios = rounds.iter().zip(&self.rows[0].1);
                let ratios = ratios.filter_map(|(own, first)| Some(own[at]? / first[at]?));
                cells.push(cell(median(ratios), 2));
            }
        }
        cells
    }
}

fn cell(figure: Option<f64>, decimals: usize) -> String {
    figure.map_or_else(|| "-".to_owned(), |figure| format!("{figure:.decimals$}"))
}

fn median(figures: impl Iterator<Item = f64>) -> Option<f64> {
    let mut figures: Vec<f64> = figures.collect();
    figures.sort_unstable_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied()
}
