//! What `doctor` finds of the daemon itself: its configuration, its memory, and who may ask.

use crate::config::ProfileConfig;
use crate::dirs::Service;
use crate::peer::Peer;
use crate::process;
use crate::registry::Registry;
use wire::{Finding, Level};

/// How many mistakes of the configuration are named.
const MOST: usize = 10;

impl Registry {
    pub(super) fn about_configuration(&self) -> Vec<Finding> {
        let notes = self.notes();
        // The first one says what follows.
        let mistakes = notes.iter().filter(|note| !note.ends_with(':'));
        let bad: Vec<_> =
            mistakes.take(MOST).map(|it| mistake(it.clone(), self.surroundings.dirs.service)).collect();
        if !bad.is_empty() {
            return bad;
        }
        vec![Finding::new("configuration", Level::Ok, "the daemon's configuration is valid")]
    }

    /// Who else may have a profile's access token.
    pub(super) fn about_policy(&self, name: &str, config: &ProfileConfig) -> Vec<Finding> {
        if config.allow.is_empty() {
            return Vec::new();
        }
        let unknown = self.access.unknown(&config.allow);
        let known = config.allow.iter().map(ToString::to_string).filter(|entry| !unknown.contains(entry));
        let known: Vec<_> = known.collect();
        let finding =
            |level, words: String| Finding::new("permission", level, format!("profile {name}: {words}"));
        let mut findings: Vec<_> = unknown
            .iter()
            .map(|entry| {
                finding(Level::Warn, format!("allow: {entry} is not known here, so it matches nobody"))
                    .fix(format!("correct it under [profile.{name}], or make that account"))
            })
            .collect();
        if !known.is_empty() {
            findings.push(finding(Level::Ok, format!("its access token is for {}, too", known.join(", "))));
        }
        findings
    }
}

/// A mistake in the configuration.
pub(super) fn mistake(words: String, service: Service) -> Finding {
    let reload = match service {
        Service::User => "systemctl --user reload weka-tokend (or send SIGHUP)",
        Service::Host => "systemctl reload weka-tokend",
    };
    Finding::new("configuration", Level::Bad, words).fix(format!("mend it, then: {reload}"))
}

/// Whether secrets can leave memory by swap, core dumps or debuggers.
pub(super) fn memory(service: Service) -> Finding {
    let weak = process::weak_spots();
    if weak.is_empty() {
        let words = "secrets are locked in memory, out of debuggers' reach";
        return Finding::new("memory", Level::Ok, words);
    }
    let limit = match service {
        Service::Host => "run: systemctl edit weka-tokend.service, and add to [Service]: LimitMEMLOCK=8M",
        Service::User => {
            "raise the limit (ulimit -l; LimitMEMLOCK= of user@.service), then restart weka-tokend"
        }
    };
    let finding = Finding::new("memory", Level::Warn, weak.join("; "));
    if process::is_dumpable() {
        finding.fix("a filter of system calls may be in the way (SystemCallFilter=)")
    } else {
        finding.fix(limit)
    }
}

/// Who asks.
pub(super) fn peer(peer: &Peer, own_uid: u32) -> Finding {
    let who = if peer.uid == own_uid { "the daemon's own user" } else { "root" };
    let words = format!("you are {who} (uid {}): all is permitted", peer.uid);
    Finding::new("permission", Level::Ok, words)
}
