#!/bin/sh
# Looks for inputs that break a reader: `tools/fuzz.sh TARGET [SECONDS [ARGUMENT...]]`, arguments being those of libFuzzer;
# without a target it lists them. What it finds grows in target/fuzz/corpora; what breaks something belongs into
# fuzz/corpora.
set -eu

cd "$(dirname "$0")/.."
if [ $# = 0 ]; then
    ls fuzz/corpora
    exit
fi
target=$1
seconds=${2:-60}
shift
[ $# = 0 ] || shift
if [ ! -d "fuzz/corpora/$target" ]; then
    echo "there is no target $target, but" $(ls fuzz/corpora) >&2
    exit 2
fi

# What cargo-fuzz sets, without the sanitizers: they take a nightly compiler, and our own code is safe. The host is named
# because otherwise build scripts and macros would be instrumented too.
host=$(rustc -vV | sed -n 's/^host: //p')
build=${CARGO_TARGET_DIR:-target}/fuzz
CARGO_ENCODED_RUSTFLAGS=$(printf '%s\037' \
    --cfg=fuzzing -Cdebug-assertions -Coverflow-checks -Cforce-frame-pointers \
    -Cpasses=sancov-module -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares)-Ccodegen-units=1
export CARGO_ENCODED_RUSTFLAGS
cargo build --release --quiet -p swarm-fuzz --features libfuzzer --target "$host" --target-dir "$build"

found=$build/corpora/$target
mkdir -p "$found"
FUZZ_TARGET=$target exec "$build/$host/release/swarm-fuzz" -max_total_time="$seconds" -timeout=10 \
    -artifact_prefix="$build/$target-" "$@" "$found" "fuzz/corpora/$target"
