//! What has to outlive a restart where nothing else keeps it, so that restarts never lock an account.
//!
//! It is one small file per profile in the state folder of this host. No secret is in it: of a refused password
//! only a salted, slow hash.

use crate::account::Account;
use crate::atomic::{self, FileMode, Links, Manner, ReplaceError};
use crate::dirs::{PRIVATE_FILE, make_private_folder};
use data_encoding::HEXLOWER;
use nix::fcntl::OFlag;
use ring::pbkdf2::{self, PBKDF2_HMAC_SHA256};
use ring::rand::{SecureRandom, SystemRandom};
use secret::Password;
use serde::{Deserialize, Serialize};
use std::fs::OpenOptions;
use std::io::{self, Read};
use std::num::NonZeroU32;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

/// The version of the file's form.
const VERSION: u32 = 1;
/// The largest file that is read, in bytes.
const MAX_SIZE: u64 = 256 * 1024;
/// OWASP's figure of 2023 for PBKDF2-HMAC-SHA256; some 0.2 s, spent only when a password is refused or checked.
const ITERATIONS: u32 = 600_000;
/// A file that asks for more than this was not written by us.
const MAX_ITERATIONS: u32 = 10_000_000;

/// What has to outlive a restart. Times are seconds since 1970.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Remembered {
    /// When somebody logged out, if nobody has logged in since.
    #[serde(default)]
    pub logged_out_at: Option<i64>,
    /// Until when any account is locked out. That is all an older daemon knows of lockouts: it lets nobody log in.
    #[serde(default)]
    pub locked_until: Option<i64>,
    /// Which accounts are locked out. Where there are none, a lockout is that of the profile's account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub locked: Vec<LockedAccount>,
    /// The password (of the source) that the cluster refused.
    #[serde(default)]
    pub refused: Option<RefusedPassword>,
    /// The password (of the source) that may have been counted as a wrong one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubted: Option<DoubtedPassword>,
    /// A login with the source's password that was under way. An older daemon takes no notice of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempted: Option<AttemptedLogin>,
    /// Counts the changes, so that of two copies the newer one is known; 0 where an older daemon wrote it.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub revision: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde wants a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

/// A login with a password from the source that was on its way when this was written down. Which password it was would
/// take long to compute, so it stands for all of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptedLogin {
    /// For whom.
    pub account: Account,
    /// Until when no other is sent, in seconds since 1970, if nobody lived to see the answer.
    pub until: i64,
    /// How long that is, in seconds.
    pub pause_s: u64,
}

/// An account that the cluster has locked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedAccount {
    /// Which.
    pub account: Account,
    /// Until when, in seconds since 1970.
    pub until: i64,
}

/// A password whose login got no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DoubtedPassword {
    /// Which.
    pub password: RefusedPassword,
    /// Until when it is not sent, in seconds since 1970.
    pub until: i64,
    /// How long that was, in seconds.
    pub pause_s: u64,
}

/// Recognizes a login that was refused, without knowing its password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Form", into = "Form")]
pub struct RefusedPassword {
    salt: [u8; 16],
    hash: [u8; 32],
    iterations: NonZeroU32,
}

/// [`RefusedPassword`] as it stands in a file.
#[derive(Serialize, Deserialize)]
struct Form {
    salt: String,
    hash: String,
    iterations: u32,
}

/// The whole file.
#[derive(Serialize, Deserialize)]
struct File {
    version: u32,
    #[serde(flatten)]
    remembered: Remembered,
}

impl RefusedPassword {
    /// Remembers a password, and the account it was refused for, by a salted hash. Takes some 0.2 s of a processor: keep it off the event loop.
    ///
    /// # Errors
    ///
    /// The kernel gives no random bytes.
    pub fn of(password: &Password) -> io::Result<Self> {
        Self::with_iterations(password, ITERATIONS)
    }

    fn with_iterations(password: &Password, iterations: u32) -> io::Result<Self> {
        let iterations = NonZeroU32::new(iterations).unwrap_or(NonZeroU32::MIN);
        let (mut salt, mut hash) = ([0; 16], [0; 32]);
        SystemRandom::new()
            .fill(&mut salt)
            .map_err(|_| io::Error::other("the kernel gave no random bytes"))?;
        pbkdf2::derive(PBKDF2_HMAC_SHA256, iterations, &salt, password.expose().as_bytes(), &mut hash);
        Ok(Self { salt, hash, iterations })
    }

    /// Whether this is the password. As slow as [`RefusedPassword::of`].
    #[must_use]
    pub fn matches(&self, password: &Password) -> bool {
        let secret = password.expose().as_bytes();
        pbkdf2::verify(PBKDF2_HMAC_SHA256, self.iterations, &self.salt, secret, &self.hash).is_ok()
    }
}

impl From<RefusedPassword> for Form {
    fn from(refused: RefusedPassword) -> Self {
        Self {
            salt: HEXLOWER.encode(&refused.salt),
            hash: HEXLOWER.encode(&refused.hash),
            iterations: refused.iterations.get(),
        }
    }
}

impl TryFrom<Form> for RefusedPassword {
    type Error = &'static str;

    fn try_from(form: Form) -> Result<Self, Self::Error> {
        fn bytes<const N: usize>(text: &str) -> Option<[u8; N]> {
            HEXLOWER.decode(text.as_bytes()).ok()?.try_into().ok()
        }
        Ok(Self {
            salt: bytes(&form.salt).ok_or("a bad salt")?,
            hash: bytes(&form.hash).ok_or("a bad hash")?,
            iterations: NonZeroU32::new(form.iterations)
                .filter(|number| number.get() <= MAX_ITERATIONS)
                .ok_or("a bad number of iterations")?,
        })
    }
}

impl Remembered {
    /// Whether there is nothing to remember.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self { revision: self.revision, ..Self::default() }
    }

    /// Whether this is a newer copy than the other; where neither is, one with anything in it counts more than none.
    #[must_use]
    pub fn is_newer_than(&self, other: &Self) -> bool {
        self.revision > other.revision || (self.revision == other.revision && other.is_empty())
    }

    /// Reads what was remembered; nothing where there is no file, or a damaged one, which is warned of. Blocks.
    #[must_use]
    pub fn read(path: &Path) -> Self {
        match Self::try_read(path) {
            Ok(remembered) => remembered,
            Err(problem) => {
                let path = path.display();
                tracing::warn!("{path}: {problem}; starting as if nothing had been remembered");
                Self::default()
            }
        }
    }

    fn try_read(path: &Path) -> Result<Self, String> {
        let flags = OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
        let file = match OpenOptions::new().read(true).custom_flags(flags.bits()).open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Self::default()),
            Err(error) => return Err(format!("it cannot be read: {error}")),
        };
        if !file.metadata().is_ok_and(|found| found.is_file()) {
            return Err("it is not a regular file".to_owned());
        }
        let mut bytes = Vec::new();
        file.take(MAX_SIZE).read_to_end(&mut bytes).map_err(|error| format!("it cannot be read: {error}"))?;
        let file: File = serde_json::from_slice(&bytes)
            .map_err(|error| format!("it is damaged (line {}, column {})", error.line(), error.column()))?;
        if file.version != VERSION {
            return Err(format!("it has version {}, and this program knows {VERSION}", file.version));
        }
        Ok(file.remembered)
    }

    /// Keeps it, in a folder that is made if need be; removes the file where there is nothing to remember. Blocks.
    ///
    /// # Errors
    ///
    /// See [`atomic::ReplaceProblem`].
    pub fn write(&self, path: &Path) -> Result<(), ReplaceError> {
        let failed = |error: io::Error| ReplaceError { path: path.to_owned(), problem: error.into() };
        if self.is_empty() {
            return match std::fs::remove_file(path) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(failed(error)),
                _ => Ok(()),
            };
        }
        if let Some(folder) = path.parent() {
            make_private_folder(folder).map_err(failed)?;
        }
        let file = File { version: VERSION, remembered: self.clone() };
        let mut bytes = serde_json::to_vec(&file).map_err(|error| failed(error.into()))?;
        bytes.push(b'\n');
        let manner = Manner { mode: FileMode::Exactly(PRIVATE_FILE), links: Links::Refuse, group: None };
        atomic::replace(path, &bytes, manner).map(drop)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::MetadataExt;

    fn quick(password: &str) -> RefusedPassword {
        RefusedPassword::with_iterations(&Password::new(password.to_owned()), 1000).unwrap()
    }

    #[test]
    fn a_refused_password_is_known_again_and_no_other() {
        let refused = quick("hunter2");
        assert!(refused.matches(&Password::new("hunter2".to_owned())));
        for other in ["hunter3", "", "hunter2 "] {
            assert!(!refused.matches(&Password::new(other.to_owned())), "{other:?}");
        }
        assert_ne!(quick("hunter2"), refused, "the salt is random");
    }

    #[test]
    fn it_outlives_a_restart_in_a_private_file_without_the_password() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("state/abc/default.json");
        let remembered = Remembered {
            logged_out_at: Some(1_700_000_000),
            locked_until: None,
            locked: Vec::new(),
            refused: Some(quick("hunter2")),
            ..Remembered::default()
        };
        remembered.write(&path).unwrap();
        let back = Remembered::read(&path);
        assert_eq!(back, remembered);
        assert!(back.refused.unwrap().matches(&Password::new("hunter2".to_owned())));
        assert_eq!(fs::metadata(&path).unwrap().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(path.parent().unwrap()).unwrap().mode() & 0o777, 0o700);
        let text = fs::read_to_string(&path).unwrap();
        assert!(
            text.starts_with("{\"version\":1,\"logged_out_at\":1700000000,\"locked_until\":null,"),
            "{text}"
        );
        assert!(!text.contains("hunter2"));

        Remembered::default().write(&path).unwrap();
        assert!(!path.exists());
        Remembered::default().write(&path).unwrap();
    }

    #[test]
    fn a_password_in_doubt_outlives_a_restart_and_older_forms_have_none() {
        let doubted = DoubtedPassword { password: quick("hunter2"), until: 1_700_000_000, pause_s: 120 };
        let remembered = Remembered { doubted: Some(doubted), ..Remembered::default() };
        assert!(!remembered.is_empty());
        let text = serde_json::to_string(&remembered).unwrap();
        assert_eq!(serde_json::from_str::<Remembered>(&text).unwrap(), remembered);
        let older = r#"{"logged_out_at":null,"locked_until":7,"refused":null}"#;
        let read: Remembered = serde_json::from_str(older).unwrap();
        assert_eq!(read, Remembered { locked_until: Some(7), ..Remembered::default() });
        assert_eq!(serde_json::to_string(&read).unwrap(), older, "which an older daemon reads again");
    }

    #[test]
    fn a_login_under_way_outlives_a_restart_and_an_older_daemon_reads_the_rest() {
        #[derive(Deserialize)]
        struct Older {
            refused: Option<Form>,
            locked_until: Option<i64>,
        }
        let account = Account { endpoints: vec!["https://weka01:14000".into()], org: None, username: None };
        let attempted = AttemptedLogin { account, until: 1_700_000_060, pause_s: 60 };
        let remembered = Remembered { attempted: Some(attempted), revision: 3, ..Remembered::default() };
        assert!(!remembered.is_empty());
        let text = concat!(
            r#"{"logged_out_at":null,"locked_until":null,"refused":null,"#,
            r#""attempted":{"account":{"endpoints":["https://weka01:14000"],"org":null,"username":null},"#,
            r#""until":1700000060,"pause_s":60},"revision":3}"#
        );
        assert_eq!(serde_json::to_string(&remembered).unwrap(), text);
        assert_eq!(serde_json::from_str::<Remembered>(text).unwrap(), remembered);
        let older: Older = serde_json::from_str(text).unwrap();
        assert!(older.refused.is_none() && older.locked_until.is_none());
    }

    #[test]
    fn the_newer_of_two_copies_counts_and_a_number_alone_is_nothing_to_remember() {
        let copy = |revision, locked_until| Remembered { revision, locked_until, ..Remembered::default() };
        assert!(copy(3, None).is_newer_than(&copy(2, Some(1))));
        assert!(!copy(2, Some(1)).is_newer_than(&copy(3, None)));
        // Older daemons do not count.
        assert!(
            !copy(0, None).is_newer_than(&copy(0, Some(1))) && copy(0, Some(1)).is_newer_than(&copy(0, None))
        );
        assert!(!copy(0, Some(1)).is_newer_than(&copy(0, Some(2))));
        assert!(copy(7, None).is_empty() && !copy(7, Some(1)).is_empty());
    }

    #[test]
    fn which_accounts_are_locked_outlives_a_restart_and_an_older_daemon_lets_nobody_log_in() {
        #[derive(Deserialize)]
        struct Older {
            locked_until: Option<i64>,
        }
        let text = concat!(
            r#"{"logged_out_at":null,"locked_until":1700000115,"locked":[{"account":{"endpoints":["https://weka01:14000"],"#,
            r#""org":"Root","username":"alice"},"until":1700000115}],"refused":null}"#
        );
        let account = Account {
            endpoints: vec!["https://weka01:14000".into()],
            org: Some("Root".into()),
            username: Some("alice".into()),
        };
        let until = 1_700_000_115;
        let remembered = Remembered {
            locked_until: Some(until),
            locked: vec![LockedAccount { account, until }],
            ..Remembered::default()
        };
        assert_eq!(serde_json::to_string(&remembered).unwrap(), text);
        assert_eq!(serde_json::from_str::<Remembered>(text).unwrap(), remembered);
        assert_eq!(serde_json::from_str::<Older>(text).unwrap().locked_until, Some(until));
    }

    #[test]
    fn a_damaged_file_counts_as_none() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("default.json");
        assert_eq!(Remembered::try_read(&path), Ok(Remembered::default()));
        let hash = "00".repeat(32);
        let salt = "00".repeat(16);
        for (text, problem) in [
            (String::new(), "it is damaged (line 1, column 0)".to_owned()),
            ("{\"version\":1,".to_owned(), "it is damaged (line 1, column 13)".to_owned()),
            ("{\"version\":2}".to_owned(), "it has version 2, and this program knows 1".to_owned()),
            (
                format!(
                    "{{\"version\":1,\"refused\":{{\"salt\":\"x\",\"hash\":\"{hash}\",\"iterations\":1}}}}"
                ),
                "it is damaged (line 1, ".to_owned(),
            ),
            (
                format!(
                    "{{\"version\":1,\"refused\":{{\"salt\":\"{salt}\",\"hash\":\"{hash}\",\"iterations\":4000000000}}}}"
                ),
                "it is damaged (line 1, ".to_owned(),
            ),
        ] {
            fs::write(&path, &text).unwrap();
            let error = Remembered::try_read(&path).unwrap_err();
            assert!(error.starts_with(&problem), "{text}: {error}");
            assert_eq!(Remembered::read(&path), Remembered::default());
        }
        fs::write(&path, "{\"version\":1}").unwrap();
        assert_eq!(Remembered::try_read(&path), Ok(Remembered::default()));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert_eq!(Remembered::try_read(&path), Err("it is not a regular file".to_owned()));
    }
}
