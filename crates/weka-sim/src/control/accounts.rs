//! Users and tokens from the outside.

use axum::body::Bytes;
use axum::extract::{Path, State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Desk, Done, Mistake, done, read};
use crate::cluster::Cluster;
use crate::tokens::Standing;
use crate::users::UserSpec;

pub(super) fn users_shown(cluster: &Cluster) -> Value {
    let now = cluster.clock.now_ms();
    let state = cluster.state();
    let users = state.users.all.iter().map(|user| {
        let left = state.lockouts.time_left(&user.uid, now);
        json!({
            "uid": user.uid,
            "username": user.username,
            "org": state.users.org_name(user.org_id),
            "role": user.role,
            "source": user.source,
            "password_change_required": user.password_change_required,
            "failed_logins": state.lockouts.failures(&user.uid),
            "locked_for_ms": left.map(crate::duration::millis),
        })
    });
    users.collect()
}

pub(super) async fn users(State(desk): Desk) -> Done {
    done(&users_shown(&desk.cluster))
}

/// Adds a user or replaces one, whose tokens stay as they are.
pub(super) async fn add_user(State(desk): Desk, body: Bytes) -> Done {
    let spec: UserSpec = read(&body)?;
    let uid = desk.cluster.state().users.add(spec);
    done(&json!({"uid": uid}))
}

pub(super) async fn remove_user(State(desk): Desk, Path((org, username)): Path<(String, String)>) -> Done {
    let uid = uid(&desk.cluster, &org, &username)?;
    let mut state = desk.cluster.state();
    state.ledger.revoke_where(|pair| pair.uid == uid);
    state.users.all.retain(|user| user.uid != uid);
    drop(state);
    done(&json!({"uid": uid}))
}

fn uid(cluster: &Cluster, org: &str, username: &str) -> Result<String, Mistake> {
    let state = cluster.state();
    let user = state.users.org_id(org).and_then(|id| state.users.find(id, username));
    user.map(|user| user.uid.clone())
        .ok_or_else(|| Mistake::missing(format!("no user {username} in org {org}")))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Token {
    token: String,
}

/// What a token is worth, access or refresh.
pub(super) async fn check(State(desk): Desk, body: Bytes) -> Done {
    let Token { token } = read(&body)?;
    let cluster = &desk.cluster;
    let Some(claims) = cluster.signer.read(token.trim()) else {
        return done(&json!({"standing": Standing::Unknown, "kind": null, "id": null}));
    };
    let now = cluster.clock.now_ms();
    let state = cluster.state();
    let pair = state.ledger.pair(&claims.jti);
    let left_ms = pair.map(|pair| pair.left_ms(claims.typ, now));
    let expired_ms = pair.map(|pair| pair.expired_ms(claims.typ, now));
    let user = state.users.by_uid(&claims.sub.uid);
    done(&json!({
        "standing": pair.map_or(Standing::Unknown, |pair| pair.standing(claims.typ, now)),
        "kind": claims.typ,
        "id": claims.jti,
        "username": user.map(|user| user.username.clone()),
        "org": user.map(|user| state.users.org_name(user.org_id)),
        "remaining_ms": left_ms,
        "remaining_s": left_ms.map(|left| left / 1_000),
        "expired_ms": expired_ms,
    }))
}

fn root() -> String {
    "Root".to_owned()
}

/// Whose tokens: one user's, one pair, or all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Chosen {
    username: Option<String>,
    #[serde(default = "root")]
    org: String,
    pair: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(super) async fn revoke(State(desk): Desk, body: Bytes) -> Done {
    let chosen: Chosen = read(&body)?;
    let cluster = &desk.cluster;
    let revoked = match chosen {
        Chosen { pair: Some(pair), .. } => {
            if !cluster.state().ledger.revoke(&pair) {
                return Err(Mistake::missing(format!("no pair {pair}")));
            }
            1
        }
        Chosen { username: Some(username), org, .. } => {
            let uid = uid(cluster, &org, &username)?;
            cluster.state().ledger.revoke_where(|pair| pair.uid == uid)
        }
        Chosen { all: true, .. } => cluster.state().ledger.revoke_where(|_| true),
        Chosen { .. } => return Err(Mistake::bad("give username (and org), pair, or all")),
    };
    done(&json!({"revoked": revoked}))
}

/// Clears failed logins and lockouts of everybody; the policy stays.
pub(super) async fn unlock(State(desk): Desk) -> Done {
    desk.cluster.state().lockouts.clear();
    done(&users_shown(&desk.cluster))
}
