//! Writes sentences, for the training program or for a look at them.
//!
//! `write --seed 1 --count 10` writes one sentence per line to standard output: its intent, a tab, its text.
//! `--features` writes records of 2,049 bytes instead: the intent's place in `Intent::ALL`, then 512 floats of 32 bits,
//! little-endian. `--held-out` uses the wordings that are kept from training.

use std::error::Error;
use std::io::{BufWriter, Write, stdout};

use agent_language::{Features, Intent, Sentence, SentenceWriter};

fn main() -> Result<(), Box<dyn Error>> {
    let options = Options::parse(std::env::args().skip(1))?;
    let writer = if options.held_out {
        SentenceWriter::held_out(options.seed)
    } else {
        SentenceWriter::new(options.seed)
    };
    let mut out = BufWriter::new(stdout().lock());
    for (text, intent) in writer.take(options.count) {
        if options.features {
            out.write_all(&record(Sentence::new(text)?, intent)?)?;
        } else {
            writeln!(out, "{intent}\t{text}")?;
        }
    }
    Ok(out.flush()?)
}

fn record(sentence: Sentence, intent: Intent) -> Result<Vec<u8>, Box<dyn Error>> {
    let place =
        Intent::ALL.iter().position(|other| *other == intent).ok_or("an intent is not in the list")?;
    let features: Features = sentence.tokens().collect();
    let floats = features.as_slice().iter().copied().flat_map(f32::to_le_bytes);
    Ok([u8::try_from(place)?].into_iter().chain(floats).collect())
}

#[derive(Debug)]
struct Options {
    seed: u64,
    count: usize,
    features: bool,
    held_out: bool,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, Box<dyn Error>> {
        let mut options = Self { seed: 1, count: 10, features: false, held_out: false };
        while let Some(argument) = arguments.next() {
            let mut value = || arguments.next().ok_or_else(|| format!("{argument} needs a number"));
            match argument.as_str() {
                "--seed" => options.seed = value()?.parse()?,
                "--count" => options.count = value()?.parse()?,
                "--features" => options.features = true,
                "--held-out" => options.held_out = true,
                _ => {
                    let known = "--seed N --count N --features --held-out";
                    return Err(format!("unknown argument {argument}: {known}").into());
                }
            }
        }
        Ok(options)
    }
}
