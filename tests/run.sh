#!/usr/bin/env bash
# Runs test suites, prints a line for each suite, then the total:
#   tests/run.sh            runs the list `suites`
#   tests/run.sh native js  runs the suites of all lists with a matching name or name prefix
#   tests/run.sh all        runs the lists `suites`, `more` and `costs`
# A suite that runs no test counts as failed, and so does a suite whose test programs do not all report a result. The
# script fails if it cannot install a required tool. The full output of each suite is in target/test-logs.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

# The order matters: the conditions below select the suites from an index on, for example all but the first five.
suites=(native doc servers axum ecosystem wasm-node wasm-chromium sdk minimal js-node js-deno js-bun js-workerd js-module js-bundle js-worker js-service-worker js-lockdown js-drop-in js-packed js-readme js-upload js-connections size page)
more=(wasm-firefox wasm-webkit js-node22 js-node24 js-node26 js-firefox js-webkit js-memory js-libraries js-options)
# Like `more`, but without the npm package.
costs=(budgets models planted soak fuzz simulation)
on_request=(bundlers)
known=" ${suites[*]} ${more[*]} ${costs[*]} ${on_request[*]} "
only=("$@")
[ "$#" -gt 0 ] || only=("${suites[@]}")
[ "$*" != all ] || only=("${suites[@]}" "${more[@]}" "${costs[@]}")
for prefix in "${only[@]}"; do
  [[ "$known" == *" $prefix"* ]] || give_up "no suite has a name that begins with \"$prefix\"; use \"all\" or any of:$known"
done

# Succeeds if any of the given suites is selected.
wanted() {
  local name prefix
  for name in "$@"; do
    for prefix in "${only[@]}"; do
      # A complete name selects only its suite: js-bun must not select js-bundle.
      [[ "$name" == "$prefix" || ("$name" == "$prefix"* && "$known" != *" $prefix "*) ]] && return 0
    done
  done
  return 1
}

# The tests use servers on this machine, so requests to them must not go through a proxy from the environment.
export NO_PROXY="localhost,127.0.0.0/8,::1,.test${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.0/8,::1,.test${no_proxy:+,$no_proxy}"
setup_cargo
if wanted servers; then setup_servers; fi
if wanted budgets; then setup_budgets; fi
if wanted soak; then setup_soak; fi
if wanted fuzz; then setup_fuzz; fi
if wanted "${suites[@]:5}" "${more[@]}" "${on_request[@]}"; then setup_package; fi
if wanted wasm-node wasm-chromium wasm-firefox wasm-webkit; then setup_wasm_pack; fi
if wanted wasm-chromium js-module js-bundle js-worker js-service-worker js-drop-in js-packed js-readme js-upload js-memory page bundlers; then setup_chromium; fi
if wanted js-upload; then setup_openssl; fi
if wanted js-deno js-bun js-workerd js-node22 js-node24 js-node26 js-readme js-libraries; then setup_engines; fi
if wanted wasm-firefox js-firefox; then setup_firefox; fi
if wanted wasm-webkit js-webkit; then setup_webkit; fi
if wanted bundlers; then setup_bundlers; fi
if wanted js-libraries; then setup_libraries; fi
logs="$(target_directory)/test-logs"
mkdir -p "$logs"
summary=()
passed=0
failed=0
failures=()
time_limit=()
has timeout && time_limit=(timeout "${SUITE_TIMEOUT:-1500}")

# Prints how many test programs a command runs: each `--test` names a program, and `--tests` stands for all programs.
programs_of() {
  local argument count=0
  for argument in "$@"; do
    case "$argument" in
      --test) count=$((count + 1)) ;;
      --tests) count="$("$@" --no-run 2>&1 | grep -c '^  Executable ')" ;;
    esac
  done
  printf '%d' "$count"
}

# Records the result of a suite. If a test failed, prints the end of the suite's output, and keeps the lines that name the
# failures for the end of this script's output.
record() {
  local name="$1" ok="$2" bad="$3" seconds="$4" line
  if [ "$bad" -ne 0 ]; then
    tail -n 150 "$logs/$name.log"
    while read -r line; do
      failures+=("$name: ${line:0:300}")
    done < <(grep -E '^FAILED |^test .* FAILED|panicked at|^error|Error: |^the suite |^only ' "$logs/$name.log" | head -n 8)
  fi
  passed=$((passed + ok))
  failed=$((failed + bad))
  summary+=("$(printf '%-18s %5d passed %3d failed %5d s' "$name" "$ok" "$bad" "$seconds")")
}

# The running suites. Each entry has the name, the process id and the start time.
running=()
# The process ids of the servers that suites need.
servers=()
# A temporary directory for browser profiles and installed packages.
scratch=""

# Starts a suite in the background. `timeout` creates a process group, which contains all processes of the suite,
# browsers too.
begin() {
  local name="$1" programs
  shift
  wanted "$name" || return 0
  say "$name"
  programs="$(programs_of "$@")"
  # The time limit turns a suite that hangs into a failure.
  "${time_limit[@]}" "$@" >"$logs/$name.log" 2>&1 &
  running+=("$name $! $SECONDS $programs")
}

# Waits for the running suites, and reads the numbers of passed and failed tests from their output.
finish() {
  local each name process started programs log status ok bad reported
  for each in "${running[@]}"; do
    read -r name process started programs <<<"$each"
    log="$logs/$name.log"
    wait "$process"
    status=$?
    end_group "$process"
    # cargo prints "test result: ok. 3 passed; 0 failed", the JavaScript suites print "name: 3 passed, 0 failed".
    read -r ok bad < <(awk '
      match($0, /[0-9]+ passed[;,] [0-9]+ failed/) {
        split(substr($0, RSTART, RLENGTH), part, " "); ok += part[1]; bad += part[3]
      }
      END { print ok + 0, bad + 0 }' "$log")
    if [ "$status" -ne 0 ] && [ "$bad" -eq 0 ]; then
      printf 'the suite ended with status %d\n' "$status" >>"$log"
      bad=1
    fi
    # A program that aborts, or that cargo does not start after an earlier failure, reports no result.
    # Only the first result after a start counts: a test may print the result of a child process.
    reported="$(awk '/^ +Running / { open = 1 } /^test result: / { count += open; open = 0 } END { print count + 0 }' "$log")"
    if [ "$reported" -lt "$programs" ]; then
      printf 'only %d of the %d test programs of the suite reported a result\n' "$reported" "$programs" >>"$log"
      bad=$((bad + 1))
    fi
    if [ "$((ok + bad))" -eq 0 ]; then
      printf 'the suite ran no test\n' >>"$log"
      bad=1
    fi
    record "$name" "$ok" "$bad" "$((SECONDS - started))"
  done
  running=()
}

# Runs a suite and waits for it, so that no other suite runs beside it.
suite() {
  begin "$@"
  finish
}

# Kills the remaining processes of a suite.
end_group() { kill -KILL -- "-$1" 2>/dev/null; }

# Ends all processes that this script started. It runs at every exit of the script.
stop() {
  local each name process rest
  for each in "${running[@]}"; do
    read -r name process rest <<<"$each"
    end_group "$process"
  done
  [ "${#servers[@]}" -eq 0 ] || kill "${servers[@]}" 2>/dev/null
  [ -z "$scratch" ] || rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Runs a preparation for the suites after it. A failure counts as a failed test, and the caller skips these suites.
step() {
  local name="$1" started=$SECONDS
  shift
  say "$name"
  "$@" >"$logs/$name.log" 2>&1 && return 0
  record "$name" 0 1 "$((SECONDS - started))"
  return 1
}

# Starts the lab server, for the suites that cannot start it themselves.
start_lab() {
  cargo build --quiet --example serve || return 1
  exec 3< <(exec "$(target_directory)/debug/examples/serve" --address 127.0.0.1:0 --directory www/dist 2>"$logs/serve.log")
  servers+=("$!")
  read -r -t 20 WATERSPOUT_LAB <&3 || return 1
  export WATERSPOUT_LAB
}

# Starts a virtual display, for browsers that need a display.
start_display() {
  local number
  exec 4< <(exec Xvfb -displayfd 1 -screen 0 1280x800x24 -nolisten tcp 2>"$logs/xvfb.log")
  servers+=("$!")
  read -r -t 20 number <&4 || return 1
  export DISPLAY=":$number"
}

# Builds the typed client of the examples as the WebAssembly module that its JavaScript program loads.
build_sdk() {
  local target
  target="$(target_directory)"
  cargo build --quiet --manifest-path examples/sdk/Cargo.toml --target-dir "$target" --target wasm32-unknown-unknown \
    --package waterspout-example-sdk-js || return 1
  wasm-bindgen --target nodejs --out-dir "$target/sdk/js" "$target/wasm32-unknown-unknown/debug/waterspout_example_sdk_js.wasm"
}

# Compiles the page of the examples with other crates.
build_yew_page() {
  setup_rust && cargo build --quiet --manifest-path examples/ecosystem/Cargo.toml --target-dir "$(target_directory)" \
    --target wasm32-unknown-unknown --package waterspout-example-yew
}

# The Rust scenarios in a browser: in pages and in workers of each kind. wasm-pack uses the first driver that the
# environment names, so the variables of all drivers are unset. Its default limit of 20 s for all tests of a file is too
# short for a busy machine.
rust_in_browser=(env -u GECKODRIVER -u SAFARIDRIVER -u CHROMEDRIVER WASM_BINDGEN_TEST_TIMEOUT=300 WASM_BINDGEN_TEST_DRIVER_TIMEOUT=60 wasm-pack test --mode no-install --headless)
rust_scenarios=(. --features charset,json,testing --test browser --test dedicated_worker --test shared_worker --test service_worker)
# The JavaScript scenarios.
js_scenarios=(bash -c 'cd pkg-js && exec node test/run.mjs "$@"' --)

suite native cargo test --all-features --lib --tests --no-fail-fast
suite doc cargo test --all-features --doc
suite servers env WATERSPOUT_SERVERS=required cargo test --all-features --no-fail-fast --test servers --test proxies
suite axum cargo test --manifest-path examples/axum_app/Cargo.toml --target-dir "$(target_directory)"
if wanted ecosystem && step yew-page build_yew_page; then
  suite ecosystem cargo test --no-fail-fast --manifest-path examples/ecosystem/Cargo.toml --target-dir "$(target_directory)"
fi
suite fuzz fuzz/run.sh smoke
suite models env ITERATIONS=300 cargo test --manifest-path tests/models/Cargo.toml --target-dir "$(target_directory)" --lib thread_models
suite planted tests/models/planted.sh
suite simulation bash -c '. tests/setup.sh && run_short_simulation 10000'
suite budgets bash -c '. tests/setup.sh && cargo test --manifest-path tests/budgets/Cargo.toml --target-dir "$(target_directory)" && run_budgets'
suite soak bash -c 'cargo test "$@" && cargo run "$@" -- --seconds 24 --round 12 --warm-up 1 --workers 4' -- --manifest-path tests/soak/Cargo.toml --target-dir "$(target_directory)"
if wanted "${suites[@]:5}" "${more[@]}" "${on_request[@]}" && step lab start_lab; then
  scratch="$(mktemp -d)"
  export TMPDIR="$scratch"
  if wanted wasm-webkit js-webkit; then step display start_display; fi
  suite wasm-node wasm-pack test --mode no-install --node . --features charset,json,testing --test node --test shims
  # The browsers run the scenarios in parallel.
  begin wasm-chromium "${rust_in_browser[@]}" --chrome --chromedriver "${CHROMEDRIVER:-}" "${rust_scenarios[@]}"
  begin wasm-firefox env GECKODRIVER_ARGS="--binary='${FIREFOX:-}'" "${rust_in_browser[@]}" --firefox --geckodriver "${GECKODRIVER:-}" "${rust_scenarios[@]}"
  # wasm-pack knows WebKit only as Safari.
  begin wasm-webkit "${rust_in_browser[@]}" --safari --safaridriver "${WEBKITDRIVER:-}" "${rust_scenarios[@]}"
  finish
  if wanted sdk && step sdk-module build_sdk; then
    suite sdk node examples/sdk/js/test.mjs "$(target_directory)/sdk/js/waterspout_example_sdk_js.js" "$WATERSPOUT_LAB"
  fi
  suite minimal node examples/minimal/size.mjs
  if wanted "${suites[@]:9}" "${more[@]:2}" bundlers && step package make --no-print-directory package; then
    # These suites mostly wait, so they run in parallel.
    for name in node deno bun workerd module bundle worker service-worker lockdown; do begin "js-$name" "${js_scenarios[@]}" "$WATERSPOUT_LAB" "$name"; done
    finish
    for name in node22 node24 node26 firefox webkit; do begin "js-$name" "${js_scenarios[@]}" "$WATERSPOUT_LAB" "$name"; done
    finish
    suite js-drop-in "${js_scenarios[@]}" "$WATERSPOUT_LAB" drop-in
    begin js-packed "${js_scenarios[@]}" "$WATERSPOUT_LAB" packed
    begin js-readme "${js_scenarios[@]}" "$WATERSPOUT_LAB" readme
    begin js-upload bash -c 'cd pkg-js && exec node test/upload.mjs'
    # Several libraries need a later Node than the package does.
    begin js-libraries bash -c 'cd pkg-js && exec "$ENGINES/node_modules/node24/bin/node" test/libraries/run.mjs'
    begin js-options bash -c 'cd pkg-js && exec node test/options.mjs'
    begin js-connections bash -c 'cd pkg-js && exec node test/connections.mjs'
    begin js-memory bash -c 'cd pkg-js && exec node test/memory.mjs "$1"' -- "$WATERSPOUT_LAB"
    finish
    suite bundlers bash -c 'cd pkg-js && exec node test/bundlers/run.mjs "$1"' -- "$WATERSPOUT_LAB"
    suite size bash -c 'cd pkg-js && exec npm run --silent size'
    suite page bash -c 'node www/build.mjs && exec node www/test/page.mjs "$1"' -- "$WATERSPOUT_LAB"
  fi
fi

printf '\n'
printf '%s\n' "${summary[@]}"
[ "${#failures[@]}" -eq 0 ] || printf '\n%s' "${failures[@]}" ''
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
