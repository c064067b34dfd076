#!/usr/bin/env bash
# Builds the benchmark and the spider, and runs the benchmark: `make bench` is all of it, `make bench ARGS=quick` takes
# about a minute, `make bench ARGS=instructions` counts the work of a request. Other arguments go to the program.
set -euo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
setup_cargo

target="$(target_directory)"
say "building the benchmark"
cargo build --quiet --release --manifest-path benches/Cargo.toml
program="$(cd benches && target_directory)/release/waterspout-benches"

# Installs Tornado and Scrapy in a virtual environment. Without them, the report leaves their rows out.
setup_spiders() {
  local environment="$target/spiders" requirements=benches/spiders/requirements.txt
  say "building the spider"
  cargo build --quiet --release --example spider
  export WATERSPOUT_BENCHES_SPIDER="$target/release/examples/spider"
  if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    say "installing Tornado and Scrapy in $environment"
    if ! { python3 -m venv --clear "$environment" && "$environment/bin/pip" install -q --disable-pip-version-check -r "$requirements"; }; then
      say "pip could not install them, so they are not measured"
      return
    fi
    cp "$requirements" "$environment/"
  fi
  export WATERSPOUT_BENCHES_PYTHON="$environment/bin/python"
}

case "${1-}" in
  "") setup_spiders; exec "$program" report benches ;;
  # The published report is that of a complete run.
  quick) setup_spiders; "$program" report "$target/bench-quick" quick; cat "$target/bench-quick/RESULTS.md" ;;
  *) exec "$program" "$@" ;;
esac
