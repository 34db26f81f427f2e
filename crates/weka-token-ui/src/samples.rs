//! Answers of a daemon, for tests.

use secret::AccessToken;
use wire::{
    Certificate, Finding, Level, LongLived, ProfileSettings, Response, State, Token, Trust, Verdict, Whoami,
};

pub(crate) use e2e::samples::{profile, status};

pub(crate) fn settings(known: bool) -> ProfileSettings {
    ProfileSettings {
        name: "default".into(),
        exists: known,
        endpoints: if known { vec!["https://weka01:14000".into()] } else { vec![] },
        org: known.then(|| "Root".into()),
        username: known.then(|| "alice".into()),
        trust: Trust::AsConfigured,
        token_file: None,
        saved_to: None,
        state: State::LoginRequired,
        locked_for_s: None,
    }
}

pub(crate) fn certificate(verdict: Verdict) -> Response {
    Response::Certificate(Certificate {
        endpoint: "https://weka01:14000".into(),
        fingerprint: format!("sha256:{}", "0f".repeat(32)),
        subject: "O=WEKA, CN=weka01".into(),
        issuer: "O=WEKA, CN=weka01".into(),
        not_before_unix_s: 1_700_000_000,
        not_after_unix_s: 2_000_000_000,
        verdict,
    })
}

pub(crate) fn long_lived(expires_in_s: u64, asked_s: u64) -> Response {
    Response::LongLived(LongLived {
        token: Token {
            access_token: AccessToken::new("eyJTOKEN.".repeat(66)),
            token_type: "Bearer".into(),
            expires_in_s,
            profile: "default".into(),
            endpoint: "https://weka01:14000".into(),
            org: Some("Root".into()),
            username: Some("alice".into()),
        },
        asked_s,
        notes: vec![],
    })
}

pub(crate) fn logged_in() -> Response {
    Response::LoggedIn(e2e::samples::logged_in())
}

pub(crate) fn whoami() -> Response {
    Response::Whoami(Whoami {
        profile: "default".into(),
        data_json: r#"{"username":"alice"}"#.into(),
        username: Some("alice".into()),
        org: Some("Root".into()),
        role: Some("ClusterAdmin".into()),
        source: Some("Internal".into()),
    })
}

pub(crate) fn findings() -> Vec<Finding> {
    let weka = "https://weka01:14000";
    vec![
        Finding::new("socket", Level::Ok, "weka-tokend answers on /run/user/1000/weka-token/agent.sock"),
        Finding::new("version", Level::Ok, "daemon and client are 0.1.0"),
        Finding::new("units", Level::Warn, "the user socket unit is installed, but not enabled")
            .fix("systemctl --user enable --now weka-tokend.socket"),
        Finding::new("configuration", Level::Ok, "/home/alice/.config/weka-token/config.toml is in order"),
        Finding::new("dns", Level::Ok, format!("{weka} is 192.0.2.11")),
        Finding::new("tcp", Level::Ok, format!("{weka} accepts connections")),
        Finding::new(
            "tls",
            Level::Bad,
            format!(
                "{weka}: its certificate is not trusted yet (its self-signed certificate is not known here)"
            ),
        )
        .fix("run: weka-token trust"),
        Finding::new("clock", Level::NotChecked, format!("{weka} is not trusted yet")),
        Finding::new("login", Level::Bad, "profile default has no token").fix("run: weka-token login"),
    ]
}
