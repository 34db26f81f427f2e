//! Users: who am I, the list, passwords, revocation.

use std::collections::HashMap;

use axum::extract::{Path, Query};
use serde_json::{Value, json};

use super::{Answer, Ex, Extension};
use crate::reply::{Refusal, data};
use crate::users::Permission;

pub(super) async fn whoami(Extension(exchange): Ex) -> Answer {
    let caller = exchange.caller(Permission::Look)?;
    let state = exchange.cluster.state();
    let user = state.users.by_uid(&caller.uid).ok_or(Refusal::Unauthorized)?;
    Ok(data(json!({
        "org_id": user.org_id,
        "username": user.username,
        "uid": user.uid,
        "source": user.source,
        "role": user.role,
        "org_name": state.users.org_name(user.org_id),
    })))
}

/// The users of the caller's org; a cluster admin may ask for another with `org`.
pub(super) async fn list(Extension(exchange): Ex, query: Query<HashMap<String, String>>) -> Answer {
    let caller = exchange.caller(Permission::LookAtUsers)?;
    let state = exchange.cluster.state();
    let org_id = match query.get("org").or_else(|| query.get("tenant")) {
        None => caller.org_id,
        Some(org) => {
            let id = state
                .users
                .org_id(org)
                .or_else(|| org.parse().ok().filter(|id| !state.users.org_name(*id).is_empty()));
            let id = id.ok_or_else(|| Refusal::NotFound(format!("Tenant {org} not found")))?;
            if id != caller.org_id && !caller.role.may(Permission::ManageCluster) {
                return Err(Refusal::Forbidden);
            }
            id
        }
    };
    let users = state.users.all.iter().filter(|user| user.org_id == org_id).map(|user| {
        json!({
            "uid": user.uid,
            "org_id": user.org_id,
            "source": user.source,
            "username": user.username,
            "role": user.role,
            "posix_uid": null,
            "posix_gid": null,
            "policy": null,
        })
    });
    Ok(data(users.collect()))
}

pub(super) async fn change_own_password(Extension(exchange): Ex) -> Answer {
    let caller = exchange.caller(Permission::OwnPassword)?;
    exchange.cluster.change_own_password(&caller, exchange.fields()?)?;
    Ok(data(Value::Null))
}

pub(super) async fn set_password(Extension(exchange): Ex, Path(uid): Path<String>) -> Answer {
    let caller = exchange.caller(Permission::ManageOrg)?;
    exchange.cluster.set_password(&caller, &uid, exchange.fields()?)?;
    Ok(data(Value::Null))
}

pub(super) async fn revoke(Extension(exchange): Ex, Path(uid): Path<String>) -> Answer {
    let caller = exchange.caller(Permission::ManageOrg)?;
    exchange.cluster.revoke_user(&caller, &uid)?;
    Ok(data(Value::Null))
}

pub(super) async fn revoke_org(Extension(exchange): Ex, Path(uid): Path<String>) -> Answer {
    let caller = exchange.caller(Permission::ManageOrg)?;
    exchange.cluster.revoke_org(&caller, &uid)?;
    Ok(data(Value::Null))
}

/// Open to all: the login page asks it.
pub(super) async fn several_orgs(Extension(exchange): Ex) -> Answer {
    Ok(data(json!(exchange.cluster.state().users.orgs.len() > 1)))
}
