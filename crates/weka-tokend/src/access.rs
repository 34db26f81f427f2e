//! Who besides the daemon's own user and root may have a profile's access token: the `allow` of its settings.
//!
//! It grants `get`, `exec` and `curl` with the access token alone, `status` and `whoami`, and nothing else. Names are looked up at each check, off the event loop
//! and bounded: a directory service may come up later than we do, or hang. What is not known matches nobody.

use crate::config::Allow;
use crate::peer::Peer;
use nix::unistd::{Group, User};
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

/// How long a name may be looked up, and how long it may wait for its turn before.
const LOOKUP_LIMIT: Duration = Duration::from_secs(2);
/// How many lookups may go on: a hung directory service costs so many threads.
const LOOKUPS: usize = 4;

/// What a name stands for on this host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Known {
    Uid(u32),
    Gid(u32),
    Nobody,
}

/// Looks names up, and remembers which were not known.
#[derive(Debug, Clone)]
pub struct Access {
    turns: Arc<Semaphore>,
    unknown: Arc<Mutex<BTreeSet<String>>>,
}

impl Default for Access {
    fn default() -> Self {
        Self { turns: Arc::new(Semaphore::new(LOOKUPS)), unknown: Arc::default() }
    }
}

impl Access {
    /// Whether one of the entries names this peer.
    pub async fn allows(&self, allow: &[Allow], peer: &Peer) -> bool {
        let is_peer = |known: Known| match known {
            Known::Uid(uid) => peer.uid == uid,
            Known::Gid(gid) => peer.is_in(gid),
            Known::Nobody => false,
        };
        // A number needs nobody to say what it means, and waits for no directory that hangs.
        if allow.iter().filter_map(by_number).any(is_peer) {
            return true;
        }
        let mut looking = JoinSet::new();
        for entry in allow.iter().filter(|entry| by_number(entry).is_none()) {
            let (access, entry) = (self.clone(), entry.clone());
            looking.spawn(async move { access.look_up(&entry).await });
        }
        while let Some(known) = looking.join_next().await {
            if known.is_ok_and(is_peer) {
                return true;
            }
        }
        false
    }

    /// Looks all entries up once, so that `status` can name those that nobody knows.
    pub async fn learn(&self, allow: &[Allow]) {
        for entry in allow {
            self.look_up(entry).await;
        }
    }

    /// The entries that were not known when they were last looked up.
    #[must_use]
    pub fn unknown(&self, allow: &[Allow]) -> Vec<String> {
        let unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        allow.iter().map(ToString::to_string).filter(|entry| unknown.contains(entry)).collect()
    }

    async fn look_up(&self, entry: &Allow) -> Known {
        if let Some(known) = by_number(entry) {
            return known;
        }
        let looked_up = async {
            // Slow is not hung: the time that others take before it is not its own.
            let turn = timeout(LOOKUP_LIMIT, Arc::clone(&self.turns).acquire_owned()).await.ok()?.ok()?;
            let entry = entry.clone();
            let task = tokio::task::spawn_blocking(move || {
                let known = by_name(&entry);
                // The turn ends with the lookup, not with the caller's patience.
                drop(turn);
                known
            });
            timeout(LOOKUP_LIMIT, task).await.ok()?.ok()
        };
        let known = looked_up.await.unwrap_or(Known::Nobody);
        let mut unknown = self.unknown.lock().unwrap_or_else(PoisonError::into_inner);
        let is_news = if known == Known::Nobody {
            unknown.insert(entry.to_string())
        } else {
            unknown.remove(&entry.to_string());
            false
        };
        drop(unknown);
        if is_news {
            tracing::warn!("allow: {entry} is not known on this host, so it matches nobody");
        }
        known
    }
}

fn by_number(entry: &Allow) -> Option<Known> {
    match entry {
        Allow::User(text) => text.parse().ok().map(Known::Uid),
        Allow::Group(text) => text.parse().ok().map(Known::Gid),
    }
}

fn by_name(entry: &Allow) -> Known {
    match entry {
        Allow::User(name) => {
            User::from_name(name).ok().flatten().map_or(Known::Nobody, |user| Known::Uid(user.uid.as_raw()))
        }
        Allow::Group(name) => Group::from_name(name)
            .ok()
            .flatten()
            .map_or(Known::Nobody, |group| Known::Gid(group.gid.as_raw())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer(uid: u32, gid: u32, groups: &[u32]) -> Peer {
        Peer { uid, gid, pid: None, groups: groups.to_vec() }
    }

    #[tokio::test]
    async fn users_and_groups_match_by_number_and_by_name() {
        let access = Access::default();
        let cases = [
            (Allow::User("1000".into()), peer(1000, 5, &[]), true),
            (Allow::User("1000".into()), peer(1001, 1000, &[1000]), false),
            (Allow::Group("77".into()), peer(1, 77, &[]), true),
            (Allow::Group("77".into()), peer(1, 5, &[6, 77]), true),
            (Allow::Group("77".into()), peer(77, 5, &[6]), false),
            (Allow::User("root".into()), peer(0, 0, &[]), true),
            (Allow::Group("root".into()), peer(1, 5, &[0]), true),
        ];
        for (allow, peer, expected) in cases {
            assert_eq!(
                access.allows(std::slice::from_ref(&allow), &peer).await,
                expected,
                "{allow} {peer:?}"
            );
        }
        assert!(!access.allows(&[], &peer(1, 1, &[])).await);
    }

    #[tokio::test]
    async fn who_is_named_by_number_waited_for_names_that_a_hung_directory_never_tells() {
        let access = Access::default();
        // As if all lookups that may go on hung.
        let turns = Arc::clone(&access.turns).acquire_many_owned(4).await.unwrap();
        let allow = [Allow::Group("root".into()), Allow::User("4000000".into())];
        let somebody = peer(4_000_000, 1, &[]);
        assert_eq!(at_once(access.allows(&allow, &somebody)).await, Some(true), "without a wait");
        drop(turns);
    }

    /// What comes of it if it waits for nothing.
    async fn at_once(answer: impl Future<Output = bool>) -> Option<bool> {
        tokio::select! {
            biased;
            answer = answer => Some(answer),
            () = std::future::ready(()) => None,
        }
    }

    #[tokio::test]
    async fn an_unknown_name_matches_nobody_and_is_named() {
        let access = Access::default();
        let allow = [Allow::User("no-such-user-here".into()), Allow::User("root".into())];
        assert!(!access.allows(&allow, &peer(4_000_000, 1, &[])).await);
        assert_eq!(access.unknown(&allow), ["user:no-such-user-here"]);
    }
}
