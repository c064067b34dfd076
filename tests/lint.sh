#!/usr/bin/env bash
# Formatting, clippy on both targets and rustdoc; a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
setup_rust

say "cargo fmt"
cargo fmt --check
say "clippy"
cargo clippy --quiet --all-targets --all-features -- -D warnings
cargo clippy --quiet --test servers --all-features -- -D warnings
cargo clippy --quiet -- -D warnings
say "clippy for wasm32"
cargo clippy --quiet --target wasm32-unknown-unknown --lib --test browser --test node --all-features -- -D warnings
say "rustdoc"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --all-features
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --all-features --target wasm32-unknown-unknown
