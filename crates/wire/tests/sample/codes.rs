//! Every code there is, in the order of the protocol.

use wire::Code;

/// That it is whole is tested with the golden files.
pub(crate) const CODES: [Code; 13] = [
    Code::Failed,
    Code::NoSuchProfile,
    Code::MinTtlTooLong,
    Code::LoginRequired,
    Code::Untrusted,
    Code::LockedOut,
    Code::WrongPassword,
    Code::Unreachable,
    Code::NotPermitted,
    Code::Busy,
    Code::Misconfigured,
    Code::BadRequest,
    Code::Unsupported,
];
