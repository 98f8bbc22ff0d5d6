#!/bin/sh
# Lets a page in a real browser join a node as a guest, and fails unless it has heard something and said so within a
# minute. Needs Chromium, or any of its kind, named by BROWSER.
set -eu

cd "$(dirname "$0")/.."
cargo build --quiet -p swarm-core --example page
work=$(mktemp -d)
node='' browser=''
leave() {
    for process in $node $browser; do
        kill "$process" 2>/dev/null && wait "$process" || true
    done
    # The helpers of a browser write for a moment longer.
    rm -rf "$work" 2>/dev/null || { sleep 1; rm -rf "$work"; }
}
trap leave EXIT

SWARM_DEV_ROOT=$work/root.pem timeout 60 "${CARGO_TARGET_DIR:-target}/debug/examples/page" --once > "$work/said" &
node=$!
until page=$(sed -n 's/^open //p' "$work/said") && [ -n "$page" ]; do
    kill -0 "$node"
    sleep 0.1
done
# A browser has no sandbox for root.
sandbox=$([ "$(id -u)" != 0 ] || echo --no-sandbox)
"${BROWSER:-chromium}" --headless=new $sandbox --disable-gpu --no-first-run --disable-background-networking \
    --disable-component-update --user-data-dir="$work/profile" "$page" > "$work/browser" 2>&1 &
browser=$!
wait "$node"
cat "$work/said"
