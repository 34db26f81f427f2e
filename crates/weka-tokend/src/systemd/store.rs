//! The service manager's descriptor store: states outlive the daemon as sealed memory files.
//!
//! A state is stored before it is published. An entry's name is `state.PROFILE.NUMBER`, or
//! `state.PROFILE.SESSION.NUMBER` for a sink with a session of its own, with numbers that grow;
//! the old entry is removed only once the new one is confirmed. A stop of the service discards them all.

use super::notify::Notifier;
use crate::config::ProfileName;
use nix::fcntl::{FcntlArg, SealFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::memfd::{MFdFlags, memfd_create};
use ring::digest::{SHA256, digest};
use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::sync::Arc;
use std::time::{Duration, Instant};
use zeroize::Zeroizing;

/// What entries begin with.
const MAGIC: [u8; 8] = *b"wekatok\n";
/// The version of an entry's form; a daemon refuses those it does not know.
pub const VERSION: u32 = 1;
/// Magic, version, length, SHA-256.
const HEADER: usize = 8 + 4 + 4 + 32;
/// The longest body, in bytes.
const MAX_BODY: usize = 256 * 1024;
/// How many profiles the store holds in the shipped units: two entries for each while one takes the other's
/// place. A manager drops what is over its limit without a word to us; see [`Store::put`].
pub const MOST_PROFILES: usize = 64;
/// How long the manager may take to confirm an entry.
const CONFIRMATION: Duration = Duration::from_millis(900);
/// How long after that a manager may take to close what it has no room for: it leaves that to a thread.
const SETTLED: Duration = Duration::from_millis(20);
/// What makes an entry unchangeable by whoever else may hold it.
const SEALS: [SealFlag; 4] =
    [SealFlag::F_SEAL_SEAL, SealFlag::F_SEAL_SHRINK, SealFlag::F_SEAL_GROW, SealFlag::F_SEAL_WRITE];

/// Why a stored entry is not taken over.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EntryError {
    /// It is not one of ours.
    #[error("it is not a stored state")]
    Foreign,
    /// It was not sealed, so somebody may have changed it.
    #[error("it is not sealed")]
    Unsealed,
    /// It was stored by a newer daemon.
    #[error(
        "it has version {0}, and this weka-tokend knows versions up to {VERSION}; it was written by a newer one"
    )]
    Newer(u32),
    /// Its checksum or its size is wrong.
    #[error("it is damaged")]
    Damaged,
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Io(String),
}

/// Whose state it is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Owner {
    /// The profile.
    pub profile: ProfileName,
    /// The session of a sink, where it is not the profile's own.
    pub session: Option<String>,
}

/// An entry's name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryName {
    /// Whose state.
    pub owner: Owner,
    /// Its number; the highest is the latest.
    pub number: u64,
}

impl EntryName {
    /// Reads a descriptor's name; `None` if it is not an entry's.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        let (owner, number) = name.strip_prefix("state.")?.rsplit_once('.')?;
        let (profile, session) = match owner.split_once('.') {
            Some((profile, session)) => (profile, Some(session)),
            None => (owner, None),
        };
        if session.is_some_and(|session| !session.bytes().all(|b| b.is_ascii_hexdigit())) {
            return None;
        }
        let owner = Owner {
            profile: ProfileName::try_from(profile).ok()?,
            session: session.filter(|session| !session.is_empty()).map(ToOwned::to_owned),
        };
        Some(Self { owner, number: number.parse().ok()? })
    }
}

impl std::fmt::Display for EntryName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Owner { profile, session } = &self.owner;
        match session {
            Some(session) => write!(f, "state.{profile}.{session}.{}", self.number),
            None => write!(f, "state.{profile}.{}", self.number),
        }
    }
}

/// Puts a body into a sealed memory file.
///
/// # Errors
/// The kernel refuses, or the body is too long.
pub fn seal(name: &EntryName, body: &[u8]) -> io::Result<OwnedFd> {
    let length = u32::try_from(body.len()).ok().filter(|_| body.len() <= MAX_BODY);
    let length = length.ok_or_else(|| io::Error::other("the state is too long to be stored"))?;
    let flags = MFdFlags::MFD_CLOEXEC | MFdFlags::MFD_ALLOW_SEALING;
    let mut file = File::from(memfd_create(name.to_string().as_str(), flags)?);
    file.write_all(&MAGIC)?;
    file.write_all(&VERSION.to_le_bytes())?;
    file.write_all(&length.to_le_bytes())?;
    file.write_all(digest(&SHA256, body).as_ref())?;
    file.write_all(body)?;
    let seals = SEALS.into_iter().fold(SealFlag::empty(), SealFlag::union);
    fcntl(&file, FcntlArg::F_ADD_SEALS(seals))?;
    Ok(file.into())
}

/// Reads the body of a sealed memory file.
///
/// # Errors
/// See [`EntryError`].
pub fn open(descriptor: OwnedFd) -> Result<Zeroizing<Vec<u8>>, EntryError> {
    let io = |error: io::Error| EntryError::Io(error.to_string());
    // Only memory files have seals at all.
    let found = fcntl(&descriptor, FcntlArg::F_GET_SEALS).map_err(|_| EntryError::Foreign)?;
    let found = SealFlag::from_bits_truncate(found);
    if !SEALS.iter().all(|seal| found.contains(*seal)) {
        return Err(EntryError::Unsealed);
    }
    let mut file = File::from(descriptor);
    let size = file.metadata().map_err(io)?.len();
    if size > u64::try_from(HEADER + MAX_BODY).unwrap_or(u64::MAX) {
        return Err(EntryError::Damaged);
    }
    file.seek(SeekFrom::Start(0)).map_err(io)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(size).unwrap_or(0)));
    file.read_to_end(&mut bytes).map_err(io)?;
    let rest = bytes.strip_prefix(&MAGIC).ok_or(EntryError::Foreign)?;
    let (version, rest) = rest.split_first_chunk::<4>().ok_or(EntryError::Damaged)?;
    let version = u32::from_le_bytes(*version);
    if version > VERSION {
        return Err(EntryError::Newer(version));
    }
    let (length, rest) = rest.split_first_chunk::<4>().ok_or(EntryError::Damaged)?;
    let (sum, body) = rest.split_first_chunk::<32>().ok_or(EntryError::Damaged)?;
    let whole = usize::try_from(u32::from_le_bytes(*length)).is_ok_and(|length| length == body.len());
    if !whole || digest(&SHA256, body).as_ref() != sum {
        return Err(EntryError::Damaged);
    }
    Ok(Zeroizing::new(body.to_vec()))
}

/// The store, through the service manager's notification socket.
#[derive(Debug, Clone)]
pub struct Store {
    notifier: Arc<Notifier>,
}

impl Store {
    /// The manager's store; `None` without a manager, or where it has no room for these profiles. `room` is the
    /// manager's own word for it, which systemd gives from version 254 on.
    #[must_use]
    pub fn new(notifier: &Arc<Notifier>, room: Option<usize>, profiles: usize) -> Option<Self> {
        if !notifier.is_there() {
            return None;
        }
        if room.unwrap_or(MOST_PROFILES) < profiles {
            tracing::warn!(
                "the service manager's store has no room for {profiles} profiles, so a restart loses their tokens; \
                 raise FileDescriptorStoreMax="
            );
            return None;
        }
        Some(Self { notifier: Arc::clone(notifier) })
    }

    /// Stores an entry, waits until the manager has it, and removes those before. Where there is room for no other beside
    /// them, they go first. Blocks, for a second or two at most.
    ///
    /// # Errors
    /// The entry cannot be made or handed over, is not confirmed in time, or finds no room. Where it finds none, those
    /// before are gone, as they are out of date; else they stay.
    pub fn put(&self, name: &EntryName, body: &[u8], before: &[EntryName]) -> io::Result<()> {
        let mut kept = self.hand_over(name, body)?;
        for old in before {
            self.remove(old);
        }
        if !kept && !before.is_empty() {
            kept = self.hand_over(name, body)?;
        }
        if kept { Ok(()) } else { Err(io::Error::other("it is full; raise FileDescriptorStoreMax=")) }
    }

    /// Hands an entry to the manager; whether it was kept. A manager that has no room for it confirms it all the same.
    fn hand_over(&self, name: &EntryName, body: &[u8]) -> io::Result<bool> {
        let entry = File::from(seal(name, body)?);
        let kept = Kept::watch(&entry);
        self.notifier.send(&format!("FDSTORE=1\nFDNAME={name}"), &[entry.as_fd()])?;
        self.confirm()?;
        drop(entry);
        Ok(kept.is_none_or(|kept| kept.holds()))
    }

    /// Removes an entry, for which no descriptor is needed. Blocks while the manager does not read, for some seconds at most.
    ///
    /// # Errors
    /// The manager cannot be told.
    pub fn remove_now(&self, name: &EntryName) -> io::Result<()> {
        self.notifier.send(&format!("FDSTOREREMOVE=1\nFDNAME={name}"), &[])
    }

    /// Removes an entry.
    pub fn remove(&self, name: &EntryName) {
        self.remove_named(&name.to_string());
    }

    /// Removes every descriptor of this name.
    pub fn remove_named(&self, name: &str) {
        self.notifier.say(&format!("FDSTOREREMOVE=1\nFDNAME={name}"));
    }

    /// Waits until the manager has read everything said before: it then closes the pipe it was given.
    fn confirm(&self) -> io::Result<()> {
        let (ours, theirs) = nix::unistd::pipe2(nix::fcntl::OFlag::O_CLOEXEC)?;
        self.notifier.send("BARRIER=1", &[theirs.as_fd()])?;
        drop(theirs);
        let limit = PollTimeout::try_from(CONFIRMATION).unwrap_or(PollTimeout::ZERO);
        let mut waiting = [PollFd::new(ours.as_fd(), PollFlags::empty())];
        match poll(&mut waiting, limit)? {
            0 => Err(io::Error::new(io::ErrorKind::TimedOut, "the service manager does not confirm it")),
            _ => Ok(()),
        }
    }
}

/// Tells whether anybody else still has an entry: it was locked through the descriptor that was handed over, and the lock
/// goes when the last copy of that is closed.
#[derive(Debug)]
struct Kept {
    /// The same memory file, opened anew.
    file: File,
}

impl Kept {
    /// Locks an entry; `None` where `/proc` is not there to open it by.
    fn watch(entry: &File) -> Option<Self> {
        let file = File::open(format!("/proc/self/fd/{}", entry.as_raw_fd())).ok()?;
        entry.try_lock().ok()?;
        Some(Self { file })
    }

    /// Whether somebody has it, now that we have closed it. Blocks for [`SETTLED`], unless it is known to be gone before.
    fn holds(&self) -> bool {
        let until = Instant::now() + SETTLED;
        while matches!(self.file.try_lock(), Err(TryLockError::WouldBlock)) {
            if Instant::now() >= until {
                return true;
            }
            std::thread::sleep(SETTLED / 10);
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name() -> EntryName {
        EntryName { owner: Owner { profile: ProfileName::default(), session: None }, number: 7 }
    }

    #[test]
    fn a_sealed_state_is_read_back() {
        let entry = seal(&name(), b"the state").unwrap();
        assert_eq!(open(entry).unwrap().as_slice(), b"the state");
    }

    #[test]
    fn a_sealed_state_cannot_be_changed() {
        let mut file = File::from(seal(&name(), b"the state").unwrap());
        file.seek(SeekFrom::Start(50)).unwrap();
        assert!(file.write_all(b"x").is_err());
        assert!(file.set_len(1).is_err());
    }

    #[test]
    fn names_are_read_back_and_foreign_ones_are_not() {
        let owner = Owner { profile: ProfileName::default(), session: Some("00ff".into()) };
        for name in [name(), EntryName { owner, number: 7 }] {
            assert_eq!(EntryName::parse(&name.to_string()), Some(name));
        }
        for foreign in [
            "weka-tokend.socket",
            "state.default",
            "state..1",
            "state.a b.1",
            "state.a.x",
            "state.a.b c.1",
            "stored",
        ] {
            assert_eq!(EntryName::parse(foreign), None, "{foreign}");
        }
    }

    fn unsealed(bytes: &[u8], seals: SealFlag) -> OwnedFd {
        let mut file =
            File::from(memfd_create("x", MFdFlags::MFD_ALLOW_SEALING | MFdFlags::MFD_CLOEXEC).unwrap());
        file.write_all(bytes).unwrap();
        fcntl(&file, FcntlArg::F_ADD_SEALS(seals)).unwrap();
        file.into()
    }

    fn entry(version: u32, body: &[u8]) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend(version.to_le_bytes());
        bytes.extend(u32::try_from(body.len()).unwrap().to_le_bytes());
        bytes.extend(digest(&SHA256, body).as_ref());
        bytes.extend(body);
        bytes
    }

    #[test]
    fn a_damaged_foreign_unsealed_or_newer_entry_is_told_apart() {
        let all = SealFlag::all();
        let good = entry(VERSION, b"body");
        assert!(open(unsealed(&good, all)).is_ok());
        assert_eq!(open(unsealed(&good, SealFlag::empty())), Err(EntryError::Unsealed));
        assert_eq!(open(unsealed(&entry(VERSION + 1, b"body"), all)), Err(EntryError::Newer(VERSION + 1)));
        assert_eq!(open(unsealed(b"something else", all)), Err(EntryError::Foreign));
        for end in MAGIC.len()..good.len() {
            assert_eq!(open(unsealed(&good[..end], all)), Err(EntryError::Damaged), "{end}");
        }
        for at in MAGIC.len() + 4..good.len() {
            let mut bad = good.clone();
            bad[at] ^= 1;
            assert_eq!(open(unsealed(&bad, all)), Err(EntryError::Damaged), "byte {at}");
        }
        // Any file of a tmpfs could be sealed, so no temporary file here.
        assert_eq!(open(File::open("/dev/null").unwrap().into()), Err(EntryError::Foreign));
    }
}
