//! Where a password comes from without a person.

use std::path::PathBuf;

/// Where a profile's password comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PasswordSource {
    /// A credential of this name, which systemd provides (`LoadCredential=`).
    Credential(String),
    /// The first line that this program prints; no shell is involved.
    Command(Vec<String>),
    /// The first line of this file.
    File(PathBuf),
}
