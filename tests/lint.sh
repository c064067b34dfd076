#!/usr/bin/env bash
# Checks formatting, clippy on all targets, the oldest supported Rust and rustdoc. A warning is an error.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
setup_rust
setup_target wasm32-wasip1
setup_target wasm32-wasip2
setup_target x86_64-pc-windows-gnu
setup_target aarch64-apple-darwin

setup_oldest_rust

say "cargo fmt"
cargo fmt --check
say "clippy"
cargo clippy --quiet --all-targets --all-features -- -D warnings
cargo clippy --quiet --test servers --all-features -- -D warnings
cargo clippy --quiet -- -D warnings
cargo clippy --quiet --no-default-features -- -D warnings
say "clippy for wasm32"
cargo clippy --quiet --target wasm32-unknown-unknown --lib --all-features \
  --test browser --test node --test shims --test dedicated_worker --test shared_worker --test service_worker -- -D warnings
# The library has no backend for WASI: there a program brings its own backend.
say "clippy for WASI"
for target in wasm32-wasip1 wasm32-wasip2; do
  cargo clippy --quiet --target "$target" --lib --all-features -- -D warnings
done
# Without the feature tls, because its provider compiles C for the target.
say "clippy for Windows and macOS"
for target in x86_64-pc-windows-gnu aarch64-apple-darwin; do
  cargo clippy --quiet --target "$target" --lib --no-default-features \
    --features brotli,charset,cookies,digest,form,gzip,http2,json,regex,testing,tokio,tower,tracing,zstd -- -D warnings
done
say "clippy for the core of the npm package"
# With a cfg that only this build has, so in a directory of its own.
package_core=(--quiet --target wasm32-unknown-unknown --lib --target-dir "$(target_directory)/package-lint")
RUSTFLAGS="--cfg waterspout_npm" cargo clippy "${package_core[@]}" -- -D warnings
say "clippy for the typed client"
# The shared target directory reuses the compiled dependencies.
shared_target=(--target-dir "$(target_directory)")
in_sdk=(cargo clippy --quiet --manifest-path examples/sdk/Cargo.toml "${shared_target[@]}")
"${in_sdk[@]}" --all-targets --package waterspout-example-sdk -- -D warnings
"${in_sdk[@]}" --target wasm32-unknown-unknown --lib --workspace -- -D warnings
cargo fmt --check --manifest-path examples/sdk/Cargo.toml --all
say "clippy for the axum application"
cargo clippy --quiet --manifest-path examples/axum_app/Cargo.toml "${shared_target[@]}" --all-targets -- -D warnings
cargo fmt --check --manifest-path examples/axum_app/Cargo.toml
say "clippy for the examples with other crates"
cargo clippy --quiet --manifest-path examples/ecosystem/Cargo.toml "${shared_target[@]}" --all-targets -- -D warnings
cargo fmt --check --all --manifest-path examples/ecosystem/Cargo.toml
cargo fmt --check --manifest-path benches/Cargo.toml
cargo fmt --check --manifest-path fuzz/Cargo.toml
say "clippy for the budgets"
cargo clippy --quiet --manifest-path tests/budgets/Cargo.toml "${shared_target[@]}" --all-targets -- -D warnings
cargo fmt --check --manifest-path tests/budgets/Cargo.toml
cargo fmt --check --manifest-path tests/models/Cargo.toml
say "clippy for the soak test"
cargo clippy --quiet --manifest-path tests/soak/Cargo.toml "${shared_target[@]}" -- -D warnings
cargo fmt --check --manifest-path tests/soak/Cargo.toml
say "clippy for the simulation"
cargo clippy --quiet --manifest-path tests/simulate/Cargo.toml "${shared_target[@]}" -- -D warnings
cargo fmt --check --manifest-path tests/simulate/Cargo.toml
say "clippy for the smallest program"
cargo clippy --quiet --manifest-path examples/minimal/Cargo.toml "${shared_target[@]}" --target wasm32-unknown-unknown -- -D warnings
cargo fmt --check --manifest-path examples/minimal/Cargo.toml
say "check with Rust $oldest_rust, the oldest supported version"
# Without the feature zstd, because its decoder needs a later Rust. The dependencies have the versions of Cargo.lock.
with_oldest=(cargo "+$oldest_rust" check --quiet --locked "${shared_target[@]}")
"${with_oldest[@]}" --features brotli,charset,cookies,digest,form,json,regex,testing,tokio,tower,tracing
"${with_oldest[@]}" --target wasm32-unknown-unknown --no-default-features
RUSTFLAGS="--cfg waterspout_npm" cargo "+$oldest_rust" check --locked "${package_core[@]}"
say "rustdoc"
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --all-features
RUSTDOCFLAGS="-D warnings" cargo doc --quiet --no-deps --all-features --target wasm32-unknown-unknown
