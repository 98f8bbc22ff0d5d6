#!/bin/sh
# Runs every scenario in the box so many times in a row, and stops at the first that fails.
set -eu

cd "$(dirname "$0")/.."
cargo build --release --quiet -p swarm-cast
for scenario in scenarios/*.toml; do
    for run in $(seq "${1:-10}"); do
        printf '%s, run %s: ' "$scenario" "$run"
        if ! output=$(target/release/swarm-sim run "$scenario" --seed "$run" 2>&1); then
            printf 'FAILED\n%s\n' "$output"
            exit 1
        fi
        echo passed
    done
done
