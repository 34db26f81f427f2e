//! Failures in the terms of mount(8).

use crate::failure::{Failure, NOT_PERMITTED, USAGE};

/// mount(8): incorrect invocation or permissions.
pub(super) const WRONG: u8 = 1;
/// mount(8): system error.
pub(super) const SYSTEM: u8 = 2;
/// mount(8): mount failure.
pub(super) const NOT_MOUNTED: u8 = 32;

/// Something that was asked for makes no sense, or is not permitted.
pub(super) fn wrong(message: impl Into<String>) -> Failure {
    Failure::new(WRONG, message)
}

/// The mount failed.
pub(super) fn not_mounted(message: impl Into<String>) -> Failure {
    Failure::new(NOT_MOUNTED, message)
}

/// A failure of the other commands, with the exit status that mount(8) has for it.
pub(crate) fn in_terms_of_mount(failure: Failure) -> Failure {
    let status = match failure.status {
        USAGE | NOT_PERMITTED => WRONG,
        _ => NOT_MOUNTED,
    };
    Failure { status, ..failure }
}
