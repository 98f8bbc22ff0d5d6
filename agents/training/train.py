"""Trains the networks of the agents and writes them where their crates include them.

Run from anywhere, without arguments for all: python3 agents/training/train.py [digits] [intents]
Each run of the same versions on the same machine writes the same bytes.
"""

import os
import sys
import time

# Sums of floats depend on how threads share them out: one thread, and a run repeats. Must precede numpy.
for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import digits  # noqa: E402
import intents  # noqa: E402

TRAININGS = {"digits": digits.train, "intents": intents.train}


def main(names):
    unknown = [name for name in names if name not in TRAININGS]
    if unknown:
        sys.exit(f"unknown model {unknown[0]}: choose from {', '.join(TRAININGS)}")
    for name in names or TRAININGS:
        start = time.monotonic()
        TRAININGS[name]()
        print(f"{name}: {time.monotonic() - start:.0f} s")


if __name__ == "__main__":
    main(sys.argv[1:])
