//! [`Filesystem`] and [`MountGrant`]: what `GET /fileSystems` and `.../mountToken` answer, read tolerantly.

use crate::ApiError;
use crate::exchange::Reply;
use crate::reply::{bad, data, list_of, not_json, seconds, token, usable};
use secret::MountToken;
use serde::Deserialize;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

/// A filesystem, as `GET /fileSystems` lists it (WEKA 5.1 API; the names of its keys behind each field).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filesystem {
    /// `name`.
    pub name: String,
    /// `uid`, an opaque text.
    pub uid: String,
    /// `id`.
    pub id: Option<String>,
    /// `group_name`.
    pub group: Option<String>,
    /// `status`.
    pub status: Option<String>,
    /// `is_ready`.
    pub is_ready: Option<bool>,
    /// `auth_required`.
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

/// A mount token, as the CSI driver reads it: the API does not say what the answer looks like.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MountGrant {
    /// `mount_token`.
    pub mount_token: MountToken,
    /// `filesystem_name`: which filesystem it is for.
    pub filesystem_name: Option<String>,
    /// Its life in seconds, where the answer says so, under the name that a login uses (`expires_in`) or the one
    /// of the request (`expires`).
    pub expires_in_s: Option<u64>,
    /// `read_only`, where the answer says so.
    pub read_only: Option<bool>,
}

/// Filesystems without a name or a uid are left out: nothing can be done with them.
pub(crate) fn list(reply: &Reply) -> Result<Vec<Filesystem>, ApiError> {
    let read = || {
        let entries: Vec<Map<String, Value>> =
            serde_json::from_str(list_of(&reply.body)?).map_err(|problem| not_json(&problem))?;
        Ok(entries.iter().filter_map(filesystem).collect())
    };
    read().map_err(|reason| bad(reply, reason))
}

fn filesystem(entry: &Map<String, Value>) -> Option<Filesystem> {
    let text = |key: &str| match entry.get(key)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    };
    let flag = |key: &str| entry.get(key)?.as_bool();
    // Numbers too large for a double may come in quotes.
    let bytes = |key: &str| match entry.get(key)? {
        Value::String(text) => text.parse().ok(),
        other => other.as_u64(),
    };
    Some(Filesystem {
        name: text("name")?,
        uid: text("uid")?,
        id: text("id"),
        group: text("group_name"),
        status: text("status"),
        is_ready: flag("is_ready"),
        auth_required: flag("auth_required"),
        is_encrypted: flag("is_encrypted"),
        total_bytes: bytes("total_budget"),
        used_bytes: bytes("used_total"),
        available_bytes: bytes("available_total"),
        ssd_bytes: bytes("ssd_budget"),
    })
}

/// The mount token in an answer.
pub(crate) fn mount_grant(reply: &Reply) -> Result<MountGrant, ApiError> {
    read_mount_grant(reply).map_err(|reason| bad(reply, reason))
}

fn read_mount_grant(reply: &Reply) -> Result<MountGrant, String> {
    let answer: Answer<'_> = serde_json::from_str(data(&reply.body)?)
        .map_err(|_| "the mount token in `data` is not a JSON object of the known form".to_owned())?;
    let mount_token: MountToken =
        token(answer.mount_token, "mount_token")?.ok_or_else(|| "`data` has no mount_token".to_owned())?;
    usable(mount_token.expose(), "mount_token")?;
    Ok(MountGrant {
        mount_token,
        filesystem_name: answer.filesystem_name.and_then(|raw| serde_json::from_str(raw.get()).ok()),
        expires_in_s: answer.expires_in.or(answer.expires).and_then(seconds),
        read_only: answer.read_only.and_then(|raw| raw.get().parse().ok()),
    })
}

/// The keys as the text they came in: nothing is copied out of the answer's buffer, which is wiped, until it goes
/// into a wiped type.
#[derive(Deserialize)]
struct Answer<'a> {
    #[serde(borrow)]
    mount_token: Option<&'a RawValue>,
    #[serde(borrow)]
    filesystem_name: Option<&'a RawValue>,
    #[serde(borrow)]
    expires_in: Option<&'a RawValue>,
    #[serde(borrow)]
    expires: Option<&'a RawValue>,
    #[serde(borrow)]
    read_only: Option<&'a RawValue>,
}
