//! Draws digits, for the training program or for a look at them.
//!
//! `draw --seed 1 --count 20000` writes records of 401 bytes to standard output: the digit, then 400 pixels.
//! `draw --seed 1 --count 3 --ascii` shows them in the terminal.

use std::error::Error;
use std::io::{BufWriter, Write, stdout};

use agent_vision::DigitPainter;

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let mut out = BufWriter::new(stdout().lock());
    for (image, digit) in DigitPainter::new(options.seed).take(options.count) {
        if options.ascii {
            writeln!(out, "{digit}\n{image}")?;
        } else {
            out.write_all(&[digit])?;
            out.write_all(image.as_bytes())?;
        }
    }
    Ok(out.flush()?)
}

#[derive(Debug)]
struct Options {
    seed: u64,
    count: usize,
    ascii: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { seed: 1, count: 10, ascii: false };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a number"));
            match argument.as_str() {
                "--seed" => options.seed = value()?.parse()?,
                "--count" => options.count = value()?.parse()?,
                "--ascii" => options.ascii = true,
                _ => return Err(format!("unknown argument {argument}: --seed N --count N --ascii").into()),
            }
        }
        Ok(options)
    }
}
