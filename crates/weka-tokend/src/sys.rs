//! The only unsafe code of the daemon.
#![allow(unsafe_code, reason = "what has no safe call in std, nix or tokio; each block says why it holds")]

use nix::fcntl::{FcntlArg, FdFlag, fcntl};
use nix::sys::mman::{MmapAdvise, madvise, mlock};
use nix::unistd::{SysconfVar, sysconf};
use std::io;
use std::mem::MaybeUninit;
use std::ops::Range;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Where passed descriptors begin: SD_LISTEN_FDS_START of sd_listen_fds(3).
const FIRST_PASSED: RawFd = 3;
/// How many groups a peer may be in before it is taken to have only the first ones.
const MOST_GROUPS: usize = 65_536;

/// Whether some page with secrets could not be locked.
static UNLOCKED: AtomicBool = AtomicBool::new(false);

/// Whether all pages with secrets could be locked in memory so far.
pub(crate) fn is_all_locked() -> bool {
    !UNLOCKED.load(Ordering::Relaxed)
}

/// Lets the event loop tell when a descriptor can be read.
///
/// # Errors
/// It cannot be polled, or there is no runtime.
pub(crate) fn readable(descriptor: OwnedFd) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an `OwnedFd` names the same open file from its creation to its drop, and nobody else closes it.
    let registered = unsafe { AsyncFd::register_with_interest(descriptor, Interest::READABLE) };
    registered.map_err(|error| error.into_parts().1)
}

/// Gives freed memory back to the system, where the C library can: after a crowd has gone.
pub(crate) fn give_memory_back() {
    #[cfg(target_env = "gnu")]
    // SAFETY: it takes the allocator's own locks, and touches nothing that is in use.
    unsafe {
        nix::libc::malloc_trim(0);
    }
}

/// Unmaps all code that comes from files; page by page it is mapped again when it is run.
pub(crate) fn let_go_of_code() {
    // Where /proc is not mounted, everything stays as it is.
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap_or_default();
    for code in maps.lines().filter_map(code_in) {
        let Some(start) = NonNull::new(std::ptr::without_provenance_mut(code.start)) else { continue };
        // SAFETY: it is a private mapping of a file, without the right to write: nothing in it was changed, so every
        // page of it comes back from that file with the same content.
        let done = unsafe { madvise(start, code.len(), MmapAdvise::MADV_DONTNEED) };
        if let Err(error) = done {
            tracing::debug!(%error, "code stays mapped");
        }
    }
}

/// The addresses in a line of `/proc/self/maps` (proc_pid_maps(5)) that is about code from a file.
fn code_in(line: &str) -> Option<Range<usize>> {
    let mut words = line.split_ascii_whitespace();
    let (range, mode) = (words.next()?, words.next()?);
    let is_file = words.nth(3)?.starts_with('/');
    let (start, end) = range.split_once('-')?;
    let address = |text| usize::from_str_radix(text, 16).ok();
    (is_file && mode == "r-xp").then_some(address(start)?..address(end)?)
}

/// Locks the pages that a secret lies in, so that they are never swapped out, and keeps them out of dumps. They are not
/// unlocked, as the next secret comes to lie in freed memory; nor is remembered which ones are: what the heap gives
/// back to the kernel and gets again is not locked any more.
///
/// Where the limit (RLIMIT_MEMLOCK) is reached, the daemon goes on without, and says so once.
pub(crate) fn lock_pages(secret: &[u8]) {
    if secret.is_empty() {
        return;
    }
    let page = page_size();
    let start = secret.as_ptr().addr();
    let first = start / page * page;
    let length = (start + secret.len()).next_multiple_of(page) - first;
    let Some(at) = NonNull::new(secret.as_ptr().with_addr(first).cast_mut().cast()) else { return };
    // SAFETY: each of these pages holds a part of `secret`, so it is mapped. Neither call reads or changes what is in it.
    let done = unsafe { mlock(at, length).and_then(|()| madvise(at, length, MmapAdvise::MADV_DONTDUMP)) };
    if let Err(error) = done
        && !UNLOCKED.swap(true, Ordering::Relaxed)
    {
        tracing::warn!(%error, "not every page with secrets can be locked in memory; see RLIMIT_MEMLOCK");
    }
}

fn page_size() -> usize {
    static SIZE: OnceLock<usize> = OnceLock::new();
    *SIZE.get_or_init(|| {
        let size = sysconf(SysconfVar::PAGE_SIZE).ok().flatten();
        size.and_then(|size| usize::try_from(size).ok()).filter(|size| *size > 0).unwrap_or(4096)
    })
}

/// Takes over the descriptors that the service manager passed, once; they are closed in children. Numbers
/// behind which there is nothing are left out.
pub(crate) fn passed(count: usize) -> Vec<OwnedFd> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    let numbers = FIRST_PASSED..FIRST_PASSED.saturating_add(RawFd::try_from(count).unwrap_or(0));
    let close_in_children = |number: &RawFd| {
        // SAFETY: the number is only asked about; where nothing is open behind it, the kernel says EBADF.
        let descriptor = unsafe { BorrowedFd::borrow_raw(*number) };
        fcntl(descriptor, FcntlArg::F_SETFD(FdFlag::FD_CLOEXEC)).is_ok()
    };
    // SAFETY: by sd_listen_fds(3) these are open and meant for this process, which takes each over only once
    // (see TAKEN), before it opens anything itself.
    numbers.filter(close_in_children).map(|number| unsafe { OwnedFd::from_raw_fd(number) }).collect()
}

/// The supplementary groups of the other end of a Unix socket (SO_PEERGROUPS), as they were when it connected.
///
/// # Errors
/// The kernel does not say.
pub(crate) fn peer_groups(socket: &impl AsRawFd) -> io::Result<Vec<u32>> {
    let mut room = 64;
    loop {
        let mut groups = vec![MaybeUninit::<u32>::uninit(); room];
        let mut length = nix::libc::socklen_t::try_from(size_of::<u32>() * room).map_err(io::Error::other)?;
        // SAFETY: the kernel writes at most `length` bytes into `groups`, which holds that many, and puts the
        // length it wrote, or would need, into `length`.
        let status = unsafe {
            nix::libc::getsockopt(
                socket.as_raw_fd(),
                nix::libc::SOL_SOCKET,
                nix::libc::SO_PEERGROUPS,
                groups.as_mut_ptr().cast(),
                &raw mut length,
            )
        };
        let count = usize::try_from(length).map_err(io::Error::other)? / size_of::<u32>();
        if status == 0 {
            // SAFETY: the kernel has written the first `count` numbers.
            return Ok(groups.iter().take(count).map(|group| unsafe { group.assume_init() }).collect());
        }
        let error = io::Error::last_os_error();
        if error.raw_os_error() != Some(nix::libc::ERANGE) || count <= room || count > MOST_GROUPS {
            return Err(error);
        }
        room = count;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
    use std::num::NonZeroUsize;

    fn locked_kib() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find(|line| line.starts_with("VmLck:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    }

    #[test]
    fn pages_that_the_heap_gave_back_and_got_again_were_not_locked_any_more() {
        let length = NonZeroUsize::new(3 * page_size()).unwrap();
        let (mode, private) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_PRIVATE);
        // SAFETY: new memory, which is this test's alone.
        let at = unsafe { mmap_anonymous(None, length, mode, private) }.unwrap();
        // SAFETY: it is mapped to the end of the test, zeroed, and nothing writes to it.
        let secret = unsafe { std::slice::from_raw_parts(at.as_ptr().cast::<u8>(), length.get()) };
        let unlocked = locked_kib();
        lock_pages(&secret[1..]);
        let locked = locked_kib();
        assert_eq!(locked - unlocked, length.get() as u64 / 1024);
        lock_pages(secret);
        assert_eq!(locked_kib(), locked, "locked once is enough");
        // SAFETY: it takes the place of what was mapped above, at once and with the same zeros.
        let again = unsafe {
            mmap_anonymous(NonZeroUsize::new(at.addr().get()), length, mode, private | MapFlags::MAP_FIXED)
        };
        assert_eq!((again.unwrap(), locked_kib()), (at, unlocked));
        lock_pages(secret);
        assert_eq!(locked_kib(), locked);
        // SAFETY: nothing refers to it after this.
        unsafe { munmap(at, length.get()) }.unwrap();
    }

    #[test]
    fn only_code_from_files_is_let_go_of() {
        let line = "55d0c0a5b000-55d0c0cc0000 r-xp 0005b000 fe:00 1048 /usr/bin/weka-tokend";
        assert_eq!(code_in(line), Some(0x55d0_c0a5_b000..0x55d0_c0cc_0000));
        for other in [
            "55d0c0cc0000-55d0c0d40000 r--p 002c0000 fe:00 1048 /usr/bin/weka-tokend",
            "55d0c0d40000-55d0c0d60000 rw-p 00340000 fe:00 1048 /usr/bin/weka-tokend",
            "7ffd4e9f6000-7ffd4e9f8000 r-xp 00000000 00:00 0 [vdso]",
            "7f0000000000-7f0000001000 r-xp 00000000 00:00 0",
            "",
        ] {
            assert_eq!(code_in(other), None, "{other}");
        }
    }

    #[test]
    fn code_that_was_let_go_of_runs_again() {
        let mapped = || std::fs::read_to_string("/proc/self/maps").unwrap();
        assert!(mapped().lines().filter_map(code_in).count() > 0);
        let_go_of_code();
        assert!(mapped().lines().filter_map(code_in).count() > 0);
    }
}
