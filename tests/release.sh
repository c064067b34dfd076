#!/usr/bin/env bash
# Checks that both packages can be released. It publishes nothing, and some checks take many minutes:
#   tests/release.sh              runs all checks
#   tests/release.sh api docs     runs the named checks
#   tests/release.sh record       records the public interface in tests/api
# Checks: versions, package, npm, powerset, minimal, api, semver, docs.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

# Installs a tool of cargo, of any version.
setup_tool() {
  cargo "${1#cargo-}" --version >/dev/null 2>&1 && return
  say "installing $1 (some minutes)"
  install_program "$1" --locked
}

# The version that a release has is the same in both packages and at the top of the changelog.
check_versions() {
  local crate package changes
  crate="$(sed -n 's/^version = "\(.*\)"$/\1/p' Cargo.toml | head -n 1)"
  package="$(node -p 'require("./pkg-js/package.json").version')"
  changes="$(sed -n 's/^## \([0-9.]*\).*/\1/p' CHANGELOG.md | head -n 1)"
  [ "$crate" = "$package" ] && [ "$crate" = "$changes" ] \
    || give_up "the versions differ: Cargo.toml $crate, pkg-js/package.json $package, CHANGELOG.md $changes"
  say "version $crate in both packages and in the changelog"
}

# `cargo publish` also builds the package from what it contains. Only the warning that nothing was uploaded is allowed.
check_package() {
  local output
  say "cargo publish --dry-run"
  output="$(cargo publish --dry-run --locked 2>&1)" || give_up "$output"
  if grep '^warning' <<<"$output" | grep -v 'aborting upload due to dry run'; then give_up "cargo publish warns"; fi
  grep 'Packaged' <<<"$output"
}

check_npm() {
  setup_package
  say "npm pack --dry-run"
  # `publint` and `attw` check the packed files in the suite js-packed.
  local output
  output="$(cd pkg-js && npm pack --dry-run --loglevel=warn 2>&1)" || give_up "$output"
  if grep -i '^npm warn' <<<"$output"; then give_up "npm pack warns"; fi
  printf '%s\n' "$output"
}

# Each pair of features compiles without a warning, natively, and each feature compiles in a browser.
check_powerset() {
  setup_tool cargo-hack
  setup_rust
  say "clippy with each pair of features"
  cargo hack clippy --quiet --lib --feature-powerset --depth 2 -- -D warnings
  say "clippy with each feature for wasm32"
  cargo hack clippy --quiet --lib --each-feature --target wasm32-unknown-unknown -- -D warnings
}

# The library compiles with the lowest versions that Cargo.toml allows for its direct dependencies. Without the
# dependencies of the tests, because the lowest versions of both may exclude each other.
check_minimal() {
  local copy
  setup_nightly
  copy="$(mktemp -d)"
  say "lowest versions of the dependencies"
  git archive HEAD | tar -x -C "$copy"
  awk '/^\[/ { is_dev = /dev-dependencies\]$|^\[\[(test|example)\]\]$/ } !is_dev' "$copy/Cargo.toml" >"$copy/reduced.toml"
  mv "$copy/reduced.toml" "$copy/Cargo.toml"
  (
    cd "$copy"
    cargo "+$nightly" update --quiet -Z direct-minimal-versions
    CARGO_TARGET_DIR="$target/minimal" cargo "+$nightly" check --quiet --lib --all-features
  )
  rm -rf "$copy"
}

# Prints the public interface for a target.
list_api() {
  cargo "+$nightly" public-api --all-features --omit blanket-impls,auto-trait-impls,auto-derived-impls --target "$1" 2>/dev/null
}

# Compares the public interface with the recorded interface, or records it.
check_api() {
  setup_tool cargo-public-api
  setup_nightly
  local name
  for name in x86_64-unknown-linux-gnu wasm32-unknown-unknown; do
    rustup target add --toolchain "$nightly" "$name" >/dev/null 2>&1 || give_up "rustup could not add the target $name"
    say "public interface for $name"
    if [ "${1:-}" = record ]; then
      mkdir -p tests/api
      list_api "$name" >"tests/api/$name.txt"
    else
      list_api "$name" | diff -u "tests/api/$name.txt" - \
        || give_up "the public interface has changed: if that is meant, run tests/release.sh record, and name it in CHANGELOG.md"
    fi
  done
}

# Compares with the last released version, if there is any.
check_semver() {
  local last
  last="$(git describe --tags --abbrev=0 --match 'v[0-9]*' 2>/dev/null)" || {
    say "no version is released yet: nothing to compare with"
    return
  }
  setup_tool cargo-semver-checks
  say "changes since $last"
  cargo semver-checks --baseline-rev "$last" --all-features
}

# Builds the pages as docs.rs does, with its compiler, its cfg and its targets.
check_docs() {
  setup_nightly
  local name
  for name in x86_64-unknown-linux-gnu wasm32-unknown-unknown; do
    rustup target add --toolchain "$nightly" "$name" >/dev/null 2>&1 || give_up "rustup could not add the target $name"
    say "pages of docs.rs for $name"
    RUSTDOCFLAGS="--cfg docsrs -D warnings" CARGO_TARGET_DIR="$target/docs-rs" \
      cargo "+$nightly" doc --quiet --lib --no-deps --all-features --target "$name"
  done
}

setup_cargo
setup_node
target="$(target_directory)"
nightly="$(sed -n 's/^channel = "\(.*\)"$/\1/p' pkg-js/rust-toolchain.toml)"
if [ "$*" = record ]; then
  check_api record
  exit
fi
checks=("$@")
[ "$#" -gt 0 ] || checks=(versions package npm docs minimal api semver powerset)
for check in "${checks[@]}"; do
  declare -F "check_$check" >/dev/null || give_up "no check has the name \"$check\"; see the head of tests/release.sh"
  "check_$check"
done
say "the checks have passed: ${checks[*]}"
