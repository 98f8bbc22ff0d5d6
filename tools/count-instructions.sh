#!/bin/sh
# Counts the instructions that each part of the hot path takes per observation, and fails when one takes more than its
# limit. Instructions and not time: a busy machine takes longer, but not more of them.
set -eu

cd "$(dirname "$0")/.."
limits=crates/swarm-core/src/observe/instructions.limits
# What a part takes is the difference between two runs, so that all around it cancels out. A multiple of 45.
observations=4500

# Prints where the program is. Our crates are optimised as in a release, but each in one piece: among several, an
# unrelated change would decide what is inlined where. The other crates are as `just test` has built them.
build() {
    set --
    for crate in swarm-core swarm-proto; do
        of=profile.dev.package.$crate
        set -- "$@" --config "$of.opt-level=3" --config "$of.codegen-units=1" \
            --config "$of.debug-assertions=false" --config "$of.overflow-checks=false"
    done
    messages=$(CARGO_INCREMENTAL=0 cargo test --quiet -p swarm-core --lib --no-run \
        --message-format=json-render-diagnostics "$@")
    printf '%s\n' "$messages" | sed -n 's/.*"executable":"\([^"]*\)".*/\1/p'
}

# Prints the instructions of a whole run of one part with so many observations.
count() {
    if ! OBSERVATIONS=$2 valgrind --tool=callgrind --quiet --callgrind-out-file="$profiles/$1" \
        "$program" --test-threads=1 --exact "observe::instructions::$1" >"$profiles/output" 2>&1; then
        cat "$profiles/output" >&2
        exit 1
    fi
    if ! grep -q '1 passed' "$profiles/output"; then
        echo "$limits has a limit for $1, but instructions.rs no such part" >&2
        exit 1
    fi
    sed -n 's/^totals: //p' "$profiles/$1"
}

sh tools/install-valgrind.sh
program=$(build)
profiles=${CARGO_TARGET_DIR:-target}/instructions
mkdir -p "$profiles"

exceeded=0
echo "instructions per observation: part, counted, limit"
while read -r part limit; do
    case $part in '' | '#'*) continue ;; esac
    once=$(count "$part" $observations)
    twice=$(count "$part" $((2 * observations)))
    counted=$(((twice - once) / observations))
    printf '%-20s %6s %6s\n' "$part" "$counted" "$limit"
    new_limit=$((counted + counted * 6 / 100 + 10))
    if [ "$counted" -gt "$limit" ]; then
        exceeded=1
        cat >&2 <<EXCEEDED
$part takes $counted instructions per observation; $limit are allowed.
    Where they go:     callgrind_annotate $profiles/$part
    If it is worth it: write "$part $new_limit" into $limits, and the reason into the commit.
EXCEEDED
    elif [ $((counted * 5)) -lt $((limit * 4)) ]; then
        echo "    Much less than its limit: \"$part $new_limit\" in $limits keeps it so."
    fi
done <"$limits"

[ $exceeded = 0 ] && exit 0
sed -n 's/^# Counted/The limits were counted/p' "$limits" >&2
echo "This is $(rustc --version) on $(uname -m). Another compiler, C library or processor has other counts:" \
    "if that is all that changed, raise the limits in a commit of their own." >&2
exit 1
