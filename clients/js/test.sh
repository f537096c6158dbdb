#!/bin/sh
# Runs the client's tests against the reference server, which each test file starts on a free port.
set -eu
here=$(CDPATH= cd -- "$(dirname -- "$0")" && pwd)
cd "$here"
if [ -z "${CHAT_SERVER:-}" ]; then
    cargo build --quiet --manifest-path ../../Cargo.toml --example server
    export CHAT_SERVER="${CARGO_TARGET_DIR:-$here/../../target}/debug/examples/server"
fi
[ -d node_modules ] || npm ci --no-audit --no-fund
node_modules/.bin/tsc --noEmit --strict --module nodenext --target es2022 --lib es2022,dom index.d.ts test/types.ts
exec node --test test/*.test.js
