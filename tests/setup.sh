# Installs what the tests need and the machine lacks. To be sourced: `. tests/setup.sh && setup_all`.
# Each step looks first, says what it does, and does nothing if there is nothing to do.

root="$(cd "$(dirname "${BASH_SOURCE[0]:-tests/setup.sh}")/.." && pwd)"
export PATH="$PATH:${CARGO_HOME:-$HOME/.cargo}/bin"

say() { printf '== %s\n' "$*"; }
give_up() { printf 'error: %s\n' "$*" >&2; exit 1; }
has() { command -v "$1" >/dev/null 2>&1; }

target_directory() {
  cargo metadata --no-deps --format-version 1 | sed 's/.*"target_directory":"\([^"]*\)".*/\1/'
}

setup_cargo() {
  has cargo || give_up "cargo is missing: install Rust from https://rustup.rs, then run this again"
}

setup_rust() {
  setup_cargo
  # Compiling and linking the smallest crate is the one sure sign that the target is there.
  if ! rustc --print target-libdir --target wasm32-unknown-unknown 2>/dev/null | xargs -I{} test -d {}; then
    say "adding the Rust target wasm32-unknown-unknown"
    rustup target add wasm32-unknown-unknown || give_up "rustup could not add the target wasm32-unknown-unknown"
  fi
}

# The generated glue and the tool that makes it must be of one version: the one in Cargo.lock.
setup_wasm_bindgen() {
  local wanted
  wanted="$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print }' "$root/Cargo.lock")"
  [ -n "$wanted" ] || give_up "Cargo.lock names no version of wasm-bindgen"
  [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $wanted" ] && return
  say "installing wasm-bindgen-cli $wanted (some minutes)"
  cargo install --quiet --force wasm-bindgen-cli --version "$wanted" || give_up "wasm-bindgen-cli $wanted could not be installed"
}

setup_wasm_pack() {
  has wasm-pack && return
  say "installing wasm-pack (some minutes)"
  cargo install --quiet wasm-pack || give_up "wasm-pack could not be installed"
}

setup_node() {
  has node && has npm || give_up "Node.js 20 or later with npm is missing: install it, then run this again"
  local major
  major="$(node -p 'process.versions.node.split(".")[0]')"
  [ "$major" -ge 20 ] || give_up "Node.js is $(node --version); 20 or later is needed"
}

setup_package() {
  setup_rust
  setup_wasm_bindgen
  setup_node
  if [ ! -e "$root/pkg-js/node_modules/.package-lock.json" ] \
    || [ "$root/pkg-js/package-lock.json" -nt "$root/pkg-js/node_modules/.package-lock.json" ]; then
    say "installing the npm dependencies of pkg-js"
    (cd "$root/pkg-js" && npm ci --no-audit --no-fund --loglevel=error) || give_up "npm ci failed in pkg-js"
    touch "$root/pkg-js/node_modules/.package-lock.json"
  fi
}

setup_chromium() {
  CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
  CHROMEDRIVER="${CHROMEDRIVER:-$(command -v chromedriver || true)}"
  if [ -z "$CHROMIUM" ] || [ -z "$CHROMEDRIVER" ]; then
    local as_root=""
    [ "$(id -u)" = 0 ] || as_root="sudo -n"
    has apt-get || give_up "Chromium and chromedriver are missing: install both, or name them in CHROMIUM and CHROMEDRIVER"
    say "installing Chromium and its driver through apt-get"
    { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq chromium chromium-driver; } >/dev/null \
      || give_up "apt-get could not install them: install Chromium and chromedriver, or name them in CHROMIUM and CHROMEDRIVER"
    CHROMIUM="$(command -v chromium)"
    CHROMEDRIVER="$(command -v chromedriver)"
  fi
  export CHROMIUM CHROMEDRIVER
}

setup_all() {
  setup_package
  setup_wasm_pack
  setup_chromium
}
