#!/usr/bin/env bash
# Shows that the thread models find faults: applies each patch of tests/models/planted to a copy of the library, and expects
# a model to fail within a minute. Each patch plants a race that the tests without `shuttle` rarely or never meet.
set -euo pipefail
cd "$(dirname "$0")/../.."
. tests/setup.sh
setup_cargo
has patch || give_up "the command patch is missing"

target="$(target_directory)"
# The same path for each patch, so that the compiler reuses its work.
copy="$target/planted"
package=(--manifest-path "$copy/tests/models/Cargo.toml" --target-dir "$target" --lib thread_models)
found=0
missed=0
for file in tests/models/planted/*.patch; do
  name="$(basename "$file" .patch)"
  rm -rf "$copy"
  mkdir -p "$copy/tests"
  # With their times: cargo then compiles only what a patch changes.
  cp -Rp src docs README.md "$copy"
  cp -Rp tests/models "$copy/tests"
  # Cargo takes packages with the same name in the same target directory for the same package, and reuses the wrong build.
  sed -i.bak 's/"waterspout-models"/"waterspout-planted"/' "$copy"/tests/models/Cargo.{toml,lock}
  patch --quiet --strip=1 --directory "$copy" <"$file" || give_up "$file no longer applies: write it anew"
  cargo test --quiet "${package[@]}" --no-run || give_up "the library with $file does not compile"
  started="$EPOCHREALTIME"
  # `grep` ends at the first model that fails.
  failed="$(timeout 60 cargo test "${package[@]}" 2>/dev/null | grep -m 1 '^test .* FAILED$' || true)"
  if [ -n "$failed" ]; then
    seconds="$(awk -v from="$started" -v to="$EPOCHREALTIME" 'BEGIN { printf "%.1f", to - from }')"
    printf '%s: found in %s s: %s\n' "$name" "$seconds" "$failed"
    found=$((found + 1))
  else
    printf '%s: no model failed\n' "$name"
    missed=$((missed + 1))
  fi
done
printf 'planted faults: %d passed, %d failed\n' "$found" "$missed"
[ "$missed" -eq 0 ]
