//! `weka-token`: hands out live WEKA access tokens; see the library for the parts.

use std::process::ExitCode;

fn main() -> ExitCode {
    weka_token::run()
}
