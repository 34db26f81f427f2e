//! Token lifetimes, lockout policy and login banner.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Answer, Ex, Extension};
use crate::lockout::Policy;
use crate::reply::data;
use crate::users::Permission;

/// Seconds, all four.
pub(super) async fn expiry(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::Look)?;
    let settings = exchange.cluster.state().settings;
    Ok(data(json!({
        "access_token_expiry": settings.access_ttl,
        "refresh_token_expiry": settings.refresh_ttl,
        "max_access_token_expiry": settings.max_access_ttl,
        "max_refresh_token_expiry": settings.max_refresh_ttl,
    })))
}

/// The older form, without the maxima.
pub(super) async fn old_expiry(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::Look)?;
    let settings = exchange.cluster.state().settings;
    Ok(data(json!({
        "access_token_expiry": settings.access_ttl,
        "refresh_token_expiry": settings.refresh_ttl,
    })))
}

pub(super) async fn set_expiry(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::ManageCluster)?;
    let fields = exchange.fields()?;
    let (access, refresh) =
        (fields.positive("access_token_expiry")?, fields.positive("refresh_token_expiry")?);
    let max_access = fields.positive("max_access_token_expiry")?;
    let max_refresh = fields.positive("max_refresh_token_expiry")?;
    let mut state = exchange.cluster.state();
    let settings = &mut state.settings;
    settings.access_ttl = access.unwrap_or(settings.access_ttl);
    settings.refresh_ttl = refresh.unwrap_or(settings.refresh_ttl);
    settings.max_access_ttl = max_access.unwrap_or(settings.max_access_ttl);
    settings.max_refresh_ttl = max_refresh.unwrap_or(settings.max_refresh_ttl);
    Ok(data(Value::Null))
}

fn policy(policy: Policy) -> Value {
    json!({
        "num_failed_logins": policy.num_failed_logins,
        "lockout_duration": policy.lockout_duration.as_secs(),
    })
}

pub(super) async fn lockout(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::LookAtUsers)?;
    Ok(data(policy(exchange.cluster.state().lockouts.policy)))
}

pub(super) async fn set_lockout(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::ManageCluster)?;
    let fields = exchange.fields()?;
    let (failures, seconds) = (fields.positive("num_failed_logins")?, fields.positive("lockout_duration")?);
    let mut state = exchange.cluster.state();
    let current = &mut state.lockouts.policy;
    current.num_failed_logins = failures.unwrap_or(current.num_failed_logins);
    current.lockout_duration = seconds.map_or(current.lockout_duration, Duration::from_secs);
    Ok(data(policy(*current)))
}

/// Back to the defaults; everybody is unlocked.
pub(super) async fn reset_lockout(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::ManageCluster)?;
    let mut state = exchange.cluster.state();
    state.lockouts.clear();
    state.lockouts.policy = Policy::default();
    Ok(data(Value::Null))
}

/// Open to all: the login page shows it.
pub(super) async fn banner(Extension(exchange): Ex) -> Answer {
    let banner = exchange.cluster.state().banner.clone();
    Ok(data(json!({ "text": banner.text, "enabled": banner.enabled })))
}

pub(super) async fn set_banner(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::ManageCluster)?;
    let [text] = exchange.fields()?.required(["login_banner"])?;
    text.clone_into(&mut exchange.cluster.state().banner.text);
    Ok(data(Value::Null))
}

pub(super) async fn enable_banner(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::ManageCluster)?;
    exchange.cluster.state().banner.enabled = true;
    Ok(data(Value::Null))
}

pub(super) async fn disable_banner(Extension(exchange): Ex) -> Answer {
    exchange.caller(Permission::ManageCluster)?;
    exchange.cluster.state().banner.enabled = false;
    Ok(data(Value::Null))
}
