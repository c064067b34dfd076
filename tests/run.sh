#!/usr/bin/env bash
# Runs every suite on every platform and prints one line for each, then the total:
#   tests/run.sh            the suites of `suites`
#   tests/run.sh native js  those whose names begin so, of `more` too
#   tests/run.sh all        those of both
# A suite that ran no test has failed. Full output of each is in target/test-logs.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

suites=(native doc servers wasm-node wasm-chromium sdk js-node js-module js-bundle js-drop-in js-packed size page)
more=(js-deno js-bun js-workerd)
only=("$@")
[ "$#" -gt 0 ] || only=("${suites[@]}")
[ "$*" != all ] || only=("${suites[@]}" "${more[@]}")
for prefix in "${only[@]}"; do
  [[ " ${suites[*]} ${more[*]}" == *" $prefix"* ]] || give_up "no suite begins with $prefix; there are: ${suites[*]} ${more[*]}, and all"
done

# Whether one of these suites is to run.
wanted() {
  local name prefix
  for name in "$@"; do
    for prefix in "${only[@]}"; do
      # A whole name means that suite alone: js-bun is not the beginning of js-bundle.
      [[ "$name" == "$prefix" || ("$name" == "$prefix"* && " ${suites[*]} ${more[*]} " != *" $prefix "*) ]] && return 0
    done
  done
  return 1
}

# The servers of the tests are on this machine, whatever proxy it is behind.
export NO_PROXY="localhost,127.0.0.0/8,::1,.test${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.0/8,::1,.test${no_proxy:+,$no_proxy}"
setup_cargo
if wanted servers; then setup_servers; fi
if wanted "${suites[@]:3}"; then setup_all; fi
if wanted "${more[@]}"; then
  setup_package
  setup_engines
fi
logs="$(target_directory)/test-logs"
mkdir -p "$logs"
summary=()
passed=0
failed=0
bounded=()
has timeout && bounded=(timeout "${SUITE_TIMEOUT:-1500}")

# Notes what came of a suite, and shows its output if something failed.
note() {
  local name="$1" ok="$2" bad="$3" seconds="$4"
  if [ "$bad" -ne 0 ]; then tail -n 150 "$logs/$name.log"; fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  summary+=("$(printf '%-18s %5d passed %3d failed %5d s' "$name" "$ok" "$bad" "$seconds")")
}

# Runs a suite and counts what its output says ran.
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
  if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
    printf 'the suite ended with status %d\n' "$status" >>"$log"
    bad=1
  fi
  if [ "$((ok + bad))" -eq 0 ]; then
    printf 'the suite ran no test\n' >>"$log"
    bad=1
  fi
  note "$name" "$ok" "$bad" "$((SECONDS - started))"
}

# Something that the suites after it need; if it fails, it counts as a failure and they do not run.
step() {
  local name="$1" started=$SECONDS
  shift
  say "$name"
  "$@" >"$logs/$name.log" 2>&1 && return 0
  note "$name" 0 1 "$((SECONDS - started))"
  return 1
}

# The lab, for the suites that cannot bring their own; stopped when this script ends.
start_lab() {
  cargo build --quiet --example serve || return 1
  exec 3< <(exec "$(target_directory)/debug/examples/serve" --address 127.0.0.1:0 --directory www/dist 2>"$logs/serve.log")
  lab=$!
  trap 'kill "$lab" 2>/dev/null' EXIT
  read -r -t 20 WATERSPOUT_LAB <&3 || return 1
  export WATERSPOUT_LAB
}

# The typed client of the examples, as the module that its JavaScript program loads.
build_sdk() {
  local made
  made="$(target_directory)"
  cargo build --quiet --manifest-path examples/sdk/Cargo.toml --target-dir "$made/sdk" --target wasm32-unknown-unknown \
    --package waterspout-example-sdk-js || return 1
  wasm-bindgen --target nodejs --out-dir "$made/sdk/js" "$made/sdk/wasm32-unknown-unknown/debug/waterspout_example_sdk_js.wasm"
}

in_package=(bash -c 'cd pkg-js && exec "$@"' --)

suite native cargo test --all-features --lib --tests
suite doc cargo test --all-features --doc
suite servers env WATERSPOUT_SERVERS=required cargo test --all-features --test servers --test proxies
if wanted "${suites[@]:3}" "${more[@]}" && step lab start_lab; then
  suite wasm-node wasm-pack test --mode no-install --node . --features json,testing --test node --test shims
  suite wasm-chromium wasm-pack test --mode no-install --headless --chrome --chromedriver "${CHROMEDRIVER:-}" . --features json,testing \
    --test browser --test dedicated_worker --test shared_worker --test service_worker
  if wanted sdk && step sdk-module build_sdk; then
    suite sdk node examples/sdk/js/test.mjs "$(target_directory)/sdk/js/waterspout_example_sdk_js.js" "$WATERSPOUT_LAB"
  fi
  if wanted "${suites[@]:6}" "${more[@]}" && step package make --no-print-directory package; then
    suite js-node "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" node
    suite js-module "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" module
    suite js-bundle "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" bundle
    suite js-drop-in "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" drop-in
    suite js-packed "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" packed
    suite js-deno "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" deno
    suite js-bun "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" bun
    suite js-workerd "${in_package[@]}" node test/run.mjs "$WATERSPOUT_LAB" workerd
    suite size "${in_package[@]}" npm run --silent size
    suite page bash -c 'node www/build.mjs && exec node www/test/page.mjs "$1"' -- "$WATERSPOUT_LAB"
  fi
fi

printf '\n'
printf '%s\n' "${summary[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
