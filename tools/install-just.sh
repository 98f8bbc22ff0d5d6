#!/bin/sh
# Puts `just` beside cargo if it is not there yet: as a ready program from PyPI or Debian where that is possible, and
# built by cargo otherwise.
set -eu

command -v just >/dev/null && exit 0

bin=${CARGO_HOME:-$HOME/.cargo}/bin
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

if python3 -m pip --version >/dev/null 2>&1 \
    && python3 -m pip install --quiet --root-user-action=ignore --target "$scratch" rust-just; then
    mkdir -p "$bin"
    install -m 755 "$scratch/bin/just" "$bin/just"
elif [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null \
    && apt-get install --yes --quiet just >/dev/null 2>&1; then
    :
else
    echo "building just; this takes a minute or two" >&2
    cargo install --quiet --locked just
fi

if ! command -v just >/dev/null; then
    echo "just is in $bin, which is not in PATH: add it and try again" >&2
    exit 1
fi
