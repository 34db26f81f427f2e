//! A daemon that says what a test tells it to, and remembers what it was asked.

use secret::AccessToken;
use std::io::Write;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;
use wire::blocking;
use wire::{
    Certificate, DaemonStatus, LoggedIn, ProfileSettings, ProfileStatus, Request, Response, State, Status,
    Token, Trust, Verdict,
};

/// Stands for every access token here.
pub(crate) const TOKEN: &str = "eyJhbGciOiJSUzI1NiJ9.e30.c2lnbg";
pub(crate) const FINGERPRINT: &str =
    "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// What to do with a request.
pub(crate) enum Reply {
    /// Answer it.
    Answer(Response),
    /// Send these bytes, then close.
    Bytes(Vec<u8>),
    /// Close without an answer.
    Close,
    /// Say nothing until the client has gone.
    Silence,
    /// Close this connection and stop listening: a daemon being restarted without socket activation.
    StopListening,
}

/// A listening daemon; its socket goes with it.
pub(crate) struct Daemon {
    folder: TempDir,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Daemon {
    /// Listens, and answers with `reply`, which is given each request and its number from 0.
    pub(crate) fn start(reply: impl FnMut(Request, usize) -> Reply + Send + 'static) -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("weka-token")).unwrap();
        let daemon = Self { folder, requests: Arc::default() };
        daemon.listen_again(reply);
        daemon
    }

    /// Answers every request with the same.
    pub(crate) fn always(response: Response) -> Self {
        Self::start(move |_, _| Reply::Answer(response.clone()))
    }

    /// Listens anew after [`Reply::StopListening`].
    pub(crate) fn listen_again(&self, mut reply: impl FnMut(Request, usize) -> Reply + Send + 'static) {
        let path = self.socket();
        if path.exists() {
            std::fs::remove_file(&path).unwrap();
        }
        let listener = UnixListener::bind(&path).unwrap();
        let requests = Arc::clone(&self.requests);
        let mut listener = Some(listener);
        std::thread::spawn(move || {
            while let Some(stream) = listener.as_ref().map(|it| it.accept().unwrap().0) {
                serve(stream, &requests, &mut reply, &mut listener);
            }
        });
    }

    pub(crate) fn socket(&self) -> PathBuf {
        self.folder.path().join("weka-token/agent.sock")
    }

    /// The folder that stands for `XDG_RUNTIME_DIR`.
    pub(crate) fn runtime_dir(&self) -> &Path {
        self.folder.path()
    }

    /// What was asked so far.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }
}

fn serve(
    mut stream: UnixStream,
    requests: &Mutex<Vec<Request>>,
    reply: &mut impl FnMut(Request, usize) -> Reply,
    listener: &mut Option<UnixListener>,
) {
    while let Ok(request) = blocking::receive::<Request>(&mut stream) {
        let number = {
            let mut requests = requests.lock().unwrap();
            requests.push(request.clone());
            requests.len() - 1
        };
        match reply(request, number) {
            Reply::Answer(response) => {
                if blocking::send(&mut stream, &response).is_err() {
                    return;
                }
            }
            Reply::Bytes(bytes) => {
                stream.write_all(&bytes).unwrap();
                return;
            }
            Reply::Close => return,
            Reply::Silence => {
                std::io::copy(&mut stream, &mut std::io::sink()).unwrap_or_default();
                return;
            }
            Reply::StopListening => {
                *listener = None;
                return;
            }
        }
    }
}

pub(crate) fn token() -> Response {
    Response::Token(Token {
        access_token: AccessToken::new(TOKEN.into()),
        token_type: "Bearer".into(),
        expires_in_s: 252,
        profile: "default".into(),
        endpoint: "https://weka01:14000".into(),
        org: Some("Root".into()),
        username: Some("alice".into()),
    })
}

pub(crate) fn profile(name: &str, state: State, access_expires_in_s: Option<u64>) -> ProfileStatus {
    ProfileStatus {
        name: name.into(),
        state,
        username: Some("alice".into()),
        org: Some("Root".into()),
        endpoint: Some("https://weka01:14000".into()),
        access_expires_in_s,
        access_life_s: access_expires_in_s,
        next_refresh_in_s: access_expires_in_s,
        refreshes_total: 1,
        refresh_failures_total: 0,
        gets_total: 3,
        last_error: None,
        locked_for_s: None,
        token_file: None,
        next_step: None,
        notes: vec![],
    }
}

pub(crate) fn status_of(revision: u64, profiles: Vec<ProfileStatus>) -> Status {
    Status {
        revision,
        daemon: DaemonStatus {
            version: "0.1.0".into(),
            pid: 4711,
            uptime_s: 60,
            socket: "/run/agent.sock".into(),
            default_profile: "default".into(),
            notes: vec![],
        },
        profiles,
        more: false,
    }
}

pub(crate) fn settings() -> ProfileSettings {
    ProfileSettings {
        name: "default".into(),
        exists: true,
        endpoints: vec!["https://weka01:14000".into()],
        org: Some("Root".into()),
        username: Some("alice".into()),
        trust: Trust::AsConfigured,
        token_file: None,
        saved_to: None,
        state: State::LoginRequired,
        locked_for_s: None,
    }
}

pub(crate) fn blank_settings() -> ProfileSettings {
    ProfileSettings { exists: false, endpoints: vec![], org: None, username: None, ..settings() }
}

pub(crate) fn certificate(verdict: Verdict) -> Response {
    Response::Certificate(Certificate {
        endpoint: "https://weka01:14000".into(),
        fingerprint: FINGERPRINT.into(),
        subject: "CN=weka01".into(),
        issuer: "CN=weka01, O=Example".into(),
        not_before_unix_s: 951_782_400,
        not_after_unix_s: 4_102_444_800,
        verdict,
    })
}

pub(crate) fn logged_in() -> Response {
    let saved_to = Some("/home/alice/.config/weka-token/config.toml".into());
    Response::LoggedIn(LoggedIn { saved_to, ..e2e::samples::logged_in() })
}

/// A daemon for `login` and `trust`: these settings, this verdict, and success.
pub(crate) fn for_login(settings: ProfileSettings, verdict: Verdict) -> Daemon {
    Daemon::start(move |request, _| {
        Reply::Answer(match request {
            Request::Describe { .. } => Response::Profile(settings.clone()),
            Request::Probe { .. } => certificate(verdict.clone()),
            Request::Login(_) => logged_in(),
            _ => Response::Done { notes: vec![] },
        })
    })
}
