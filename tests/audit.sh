#!/usr/bin/env bash
# Checks the dependencies of both packages: known faults, licences, duplicates and sources. `deny.toml` has the rules.
#
#   tests/audit.sh          checks everything
#   tests/audit.sh offline  uses no network, and leaves out the known faults, which need the databases of Rust and npm
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

# The build takes some minutes, so an installed version is used, of any number.
setup_deny() {
  cargo deny --version >/dev/null 2>&1 && return
  say "installing cargo-deny (some minutes)"
  install_program cargo-deny --locked
}

setup_cargo
setup_deny
say "licences, duplicates and sources of the crate"
network=()
[ "${1:-}" = offline ] && network=(--offline)
cargo deny "${network[@]}" check --hide-inclusion-graph licenses bans sources
[ "${1:-}" = offline ] && exit
say "known faults of the crate's dependencies"
cargo deny check advisories
say "known faults of the npm package's dependencies"
setup_node
# The lock file is enough: nothing is installed.
(cd pkg-js && npm audit --package-lock-only)
