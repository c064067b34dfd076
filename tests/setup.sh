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
  setup_target wasm32-unknown-unknown
}

# The oldest Rust that the manifest promises, as `oldest_rust`.
setup_oldest_rust() {
  oldest_rust="$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")"
  [ -n "$oldest_rust" ] || give_up "Cargo.toml names no rust-version"
  local libraries
  libraries="$(rustc "+$oldest_rust" --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)" && [ -d "$libraries" ] && return
  say "installing Rust $oldest_rust beside the one in use"
  rustup toolchain install "$oldest_rust" --profile minimal --target wasm32-unknown-unknown \
    || give_up "rustup could not install Rust $oldest_rust"
}

# The source of the standard library, which is built along with the package.
setup_rust_source() {
  [ -e "$(rustc --print sysroot)/lib/rustlib/src/rust/library/Cargo.lock" ] && return
  say "adding the Rust component rust-src"
  rustup component add rust-src || give_up "rustup could not add the component rust-src"
}

# A target is there once its standard library is.
setup_target() {
  if ! rustc --print target-libdir --target "$1" 2>/dev/null | xargs -I{} test -d {}; then
    say "adding the Rust target $1"
    rustup target add "$1" || give_up "rustup could not add the target $1"
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
  setup_rust_source
  setup_wasm_bindgen
  setup_node
  if [ ! -e "$root/pkg-js/node_modules/.package-lock.json" ] \
    || [ "$root/pkg-js/package-lock.json" -nt "$root/pkg-js/node_modules/.package-lock.json" ]; then
    say "installing the npm dependencies of pkg-js"
    (cd "$root/pkg-js" && npm ci --no-audit --no-fund --loglevel=error) || give_up "npm ci failed in pkg-js"
    touch "$root/pkg-js/node_modules/.package-lock.json"
  fi
}

# Installs Debian packages: `apt_install "what they are" PACKAGE …`.
apt_install() {
  local what="$1" as_root=""
  shift
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  has apt-get || give_up "$what: not there, and there is no apt-get; install them, then run this again (in Debian: apt-get install $*)"
  say "installing $what through apt-get: $*"
  # A service that a package brings is not started: the tests start their own.
  { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 \
    apt-get install -y -qq "$@"; } >/dev/null \
    || give_up "$what: apt-get could not install $*; do that as root, then run this again"
}

setup_chromium() {
  CHROMIUM="${CHROMIUM:-$(command -v chromium || command -v chromium-browser || command -v google-chrome || true)}"
  CHROMEDRIVER="${CHROMEDRIVER:-$(command -v chromedriver || true)}"
  if [ -z "$CHROMIUM" ] || [ -z "$CHROMEDRIVER" ]; then
    apt_install "Chromium and its driver (or name them in CHROMIUM and CHROMEDRIVER)" chromium chromium-driver
    CHROMIUM="$(command -v chromium)"
    CHROMEDRIVER="$(command -v chromedriver)"
  fi
  export CHROMIUM CHROMEDRIVER
}

# What makes the certificates of servers that tests in JavaScript start.
setup_openssl() {
  has openssl || apt_install "openssl" openssl
}

# Firefox, and its driver, which Debian does not have.
setup_firefox() {
  local wanted=0.37.1
  FIREFOX="${FIREFOX:-$(command -v firefox-esr || command -v firefox || true)}"
  if [ -z "$FIREFOX" ]; then
    apt_install "Firefox (or name it in FIREFOX)" --no-install-recommends firefox-esr
    FIREFOX="$(command -v firefox-esr)"
  fi
  GECKODRIVER="${GECKODRIVER:-$(command -v geckodriver || true)}"
  if [ -z "$GECKODRIVER" ]; then
    say "installing geckodriver $wanted (some minutes)"
    cargo install --quiet geckodriver --version "$wanted" || give_up "geckodriver $wanted could not be installed"
    GECKODRIVER="$(command -v geckodriver)"
  fi
  export FIREFOX GECKODRIVER
}

# WebKitGTK's driver, which brings a browser, and the display that the browser needs.
setup_webkit() {
  local packages=()
  WEBKITDRIVER="${WEBKITDRIVER:-$(command -v WebKitWebDriver || true)}"
  [ -n "$WEBKITDRIVER" ] || packages+=(webkit2gtk-driver)
  has Xvfb || packages+=(xvfb)
  [ "${#packages[@]}" -eq 0 ] || apt_install "WebKit and a display for it" --no-install-recommends "${packages[@]}"
  WEBKITDRIVER="${WEBKITDRIVER:-$(command -v WebKitWebDriver)}"
  # Its sandbox needs privileges that a container does not have; the pages are ours.
  export WEBKITDRIVER WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1
}

# The servers and proxies of others that the client is tried with. Python's are in an environment of their own.
setup_servers() {
  local packages=() environment requirements="$root/tests/servers/requirements.txt"
  has_service nginx || packages+=(nginx-light)
  has_service apache2 || has_service httpd || packages+=(apache2-bin)
  has_service tinyproxy || packages+=(tinyproxy-bin)
  has_service squid || packages+=(squid)
  has_service danted || has_service sockd || packages+=(dante-server)
  has python3 || packages+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
  [ "${#packages[@]}" -eq 0 ] || apt_install "servers and proxies" --no-install-recommends "${packages[@]}"
  setup_node
  environment="$(target_directory)/servers"
  if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    say "installing Python's servers in $environment"
    { python3 -m venv --clear "$environment" && "$environment/bin/pip" install -q --disable-pip-version-check -r "$requirements"; } \
      || give_up "pip could not install what tests/servers/requirements.txt names"
    cp "$requirements" "$environment/"
  fi
}

# Servers are where a user's PATH does not always lead.
has_service() { PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" has "$1"; }

# JavaScript engines that are neither Node nor a browser, from npm, whose packages hold the programs. What they do differently
# is in pkg-js/test/engines.mjs, for these versions.
setup_engines() {
  local system wanted="deno@2.9.6 bun@1.4.5 workerd@1.20261117.1"
  setup_node
  system="$(node -p '`${process.platform}-${process.arch}`')"
  wanted+=" node22@npm:node-$system@22.23.3 node24@npm:node-$system@24.21.0 node26@npm:node-$system@26.10.0"
  ENGINES="$(target_directory)/engines"
  if [ "$(cat "$ENGINES/installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing JavaScript engines in $ENGINES: $wanted"
    mkdir -p "$ENGINES"
    # Their scripts put the programs where wrappers are, which would keep workerd's control descriptor from it.
    # shellcheck disable=SC2086 # one word for each
    npm install --prefix "$ENGINES" --ignore-scripts=false --no-audit --no-fund --loglevel=error $wanted >/dev/null \
      || give_up "npm could not install $wanted"
    printf '%s\n' "$wanted" >"$ENGINES/installed"
  fi
  export ENGINES
}

# The bundlers that build for the package, in the versions of their lock file; their programs come with npm's packages, no script fetches any.
setup_bundlers() {
  local project="$root/pkg-js/test/bundlers"
  setup_node
  BUNDLERS="$(target_directory)/bundlers"
  if ! cmp -s "$project/package-lock.json" "$BUNDLERS/installed"; then
    say "installing bundlers in $BUNDLERS"
    mkdir -p "$BUNDLERS"
    cp "$project/package.json" "$project/package-lock.json" "$BUNDLERS/"
    # Not `npm ci`: that refuses a lock file which lacks optional packages of other systems, as mirrors of the registry do.
    npm install --prefix "$BUNDLERS" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null \
      || give_up "npm could not install what pkg-js/test/bundlers/package.json names"
    cp "$project/package-lock.json" "$BUNDLERS/installed"
  fi
  export BUNDLERS
}

# What `make test` needs.
setup_all() {
  setup_package
  setup_wasm_pack
  setup_chromium
  setup_openssl
  setup_engines
  setup_servers
}
