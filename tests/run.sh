#!/usr/bin/env bash
# Runs every suite on every platform and prints one line for each, then the total:
#   tests/run.sh            all suites
#   tests/run.sh native js  those whose names begin so
# A suite that ran no test has failed. Full output of each is in target/test-logs.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh
setup_all

logs="$(cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/')/test-logs"
mkdir -p "$logs"
summary=()
passed=0
failed=0

wanted() {
  [ "${#only[@]}" -eq 0 ] && return 0
  local prefix
  for prefix in "${only[@]}"; do [[ "$1" == "$prefix"* ]] && return 0; done
  return 1
}
only=("$@")
bounded=()
has timeout && bounded=(timeout "${SUITE_TIMEOUT:-1500}")

# Runs a suite, counts what its output says ran, and shows the output if something failed.
suite() {
  local name="$1" log="$logs/$1.log" status ok bad started
  shift
  wanted "$name" || return 0
  say "$name"
  started=$SECONDS
  # A suite that hangs is a failure too.
  "${bounded[@]}" "$@" >"$log" 2>&1
  status=$?
  # "test result: ok. 3 passed; 0 failed" (cargo) and "name: 3 passed, 0 failed" (ours).
  read -r ok bad < <(awk '
    match($0, /[0-9]+ passed[;,] [0-9]+ failed/) {
      split(substr($0, RSTART, RLENGTH), part, " "); ok += part[1]; bad += part[3]
    }
    END { print ok + 0, bad + 0 }' "$log")
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then bad=1; fi
  if [ "$((ok + bad))" -eq 0 ]; then
    printf 'the suite ran no test\n' >>"$log"
    bad=1
  fi
  if [ "$bad" -ne 0 ]; then tail -n 150 "$log"; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  summary+=("$(printf '%-18s %5d passed %3d failed %5d s' "$name" "$ok" "$bad" "$((SECONDS - started))")")
}

# The lab for the suites that cannot bring their own; stopped when this script ends.
serve() {
  cargo build --quiet --example serve || give_up "the example \`serve\` does not compile"
  exec 3< <(exec "$(dirname "$logs")/debug/examples/serve" --address 127.0.0.1:0 --directory www/dist 2>"$logs/serve.log")
  server=$!
  trap 'kill "$server" 2>/dev/null' EXIT
  read -r -t 20 WATERSPOUT_LAB <&3 || give_up "the lab did not start; see $logs/serve.log"
  export WATERSPOUT_LAB
  say "the lab is at $WATERSPOUT_LAB"
}

in_package=(bash -c 'cd pkg-js && exec "$@"' --)

suite native cargo test --all-features --lib --tests
suite doc cargo test --all-features --doc
serve
suite wasm-node wasm-pack test --mode no-install --node . --features json,testing --test node
suite wasm-chromium wasm-pack test --mode no-install --headless --chrome --chromedriver "$CHROMEDRIVER" . --features json,testing --test browser
if wanted js || wanted page || wanted size; then
  say "building the npm package"
  "${in_package[@]}" npm run --silent build >"$logs/build.log" 2>&1 || { cat "$logs/build.log"; give_up "the npm package does not build"; }
fi
suite js-node "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" node
suite js-module "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" module
suite js-bundle "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" bundle
suite size "${in_package[@]}" npm run --silent size
suite page bash -c 'node www/build.mjs && exec node www/test/page.mjs "$1"' -- "$WATERSPOUT_LAB"

printf '\n'
printf '%s\n' "${summary[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
