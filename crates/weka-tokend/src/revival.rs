//! A profile whose keeper a defect has ended begins anew, with what is left of it.
//!
//! That is where nothing better can be had: under a service manager that holds the tokens, and in the builds that are
//! shipped, the whole daemon ends, and the next one goes on with all of them.

use crate::account::Account;
use crate::board::{Board, Published};
use crate::config::ProfileName;
use crate::registry::Registry;
use crate::remembered::Remembered;
use crate::systemd::state::{Restored, State, StoredPair};
use crate::systemd::store::Owner;
use std::sync::{Arc, Weak};
use std::time::Duration;
use tokio::task::JoinHandle;

/// The pause before the second time; it doubles with each.
const FIRST_PAUSE: Duration = Duration::from_secs(5);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// A keeper that has lived for so long is not taken to fall over the same again.
pub(crate) const FORGIVEN: Duration = Duration::from_secs(3600);

/// How long to wait, where it has happened so often before.
pub(crate) fn pause(times: u32) -> Duration {
    match times.checked_sub(1) {
        None => Duration::ZERO,
        Some(doublings) => FIRST_PAUSE.saturating_mul(1 << doublings.min(16)).min(LONGEST_PAUSE),
    }
}

/// Waits for the end of a keeper, and sees to another one if it was a defect.
pub(crate) async fn watch(
    registry: Weak<Registry>,
    name: ProfileName,
    board: Arc<Board>,
    task: JoinHandle<()>,
) {
    if task.await.is_err_and(|error| error.is_panic())
        && let Some(registry) = registry.upgrade()
    {
        registry.begin_anew(&name, &board).await;
    }
}

impl Registry {
    async fn begin_anew(&self, name: &ProfileName, board: &Arc<Board>) {
        let pause = self.has_fallen(name);
        let seconds = pause.as_secs();
        tracing::error!("a defect has ended the keeper of profile {name}; it begins anew in {seconds} s");
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.surroundings.ended() => return,
        }
        let fallen = self.running(name).filter(|(handle, _)| Arc::ptr_eq(&handle.board, board));
        // It may have been removed meanwhile.
        let Some((handle, file)) = fallen else { return };
        let config = handle.settings.borrow().as_ref().clone();
        // What was handed out so far lives on; a token file that holds the refresh token, too, counts as newer.
        let state = State {
            account: Account::of(&config),
            pair: board.published().map(without_refresh_token),
            // That is in the state folder, and the next keeper reads it there.
            remembered: Remembered::default(),
            stored_unix_s: 0,
            lent: false,
        };
        let owner = Owner { profile: name.clone(), session: None };
        self.surroundings.put_restored(owner, Restored { state: Some(state), entries: Vec::new() });
        if let Err(error) = self.start(name, config, file) {
            tracing::error!("profile {name} has no keeper any more: {error}");
        }
        self.surroundings.revision.bump();
    }
}

fn without_refresh_token(published: Published) -> StoredPair {
    let lease = published.lease;
    StoredPair {
        access_token: published.access_token,
        refresh_token: None,
        token_type: published.token_type,
        sent_at_ms: Some(lease.sent_at.as_millis()),
        life_ms: u64::try_from(lease.life.as_millis()).ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock;
    use crate::config::{self, ProfileConfig};
    use crate::dirs::{Dirs, Environment};
    use crate::keeper::order::Order;
    use crate::surroundings::Surroundings;
    use engine::{Condition, Generation, Lease};
    use secret::AccessToken;
    use wire::Code;

    async fn until<T>(what: impl Fn() -> Option<T>) -> T {
        let wait = async {
            loop {
                if let Some(it) = what() {
                    return it;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(60), wait).await.unwrap()
    }

    #[tokio::test]
    async fn a_profile_whose_keeper_had_fallen_over_a_defect_was_called_removed_and_stayed_away() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment { home: Some(home.path().to_owned()), ..Environment::default() };
        let dirs = Dirs::new(&environment, None, None);
        let loaded = config::load(&dirs);
        let name = ProfileName::default();
        let surroundings = Arc::new(Surroundings::new(dirs, "", name.clone()));
        let registry = Registry::new(surroundings, String::new());
        registry.apply(loaded);
        let before = registry.find(None).unwrap();
        until(|| (before.board.view().1.condition == Condition::LoginRequired).then_some(())).await;
        let lease = Lease { sent_at: clock::now(), life: Duration::from_secs(300) };
        before.board.publish(Some(Published {
            generation: Generation(1),
            id: 1,
            access_token: AccessToken::new("handed-out".into()),
            token_type: "Bearer".into(),
            lease,
        }));
        before.orders.send(Order::Fall).await.unwrap();
        let refused = before.renew(clock::now() + Duration::from_secs(60)).await.unwrap_err();
        assert_eq!(refused.code, Code::Failed);
        assert!(refused.message.contains("defect of weka-tokend"), "{refused}");

        let after = until(|| {
            let now = registry.find(None).unwrap();
            (!Arc::ptr_eq(&now.board, &before.board)).then_some(now)
        })
        .await;
        let got = after.get(None, clock::now() + Duration::from_secs(60)).await.unwrap();
        assert_eq!((got.access_token.expose(), got.lease), ("handed-out", lease));
        assert!(registry.find_or_create(&name, &ProfileConfig::default()).is_ok());

        // At once again it waits, and so that nobody waits for it at the daemon's end.
        after.orders.send(Order::Fall).await.unwrap();
        until(|| after.orders.is_closed().then_some(())).await;
        registry.close().await;
    }

    #[test]
    fn one_that_falls_again_and_again_waits_longer_each_time() {
        assert_eq!([0, 1, 2, 3, 20, u32::MAX].map(|times| pause(times).as_secs()), [0, 5, 10, 20, 600, 600]);
    }
}
