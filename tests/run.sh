#!/usr/bin/env bash
# Runs every suite on every platform and prints one line for each, then the total:
#   tests/run.sh            the suites of `suites`
#   tests/run.sh native js  those whose names begin so, of `more` and `apart` too
#   tests/run.sh all        those of `suites` and `more`
# A suite that ran no test has failed, and so has a run that could not install what it needs. Full output of each suite is in
# target/test-logs.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

suites=(native doc servers wasm-node wasm-chromium sdk minimal js-node js-deno js-bun js-workerd js-module js-bundle js-worker js-drop-in js-packed js-upload size page)
more=(wasm-firefox wasm-webkit js-node22 js-node24 js-node26 js-firefox js-webkit js-memory)
apart=(bundlers)
known=" ${suites[*]} ${more[*]} ${apart[*]} "
only=("$@")
[ "$#" -gt 0 ] || only=("${suites[@]}")
[ "$*" != all ] || only=("${suites[@]}" "${more[@]}")
for prefix in "${only[@]}"; do
  [[ "$known" == *" $prefix"* ]] || give_up "no suite begins with $prefix; there are:${known}and all"
done

# Whether one of these suites is to run.
wanted() {
  local name prefix
  for name in "$@"; do
    for prefix in "${only[@]}"; do
      # A whole name means that suite alone: js-bun is not the beginning of js-bundle.
      [[ "$name" == "$prefix" || ("$name" == "$prefix"* && "$known" != *" $prefix "*) ]] && return 0
    done
  done
  return 1
}

# The servers of the tests are on this machine, whatever proxy it is behind.
export NO_PROXY="localhost,127.0.0.0/8,::1,.test${NO_PROXY:+,$NO_PROXY}" no_proxy="localhost,127.0.0.0/8,::1,.test${no_proxy:+,$no_proxy}"
setup_cargo
if wanted servers; then setup_servers; fi
if wanted "${suites[@]:3}" "${more[@]}" "${apart[@]}"; then setup_package; fi
if wanted wasm-node wasm-chromium wasm-firefox wasm-webkit; then setup_wasm_pack; fi
if wanted wasm-chromium js-module js-bundle js-worker js-drop-in js-packed js-upload js-memory page bundlers; then setup_chromium; fi
if wanted js-upload; then setup_openssl; fi
if wanted js-deno js-bun js-workerd js-node22 js-node24 js-node26; then setup_engines; fi
if wanted wasm-firefox js-firefox; then setup_firefox; fi
if wanted wasm-webkit js-webkit; then setup_webkit; fi
if wanted bundlers; then setup_bundlers; fi
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

# The suites that are under way: the name of each, its process, and when it began.
running=()
# The servers that suites need.
servers=()
# Where browsers keep profiles and packages are installed.
scratch=""

# Begins a suite. All that it starts is in the process group that `timeout` makes, browsers too.
begin() {
  local name="$1"
  shift
  wanted "$name" || return 0
  say "$name"
  # A suite that hangs is a failure too.
  "${bounded[@]}" "$@" >"$logs/$name.log" 2>&1 &
  running+=("$name $! $SECONDS")
}

# Waits for the suites that are under way, and counts what their output says ran.
finish() {
  local each name process started log status ok bad
  for each in "${running[@]}"; do
    read -r name process started <<<"$each"
    log="$logs/$name.log"
    wait "$process"
    status=$?
    end_group "$process"
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
  done
  running=()
}

# A suite that runs alone.
suite() {
  begin "$@"
  finish
}

# Whatever a suite has left behind.
end_group() { kill -KILL -- "-$1" 2>/dev/null; }

# However this script ends, nothing that it started goes on.
stop() {
  local each name process started
  for each in "${running[@]}"; do
    read -r name process started <<<"$each"
    end_group "$process"
  done
  [ "${#servers[@]}" -eq 0 ] || kill "${servers[@]}" 2>/dev/null
  [ -z "$scratch" ] || rm -rf "$scratch"
}
trap stop EXIT
trap 'exit 130' INT TERM

# Something that the suites after it need; if it fails, it counts as a failure and they do not run.
step() {
  local name="$1" started=$SECONDS
  shift
  say "$name"
  "$@" >"$logs/$name.log" 2>&1 && return 0
  note "$name" 0 1 "$((SECONDS - started))"
  return 1
}

# The lab, for the suites that cannot bring their own.
start_lab() {
  cargo build --quiet --example serve || return 1
  exec 3< <(exec "$(target_directory)/debug/examples/serve" --address 127.0.0.1:0 --directory www/dist 2>"$logs/serve.log")
  servers+=("$!")
  read -r -t 20 WATERSPOUT_LAB <&3 || return 1
  export WATERSPOUT_LAB
}

# A display that nobody sees, for a browser that needs one.
start_display() {
  local number
  exec 4< <(exec Xvfb -displayfd 1 -screen 0 1280x800x24 -nolisten tcp 2>"$logs/xvfb.log")
  servers+=("$!")
  read -r -t 20 number <&4 || return 1
  export DISPLAY=":$number"
}

# The typed client of the examples, as the module that its JavaScript program loads.
build_sdk() {
  local made
  made="$(target_directory)"
  cargo build --quiet --manifest-path examples/sdk/Cargo.toml --target-dir "$made" --target wasm32-unknown-unknown \
    --package waterspout-example-sdk-js || return 1
  wasm-bindgen --target nodejs --out-dir "$made/sdk/js" "$made/wasm32-unknown-unknown/debug/waterspout_example_sdk_js.wasm"
}

# The Rust list in a browser, in pages and in workers of each kind. The tool takes the first driver that the environment names, so it
# names none; and 20 s for all tests of a file, which is little on a busy machine.
in_browser=(env -u GECKODRIVER -u SAFARIDRIVER -u CHROMEDRIVER WASM_BINDGEN_TEST_TIMEOUT=300 WASM_BINDGEN_TEST_DRIVER_TIMEOUT=60 wasm-pack test --mode no-install --headless)
lists=(. --features json,testing --test browser --test dedicated_worker --test shared_worker --test service_worker)
# The JavaScript list.
in_package=(bash -c 'cd pkg-js && exec node test/run.mjs "$@"' --)

suite native cargo test --all-features --lib --tests
suite doc cargo test --all-features --doc
suite servers env WATERSPOUT_SERVERS=required cargo test --all-features --test servers --test proxies
if wanted "${suites[@]:3}" "${more[@]}" "${apart[@]}" && step lab start_lab; then
  scratch="$(mktemp -d)"
  export TMPDIR="$scratch"
  if wanted wasm-webkit js-webkit; then step display start_display; fi
  suite wasm-node wasm-pack test --mode no-install --node . --features json,testing --test node --test shims
  # The browsers run it beside each other.
  begin wasm-chromium "${in_browser[@]}" --chrome --chromedriver "${CHROMEDRIVER:-}" "${lists[@]}"
  begin wasm-firefox env GECKODRIVER_ARGS="--binary='${FIREFOX:-}'" "${in_browser[@]}" --firefox --geckodriver "${GECKODRIVER:-}" "${lists[@]}"
  # To the tool, every WebKit is Safari.
  begin wasm-webkit "${in_browser[@]}" --safari --safaridriver "${WEBKITDRIVER:-}" "${lists[@]}"
  finish
  if wanted sdk && step sdk-module build_sdk; then
    suite sdk node examples/sdk/js/test.mjs "$(target_directory)/sdk/js/waterspout_example_sdk_js.js" "$WATERSPOUT_LAB"
  fi
  suite minimal node examples/minimal/size.mjs
  if wanted "${suites[@]:7}" "${more[@]:2}" bundlers && step package make --no-print-directory package; then
    # Those that wait for the most part run beside each other.
    for name in node deno bun workerd module bundle worker; do begin "js-$name" "${in_package[@]}" "$WATERSPOUT_LAB" "$name"; done
    finish
    for name in node22 node24 node26 firefox webkit; do begin "js-$name" "${in_package[@]}" "$WATERSPOUT_LAB" "$name"; done
    finish
    suite js-drop-in "${in_package[@]}" "$WATERSPOUT_LAB" drop-in
    begin js-packed "${in_package[@]}" "$WATERSPOUT_LAB" packed
    begin js-upload bash -c 'cd pkg-js && exec node test/upload.mjs'
    begin js-memory bash -c 'cd pkg-js && exec node test/memory.mjs "$1"' -- "$WATERSPOUT_LAB"
    finish
    suite bundlers bash -c 'cd pkg-js && exec node test/bundlers/run.mjs "$1"' -- "$WATERSPOUT_LAB"
    suite size bash -c 'cd pkg-js && exec npm run --silent size'
    suite page bash -c 'node www/build.mjs && exec node www/test/page.mjs "$1"' -- "$WATERSPOUT_LAB"
  fi
fi

printf '\n'
printf '%s\n' "${summary[@]}"
printf '\n%d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
