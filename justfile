# What people do here. `just` lists it.

set shell := ["bash", "-euo", "pipefail", "-c"]

# List the commands.
default:
    @just --list

# Run a scenario: `just sim` or `just sim scenarios/patrol.toml --seed 7`.
sim *arguments:
    cargo run --release --quiet -p swarm-cast --bin swarm-sim -- run {{ arguments }}

# Check scenario files without running them: `just check scenarios/*.toml`.
check +files:
    cargo run --release --quiet -p swarm-cast --bin swarm-sim -- check {{ files }}

# Make, show and take back keys and grants: `just swarm` lists the commands.
[positional-arguments]
[no-exit-message]
swarm *arguments:
    @cargo run --release --quiet -p swarm-cli --bin swarm -- "$@"

# Install what the tests need, and pass them.
test: python
    cargo test --workspace --quiet
    cargo build --quiet -p swarm-core --example doorman
    .venv/bin/python -m unittest discover --start-directory docs/python --verbose

# Formatting, lints and documentation, with warnings denied. Never writes.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --quiet -- -D warnings
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet
    # The decisions of a node build without a runtime.
    RUSTFLAGS="-D warnings" cargo check --quiet -p swarm-core --no-default-features --target-dir target/pure

# Licences, versions, bans and sources of all dependencies; with SWARM_ADVISORY_DB, a path, known vulnerabilities too.
audit:
    tools/audit.sh

# Put right what can be put right by a machine.
fix:
    cargo fmt --all
    cargo clippy --workspace --all-targets --fix --allow-dirty --allow-staged

# Measure: `just bench` compares with the field; `just bench field --only w1`, `just bench assist --only seq`, `just bench adversary`, `just bench lossy`, `just bench batching`, `just bench observation`, `just bench seal`. Needs a quiet machine.
bench name="field" *arguments:
    {{ if name == "field" { "tools/install-nats-server.sh && cargo run --release --quiet --manifest-path bench/Cargo.toml --" } else { "cargo bench --quiet --bench " + name + " --" } }} {{ arguments }}

# Count the instructions of the hot path, on Linux, and compare them with their limits.
instructions:
    tools/count-instructions.sh

# Look for inputs that break a reader: `just fuzz` lists the targets, `just fuzz hello 60` takes 60 seconds, `just fuzz hello 0 -runs=10000000` so many inputs.
fuzz *arguments:
    tools/fuzz.sh {{ arguments }}

# A page in a real browser joins a node as a guest. Needs Chromium; BROWSER names another of its kind.
browser:
    tools/browser.sh

# Look for faults that agents do not get over, in scenarios drawn from seeds: `just soak --for 10m`. What fails is made small and kept.
soak *arguments:
    cargo run --release --quiet -p swarm-cast --bin swarm-sim -- soak {{ arguments }}

# Draw the data and train the models of the agents anew.
train: python
    .venv/bin/pip install --quiet -r agents/training/requirements.txt
    .venv/bin/python agents/training/train.py

# The Python that tests and training use.
[private]
python:
    tools/python-env.sh
