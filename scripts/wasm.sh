#!/usr/bin/env bash
# Builds one WebAssembly bundle into www/public/pkg/: wasm.sh cpu|webgpu
# Both share cargo's target folder: crates that the feature leaves alone compile once.
set -euo pipefail
cd "$(dirname "$0")/.."

bundle="${1:-}"
case "$bundle" in
  cpu) features=() ;;
  webgpu) features=(--features webgpu) ;;
  *) echo "usage: scripts/wasm.sh cpu|webgpu" >&2 && exit 1 ;;
esac

target="${CARGO_TARGET_DIR:-target}"
raw="$target/wasm32-unknown-unknown/release/glassbox.wasm"
out="www/public/pkg/$bundle"
made="$target/pkg-$bundle"

# As a cdylib alone: beside an rlib cargo leaves link-time optimisation out. Our own crate is built for
# speed, its dependencies for size. At level 3, since below it the compiler makes no vectors of sums that
# are written out one after the other, and the products of small networks take five times as long.
CARGO_PROFILE_RELEASE_LTO=thin CARGO_PROFILE_RELEASE_OPT_LEVEL=s cargo rustc --locked --release --lib --crate-type cdylib \
  --config 'profile.release.package.glassbox.opt-level = 3' \
  --target wasm32-unknown-unknown "${features[@]+"${features[@]}"}"

# The optimiser takes longer than a rebuild that changed nothing: skip it then.
sum="$(cat "$raw" scripts/wasm.sh | cksum) $(wasm-bindgen --version) $(wasm-opt --version)"
if [ -f "$out/glassbox_bg.wasm" ] && [ "$(cat "$out/.made-from" 2>/dev/null)" = "$sum" ]; then
  exit 0
fi

rm -rf "$made"
wasm-bindgen --target web --out-name glassbox --out-dir "$made" "$raw"
# -O1: -O2 and above run no faster once warm, pack worse, and keep the browser's own optimising
# compiler busy longer at the start.
wasm-opt -O1 \
  --enable-simd --enable-bulk-memory --enable-nontrapping-float-to-int --enable-sign-ext \
  --strip-debug --strip-producers --enable-mutable-globals --enable-reference-types --enable-multivalue \
  "$made/glassbox_bg.wasm" -o "$made/optimised.wasm"
mv "$made/optimised.wasm" "$made/glassbox_bg.wasm"
echo "$sum" >"$made/.made-from"

# Whole or not at all: a failed build leaves the last good bundle.
rm -rf "$out"
mkdir -p "$(dirname "$out")"
mv "$made" "$out"
echo "$out/glassbox_bg.wasm: $(wc -c <"$out/glassbox_bg.wasm") bytes, $(gzip -c "$out/glassbox_bg.wasm" | wc -c) gzipped"
