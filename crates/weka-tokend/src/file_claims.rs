//! Which token files logins under way are to put their pairs into.

use crate::config::ProfileName;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The claims of all logins that have not ended.
#[derive(Debug, Clone, Default)]
pub(crate) struct FileClaims(Arc<Mutex<Vec<Claimed>>>);

/// A file that is claimed.
struct Claimed {
    path: PathBuf,
    profile: ProfileName,
    /// How many logins of the profile claim it.
    logins: usize,
    /// One of them has worked.
    kept: bool,
    /// Gives it back to who looked for it and has made room.
    give_back: Option<Box<dyn FnOnce() + Send>>,
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
                give_back: None,
            }),
        }
        Ok(FileClaim { claims: self.clone(), path: path.to_owned() })
    }
}

impl FileClaim {
    /// Somebody looked for the file, does so no more, and is to have it back by this.
    pub(crate) fn made_room(&self, give_back: impl FnOnce() + Send + 'static) {
        self.change(|claimed| claimed.give_back = Some(Box::new(give_back)));
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
        if let Some(give_back) = over.filter(|claimed| !claimed.kept).and_then(|claimed| claimed.give_back) {
            give_back();
        }
    }
}

impl fmt::Debug for Claimed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} for {} ({} logins)", self.path.display(), self.profile, self.logins)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    fn name(text: &str) -> ProfileName {
        ProfileName::try_from(text).unwrap()
    }

    #[test]
    fn a_file_is_given_back_once_the_last_login_has_failed() {
        let (give, given_back) = mpsc::channel();
        let (claims, path) = (FileClaims::default(), Path::new("/t.json"));
        let first = claims.claim(path, &name("prod")).unwrap();
        first.made_room(move || give.send(()).unwrap());
        let second = claims.claim(path, &name("prod")).unwrap();
        assert_eq!(claims.claim(path, &name("test")).unwrap_err(), name("prod"));
        drop(first);
        assert_eq!(given_back.try_recv(), Err(mpsc::TryRecvError::Empty), "the second may work yet");
        drop(second);
        assert_eq!(given_back.try_recv(), Ok(()));
        claims.claim(path, &name("test")).unwrap();
    }

    #[test]
    fn a_file_stays_with_a_login_that_worked_even_if_another_fails_after_it() {
        let (give, given_back) = mpsc::channel();
        let (claims, path) = (FileClaims::default(), Path::new("/t.json"));
        let first = claims.claim(path, &name("prod")).unwrap();
        first.made_room(move || give.send(()).unwrap());
        let second = claims.claim(path, &name("prod")).unwrap();
        first.keep();
        drop(second);
        assert_eq!(given_back.try_recv(), Err(mpsc::TryRecvError::Disconnected), "nobody has it back");
    }
}
