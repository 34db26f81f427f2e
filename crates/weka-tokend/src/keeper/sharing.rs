//! Whether another program uses up our refresh tokens, as far as that can be seen from here.
//!
//! A tool that reads the token file once and renews on its own goes well with us where a refresh token outlives its
//! use. Where it works once, whoever comes first leaves the other with a dead one, and neither sees the other do it:
//! what is seen is a refusal before its time, and later perhaps a pair that was issued before that refusal.

use super::Keeper;
use crate::config::{SinkConfig, SinkContent, SinkSession};
use crate::note::Note;
use crate::pair::Pair;
use crate::report::local_time;
use engine::Moment;
use std::path::PathBuf;
use std::time::Duration;

/// What `doctor` calls it.
const CHECK: &str = "other-writers";
/// How far the date in another's token may lie from the moment it tells: it is in whole seconds, as is our clock.
const TOLERANCE: Duration = Duration::from_secs(2);

/// A refresh token of the token file that was refused while its access token lived.
#[derive(Debug, Clone, Copy)]
struct Refused {
    issued: Moment,
    at: Moment,
    unix_s: i64,
}

/// What was seen of others.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Sharing {
    refused: Option<Refused>,
    used_up_unix_s: Option<i64>,
}

impl Sharing {
    /// The cluster refused to renew this pair, which others can read (`is_open`) or not.
    pub(super) fn refused(&mut self, pair: &Pair, is_open: bool, now: Moment, unix_s: i64) {
        // One that is in no file is nobody's but ours, and one that is old may simply be over.
        if let Some(lease) = pair.lease.filter(|lease| is_open && lease.remaining(now) > Duration::ZERO) {
            self.refused = Some(Refused { issued: lease.sent_at, at: now, unix_s });
        }
    }

    /// Another writer's pair was found in a file of ours. Says whether it tells something new.
    pub(super) fn found(&mut self, pair: &Pair) -> bool {
        let Some(refused) = self.refused else { return false };
        // One that is issued after the refusal may be a person's new login.
        let between = pair.lease.is_some_and(|lease| {
            lease.sent_at + TOLERANCE >= refused.issued && lease.sent_at <= refused.at + TOLERANCE
        });
        if between {
            self.refused = None;
            self.used_up_unix_s.replace(refused.unix_s).is_none()
        } else {
            false
        }
    }

    /// A pair of ours was renewed.
    pub(super) const fn renewed(&mut self) {
        self.refused = None;
    }

    /// What a person should know, and do.
    fn note(&self, profile: &str, file: Option<PathBuf>, has_source: bool) -> Option<Note> {
        let file = file?;
        let file = file.display();
        let source = if has_source { "" } else { " (it needs a password source)" };
        let remedy = format!("a file of its own: [[profile.{profile}.sink]] with session = \"own\"{source}");
        match (self.used_up_unix_s, self.refused) {
            (Some(unix_s), _) => {
                let words = format!(
                    "another program used up the refresh token in {file} (seen at {}): here each works once, so the two cannot share a login",
                    local_time(unix_s)
                );
                Some(Note::lasting(CHECK, words).then(format!("give it {remedy}")))
            }
            (None, Some(Refused { unix_s, .. })) => {
                let words = format!(
                    "the refresh token in {file} was refused before its time (at {}): it was revoked, or another program that reads the file has used it up",
                    local_time(unix_s)
                );
                Some(
                    Note::passing(CHECK, words)
                        .then(format!("where each works once, give that program {remedy}")),
                )
            }
            (None, None) => None,
        }
    }
}

impl Keeper {
    /// Whether others can take this pair's refresh token: from the token file, or from a sink with the pair.
    pub(super) fn is_open(&self, pair: &Pair) -> bool {
        pair.in_file || self.open_sink().is_some()
    }

    fn open_sink(&self) -> Option<PathBuf> {
        let is_open =
            |sink: &&SinkConfig| (sink.content, sink.session) == (SinkContent::Pair, SinkSession::Shared);
        self.config().sinks.iter().find(is_open).map(|sink| sink.path.clone())
    }

    /// What a person should know of others who use our refresh token.
    pub(super) fn sharing_note(&self) -> Option<Note> {
        let config = self.config();
        let token_file = config.token_file.path().filter(|_| self.file.there).map(ToOwned::to_owned);
        let file = token_file.or_else(|| self.open_sink());
        self.sharing.note(self.name.as_str(), file, config.password.is_some())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::Lease;
    use secret::{AccessToken, RefreshToken};

    const FILE: &str = "/home/alice/.weka/auth-token.json";

    fn at(second: u64) -> Moment {
        Moment::from_millis(second * 1000)
    }

    /// A pair of five minutes from the token file.
    fn pair(issued: u64) -> Pair {
        Pair {
            access_token: AccessToken::new("a".into()),
            refresh_token: Some(RefreshToken::new("r".into())),
            token_type: "Bearer".into(),
            lease: Some(Lease { sent_at: at(issued), life: Duration::from_secs(300) }),
            in_file: true,
            in_store: false,
        }
    }

    fn note(sharing: &Sharing) -> String {
        let note = sharing.note("default", Some(FILE.into()), false);
        note.map(|note| note.to_string()).unwrap_or_default()
    }

    #[test]
    fn a_pair_that_was_issued_before_ours_was_refused_tells_who_used_it_up() {
        let mut sharing = Sharing::default();
        assert!(!sharing.found(&pair(50)), "alone it tells nothing");
        sharing.refused(&pair(100), true, at(340), 0);
        assert!(note(&sharing).contains("revoked, or another program"), "{}", note(&sharing));
        assert!(sharing.found(&pair(200)));
        assert!(note(&sharing).starts_with("another program used up"), "{}", note(&sharing));
        sharing.renewed();
        assert!(note(&sharing).contains("session = \"own\" (it needs a password source)"));
        sharing.refused(&pair(400), true, at(640), 0);
        assert!(!sharing.found(&pair(500)), "no news the second time");
        let with_source = sharing.note("default", Some(FILE.into()), true).unwrap();
        assert!(with_source.to_string().ends_with("session = \"own\""), "{with_source}");
        assert!(with_source.needs_person);
    }

    #[test]
    fn a_login_after_the_refusal_and_a_copy_from_before_tell_nothing() {
        for issued in [50, 400] {
            let mut sharing = Sharing::default();
            sharing.refused(&pair(100), true, at(340), 0);
            assert!(!sharing.found(&pair(issued)));
            sharing.renewed();
            assert_eq!(note(&sharing), "", "{issued}");
        }
    }

    #[test]
    fn a_pair_that_is_over_or_in_no_file_is_refused_for_other_reasons() {
        let mut sharing = Sharing::default();
        sharing.refused(&pair(100), true, at(401), 0);
        sharing.refused(&pair(100), false, at(340), 0);
        sharing.refused(&Pair { lease: None, ..pair(100) }, true, at(340), 0);
        assert_eq!(note(&sharing), "");
    }

    #[test]
    fn the_note_fits_in_a_status() {
        let mut sharing = Sharing::default();
        sharing.refused(&pair(100), true, at(340), 0);
        assert!(note(&sharing).len() < 400, "{}", note(&sharing).len());
        sharing.found(&pair(200));
        assert!(note(&sharing).len() < 400, "{}", note(&sharing).len());
    }
}
