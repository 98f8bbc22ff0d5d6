#!/bin/sh
# Puts `valgrind` there if it is not yet, from Debian.
set -eu

command -v valgrind >/dev/null && exit 0

as_root=
[ "$(id -u)" = 0 ] || as_root=sudo
if ! { command -v apt-get >/dev/null \
    && $as_root apt-get update --quiet \
    && $as_root apt-get install --yes --quiet --no-install-recommends valgrind; } >&2; then
    echo "valgrind is not here and apt-get cannot install it: install it by hand, then try again" >&2
    exit 1
fi
