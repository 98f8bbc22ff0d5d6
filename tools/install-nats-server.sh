#!/bin/sh
# Installs the broker that `just bench` compares with, if it is not there yet. Debian has it.
set -eu

command -v nats-server >/dev/null && exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "nats-server is missing: install it, or leave out the contender nats" >&2
    exit 0
fi
# Without lists there are no packages to find.
apt-get install --yes --quiet nats-server >/dev/null 2>&1 || {
    apt-get update --quiet >/dev/null
    apt-get install --yes --quiet nats-server >/dev/null
}
