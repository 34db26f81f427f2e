//! Filesystems and mount tokens.

use axum::extract::Path;
use serde_json::{Value, json};

use super::{Answer, Ex, Extension};
use crate::clock::skewed;
use crate::cluster::Cluster;
use crate::reply::{Refusal, data};
use crate::sessions::Caller;
use crate::users::Permission;

/// Life of a mount token where the caller asks for none, in seconds.
const MOUNT_TOKEN_TTL: u64 = 30 * 86_400;

struct Filesystem {
    number: u64,
    name: &'static str,
    org: &'static str,
    auth_required: bool,
    total: u64,
    used: u64,
}

const FILESYSTEMS: [Filesystem; 3] = [
    Filesystem {
        number: 0,
        name: "default",
        org: "Root",
        auth_required: false,
        total: 10_995_116_277_760,
        used: 4_096,
    },
    Filesystem {
        number: 1,
        name: "secure",
        org: "Root",
        auth_required: true,
        total: 109_951_162_777_600,
        used: 65_536,
    },
    // More than a 64-bit float holds exactly.
    Filesystem {
        number: 2,
        name: "lab",
        org: "research",
        auth_required: true,
        total: 9_007_199_254_740_993,
        used: 1,
    },
];

impl Filesystem {
    fn uid(&self) -> String {
        format!("d9f6e4c2-3b5a-4f7e-8d8c-{:012x}", self.number)
    }

    fn shown(&self) -> Value {
        json!({
            "id": format!("FSId<{}>", self.number),
            "uid": self.uid(),
            "name": self.name,
            "group_name": "default",
            "status": "READY",
            "is_ready": true,
            "is_creating": false,
            "is_removing": false,
            "auth_required": self.auth_required,
            "total_budget": self.total,
            "available_total": self.total - self.used,
            "used_total": self.used,
        })
    }
}

/// The filesystems of the caller's org.
pub(super) fn visible(cluster: &Cluster, caller: &Caller) -> Vec<Value> {
    let state = cluster.state();
    let own = |filesystem: &&Filesystem| state.users.org_id(filesystem.org) == Some(caller.org_id);
    FILESYSTEMS.iter().filter(own).map(Filesystem::shown).collect()
}

/// Query parameters (`force_fresh`, `name`) are allowed and change nothing.
pub(super) async fn list(Extension(exchange): Ex) -> Answer {
    let caller = exchange.caller(Permission::Look)?;
    Ok(data(visible(&exchange.cluster, &caller).into()))
}

/// GET (as the CSI driver does) and POST (as the 5.1 API says). Not even a cluster admin can mount another org's filesystem.
pub(super) async fn mount_token(Extension(exchange): Ex, Path(uid): Path<String>) -> Answer {
    let caller = exchange.caller(Permission::Mount)?;
    let fields = exchange.fields()?;
    let read_only = fields.flag("read_only")?.unwrap_or(false);
    let ttl = fields.positive("expires")?.unwrap_or(MOUNT_TOKEN_TTL);
    let cluster = &exchange.cluster;
    let filesystem = FILESYSTEMS.iter().find(|filesystem| filesystem.uid() == uid);
    let filesystem = filesystem.ok_or_else(|| Refusal::NotFound(format!("Filesystem {uid} not found")))?;
    if cluster.state().users.org_id(filesystem.org) != Some(caller.org_id) {
        return Err(Refusal::Forbidden);
    }
    let iat = skewed(cluster.clock.now_ms(), exchange.skew_ms).div_euclid(1_000);
    let claims = json!({
        "exp": iat.saturating_add(i64::try_from(ttl).unwrap_or(i64::MAX)),
        "iat": iat,
        "sub": {"uid": caller.uid, "org": caller.org_id, "fs": uid, "read_only": read_only},
    });
    let token = cluster.signer.sign(&claims).ok_or(Refusal::Internal)?;
    Ok(data(json!({"mount_token": token, "filesystem_name": filesystem.name})))
}
