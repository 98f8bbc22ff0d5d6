"""Reads samples from the examples of the crates, so that what is learnt is exactly what the agents meet."""

import pathlib
import subprocess

import numpy

ROOT = pathlib.Path(__file__).resolve().parents[2]


def draw(package, example, record, seed, count, *flags):
    """Runs an example and returns its records, an array of the numpy dtype `record`."""
    command = ["cargo", "run", "--release", "--quiet", "--package", package, "--example", example, "--"]
    command += ["--seed", str(seed), "--count", str(count), *flags]
    output = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout
    records = numpy.frombuffer(output, dtype=record)
    if len(records) != count:
        raise ValueError(f"{example} wrote {len(records)} records instead of {count}: do its format and ours differ?")
    return records


def placeholder(path):
    """Makes sure that a model file exists, as the crate that draws the samples includes it; it may be empty."""
    path.parent.mkdir(exist_ok=True)
    path.touch()
