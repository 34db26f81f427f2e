//! Whether a user's services outlive their last session: loginctl(1) `enable-linger`.

use nix::unistd::{User, geteuid};
use std::path::Path;

/// Where systemd-logind keeps the names of the users that linger.
const LINGERING: &str = "/var/lib/systemd/linger";

/// What a person should know who has just logged in to a daemon of their own service manager; `None` where it stays.
/// Blocks: it looks the user's name up.
#[must_use]
pub fn advice() -> Option<String> {
    let user = User::from_uid(geteuid()).ok().flatten()?;
    advice_for(&user.name, Path::new(LINGERING))
}

fn advice_for(user: &str, lingering: &Path) -> Option<String> {
    if lingering.join(user).exists() {
        return None;
    }
    Some(format!(
        "weka-tokend and its tokens end with your last session on this host; to keep them, ask for: loginctl enable-linger {user}"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_user_who_does_not_linger_is_advised() {
        let temp = tempfile::tempdir().unwrap();
        assert!(advice_for("alice", temp.path()).unwrap().contains("enable-linger alice"));
        std::fs::write(temp.path().join("alice"), "").unwrap();
        assert_eq!(advice_for("alice", temp.path()), None);
    }
}
