//! The text of a token file, for files of its form that are kept by other rules than it.

use super::document::Document;
use super::{TokenFileProblem, Tokens};
use zeroize::Zeroizing;

/// The tokens in a text.
///
/// # Errors
///
/// See [`TokenFileProblem`].
pub fn parse(bytes: &[u8]) -> Result<Tokens, TokenFileProblem> {
    Document::parse(bytes)?.tokens()
}

/// A text with these tokens, and whatever else an object of the text `before` holds.
///
/// # Errors
///
/// None in practice: see [`serde_json::Error`].
pub fn text(before: Option<&[u8]>, tokens: &Tokens) -> Result<Zeroizing<Vec<u8>>, serde_json::Error> {
    let before = before.and_then(|bytes| Document::parse(bytes).ok());
    let mut document = before.unwrap_or_else(Document::empty);
    document.set(tokens);
    document.to_bytes()
}
