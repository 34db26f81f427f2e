//! `weka-token get`.

use crate::args::GetOptions;
use crate::failure::Failure;
use crate::output;
use crate::session::{self, Session};
use crate::token_format;
use wire::{Request, Response};

pub(crate) fn run(session: &Session<'_>, options: &GetOptions) -> Result<u8, Failure> {
    let answer = session.ask_again(options.timeout.milliseconds(), |timeout_ms| Request::Get {
        profile: session.profile.clone(),
        min_ttl_s: options.min_ttl,
        timeout_ms,
    })?;
    let Response::Token(token) = answer else { return Err(session::unexpected()) };
    output::result(token_format::write(&token, options.format)?.as_bytes())?;
    Ok(0)
}
