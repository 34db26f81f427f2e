//! Which token files logins under way are to put their pairs into.

use crate::config::ProfileName;
use crate::keeper::order::Order;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::runtime::Handle;
use tokio::sync::mpsc::WeakSender;

/// The claims of all logins that have not ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileClaims(Arc<Mutex<Vec<Claimed>>>);

/// A file that is claimed.
#[derive(Debug)]
struct Claimed {
    path: PathBuf,
    profile: ProfileName,
    /// How many logins of the profile claim it.
    logins: usize,
    /// One of them has worked.
    kept: bool,
    /// Who looked for it and has made room.
    gave_way: Option<WeakSender<Order>>,
}

/// One login's claim. Dropped, it is over: where no login has worked, whoever made room has the file back.
#[derive(Debug)]
pub struct FileClaim {
    claims: FileClaims,
    path: PathBuf,
}

impl FileClaims {
    fn all(&self) -> MutexGuard<'_, Vec<Claimed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Claims a file for a login of a profile.
    ///
    /// # Errors
    /// A login of this other profile has claimed it.
    pub(crate) fn claim(&self, path: &Path, profile: &ProfileName) -> Result<FileClaim, ProfileName> {
        let mut all = self.all();
        match all.iter_mut().find(|claimed| claimed.path == path) {
            Some(claimed) if claimed.profile != *profile => return Err(claimed.profile.clone()),
            Some(claimed) => claimed.logins += 1,
            None => all.push(Claimed {
                path: path.to_owned(),
                profile: profile.clone(),
                logins: 1,
                kept: false,
                gave_way: None,
            }),
        }
        Ok(FileClaim { claims: self.clone(), path: path.to_owned() })
    }
}

impl FileClaim {
    /// The profile with these orders looked for the file, and does so no more.
    pub(crate) fn made_room(&self, orders: WeakSender<Order>) {
        self.change(|claimed| claimed.gave_way = Some(orders));
    }

    /// The login has worked: the file is the profile's.
    pub(crate) fn keep(self) {
        self.change(|claimed| claimed.kept = true);
    }

    fn change(&self, change: impl FnOnce(&mut Claimed)) {
        if let Some(claimed) = self.claims.all().iter_mut().find(|claimed| claimed.path == self.path) {
            change(claimed);
        }
    }
}

impl Drop for FileClaim {
    fn drop(&mut self) {
        self.change(|claimed| claimed.logins -= 1);
        let over = self.claims.all().extract_if(.., |claimed| claimed.logins == 0).next();
        let orders = over.filter(|claimed| !claimed.kept).and_then(|claimed| claimed.gave_way);
        if let (Some(orders), Ok(runtime)) =
            (orders.and_then(|orders| orders.upgrade()), Handle::try_current())
        {
            let path = self.path.clone();
            runtime.spawn(async move { orders.send(Order::TakeBack { path }).await });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::sync::mpsc;
    use tokio::time::timeout;

    const PATIENCE: Duration = Duration::from_secs(20);

    fn name(text: &str) -> ProfileName {
        ProfileName::try_from(text).unwrap()
    }

    #[tokio::test]
    async fn a_file_is_given_back_once_the_last_login_has_failed() {
        let (orders, mut given_back) = mpsc::channel(1);
        let (claims, path) = (FileClaims::default(), Path::new("/t.json"));
        let first = claims.claim(path, &name("prod")).unwrap();
        first.made_room(orders.downgrade());
        let second = claims.claim(path, &name("prod")).unwrap();
        assert_eq!(claims.claim(path, &name("test")).unwrap_err(), name("prod"));
        drop(first);
        assert!(given_back.try_recv().is_err(), "the second may work yet");
        drop(second);
        let order = timeout(PATIENCE, given_back.recv()).await.unwrap();
        assert!(matches!(order, Some(Order::TakeBack { path: back }) if back == path));
        claims.claim(path, &name("test")).unwrap();
    }

    #[tokio::test]
    async fn a_file_stays_with_a_login_that_worked_even_if_another_fails_after_it() {
        let (orders, mut given_back) = mpsc::channel(1);
        let (claims, path) = (FileClaims::default(), Path::new("/t.json"));
        let first = claims.claim(path, &name("prod")).unwrap();
        first.made_room(orders.downgrade());
        let second = claims.claim(path, &name("prod")).unwrap();
        first.keep();
        drop(second);
        drop(orders);
        assert!(timeout(PATIENCE, given_back.recv()).await.unwrap().is_none(), "nobody has it back");
    }
}
