//! One message of each kind, for the golden files and the tests about truncation and secrets.

use secret::{AccessToken, MountToken, Password, RefreshToken};
use wire::{
    Certificate, ChangePassword, Code, DaemonStatus, Filesystem, Filesystems, Finding, Level, LoggedIn,
    Login, LongLived, MountGrant, Offer, Pair, ProfileEdit, ProfileEntry, ProfileSettings, ProfileStatus,
    Reached, Refusal, Request, Response, Server, State, Status, Target, Token, TokenFileChoice, Trust,
    Verdict, Whoami,
};

/// Stands for every password here.
pub(crate) const PASSWORD: &str = "pass-SECRET-1";
/// Stands for every access token here.
pub(crate) const TOKEN: &str = "head.SECRET.sign";
/// Stands for every mount token here.
pub(crate) const MOUNT_TOKEN: &str = "mount.SECRET.sign";
/// Stands for every refresh token here.
pub(crate) const REFRESH_TOKEN: &str = "refresh.SECRET.sign";

fn text(value: &str) -> Option<String> {
    Some(value.to_owned())
}

fn target() -> Target {
    Target {
        profile: text("prod"),
        endpoints: vec!["weka01".into(), "https://weka02:14000".into()],
        trust: Trust::Fingerprint("sha256:00ff".into()),
    }
}

/// Every request, with the name of its golden file. A new variant breaks the match in `request_name`.
pub(crate) fn requests() -> Vec<(&'static str, Request)> {
    let all = vec![
        Request::Get { profile: None, min_ttl_s: None, timeout_ms: 10_000 },
        Request::Status {
            profile: text("prod"),
            after_revision: Some(7),
            wait_s: 50,
            after_name: text("default"),
        },
        Request::Describe { profile: text("prod") },
        Request::Probe { target: target(), timeout_ms: 30_000 },
        Request::Login(Box::new(Login {
            target: target(),
            org: text("Root"),
            username: "alice".into(),
            password: Password::new(PASSWORD.into()),
            token_file: TokenFileChoice::Path("/home/alice/token.json".into()),
            save: true,
            timeout_ms: 30_000,
        })),
        Request::Trust { target: target(), save: false, timeout_ms: 30_000 },
        Request::Logout { profile: None, revoke: true, timeout_ms: 30_000 },
        Request::Refresh { profile: text("prod"), timeout_ms: 10_000 },
        Request::Whoami { profile: None, timeout_ms: 10_000 },
        Request::Follow { profile: text("prod"), after: Some(70_000), wait_s: 50, timeout_ms: 10_000 },
        Request::Adopt {
            profile: None,
            after: 70_000,
            offer: Offer {
                access_token: Some(AccessToken::new(TOKEN.into())),
                refresh_token: RefreshToken::new(REFRESH_TOKEN.into()),
                token_type: "Bearer".into(),
            },
        },
        Request::Filesystems {
            profile: text("prod"),
            after: Some(("default".into(), "d9f6e4c2".into())),
            timeout_ms: 30_000,
        },
        Request::MountToken {
            profile: None,
            filesystem: "secure".into(),
            read_only: true,
            expires_s: Some(3600),
            timeout_ms: 30_000,
        },
        Request::Reach { profile: None, endpoint: text("https://weka02:14000"), timeout_ms: 10_000 },
        Request::Generate { profile: None, access_token_timeout_s: 2_592_000, timeout_ms: 30_000 },
        Request::Revoke { profile: text("prod"), username: text("bob"), timeout_ms: 30_000 },
        Request::ChangePassword(Box::new(ChangePassword {
            profile: None,
            old_password: Password::new(PASSWORD.into()),
            new_password: Password::new(PASSWORD.into()),
            timeout_ms: 30_000,
        })),
        Request::Examine { profile: text("prod"), timeout_ms: 10_000 },
        Request::Profiles { after_name: text("prod") },
        Request::EditProfiles(ProfileEdit::Rename { old: "prod".into(), new: "lab".into() }),
        Request::MayLogIn { target: target(), org: text("Root"), username: text("alice") },
    ];
    all.into_iter().map(|request| (request_name(&request), request)).collect()
}

/// The golden file of a request.
fn request_name(request: &Request) -> &'static str {
    match request {
        Request::Get { .. } => "request_get",
        Request::Status { .. } => "request_status",
        Request::Describe { .. } => "request_describe",
        Request::Probe { .. } => "request_probe",
        Request::Login(_) => "request_login",
        Request::Trust { .. } => "request_trust",
        Request::Logout { .. } => "request_logout",
        Request::Refresh { .. } => "request_refresh",
        Request::Whoami { .. } => "request_whoami",
        Request::Follow { .. } => "request_follow",
        Request::Adopt { .. } => "request_adopt",
        Request::Filesystems { .. } => "request_filesystems",
        Request::MountToken { .. } => "request_mount_token",
        Request::Reach { .. } => "request_reach",
        Request::Generate { .. } => "request_generate",
        Request::Revoke { .. } => "request_revoke",
        Request::ChangePassword(_) => "request_change_password",
        Request::Examine { .. } => "request_examine",
        Request::Profiles { .. } => "request_profiles",
        Request::EditProfiles(_) => "request_edit_profiles",
        Request::MayLogIn { .. } => "request_may_log_in",
    }
}

fn daemon_status() -> DaemonStatus {
    DaemonStatus {
        version: "0.1.0".into(),
        pid: 4711,
        uptime_s: 3600,
        socket: "/run/user/1000/weka-token/agent.sock".into(),
        default_profile: "default".into(),
        notes: vec!["a note".into()],
    }
}

fn profile_status() -> ProfileStatus {
    ProfileStatus {
        name: "prod".into(),
        state: State::Degraded,
        username: text("alice"),
        org: text("Root"),
        endpoint: text("https://weka01:14000"),
        access_expires_in_s: Some(252),
        access_life_s: Some(300),
        next_refresh_in_s: Some(192),
        refreshes_total: 12,
        refresh_failures_total: 1,
        gets_total: 70_000,
        last_error: text("https://weka01:14000 answered 503"),
        locked_for_s: None,
        token_file: text("/home/alice/.weka/auth-token.json"),
        next_step: None,
        notes: vec![],
    }
}

fn token() -> Token {
    Token {
        access_token: AccessToken::new(TOKEN.into()),
        token_type: "Bearer".into(),
        expires_in_s: 252,
        profile: "default".into(),
        endpoint: "https://weka01:14000".into(),
        org: text("Root"),
        username: None,
    }
}

/// Every response, with the name of its golden file.
pub(crate) fn responses() -> Vec<(&'static str, Response)> {
    let all = vec![
        Response::Token(token()),
        Response::Status(Status {
            revision: 300,
            daemon: daemon_status(),
            profiles: vec![profile_status()],
            more: false,
        }),
        Response::Profile(ProfileSettings {
            name: "prod".into(),
            exists: true,
            endpoints: vec!["https://weka01:14000".into()],
            org: text("Root"),
            username: text("alice"),
            trust: Trust::CaFile("/etc/weka/ca.pem".into()),
            token_file: None,
            saved_to: text("/home/alice/.config/weka-token/config.toml"),
            state: State::LoginRequired,
            locked_for_s: Some(115),
        }),
        Response::Certificate(Certificate {
            endpoint: "https://weka01:14000".into(),
            fingerprint: "sha256:00ff".into(),
            subject: "CN=weka01".into(),
            issuer: "CN=weka01".into(),
            not_before_unix_s: -1,
            not_after_unix_s: 2_000_000_000,
            verdict: Verdict::Unknown("self-signed".into()),
        }),
        Response::LoggedIn(LoggedIn {
            profile: "prod".into(),
            endpoint: "https://weka01:14000".into(),
            org: "Root".into(),
            username: "alice".into(),
            expires_in_s: 300,
            saved_to: None,
            token_file: text("/home/alice/.weka/auth-token.json"),
            password_change_required: true,
            notes: vec!["a note".into()],
        }),
        Response::Done { notes: vec!["forgotten".into(), "deleted".into()] },
        Response::Refreshed { profile: "prod".into(), expires_in_s: 300 },
        Response::Whoami(Whoami {
            profile: "prod".into(),
            data_json: r#"{"username":"alice"}"#.into(),
            username: text("alice"),
            org: text("Root"),
            role: text("Regular"),
            source: None,
        }),
        Response::Refused(
            Refusal::new(Code::LoginRequired, "profile prod needs a login")
                .then("run: weka-token login -p prod"),
        ),
        Response::Pair(Pair {
            id: 70_000,
            token: token(),
            refresh_token: Some(RefreshToken::new(REFRESH_TOKEN.into())),
        }),
        Response::Filesystems(Filesystems {
            filesystems: vec![Filesystem {
                name: "secure".into(),
                uid: "d9f6e4c2".into(),
                id: text("FSId<1>"),
                group: text("default"),
                status: text("READY"),
                is_ready: Some(true),
                auth_required: Some(false),
                is_encrypted: None,
                total_bytes: Some(9_007_199_254_740_993),
                used_bytes: Some(4096),
                available_bytes: None,
                ssd_bytes: Some(70_000),
            }],
            more: true,
        }),
        Response::MountToken(MountGrant {
            mount_token: MountToken::new(MOUNT_TOKEN.into()),
            filesystem: "secure".into(),
            expires_in_s: Some(3600),
            notes: vec!["a note".into()],
        }),
        Response::Reached(Reached {
            token: token(),
            endpoints: vec!["https://weka01:14000".into(), "https://weka02:14000".into()],
            server: Server::PublicKey("AP8=".into()),
        }),
        Response::LongLived(LongLived { token: token(), asked_s: 2_592_000, notes: vec!["a note".into()] }),
        Response::Findings(vec![Finding::new("tls", Level::Bad, "not trusted").fix("run: weka-token trust")]),
        Response::Profiles {
            profiles: vec![ProfileEntry {
                name: "prod".into(),
                is_default: true,
                endpoints: vec!["https://weka01:14000".into()],
                org: text("Root"),
                username: None,
                state: Some(State::Degraded),
            }],
            more: true,
        },
    ];
    all.into_iter().map(|response| (response_name(&response), response)).collect()
}

/// The golden file of a response.
fn response_name(response: &Response) -> &'static str {
    match response {
        Response::Token(_) => "response_token",
        Response::Status(_) => "response_status",
        Response::Profile(_) => "response_profile",
        Response::Certificate(_) => "response_certificate",
        Response::LoggedIn(_) => "response_logged_in",
        Response::Done { .. } => "response_done",
        Response::Refreshed { .. } => "response_refreshed",
        Response::Whoami(_) => "response_whoami",
        Response::Refused(_) => "response_refused",
        Response::Pair(_) => "response_pair",
        Response::Filesystems(_) => "response_filesystems",
        Response::MountToken(_) => "response_mount_token",
        Response::Reached(_) => "response_reached",
        Response::LongLived(_) => "response_long_lived",
        Response::Findings(_) => "response_findings",
        Response::Profiles { .. } => "response_profiles",
    }
}
