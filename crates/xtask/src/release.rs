//! What a package says of what is in it.

use crate::libraries::Libraries;

/// What is packed.
#[derive(Debug)]
pub(crate) struct Release<'a> {
    pub(crate) version: &'a str,
    pub(crate) license: &'a str,
    /// As Rust names it.
    pub(crate) architecture: &'a str,
    pub(crate) maintainer: &'a str,
    /// One line.
    pub(crate) summary: &'a str,
    pub(crate) description: &'a [&'a str],
    /// What the programs need to run.
    pub(crate) libraries: Libraries,
    /// When its files were last modified, in seconds since 1970.
    pub(crate) modified: u32,
}
