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
use std::sync::Arc;

impl Registry {
    /// Waits, the longer the oftener it has happened of late, and starts another keeper with what is left.
    pub(crate) async fn begin_anew(&self, name: &ProfileName, board: &Arc<Board>) {
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
    use std::time::Duration;
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
}
