//! The native twin of the page; on the web there is only the bridge.

#![warn(clippy::unwrap_used)]

#[cfg(not(target_arch = "wasm32"))]
mod cli;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

// Browser tests build every target, this one too.
#[cfg(target_arch = "wasm32")]
fn main() {}
