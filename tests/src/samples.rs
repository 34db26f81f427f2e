//! What a daemon may answer, for the tests of those who show it.

use wire::{DaemonStatus, LoggedIn, ProfileStatus, State, Status};

/// A profile in a state, with a live token where a life is given.
#[must_use]
pub fn profile(name: &str, state: State, access_expires_in_s: Option<u64>) -> ProfileStatus {
    ProfileStatus {
        name: name.into(),
        state,
        username: access_expires_in_s.map(|_| "alice".into()),
        org: access_expires_in_s.map(|_| "Root".into()),
        endpoint: Some("https://weka01:14000".into()),
        access_expires_in_s,
        access_life_s: access_expires_in_s.map(|_| 300),
        next_refresh_in_s: access_expires_in_s.map(|seconds| seconds.saturating_sub(60)),
        refreshes_total: 12,
        refresh_failures_total: 1,
        gets_total: 70,
        last_error: None,
        locked_for_s: None,
        token_file: None,
        next_step: None,
        notes: vec![],
    }
}

/// A daemon with these profiles, of which `default` is the default one.
#[must_use]
pub fn status(profiles: Vec<ProfileStatus>) -> Status {
    Status {
        revision: 5,
        daemon: DaemonStatus {
            version: "0.1.0".into(),
            pid: 4711,
            uptime_s: 7380,
            socket: "/run/user/1000/weka-token/agent.sock".into(),
            default_profile: "default".into(),
            notes: vec![],
        },
        profiles,
        more: false,
    }
}

/// A login that worked, of the default profile, which was not saved.
#[must_use]
pub fn logged_in() -> LoggedIn {
    LoggedIn {
        profile: "default".into(),
        endpoint: "https://weka01:14000".into(),
        org: "Root".into(),
        username: "alice".into(),
        expires_in_s: 300,
        saved_to: None,
        token_file: None,
        password_change_required: false,
        notes: vec![],
    }
}
