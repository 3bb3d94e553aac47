#!/usr/bin/env bash
# Installs what one part of the project needs and is not there yet.
#   setup.sh rust      cargo, with the pinned toolchain
#   setup.sh wasm      rust, the wasm target and the wasm-bindgen CLI of Cargo.lock's version
#   setup.sh page      Node and the npm packages of package-lock.json
#   setup.sh browser   Chromium, its driver and wasm-pack, for the tests
set -euo pipefail
cd "$(dirname "$0")/.."

tools="${TOOLS_DIR:-.tools}"
wasm_pack_version=0.15.1

fail() {
  echo "$1" >&2
  exit 1
}

setup_rust() {
  command -v rustup >/dev/null && command -v cargo >/dev/null ||
    fail "glassbox needs Rust through rustup: https://rustup.rs"
  command -v cc >/dev/null ||
    fail "glassbox needs a C compiler for linking, e.g. Debian's build-essential or Xcode's command line tools"
  cargo --version >/dev/null ||
    fail "glassbox needs the Rust toolchain named in rust-toolchain.toml: run 'rustup toolchain install'"
}

# cargo_tool NAME VERSION COMMAND: installs a crate's commands under $tools, once per version.
cargo_tool() {
  local name="$1" version="$2" command="$3"
  [ "$("$tools/bin/$command" --version 2>/dev/null)" = "$command $version" ] && return
  echo "Installing $name $version into $tools (some minutes, once)"
  # Not into CARGO_TARGET_DIR: the tool's own build is of no use afterwards. The second try is for
  # a package mirror that lags behind the tool's lock file.
  env -u CARGO_TARGET_DIR cargo install --quiet --locked "$name" --version "$version" --root "$tools" ||
    env -u CARGO_TARGET_DIR cargo install --quiet "$name" --version "$version" --root "$tools"
}

locked_version() {
  awk -v name="\"$1\"" '$1 == "name" { found = $3 == name } found && $1 == "version" { gsub(/"/, "", $3); print $3; exit }' Cargo.lock
}

setup_wasm() {
  setup_rust
  grep -qx wasm32-unknown-unknown <<<"$(rustup target list --installed)" ||
    rustup target add wasm32-unknown-unknown
  cargo_tool wasm-bindgen-cli "$(locked_version wasm-bindgen)" wasm-bindgen
}

setup_page() {
  command -v node >/dev/null && command -v npm >/dev/null &&
    node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)' ||
    fail "glassbox needs Node 20.19 or newer: https://nodejs.org"
  # The lock file as it was at the last install: a branch switch or an edit shows at once.
  cmp -s package-lock.json node_modules/.installed-lock.json && return
  npm ci --prefer-offline --no-fund --no-audit
  cp package-lock.json node_modules/.installed-lock.json
}

has_browser() {
  node scripts/chrome.mjs >/dev/null && [ -n "${CHROMEDRIVER:-$(command -v chromedriver)}" ]
}

install_browser() {
  local sudo=()
  [ "$(id -u)" = 0 ] || sudo=(sudo -n)
  command -v apt-get >/dev/null || return 1
  "${sudo[@]+"${sudo[@]}"}" apt-get update -qq || return 1
  "${sudo[@]+"${sudo[@]}"}" env DEBIAN_FRONTEND=noninteractive \
    apt-get install -y -qq --no-install-recommends chromium chromium-driver
}

setup_browser() {
  setup_page
  if ! has_browser; then
    echo "Installing Chromium and its driver"
    { install_browser </dev/null && has_browser; } ||
      fail "the tests need Chromium or Chrome and the chromedriver of the same version: install them, or name them in CHROME and CHROMEDRIVER"
  fi
  setup_wasm
  cargo_tool wasm-pack "$wasm_pack_version" wasm-pack
}

case "${1:-}" in
  rust | wasm | page | browser) "setup_$1" ;;
  *) fail "usage: scripts/setup.sh rust|wasm|page|browser" ;;
esac
