#!/bin/sh
# Holds the crates of Cargo.lock to deny.toml: licences, versions, bans and sources. Known vulnerabilities too, when
# SWARM_ADVISORY_DB is the path of a copy of RustSec's advisory-db; without one that check is skipped.
set -eu

cd "$(dirname "$0")/.."
target=${CARGO_TARGET_DIR:-target}
# Another version may judge otherwise.
version=0.20.2
tool=$target/tools/cargo-deny-$version
deny=$tool/bin/cargo-deny

# A debug build is there in a minute and checks in three seconds; a release takes several times as long to build.
if [ ! -x "$deny" ]; then
    echo "building cargo-deny $version; this takes a minute or two" >&2
    (
        unset CARGO_TARGET_DIR
        CARGO_PROFILE_DEV_DEBUG=0 CARGO_INCREMENTAL=0 \
            cargo install --quiet --locked --debug --no-track --root "$tool" "cargo-deny@$version"
    )
fi

# What only other targets need may not be here yet.
cargo fetch --quiet --locked
"$deny" --frozen check --deny warnings bans licenses sources

database=${SWARM_ADVISORY_DB:-}
if [ -z "$database" ]; then
    echo "advisories skipped: SWARM_ADVISORY_DB is not set"
    exit 0
fi
if [ ! -d "$database/crates" ]; then
    echo "SWARM_ADVISORY_DB is $database, which has no directory crates: that is no copy of RustSec's advisory-db" >&2
    exit 1
fi

# cargo-deny looks for it under a name of its own, which ends with a hash of the URL, and wants to know how old it is:
# nobody knows that of one without a history.
here=$target/advisory-dbs/advisory-db-3157b0e258782691
database=$(cd "$database" && pwd)
rm -rf "$target/advisory-dbs"
if [ -e "$database/.git" ]; then
    mkdir -p "$target/advisory-dbs"
    ln -s "$database" "$here"
else
    mkdir -p "$here/.git"
    touch "$here/.git/FETCH_HEAD"
    ln -s "$database/crates" "$here/crates"
fi
ADVISORY_DBS=$target/advisory-dbs "$deny" --frozen check --deny warnings advisories
