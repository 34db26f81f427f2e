//! The file itself: what is written over, what is not, and with which mode and group.

use super::*;
use crate::config::SinkSession;
use engine::Lease;
use secret::{AccessToken, RefreshToken};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::time::Duration;

fn target(path: &Path, content: SinkContent) -> Target {
    let config =
        SinkConfig { path: path.to_owned(), mode: 0o600, group: None, content, session: SinkSession::Shared };
    Target { config, own: None, service: Service::User }
}

fn offer(number: u32) -> Offer {
    let pair = Pair {
        access_token: AccessToken::new(format!("an-access-token-number-{number}")),
        refresh_token: Some(RefreshToken::new(format!("a-refresh-token-{number}"))),
        token_type: "Bearer".into(),
        lease: Some(Lease { sent_at: clock::now(), life: Duration::from_secs(300) }),
        in_file: false,
        in_store: false,
    };
    Offer { pair, known: Arc::new(Known::default()), claims: false }
}

fn keep(target: &Target, number: u32) -> Result<Kept, SinkProblem> {
    target.keep(&offer(number), true, || true)
}

fn old(path: &Path) {
    let file = fs::File::options().write(true).open(path).unwrap();
    file.set_modified(std::time::SystemTime::now() - Duration::from_secs(3600)).unwrap();
}

#[test]
fn what_is_right_is_left_alone_and_what_is_not_is_replaced() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let target = target(&path, SinkContent::Access);
    assert!(matches!(keep(&target, 1), Ok(Kept::Done)));
    assert!(matches!(keep(&target, 1), Ok(Kept::Already)));
    fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
    assert!(matches!(keep(&target, 1), Ok(Kept::Done)));
    // A second name for the file would keep the token.
    fs::hard_link(&path, folder.path().join("other")).unwrap();
    assert!(matches!(keep(&target, 1), Ok(Kept::Done)));
    assert_eq!(fs::read_to_string(&path).unwrap(), "an-access-token-number-1\n");
}

#[test]
fn nothing_is_written_that_is_not_wanted_any_more_or_too_often() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let target = target(&path, SinkContent::Access);
    assert!(matches!(target.keep(&offer(1), true, || false), Ok(Kept::Outdated)));
    assert!(matches!(target.keep(&offer(1), false, || true), Err(SinkProblem::Contested)));
    let mut dead = offer(1);
    dead.pair.lease = Some(Lease { sent_at: clock::now(), life: Duration::ZERO });
    assert!(matches!(target.keep(&dead, true, || true), Err(SinkProblem::TooLate)));
    assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0, "no temp file either");
}

#[test]
fn a_link_is_replaced_by_keeping_and_removed_by_removing() {
    let folder = tempfile::tempdir().unwrap();
    let (path, precious) = (folder.path().join("sink"), folder.path().join("precious"));
    fs::write(&precious, "an-access-token-number-of-another\n").unwrap();
    let target = target(&path, SinkContent::Pair);
    for aim in [precious.as_path(), Path::new("nowhere"), Path::new("sink"), folder.path()] {
        symlink(aim, &path).unwrap();
        assert!(matches!(target.look(), Ok(None)));
        assert!(matches!(keep(&target, 1), Ok(Kept::Done)));
        assert!(fs::symlink_metadata(&path).unwrap().is_file());
        fs::remove_file(&path).unwrap();
        symlink(aim, &path).unwrap();
        assert!(matches!(target.remove(None, || true), Ok(Kept::Done)));
        assert!(fs::symlink_metadata(&path).is_err());
    }
    assert_eq!(fs::read_to_string(&precious).unwrap(), "an-access-token-number-of-another\n");
}

#[test]
fn somebodys_work_is_neither_written_over_nor_removed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    for content in [SinkContent::Pair, SinkContent::Access, SinkContent::Header] {
        let target = target(&path, content);
        fs::write(&path, "a list\nof things to do\n").unwrap();
        old(&path);
        assert!(matches!(keep(&target, 1), Err(SinkProblem::Foreign)), "{content:?}");
        assert!(matches!(target.remove(None, || true), Ok(Kept::Already)));
        fs::write(&path, vec![b'x'; 300 * 1024]).unwrap();
        assert!(matches!(keep(&target, 1), Err(SinkProblem::TooLarge)));
        assert!(matches!(target.remove(None, || true), Ok(Kept::Already)));
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        assert!(matches!(keep(&target, 1), Err(SinkProblem::NotAFile)));
        assert!(matches!(target.remove(None, || true), Ok(Kept::Already)));
        fs::remove_dir(&path).unwrap();
        nix::unistd::mkfifo(&path, Mode::S_IRUSR | Mode::S_IWUSR).unwrap();
        assert!(matches!(keep(&target, 1), Err(SinkProblem::NotAFile)));
        fs::remove_file(&path).unwrap();
    }
}

#[test]
fn half_a_pair_is_left_to_its_writer_for_a_while() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let target = target(&path, SinkContent::Pair);
    for half in ["", "{\"access_token\": \"a"] {
        fs::write(&path, half).unwrap();
        assert!(matches!(keep(&target, 1), Err(SinkProblem::BeingWritten)));
        old(&path);
        assert!(matches!(keep(&target, 1), Ok(Kept::Done)));
    }
}

#[test]
fn a_pair_of_a_tool_is_found_unless_a_person_has_logged_in_since() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let target = target(&path, SinkContent::Pair);
    keep(&target, 1).unwrap();
    let Ok(Kept::Overtaken(found)) = keep(&target, 2) else { panic!("not found") };
    assert_eq!(found.tokens.access_token.as_ref().unwrap().expose(), "an-access-token-number-1");
    assert!(matches!(target.remove(Some(&Known::default()), || true), Ok(Kept::Overtaken(_))));
    let mut known = Known::default();
    known.note(&found.tokens);
    let knowing = Offer { known: Arc::new(known.clone()), ..offer(2) };
    assert!(matches!(target.keep(&knowing, true, || true), Ok(Kept::Done)));
    let claiming = Offer { claims: true, ..offer(3) };
    assert!(matches!(target.keep(&claiming, true, || true), Ok(Kept::Done)));
    assert!(matches!(target.remove(None, || true), Ok(Kept::Done)));
    assert!(matches!(target.remove(Some(&known), || true), Ok(Kept::Already)));
}

#[test]
fn a_group_of_the_daemons_own_is_given_before_the_file_can_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sink");
    let mut target = target(&path, SinkContent::Access);
    target.config.group = Some(nix::unistd::getegid().to_string());
    target.config.mode = 0o640;
    keep(&target, 1).unwrap();
    let found = fs::metadata(&path).unwrap();
    assert_eq!((found.gid(), found.mode() & 0o7777), (nix::unistd::getegid().as_raw(), 0o640));
    target.config.group = Some("4242424".into());
    assert!(matches!(keep(&target, 2), Err(SinkProblem::NotInGroup { .. })));
    assert_eq!(fs::read_to_string(&path).unwrap(), "an-access-token-number-1\n");
}

#[test]
fn a_missing_folder_is_nothing_to_remove_and_named_when_it_is_needed() {
    let folder = tempfile::tempdir().unwrap();
    let target = target(&folder.path().join("none/sink"), SinkContent::Access);
    assert!(matches!(target.remove(None, || true), Ok(Kept::Already)));
    assert!(matches!(target.look(), Ok(None)));
    let Err(problem) = keep(&target, 1) else { panic!("it was written") };
    let note = problem.at(&target.config.path).to_string();
    assert!(note.contains("mkdir"), "{note}");
}
