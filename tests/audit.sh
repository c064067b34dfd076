#!/usr/bin/env bash
# Checks the dependencies of both packages: known faults, licences, duplicates and sources. `deny.toml` has the rules.
#
#   tests/audit.sh          checks everything
#   tests/audit.sh offline  leaves out the known faults, which need the advisory databases of Rust and npm
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

# Builds take some minutes, so a present version is used.
setup_deny() {
  cargo deny --version >/dev/null 2>&1 && return
  say "installing cargo-deny (some minutes)"
  cargo install --quiet cargo-deny --locked || give_up "cargo could not install cargo-deny"
}

setup_cargo
setup_deny
say "licences, duplicates and sources of the crate"
cargo deny --offline check --hide-inclusion-graph licenses bans sources
[ "${1:-}" = offline ] && exit
say "known faults of the crate's dependencies"
cargo deny check advisories
say "known faults of the npm package's dependencies"
setup_node
(cd pkg-js && npm audit)
