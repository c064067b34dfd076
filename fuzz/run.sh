#!/usr/bin/env bash
# Builds the fuzz targets, runs them, and prints a line for each target:
#   fuzz/run.sh 30               runs each target for 30 minutes
#   fuzz/run.sh 30 chunked urls  runs only these targets
#   fuzz/run.sh smoke            runs each target with its seeds and with 2,000 inputs made of them, as CI does
# JOBS targets run at once, by default 2. SANITIZER=address also checks the unsafe code of dependencies, at half the speed.
# Inputs that reach further code are kept in target/fuzz/corpus. An input that fails is written to target/fuzz/findings,
# and the target ends. The script fails if a target does.
set -uo pipefail
cd "$(dirname "$0")/.."
. tests/setup.sh

minutes="${1:-1}"
shift
targets=("$@")
[ "${#targets[@]}" -gt 0 ] || mapfile -t targets < <(sed -n 's/^name = "\([a-z_0-9]*\)"$/\1/p' fuzz/Cargo.toml)

setup_fuzz
work="$(target_directory)/fuzz"
mkdir -p "$work/logs"
say "building the fuzz targets"
cargo "+$nightly" fuzz build --fuzz-dir fuzz --target-dir "$work/build" --sanitizer "${SANITIZER:-none}" >"$work/logs/build.log" 2>&1 \
  || { tail -n 40 "$work/logs/build.log"; give_up "the fuzz targets could not be built"; }
programs="$work/build/$(rustc "+$nightly" -vV | sed -n 's/^host: //p')/release"

# Runs a target, and writes its line to a file. A smoke test begins without the inputs of earlier runs, with fixed random
# numbers.
run_target() {
  local name="$1" corpus limits status
  if [ "$minutes" = smoke ]; then
    corpus="$(mktemp -d)"
    limits=(-runs=2000 -seed=1)
  else
    corpus="$work/corpus/$name"
    limits=("-max_total_time=$((minutes * 60))")
  fi
  mkdir -p "$corpus" "$work/findings/$name"
  "$programs/$name" "${limits[@]}" -timeout=20 -print_final_stats=1 "-artifact_prefix=$work/findings/$name/" \
    "$corpus" "fuzz/seeds/$name" >"$work/logs/$name.log" 2>&1
  status=$?
  [ "$minutes" != smoke ] || rm -rf "$corpus"
  awk -v name="$name" -v status="$status" '
    match($0, / cov: [0-9]+ ft: [0-9]+/) { split(substr($0, RSTART, RLENGTH), part, " "); coverage = part[2]; features = part[4] }
    /^stat::number_of_executed_units:/ { executions = $2 }
    /^stat::average_exec_per_sec:/ { speed = $2 }
    END {
      printf "%-14s %10d executions %7d/s  cov %5d  ft %6d  findings %d\n", name, executions, speed, coverage, features, status != 0
    }' "$work/logs/$name.log" >"$work/logs/$name.result"
}

for name in "${targets[@]}"; do
  [ -x "$programs/$name" ] || give_up "there is no fuzz target \"$name\""
  while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-2}" ]; do wait -n; done
  say "$name"
  run_target "$name" &
done
wait

passed=0
failed=0
for name in "${targets[@]}"; do
  cat "$work/logs/$name.result"
  if grep -q 'findings 0$' "$work/logs/$name.result"; then
    passed=$((passed + 1))
  else
    failed=$((failed + 1))
    tail -n 40 "$work/logs/$name.log"
  fi
done
printf 'fuzz: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" -eq 0 ]
