#!/usr/bin/env bash
# Formatting, clippy on both targets, the oldest Rust and rustdoc; a warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
setup_rust
setup_target wasm32-wasip1
setup_target wasm32-wasip2

setup_oldest_rust

say "cargo fmt"
cargo fmt --check
say "clippy"
cargo clippy --quiet --all-targets --all-features -- -D warnings
cargo clippy --quiet --test servers --all-features -- -D warnings
cargo clippy --quiet -- -D warnings
say "clippy for wasm32"
cargo clippy --quiet --target wasm32-unknown-unknown --lib --all-features \
  --test browser --test node --test shims --test dedicated_worker --test shared_worker --test service_worker -- -D warnings
say "check for WASI, where a program brings its own backend"
for target in wasm32-wasip1 wasm32-wasip2; do
  cargo clippy --quiet --target "$target" --lib --all-features -- -D warnings
done
say "clippy for the typed client"
# They share what is compiled of others.
elsewhere=(--target-dir "$(target_directory)")
in_sdk=(cargo clippy --quiet --manifest-path examples/sdk/Cargo.toml "${elsewhere[@]}")
"${in_sdk[@]}" --all-targets --package waterspout-example-sdk -- -D warnings
"${in_sdk[@]}" --target wasm32-unknown-unknown --lib --workspace -- -D warnings
cargo fmt --check --manifest-path examples/sdk/Cargo.toml --all
say "clippy for the smallest program"
cargo clippy --quiet --manifest-path examples/minimal/Cargo.toml "${elsewhere[@]}" --target wasm32-unknown-unknown -- -D warnings
cargo fmt --check --manifest-path examples/minimal/Cargo.toml
say "check with Rust $oldest_rust, the oldest that is promised"
# Not zstd, which says that it needs a later one; of dependencies the versions in Cargo.lock.
with_oldest=(cargo "+$oldest_rust" check --quiet --locked "${elsewhere[@]}")
"${with_oldest[@]}" --features brotli,cookies,digest,json,regex,testing,tower,tracing
"${with_oldest[@]}" --target wasm32-unknown-unknown --no-default-features --features js
say "rustdoc"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --all-features
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --all-features --target wasm32-unknown-unknown
