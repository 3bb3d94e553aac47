# What the README's commands call. Details are in scripts/.
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

PORT ?= 8080
export TOOLS_DIR ?= .tools
export CARGO_TARGET_DIR ?= target
export PATH := $(abspath $(TOOLS_DIR))/bin:$(CURDIR)/node_modules/.bin:$(PATH)

WASM := wasm32-unknown-unknown
CHROMEDRIVER ?= $(shell command -v chromedriver)

.PHONY: help
help: ## List these targets
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

.PHONY: serve dev
serve: page ## Build the page and serve it on http://localhost:8080 (PORT=n for another)
	@vite preview --port $(PORT) --strictPort

dev: wasm ## Serve the page's sources, reloading on change
	@vite --port $(PORT) --strictPort

.PHONY: test test-rust test-web test-page test-e2e
test: test-rust test-web test-page test-e2e ## Run every test: native, in the browser, page, end to end

test-rust: setup-rust
	cargo test --locked --release

# Optimised as the bundle is, so that both share their dependencies.
test-web: export CARGO_PROFILE_RELEASE_LTO := thin
test-web: export CARGO_PROFILE_RELEASE_OPT_LEVEL := s
test-web: setup-browser
	wasm-pack test --headless --chrome --chromedriver "$(CHROMEDRIVER)" --mode no-install --release . --locked --test web

# The page's tests and types read what wasm-bindgen generates.
test-page: wasm
	vitest run

# With the WebGPU bundle, whose test runs on a software adapter, and the command line, which replays what
# the page exports.
test-e2e: setup-rust setup-browser webgpu page
	cargo build --locked --release --bin glassbox
	playwright test

.PHONY: check check-format check-rust check-wasm check-page
check: check-format check-rust check-wasm check-page ## Format, lints, types, room order, docs: nothing may warn

check-format: setup-rust setup-page
	cargo fmt --check
	biome check --error-on-warnings

# Release throughout, so that lints, docs, tests and bundles share what they compile.
check-rust: setup-rust
	cargo clippy --locked --release --all-targets -- -D warnings
	cargo test --locked --release --test architecture
	RUSTDOCFLAGS='-D warnings' cargo doc --locked --release --no-deps --lib

check-wasm: setup-wasm
	CLIPPY_CONF_DIR=scripts/clippy_wasm cargo clippy --locked --release --lib --target $(WASM) -- -D warnings

check-page: wasm
	npm run --silent typecheck

.PHONY: bench
bench: page ## Measure throughput, native and in the browser; prints JSON
	node scripts/bench.mjs

.PHONY: screenshots
screenshots: setup-browser page ## Photograph the page for the README
	node scripts/screenshot.mjs

.PHONY: dist page wasm webgpu
dist: webgpu page ## Build the whole static site, both bundles, into dist/

page: wasm
	vite build

wasm: setup-wasm setup-page
	scripts/wasm.sh cpu

webgpu: setup-wasm setup-page ## Build the optional WebGPU bundle (some minutes)
	scripts/wasm.sh webgpu

.PHONY: setup-rust setup-wasm setup-page setup-browser
setup-rust setup-wasm setup-page setup-browser: setup-%:
	@scripts/setup.sh $*

.PHONY: clean
clean: ## Remove what was built (installed tools stay)
	rm -rf dist www/public/pkg test-results playwright-report
	cargo clean --quiet
