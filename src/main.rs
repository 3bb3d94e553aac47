//! The native twin of the page; on the web there is only the bridge.

#![warn(clippy::unwrap_used)]

#[cfg(not(target_arch = "wasm32"))]
mod cli;

/// The system's allocator gives large blocks back and faults them in anew at every step.
#[cfg(not(target_arch = "wasm32"))]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

#[cfg(not(target_arch = "wasm32"))]
fn main() -> std::process::ExitCode {
    cli::main()
}

// Browser tests build every target, this one too.
#[cfg(target_arch = "wasm32")]
fn main() {}
