//! [`Identity`].

use super::Tokens;
use ring::digest::{Context, SHA256};
use secret::{AccessToken, RefreshToken};
use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;

/// Tells one state of a file from another, and our own writing from anybody else's.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    device: u64,
    inode: u64,
    modified_s: i64,
    modified_ns: i64,
    size: u64,
    tokens: [u8; 32],
}

impl Identity {
    pub(super) fn new(found: &Metadata, tokens: &Tokens) -> Self {
        Self {
            device: found.dev(),
            inode: found.ino(),
            modified_s: found.mtime(),
            modified_ns: found.mtime_nsec(),
            size: found.size(),
            tokens: digest(tokens),
        }
    }

    /// Whether the two states hold the same tokens, whoever wrote them.
    #[must_use]
    pub fn same_tokens(&self, other: &Self) -> bool {
        self.tokens == other.tokens
    }

    /// Whether these are its tokens.
    #[must_use]
    pub fn holds(&self, tokens: &Tokens) -> bool {
        self.tokens == digest(tokens)
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Identity")
            .field("inode", &self.inode)
            .field("size", &self.size)
            .finish_non_exhaustive()
    }
}

/// A hash of the two tokens. They are long and random, so it gives nothing away.
fn digest(tokens: &Tokens) -> [u8; 32] {
    let access = tokens.access_token.as_ref().map_or("", AccessToken::expose);
    let refresh = tokens.refresh_token.as_ref().map_or("", RefreshToken::expose);
    let mut context = Context::new(&SHA256);
    context.update(access.as_bytes());
    // No token holds a NUL, so no two pairs run into the same text.
    context.update(b"\0");
    context.update(refresh.as_bytes());
    let mut digest = [0; 32];
    digest.copy_from_slice(context.finish().as_ref());
    digest
}
