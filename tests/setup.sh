# Installs the tools that the tests need. This file is sourced: `. tests/setup.sh && setup_all`. Each function first
# checks whether its tool is missing. It prints what it installs, and does nothing if the tool is present.

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

# Builds and installs a program: `install_program NAME [OPTION ...]`. These programs mostly wait for others, so they are
# built with little optimization, and the build directory is shared: both save minutes.
install_program() {
  CARGO_PROFILE_RELEASE_OPT_LEVEL=1 CARGO_PROFILE_RELEASE_LTO=off CARGO_PROFILE_RELEASE_CODEGEN_UNITS=16 CARGO_PROFILE_RELEASE_STRIP=none \
    cargo install --quiet --target-dir "$(target_directory)/programs" "$@" || give_up "cargo could not install $1"
}

setup_rust() {
  setup_cargo
  setup_target wasm32-unknown-unknown
}

# Installs the oldest Rust that Cargo.toml supports, and sets `oldest_rust` to its version.
setup_oldest_rust() {
  oldest_rust="$(sed -n 's/^rust-version = "\(.*\)"$/\1/p' "$root/Cargo.toml")"
  [ -n "$oldest_rust" ] || give_up "Cargo.toml has no rust-version"
  local libraries
  libraries="$(rustc "+$oldest_rust" --print target-libdir --target wasm32-unknown-unknown 2>/dev/null)" && [ -d "$libraries" ] && return
  say "installing Rust $oldest_rust beside the Rust in use"
  rustup toolchain install "$oldest_rust" --profile minimal --target wasm32-unknown-unknown \
    || give_up "rustup could not install Rust $oldest_rust"
}

# Installs the nightly compiler that builds the module of the npm package, with the source of the standard library. It is
# separate from the Rust in use, and the file names its date. Sets `nightly` to its name.
setup_nightly() {
  local sysroot
  nightly="$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$root/pkg-js/rust-toolchain.toml")"
  [ -n "$nightly" ] || give_up "pkg-js/rust-toolchain.toml has no channel"
  has rustup || give_up "rustup is missing, and the npm package needs Rust $nightly: install rustup from https://rustup.rs, then run this again"
  sysroot="$(RUSTUP_AUTO_INSTALL=0 rustc "+$nightly" --print sysroot 2>/dev/null)" \
    && [ -e "$sysroot/lib/rustlib/src/rust/library/Cargo.lock" ] && return
  say "installing Rust $nightly with the source of its standard library beside the Rust in use"
  rustup toolchain install "$nightly" --profile minimal --component rust-src \
    || give_up "rustup could not install Rust $nightly"
}

# Installs a target. A target is present if the folder of its standard library exists.
setup_target() {
  if ! rustc --print target-libdir --target "$1" 2>/dev/null | xargs -I{} test -d {}; then
    say "adding the Rust target $1"
    rustup target add "$1" || give_up "rustup could not add the target $1"
  fi
}

# Installs wasm-bindgen's tool in the version of Cargo.lock: the tool and the crate must have equal versions.
setup_wasm_bindgen() {
  local wanted
  wanted="$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print }' "$root/Cargo.lock")"
  [ -n "$wanted" ] || give_up "Cargo.lock has no version of wasm-bindgen"
  [ "$(wasm-bindgen --version 2>/dev/null)" = "wasm-bindgen $wanted" ] && return
  say "installing wasm-bindgen-cli $wanted (some minutes)"
  install_program wasm-bindgen-cli --version "$wanted" --force
}

setup_wasm_pack() {
  has wasm-pack && return
  say "installing wasm-pack (some minutes)"
  install_program wasm-pack
}

setup_node() {
  has node && has npm || give_up "Node.js 20 or later with npm is missing: install it, then run this again"
  local major
  major="$(node -p 'process.versions.node.split(".")[0]')"
  [ "$major" -ge 20 ] || give_up "Node.js is $(node --version); 20 or later is needed"
}

setup_package() {
  setup_rust
  setup_nightly
  setup_wasm_bindgen
  setup_node
  if [ ! -e "$root/pkg-js/node_modules/.package-lock.json" ] \
    || [ "$root/pkg-js/package-lock.json" -nt "$root/pkg-js/node_modules/.package-lock.json" ]; then
    say "installing the npm dependencies of pkg-js"
    (cd "$root/pkg-js" && npm ci --no-audit --no-fund --loglevel=error) || give_up "npm ci failed in pkg-js"
    touch "$root/pkg-js/node_modules/.package-lock.json"
  fi
}

# Installs Debian packages: `apt_install DESCRIPTION PACKAGE …`.
apt_install() {
  local what="$1" as_root=""
  shift
  [ "$(id -u)" = 0 ] || as_root="sudo -n"
  has apt-get || give_up "$what: missing, and there is no apt-get; install them, then run this again (in Debian: apt-get install $*)"
  say "installing $what through apt-get: $*"
  # SYSTEMD_OFFLINE keeps the services of the packages from starting: the tests start their own servers.
  { $as_root apt-get update -qq && $as_root env DEBIAN_FRONTEND=noninteractive SYSTEMD_OFFLINE=1 \
    apt-get install -y -qq "$@"; } >/dev/null \
    || give_up "$what: apt-get could not install $*; install them as root, then run this again"
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

# Installs openssl, which creates the certificates for the servers of the JavaScript tests.
setup_openssl() {
  has openssl || apt_install "openssl" openssl
}

# Installs Firefox, and its driver through cargo, because Debian has no package for the driver.
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
    install_program geckodriver --version "$wanted"
    GECKODRIVER="$(command -v geckodriver)"
  fi
  export FIREFOX GECKODRIVER
}

# Installs WebKitGTK's driver, which includes a browser, and the virtual display that the browser needs.
setup_webkit() {
  local packages=()
  WEBKITDRIVER="${WEBKITDRIVER:-$(command -v WebKitWebDriver || true)}"
  [ -n "$WEBKITDRIVER" ] || packages+=(webkit2gtk-driver)
  has Xvfb || packages+=(xvfb)
  [ "${#packages[@]}" -eq 0 ] || apt_install "WebKit and a display for it" --no-install-recommends "${packages[@]}"
  WEBKITDRIVER="${WEBKITDRIVER:-$(command -v WebKitWebDriver)}"
  # The sandbox needs privileges that a container lacks. Without it the browser loads only the pages of these tests.
  export WEBKITDRIVER WEBKIT_DISABLE_SANDBOX_THIS_IS_DANGEROUS=1
}

# Installs the third-party servers and proxies for the tests. The servers in Python get a separate virtual environment.
setup_servers() {
  local packages=() environment requirements="$root/tests/servers/requirements.txt"
  has_service nginx || packages+=(nginx-light)
  has_service apache2 || has_service httpd || packages+=(apache2-bin)
  has_service nghttpd || packages+=(nghttp2-server)
  has_service h2o || packages+=(h2o)
  has_service haproxy || packages+=(haproxy)
  has_service caddy || packages+=(caddy)
  has_service tinyproxy || packages+=(tinyproxy-bin)
  has_service squid || packages+=(squid)
  has_service danted || has_service sockd || packages+=(dante-server)
  has_service microsocks || packages+=(microsocks)
  has python3 || packages+=(python3)
  python3 -c 'import ensurepip, venv' 2>/dev/null || packages+=(python3-venv)
  [ "${#packages[@]}" -eq 0 ] || apt_install "servers and proxies" --no-install-recommends "${packages[@]}"
  setup_node
  environment="$(target_directory)/servers"
  if ! cmp -s "$requirements" "$environment/requirements.txt"; then
    say "installing the servers in Python in $environment"
    { python3 -m venv --clear "$environment" && "$environment/bin/pip" install -q --disable-pip-version-check -r "$requirements"; } \
      || give_up "pip could not install the packages of tests/servers/requirements.txt"
    cp "$requirements" "$environment/"
  fi
}

# Finds a server program too if it is in a system folder that is missing from the user's PATH.
has_service() { PATH="$PATH:/usr/local/sbin:/usr/sbin:/sbin" has "$1"; }

# Installs JavaScript engines from npm, whose packages contain the programs: Deno, Bun, workerd and later versions of
# Node. The file pkg-js/test/engines.mjs lists what these versions do differently.
setup_engines() {
  local system wanted="deno@2.9.6 bun@1.4.5 workerd@1.20261117.1"
  setup_node
  system="$(node -p '`${process.platform}-${process.arch}`')"
  wanted+=" node22@npm:node-$system@22.23.3 node24@npm:node-$system@24.21.0 node26@npm:node-$system@26.10.0"
  ENGINES="$(target_directory)/engines"
  if [ "$(cat "$ENGINES/installed" 2>/dev/null)" != "$wanted" ]; then
    say "installing JavaScript engines in $ENGINES: $wanted"
    mkdir -p "$ENGINES"
    # The install scripts replace wrapper scripts by the programs. Through a wrapper, workerd would not get its control
    # descriptor.
    # shellcheck disable=SC2086 # each word is an argument
    npm install --prefix "$ENGINES" --ignore-scripts=false --no-audit --no-fund --loglevel=error $wanted >/dev/null \
      || give_up "npm could not install $wanted"
    printf '%s\n' "$wanted" >"$ENGINES/installed"
  fi
  export ENGINES
}

# Installs the npm packages of pkg-js/test/NAME in target/NAME, in the versions of their lock file:
# `install_test_packages NAME COMMAND`, with npm's command. Programs in these packages need no install script.
install_test_packages() {
  local name="$1" project folder
  setup_node
  project="$root/pkg-js/test/$name"
  folder="$(target_directory)/$name"
  cmp -s "$project/package-lock.json" "$folder/installed" && return
  say "installing $name in $folder"
  mkdir -p "$folder"
  cp "$project/package.json" "$project/package-lock.json" "$folder/"
  npm "$2" --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error >/dev/null \
    || give_up "npm could not install the packages of pkg-js/test/$name/package.json"
  cp "$project/package-lock.json" "$folder/installed"
}

# Installs the bundlers of the tests.
setup_bundlers() {
  # Not `npm ci`: it refuses a lock file that lacks the optional packages of other systems, as with mirrors of the
  # registry.
  install_test_packages bundlers install
  BUNDLERS="$(target_directory)/bundlers"
  export BUNDLERS
}

# Installs the libraries and test tools that the npm package is tested with.
setup_libraries() {
  install_test_packages libraries ci
  LIBRARIES="$(target_directory)/libraries"
  export LIBRARIES
}

# Installs valgrind, and the compiler that the recorded counts of tests/budgets hold for.
setup_budgets() {
  local packages=() compiler
  setup_cargo
  has valgrind || packages+=(valgrind libc6-dbg)
  [ "${#packages[@]}" -eq 0 ] || apt_install "valgrind" --no-install-recommends "${packages[@]}"
  # Without rustup, the Rust in use compiles the program, and the counts are compared with a wider tolerance.
  has rustup || return 0
  compiler="$(sed -n 's/^channel = "\(.*\)"$/\1/p' "$root/tests/budgets/rust-toolchain.toml")"
  [ -n "$compiler" ] || give_up "tests/budgets/rust-toolchain.toml has no channel"
  RUSTUP_AUTO_INSTALL=0 rustc "+$compiler" --version >/dev/null 2>&1 && return
  say "installing Rust $compiler beside the Rust in use"
  rustup toolchain install "$compiler" --profile minimal || give_up "rustup could not install Rust $compiler"
}

# Counts the instructions and allocations of the library, see tests/budgets. It runs in that folder, whose files select
# the compiler and its flags.
run_budgets() {
  local target
  target="$(target_directory)/budgets"
  # Flags from the environment would change the counts, and so would a compilation in increments.
  (cd "$root/tests/budgets" && CARGO_INCREMENTAL=0 env -u RUSTFLAGS -u CARGO_ENCODED_RUSTFLAGS cargo run --quiet --release --target-dir "$target" -- "$@")
}

# Installs what the soak test uses as root: virtual links, packet loss, and a server of another project. Another user
# runs it over loopback.
setup_soak() {
  local packages=()
  setup_cargo
  [ "$(id -u)" = 0 ] && has apt-get || return 0
  has_service ip || packages+=(iproute2)
  has_service iptables || packages+=(iptables)
  has_service nginx || packages+=(nginx-light)
  [ "${#packages[@]}" -eq 0 ] || apt_install "tools for networks" --no-install-recommends "${packages[@]}"
}

# Installs what the fuzz targets need: cargo-fuzz, the nightly compiler for its flags, and a C++ compiler for libFuzzer.
setup_fuzz() {
  setup_cargo
  setup_nightly
  has c++ || apt_install "a C++ compiler" --no-install-recommends g++
  cargo fuzz --version >/dev/null 2>&1 && return
  say "installing cargo-fuzz (some minutes)"
  install_program cargo-fuzz --locked
}

# Runs tests/simulate: `run_simulation SEEDS [FIRST]`, or `run_simulation seed SEED`, which prints the steps of a seed.
run_simulation() {
  cargo run --quiet --release --manifest-path "$root/tests/simulate/Cargo.toml" --target-dir "$(target_directory)/simulate" -- "$@"
}

# The same without optimization: for 10,000 seeds, a build that reuses the dependencies of the tests is faster.
run_short_simulation() {
  cargo run --quiet --manifest-path "$root/tests/simulate/Cargo.toml" --target-dir "$(target_directory)" -- "$@"
}

# Installs all tools that `make test` needs.
setup_all() {
  setup_package
  setup_wasm_pack
  setup_chromium
  setup_openssl
  setup_engines
  setup_servers
}
