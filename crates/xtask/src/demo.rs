//! The main job, seen: log in once, and every `weka-token get` answers with a live token.

use crate::stage::Stage;
use data_encoding::HEXLOWER;
use e2e::home::connected;
use e2e::{Cluster, Daemon, Home, Ran};
use ring::digest::{SHA256, digest};
use secret::AccessToken;
use serde_json::json;
use signal_hook::consts::{SIGINT, SIGTERM};
use std::process::{Command, ExitCode};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use weka_rest::{Client, Settings, Trust};

/// The life of the demo's access tokens: short, so that their end can be seen.
const LIFE: &str = "10s";
/// How long the token is watched changing.
const WATCHED: Duration = Duration::from_secs(12);
/// How long the cluster is down.
const DOWN: Duration = Duration::from_secs(4);
/// The life of the token that has to outlive that, on a machine that may have other things to do as well.
const LIFE_WHILE_DOWN: &str = "20s";
/// What is left of a token at least when it is handed out: a tenth.
const LEAST: Duration = Duration::from_secs(1);
/// How long it may take until everything is well again.
const RECOVERY: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_secs(1);

/// Runs the demo. Ctrl-C ends it early, and everything it started with it.
pub(crate) fn run() -> ExitCode {
    let stage = Stage::new();
    let interrupted = Arc::new(AtomicBool::new(false));
    for signal in [SIGINT, SIGTERM] {
        if let Err(error) = signal_hook::flag::register(signal, Arc::clone(&interrupted)) {
            stage.failed(&format!("signals cannot be caught: {error}"));
            return ExitCode::FAILURE;
        }
    }
    stage.act("Building");
    if !build() {
        stage.failed("the build; see above");
        return ExitCode::FAILURE;
    }
    let began = Instant::now();
    // Everything that is started lives in here and ends with it, whichever way it ends.
    let played = Demo::start(stage, interrupted).and_then(|demo| demo.play());
    match played {
        Ok(()) => {
            stage.act(&format!("Done in {} s; everything started for it is gone", began.elapsed().as_secs()));
            ExitCode::SUCCESS
        }
        Err(Ended::Interrupted) => {
            stage.act("Interrupted; everything started for it is gone");
            ExitCode::from(130)
        }
        Err(Ended::Failed(what)) => {
            stage.failed(&what);
            ExitCode::FAILURE
        }
    }
}

/// Why the demo ended early.
enum Ended {
    Interrupted,
    Failed(String),
}

/// Builds what the demo runs, into the folder that this program runs from.
fn build() -> bool {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["build", "--quiet", "--locked", "-p", "weka-sim", "-p", "weka-tokend", "-p", "weka-token"]);
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    command.status().is_ok_and(|status| status.success())
}

/// A cluster, a daemon, and a person's home.
struct Demo {
    stage: Stage,
    interrupted: Arc<AtomicBool>,
    // Dropped in this order: the daemon before its cluster and its home.
    daemon: Daemon,
    cluster: Cluster,
    home: Home,
}

/// An access token in a form that can be shown: the start of its SHA-256.
fn shown(token: &str) -> String {
    HEXLOWER.encode(digest(&SHA256, token.as_bytes()).as_ref()).chars().take(8).collect()
}

impl Demo {
    fn start(stage: Stage, interrupted: Arc<AtomicBool>) -> Result<Self, Ended> {
        stage.act("A simulated cluster over TLS, with access tokens that live 10 seconds");
        let cluster = Cluster::start(&["--access-ttl", LIFE]);
        stage.command(&format!("weka-sim --tls --access-ttl {LIFE}"));
        stage.say(&format!("listening {}\nfingerprint {}", cluster.endpoint(), cluster.fingerprint));
        stage.act("The daemon, on a private socket");
        let home = Home::new();
        let daemon = Daemon::start(&home);
        stage.command("weka-tokend");
        stage.say(&format!("answers on {}", daemon.socket().display()));
        Ok(Self { stage, interrupted, daemon, cluster, home })
    }

    fn play(self) -> Result<(), Ended> {
        self.log_in()?;
        self.watch_it_change()?;
        self.survive_an_outage()?;
        self.show_status()?;
        self.log_out()
    }

    fn log_in(&self) -> Result<(), Ended> {
        self.stage.act("Log in once");
        let endpoint = self.cluster.endpoint();
        let fingerprint = &self.cluster.fingerprint;
        self.stage.command(&format!(
            "weka-token login --endpoint {endpoint} --user admin --fingerprint {} --password-stdin",
            fingerprint.get(..16).map_or_else(|| fingerprint.clone(), |start| format!("{start}..."))
        ));
        let words = ["login", "--endpoint", endpoint, "--user", "admin", "--fingerprint", fingerprint];
        let words = [&words[..], &["--password-stdin"]].concat();
        let ran = connected(|| self.home.run_with(&words, "Admin-Pass1\n"));
        self.stage.say(&ran.stderr);
        self.succeeded("weka-token login", &ran)
    }

    /// One `get` and one API call with its token.
    fn look(&self) -> Result<String, Ended> {
        for _ in 0..4 {
            let began = Instant::now();
            match self.look_once() {
                // A machine that stands still may take longer than the token had left.
                Err(Ended::Failed(_)) if began.elapsed() > LEAST => {}
                seen => return seen,
            }
        }
        self.look_once()
    }

    fn look_once(&self) -> Result<String, Ended> {
        self.check_interrupted()?;
        let ran = self.home.run(&["get", "--format", "json"]);
        self.succeeded("weka-token get", &ran)?;
        let answer: serde_json::Value = serde_json::from_str(&ran.stdout)
            .map_err(|error| Ended::Failed(format!("weka-token get --format json: {error}")))?;
        let token = answer["access_token"].as_str().unwrap_or_default().to_owned();
        let left = answer["expires_in"].as_u64().unwrap_or_default();
        let api = if self.cluster_is_down() {
            "the cluster is down".to_owned()
        } else {
            self.call(&token).map_err(|error| Ended::Failed(format!("the API call: {error}")))?
        };
        self.stage.say(&format!("token {}  {left:>2} s left   {api}", shown(&token)));
        Ok(token)
    }

    fn cluster_is_down(&self) -> bool {
        let faults = self.cluster.control("GET", "/faults", &serde_json::Value::Null);
        faults.as_array().is_some_and(|faults| !faults.is_empty())
    }

    /// A real API call with a token: `GET /users/whoami`.
    fn call(&self, token: &str) -> Result<String, String> {
        let endpoint = self.cluster.endpoint().parse().map_err(|error| format!("{error}"))?;
        let fingerprint = self.cluster.fingerprint.parse().map_err(|error| format!("{error}"))?;
        let client = Client::new(Settings {
            endpoints: vec![endpoint],
            trust: Trust::Fingerprint(fingerprint),
            connect_timeout: Duration::from_secs(2),
            request_timeout: Duration::from_secs(6),
            allow_http: false,
        });
        let token = AccessToken::new(token.to_owned());
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        let endpoints = &client.settings().endpoints;
        let identity =
            runtime.block_on(client.whoami(&endpoints[0], &token)).map_err(|error| error.to_string())?;
        Ok(format!("GET /users/whoami: 200, {}", identity.username.unwrap_or_default()))
    }

    fn watch_it_change(&self) -> Result<(), Ended> {
        self.stage.act("The token changes by itself, and calls keep succeeding");
        self.stage.command("weka-token get --format json   # once a second; tokens shown by their hash");
        let began = Instant::now();
        let mut seen: Vec<String> = Vec::new();
        while began.elapsed() < WATCHED {
            let token = self.look()?;
            if seen.last() != Some(&token) {
                seen.push(token);
            }
            std::thread::sleep(PAUSE);
        }
        if seen.len() < 2 {
            return Err(Ended::Failed("the token did not change".into()));
        }
        self.stage.holds(&format!("{} different tokens, every call answered, one login", seen.len()));
        Ok(())
    }

    fn survive_an_outage(&self) -> Result<(), Ended> {
        self.stage.act("The cluster goes down: the current token is served while it lives");
        // With a whole life ahead, so that it outlives the outage.
        self.cluster.set(&json!({"access_ttl": LIFE_WHILE_DOWN}));
        self.succeeded("weka-token refresh", &self.home.run(&["refresh"]))?;
        self.cluster.fault(&json!({"kind": "refuse"}));
        let began = Instant::now();
        while began.elapsed() < DOWN {
            self.look()?;
            std::thread::sleep(PAUSE);
        }
        let ran = self.home.run(&["refresh", "--timeout", "2s"]);
        self.stage.command("weka-token refresh");
        self.stage.say(&ran.stderr);
        if ran.status != 5 {
            return Err(Ended::Failed(format!(
                "exit status {} instead of 5 while the cluster is down",
                ran.status
            )));
        }
        self.show_status()?;
        self.stage.act("The cluster comes back: renewals go on by themselves");
        self.cluster.heal();
        let began = Instant::now();
        loop {
            self.look()?;
            if self.daemon.profile().state == wire::State::Ready {
                break;
            }
            if began.elapsed() > RECOVERY {
                return Err(Ended::Failed("the daemon did not recover".into()));
            }
            std::thread::sleep(PAUSE);
        }
        self.stage.holds(&format!("ready again after {} s, without a login", began.elapsed().as_secs()));
        Ok(())
    }

    fn show_status(&self) -> Result<(), Ended> {
        self.stage.command("weka-token status");
        let ran = self.home.run(&["status"]);
        self.stage.say(&ran.stdout);
        self.succeeded("weka-token status", &ran)
    }

    fn log_out(self) -> Result<(), Ended> {
        self.stage.act("Log out");
        self.stage.command("weka-token logout");
        let ran = self.home.run(&["logout"]);
        self.stage.say(&ran.stderr);
        self.succeeded("weka-token logout", &ran)?;
        let after = self.home.run(&["get"]);
        if after.status != 4 {
            return Err(Ended::Failed(format!(
                "get after logout: exit status {} instead of 4",
                after.status
            )));
        }
        let status = self.daemon.stop();
        if !status.success() {
            return Err(Ended::Failed(format!("weka-tokend: {status}")));
        }
        self.stage.holds("the tokens are forgotten, and the daemon ended when asked");
        Ok(())
    }

    fn succeeded(&self, what: &str, ran: &Ran) -> Result<(), Ended> {
        self.check_interrupted()?;
        if ran.status == 0 {
            return Ok(());
        }
        Err(Ended::Failed(format!("{what}: exit status {}: {}", ran.status, ran.stderr.trim_end())))
    }

    fn check_interrupted(&self) -> Result<(), Ended> {
        if self.interrupted.load(Ordering::Relaxed) { Err(Ended::Interrupted) } else { Ok(()) }
    }
}
