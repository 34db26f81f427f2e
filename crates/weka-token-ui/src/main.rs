//! `weka-token-ui`: see the library for everything.
#![forbid(unsafe_code)]

use std::alloc::System;
use std::process::ExitCode;
use zeroizing_alloc::ZeroAlloc;

/// Wipes what is freed: frames and key strokes may have held a token or a password.
#[global_allocator]
static ALLOCATOR: ZeroAlloc<System> = ZeroAlloc(System);

fn main() -> ExitCode {
    weka_token_ui::run()
}
