//! What readers see, what is refused, and what is left behind.

use super::*;
use std::os::unix::fs::symlink;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::SystemTime;

const KEEP: Manner = Manner { mode: FileMode::KeepOr(0o600), links: Links::Follow, group: None };

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).unwrap().mode() & 0o7777
}

fn names_in(folder: &Path) -> Vec<String> {
    let mut names: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn a_new_file_gets_its_mode_whatever_the_umask() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new");
    replace(&path, b"one", KEEP).unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode_of(&path)), (b"one".as_slice(), 0o600));
    replace(&path, b"two", Manner { mode: FileMode::Exactly(0o664), ..KEEP }).unwrap();
    assert_eq!((fs::read(&path).unwrap().as_slice(), mode_of(&path)), (b"two".as_slice(), 0o664));
    replace(&path, b"three", KEEP).unwrap();
    assert_eq!(mode_of(&path), 0o664);
    assert_eq!(names_in(folder.path()), ["new"]);
}

#[test]
fn a_link_stays_and_its_target_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    fs::create_dir(folder.path().join("real")).unwrap();
    let target = folder.path().join("real/file");
    fs::write(&target, "old").unwrap();
    let (second, first) = (folder.path().join("second"), folder.path().join("first"));
    symlink("real/file", &second).unwrap();
    symlink("second", &first).unwrap();
    replace(&first, b"new", KEEP).unwrap();
    assert!(fs::symlink_metadata(&first).unwrap().is_symlink());
    assert!(fs::symlink_metadata(&second).unwrap().is_symlink());
    assert_eq!(fs::read(&target).unwrap(), b"new");
    assert_eq!(names_in(&folder.path().join("real")), ["file"]);
}

#[test]
fn what_cannot_be_replaced_is_named_and_untouched() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    fs::write(at("file"), "kept").unwrap();
    symlink("file", at("link")).unwrap();
    fs::create_dir(at("dir")).unwrap();
    nix::unistd::mkfifo(&at("fifo"), Mode::S_IRWXU).unwrap();
    let strict = Manner { links: Links::Refuse, ..KEEP };
    for (name, manner, expected) in [
        ("dangling", KEEP, format!("it is a symlink to {}, which does not exist", at("nowhere").display())),
        ("loop", KEEP, "its symlinks lead in a circle".to_owned()),
        ("link", strict, "it is a symlink".to_owned()),
        ("dir", KEEP, "it is not a regular file".to_owned()),
        ("fifo", KEEP, "it is not a regular file".to_owned()),
        ("none/file", KEEP, "its folder does not exist".to_owned()),
    ] {
        let error = replace(&at(name), b"new", manner).unwrap_err().to_string();
        assert_eq!(error, format!("{} cannot be written: {expected}", at(name).display()));
    }
    assert_eq!(fs::read(at("file")).unwrap(), b"kept");
    assert_eq!(names_in(folder.path()), ["dangling", "dir", "fifo", "file", "link", "loop"]);
}

#[test]
fn full_and_read_only_disks_are_named_in_words() {
    for (errno, words) in [
        (nix::Error::ENOSPC, "the disk is full"),
        (nix::Error::EDQUOT, "the disk quota is used up"),
        (nix::Error::EROFS, "the file system is read-only here"),
    ] {
        assert_eq!(ReplaceProblem::from(errno).to_string(), words);
    }
}

#[test]
fn a_failure_leaves_no_temp_file() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    // Someone makes a folder of that name between the look and the rename.
    let opened = open_folder(folder.path()).unwrap();
    let temp = Temp::create(&opened).unwrap();
    fs::create_dir(&path).unwrap();
    assert!(temp.rename_to(OsStr::new("file")).is_err());
    assert_eq!(names_in(folder.path()), ["file"]);
}

#[test]
fn a_racing_reader_sees_whole_files_only() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    let (first, second) = (vec![b'a'; 300_000], vec![b'b'; 200_000]);
    replace(&path, &first, KEEP).unwrap();
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut seen = [0_u32; 2];
            while !done.load(Ordering::Relaxed) {
                let bytes = fs::read(&path).unwrap();
                assert!(bytes == first || bytes == second, "{} bytes", bytes.len());
                seen[usize::from(bytes == second)] += 1;
            }
            seen
        });
        for round in 0..100 {
            replace(&path, if round % 2 == 0 { &second } else { &first }, KEEP).unwrap();
        }
        done.store(true, Ordering::Relaxed);
        let seen = reader.join().unwrap();
        assert!(seen.iter().sum::<u32>() > 0);
    });
}

#[test]
fn root_leaves_a_file_to_its_owner() {
    if !nix::unistd::geteuid().is_root() {
        println!("skipped: only root can give files away");
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("file");
    fs::write(&path, "old").unwrap();
    std::os::unix::fs::chown(&path, Some(12_345), Some(23_456)).unwrap();
    replace(&path, b"new", KEEP).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid()), (12_345, 23_456));
    let shared = Manner { mode: FileMode::Exactly(0o640), group: Some(34_567), ..KEEP };
    replace(&path, b"new", shared).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.uid(), found.gid(), found.mode() & 0o777), (12_345, 34_567, 0o640));
}

#[test]
fn only_old_temp_files_of_ours_are_swept() {
    let folder = tempfile::tempdir().unwrap();
    let old = SystemTime::now() - 2 * STALE;
    for (name, time) in [
        (".weka-token-0011223344556677.tmp", old),
        (".weka-token-8899aabbccddeeff.tmp", SystemTime::now()),
        (".other.tmp", old),
        ("weka-token-note.tmp", old),
    ] {
        let file = File::create(folder.path().join(name)).unwrap();
        file.set_modified(time).unwrap();
    }
    replace(&folder.path().join("file"), b"new", KEEP).unwrap();
    assert_eq!(
        names_in(folder.path()),
        [".other.tmp", ".weka-token-8899aabbccddeeff.tmp", "file", "weka-token-note.tmp"]
    );
}
