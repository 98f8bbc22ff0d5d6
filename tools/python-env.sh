#!/bin/sh
# Makes .venv with what the Python tests need. Does nothing when it is there already.
set -eu

cd "$(dirname "$0")/.."
stamp=.venv/requirements.txt
cmp -s docs/python/requirements.txt "$stamp" && exit 0

# Debian's base has neither Python nor venv.
if ! python3 -c 'import ensurepip, venv' 2>/dev/null; then
    as_root=
    [ "$(id -u)" = 0 ] || as_root=sudo
    $as_root apt-get update --quiet
    $as_root apt-get install --yes --quiet python3 python3-venv
fi

rm -rf .venv
python3 -m venv .venv
.venv/bin/pip install --quiet -r docs/python/requirements.txt
cp docs/python/requirements.txt "$stamp"
