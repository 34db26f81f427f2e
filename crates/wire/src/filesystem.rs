//! What `filesystems` shows.

use serde::{Deserialize, Serialize};

/// The answer to [`crate::Request::Filesystems`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystems {
    /// In order of name and uid.
    pub filesystems: Vec<Filesystem>,
    /// Whether the list goes on: ask again with `after`.
    pub more: bool,
}

/// One filesystem (WEKA 5.1 API: `GET /fileSystems`).
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Filesystem {
    /// `name`.
    pub name: String,
    /// `uid`, an opaque text.
    pub uid: String,
    /// `id`, such as `FSId<2>`.
    pub id: Option<String>,
    /// `group_name`.
    pub group: Option<String>,
    /// `status`, such as `READY`.
    pub status: Option<String>,
    /// `is_ready`.
    pub is_ready: Option<bool>,
    /// `auth_required`: whether a mount needs a token. It counts in the Root organisation only: in any other one it
    /// always does.
    pub auth_required: Option<bool>,
    /// `is_encrypted`.
    pub is_encrypted: Option<bool>,
    /// `total_budget`, in bytes.
    pub total_bytes: Option<u64>,
    /// `used_total`, in bytes.
    pub used_bytes: Option<u64>,
    /// `available_total`, in bytes.
    pub available_bytes: Option<u64>,
    /// `ssd_budget`, in bytes.
    pub ssd_bytes: Option<u64>,
}
