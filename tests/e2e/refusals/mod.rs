//! What is refused, and in which words: each refusal with both streams and its exit status, in `tests/snapshots/refusals`.
//!
//! A change of these texts is a change of what people and scripts see, and is read as such.

mod accounts;
mod configuration;
mod logins;
mod mounts;
mod policy;
mod profiles;
mod running;
mod usage;

use e2e::home::finish;
use e2e::snapshot::{Transcript, assert_no_others, assert_snapshot};
use e2e::{Cluster, Home, Ran};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Every file, and so every test here.
const FILES: [&str; 15] = [
    "accounts",
    "accounts_not_permitted",
    "configuration",
    "exec_and_curl",
    "logins",
    "lockout",
    "mounts",
    "no_daemon",
    "policy",
    "policy_not_allowed",
    "profiles",
    "tokens",
    "trust",
    "usage",
    "usage_of_the_others",
];

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("snapshots/refusals")
}

#[test]
fn no_file_of_refusals_is_left_over() {
    assert_no_others(&folder(), &FILES);
}

/// A home in which commands are refused, and what they said.
struct Scene<'a> {
    home: &'a Home,
    transcript: Transcript,
}

impl<'a> Scene<'a> {
    fn new(home: &'a Home) -> Self {
        let mut transcript = Transcript::new();
        transcript.hide(home.path().display().to_string(), "HOME");
        transcript.hide(format!("/run/user/{}/", nix::unistd::geteuid()), "/run/user/UID/");
        Self { home, transcript }
    }

    fn knows(mut self, cluster: &Cluster) -> Self {
        for (number, endpoint) in cluster.endpoints.iter().enumerate() {
            self.transcript.hide(endpoint, &format!("https://weka0{}:14000", number + 1));
            let address = endpoint.trim_start_matches("https://");
            self.transcript.hide(address, &format!("weka0{}:14000", number + 1));
        }
        self.transcript.hide(&cluster.fingerprint, "sha256:HEX");
        self.transcript.hide(cluster.certificate.display().to_string(), "PEM");
        self
    }

    /// Runs `weka-token`, which fails.
    #[track_caller]
    fn refuses(&mut self, words: &[&str]) {
        self.refuses_with(words, "");
    }

    /// The same, with this standard input.
    #[track_caller]
    fn refuses_with(&mut self, words: &[&str], input: &str) {
        let ran = self.home.run_with(words, input);
        self.refused(&line("weka-token", words), &ran);
    }

    /// Runs another program, which fails.
    #[track_caller]
    fn refuses_by(&mut self, line: &str, command: &mut Command) {
        self.refused(line, &finish(command, ""));
    }

    #[track_caller]
    fn refused(&mut self, line: &str, ran: &Ran) {
        assert_ne!(ran.status, 0, "{line}: {ran:#?}");
        self.shows(line, ran);
    }

    fn shows(&mut self, line: &str, ran: &Ran) {
        // The last line of `status` is about the daemon, and another each time.
        let daemon = ran.stdout.lines().last().filter(|line| line.contains(", pid ")).map(str::to_owned);
        self.transcript.hide(daemon.unwrap_or_default(), "weka-tokend VERSION, up SPAN, pid PID, SOCKET");
        self.transcript.add(line, ran);
    }

    #[track_caller]
    fn is(&self, name: &str) {
        assert!(FILES.contains(&name), "{name} is missing among the files");
        assert_snapshot(&folder().join(format!("{name}.txt")), self.transcript.text());
    }
}

/// A command line as one types it.
fn line(program: &str, words: &[&str]) -> String {
    let is_plain = |letter: char| letter.is_ascii_alphanumeric() || "-_./:=,@".contains(letter);
    let quoted = words.iter().map(|word| match *word {
        word if word.chars().any(char::is_control) => format!("$'{}'", word.escape_debug()),
        word if !word.is_empty() && word.chars().all(is_plain) => word.to_owned(),
        word => format!("'{word}'"),
    });
    std::iter::once(program.to_owned()).chain(quoted).collect::<Vec<_>>().join(" ")
}
