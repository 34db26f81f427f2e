//! Token files: what is found in them, what is written, and who may write now.

use crate::{mode_of, set_mode};
use secret::{AccessToken, RefreshToken};
use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;
use weka_tokend::token_file::{TokenFileProblem, Tokens, Written, read, remove_if, try_lock, write};

/// As WEKA's own tools write it.
const PLAIN: &str = r#"{
    "access_token": "old-access",
    "refresh_token": "old-refresh",
    "token_type": "Bearer"
}
"#;

fn tokens(access: &str, refresh: &str) -> Tokens {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    Tokens {
        access_token: some(access).map(AccessToken::new),
        refresh_token: some(refresh).map(RefreshToken::new),
        token_type: Some("Bearer".to_owned()),
        expires_in_s: Some(300),
    }
}

fn problem(path: &Path) -> String {
    let error = read(path).unwrap_err().to_string();
    error.strip_prefix(&format!("token file {}: ", path.display())).unwrap().to_owned()
}

#[test]
fn what_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    assert!(read(&path).unwrap().is_none());
    assert!(read(&folder.path().join("none/t.json")).unwrap().is_none());
    for (text, access, refresh, token_type, expires) in [
        (PLAIN, Some("old-access"), Some("old-refresh"), Some("Bearer"), None),
        ("{\"access_token\":\"a\"}", Some("a"), None, None, None),
        ("{\"refresh_token\":\"r\",\"access_token\":null}", None, Some("r"), None, None),
        (
            "\u{feff}{\"access_token\":\"\",\"refresh_token\":\"r\",\"expires_in\":300}",
            None,
            Some("r"),
            None,
            Some(300),
        ),
        ("{\"access_token\":\"a\",\"token_type\":\"x\\r\\nEvil: y\"}", Some("a"), None, None, None),
        ("{\"access_token\":\"a\",\"expires_in\":\"soon\",\"extra\":[1]}", Some("a"), None, None, None),
    ] {
        fs::write(&path, text).unwrap();
        let found = read(&path).unwrap().unwrap().tokens;
        assert_eq!(found.access_token.as_ref().map(AccessToken::expose), access, "{text}");
        assert_eq!(found.refresh_token.as_ref().map(RefreshToken::expose), refresh, "{text}");
        assert_eq!((found.token_type.as_deref(), found.expires_in_s), (token_type, expires), "{text}");
    }
}

#[test]
fn what_is_wrong_is_named_and_never_quoted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let secret = "hunter2-secret";
    for (text, expected) in [
        (String::new(), "it is empty"),
        (" \n".to_owned(), "it is empty"),
        ("{\n  \"access_token\": \"hunter2-secret\",".to_owned(), "it breaks off at line 2, column 35"),
        (format!("{secret}\n"), "it is not JSON (line 1, column 1)"),
        (format!("{{\"access_token\":\"a\"}} {secret}"), "it is not JSON (line 1, column 22)"),
        (format!("[\"{secret}\"]"), "it is JSON, but not an object with access_token and refresh_token"),
        (format!("{{\"token\":\"{secret}\"}}"), "it has neither access_token nor refresh_token"),
        (format!("{{\"access_token\":[\"{secret}\"]}}"), "its access_token is not a string"),
        (
            format!("{{\"refresh_token\":\"{secret}\\n\"}}"),
            "its refresh_token holds characters that no token has",
        ),
        (
            format!("{{\"access_token\":\"{secret} \"}}"),
            "its access_token holds characters that no token has",
        ),
        (format!("\"{}\"", "x".repeat(1 << 20)), "it is larger than 1 MiB"),
    ] {
        fs::write(&path, &text).unwrap();
        assert_eq!(problem(&path), expected, "{text:.60}");
        assert!(!format!("{:?}", read(&path)).contains("hunter2"));
    }
}

#[test]
fn what_is_no_file_is_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    fs::create_dir(at("dir")).unwrap();
    symlink("nowhere", at("dangling")).unwrap();
    symlink("loop", at("loop")).unwrap();
    nix::unistd::mkfifo(&at("fifo"), nix::sys::stat::Mode::S_IRWXU).unwrap();
    let _socket = UnixListener::bind(at("socket")).unwrap();
    for (name, expected) in [
        ("dir", "it is a folder"),
        ("dangling", "it is a symlink to nowhere, which does not exist"),
        ("loop", "its symlinks lead in a circle"),
        ("fifo", "it is not a regular file"),
        ("socket", "it is not a regular file"),
    ] {
        assert_eq!(problem(&at(name)), expected, "{name}");
        let written = write(&at(name), &tokens("a", "r"), true, None);
        assert!(written.is_err(), "{name}");
    }
    fs::write(at("locked"), PLAIN).unwrap();
    set_mode(&at("locked"), 0o200);
    if nix::unistd::geteuid().is_root() {
        assert!(read(&at("locked")).unwrap().is_some(), "root reads everything");
    } else {
        let uid = nix::unistd::geteuid();
        let expected =
            format!("it cannot be read: it has mode 0200 and belongs to uid {uid}, and this is uid {uid}");
        assert_eq!(problem(&at("locked")), expected);
    }
}

#[test]
fn modes_that_show_tokens_to_others_are_noted() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    fs::write(&path, PLAIN).unwrap();
    for (mode, lax) in [(0o600, None), (0o400, None), (0o644, Some(0o644)), (0o640, Some(0o640))] {
        set_mode(&path, mode);
        assert_eq!(read(&path).unwrap().unwrap().lax_mode, lax);
    }
}

#[test]
fn a_file_looks_as_if_wekas_own_tools_had_written_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("new/.weka/t.json");
    assert!(matches!(write(&path, &tokens("a", "r"), false, None).unwrap(), Written::Absent));
    assert!(!folder.path().join("new").exists());
    assert!(matches!(write(&path, &tokens("a", "r"), true, None).unwrap(), Written::Done(_)));
    assert_eq!(
        fs::read_to_string(&path).unwrap(),
        "{\n    \"access_token\": \"a\",\n    \"refresh_token\": \"r\",\n    \"token_type\": \"Bearer\"\n}\n"
    );
    assert_eq!(mode_of(&path), 0o600);
    assert_eq!(mode_of(path.parent().unwrap()), 0o700);
    assert_eq!(mode_of(&folder.path().join("new")), 0o700);
}

#[test]
fn other_keys_and_the_order_are_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    fs::write(
        &path,
        "{\"site\":{\"b\":1,\"a\":[2.50]},\"token_type\":\"Bearer\",\"refresh_token\":\"x\",\"expires_in\":1,\"access_token\":\"y\",\"password_change_required\":false}",
    )
    .unwrap();
    let Written::Done(_) = write(&path, &tokens("a", "r"), false, None).unwrap() else {
        panic!("not written")
    };
    let text = fs::read_to_string(&path).unwrap();
    let squeezed: String = text.split_whitespace().collect();
    assert_eq!(
        squeezed,
        "{\"site\":{\"b\":1,\"a\":[2.5]},\"token_type\":\"Bearer\",\"refresh_token\":\"r\",\"expires_in\":300,\"access_token\":\"a\",\"password_change_required\":false}"
    );
    // What the new pair does not have is not left over from the old one.
    let Written::Done(_) = write(&path, &tokens("b", ""), false, None).unwrap() else {
        panic!("not written")
    };
    let found = read(&path).unwrap().unwrap().tokens;
    assert!(found.refresh_token.is_none());
}

#[test]
fn modes_and_links_after_a_write() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    for (before, after) in [(0o644, 0o600), (0o400, 0o400), (0o600, 0o600)] {
        fs::write(folder.path().join("next"), PLAIN).unwrap();
        fs::rename(folder.path().join("next"), &path).unwrap();
        set_mode(&path, before);
        write(&path, &tokens("a", "r"), false, None).unwrap();
        assert_eq!(mode_of(&path), after);
    }
    let link = folder.path().join("link");
    symlink("t.json", &link).unwrap();
    write(&link, &tokens("via-link", "r"), false, None).unwrap();
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert!(fs::read_to_string(&path).unwrap().contains("via-link"));
}

#[test]
fn tokens_that_somebody_else_has_just_written_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    fs::write(&path, PLAIN).unwrap();
    let before = read(&path).unwrap().unwrap().tokens;
    let known = |found: &Tokens| *found == before;
    write(&path, &tokens("mine", "mine"), false, Some(&known)).unwrap();

    // Somebody logs in with WEKA's own tool meanwhile.
    let Written::Overtaken(found) = write(&path, &tokens("mine-2", "mine-2"), false, Some(&known)).unwrap()
    else {
        panic!("overwritten")
    };
    assert_eq!(found.tokens.access_token.as_ref().map(AccessToken::expose), Some("mine"));
    assert!(fs::read_to_string(&path).unwrap().contains("\"mine\""));
    // The very tokens may be written again, and a person's login replaces anybody's.
    assert!(matches!(write(&path, &tokens("mine", "mine"), false, Some(&known)).unwrap(), Written::Done(_)));
    assert!(matches!(write(&path, &tokens("mine-2", "mine-2"), false, None).unwrap(), Written::Done(_)));
    // What cannot be understood holds nobody's tokens, once nobody is writing it any more.
    fs::write(&path, "{\"access_to").unwrap();
    let error = write(&path, &tokens("mine-3", "mine-3"), false, Some(&known)).unwrap_err();
    assert!(matches!(error.problem, TokenFileProblem::BeingWritten), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "{\"access_to");
    let file = fs::File::options().write(true).open(&path).unwrap();
    file.set_modified(std::time::SystemTime::now() - std::time::Duration::from_secs(60)).unwrap();
    assert!(matches!(
        write(&path, &tokens("mine-3", "mine-3"), false, Some(&known)).unwrap(),
        Written::Done(_)
    ));
}

#[test]
fn what_is_no_token_file_is_not_written_over() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(".bashrc");
    for text in ["export PATH=/opt/bin:$PATH\n", "[1, 2]", "\"text\""] {
        fs::write(&path, text).unwrap();
        let error = write(&path, &tokens("a", "r"), true, None).unwrap_err().to_string();
        assert!(error.contains("not JSON") || error.contains("not an object"), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
    for (text, kept) in [("", ""), ("{\"acc", ""), ("{\"note\":1,\"access_token\":7}", "\"note\": 1,")] {
        fs::write(&path, text).unwrap();
        write(&path, &tokens("a", "r"), true, None).unwrap();
        let after = fs::read_to_string(&path).unwrap();
        assert!(after.contains(kept) && after.contains("\"refresh_token\": \"r\""), "{after}");
    }
}

#[test]
fn our_own_writing_is_told_from_anybody_elses() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let Written::Done(ours) = write(&path, &tokens("a", "r"), true, None).unwrap() else {
        panic!("not written")
    };
    assert_eq!(read(&path).unwrap().unwrap().identity, ours);
    assert!(
        ours.holds(&tokens("a", "r")) && !ours.holds(&tokens("a", "x")) && !ours.holds(&tokens("ar", ""))
    );
    // The same tokens, written by another.
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text + "\n").unwrap();
    let theirs = read(&path).unwrap().unwrap().identity;
    assert!(theirs != ours && theirs.same_tokens(&ours));
}

#[test]
fn a_logout_takes_our_own_tokens_with_it_and_no_others() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("t.json"), folder.path().join("link"));
    fs::write(&path, PLAIN).unwrap();
    symlink("t.json", &link).unwrap();
    let ours = |tokens: &Tokens| tokens.access_token.as_ref().map(AccessToken::expose) == Some("old-access");
    assert!(!remove_if(&link, |tokens| !ours(tokens)).unwrap());
    assert!(remove_if(&link, ours).unwrap());
    assert!(!path.exists() && fs::symlink_metadata(&link).is_err());
    assert!(!remove_if(&link, ours).unwrap());
    fs::write(&path, "garbage").unwrap();
    assert!(!remove_if(&path, |_| true).unwrap());
    assert!(path.exists());
}

#[test]
fn one_holder_of_the_lock_at_a_time_through_whichever_name() {
    let folder = tempfile::tempdir().unwrap();
    let (path, link) = (folder.path().join("t.json"), folder.path().join("link"));
    fs::write(&path, PLAIN).unwrap();
    symlink("t.json", &link).unwrap();
    let lock = try_lock(&path).unwrap().expect("nobody holds it");
    assert!(try_lock(&path).unwrap().is_none());
    assert!(try_lock(&link).unwrap().is_none());
    lock.release();
    assert!(try_lock(&link).unwrap().is_some());
    let lock_file = folder.path().join("t.json.lock");
    assert_eq!(mode_of(&lock_file), 0o600);
    assert!(!folder.path().join("link.lock").exists());
}

#[test]
fn a_file_of_roots_was_given_away_where_a_user_had_put_it_in_place_of_the_lock() {
    if !nix::unistd::geteuid().is_root() {
        eprintln!("skipped: only root gives files away");
        return;
    }
    let user = Some(nix::unistd::Uid::from_raw(4_000_000));
    let folder = tempfile::tempdir().unwrap();
    let (path, lock) = (folder.path().join("t.json"), folder.path().join("t.json.lock"));
    fs::write(&path, PLAIN).unwrap();
    nix::unistd::chown(&path, user, None).unwrap();
    let secret = folder.path().join("secret");
    let refused = |words: &str| {
        let error = try_lock(&path).unwrap_err().to_string();
        assert!(error.contains(words), "{error}");
        fs::metadata(&lock).unwrap().uid()
    };
    fs::write(&secret, "").unwrap();
    fs::hard_link(&secret, &lock).unwrap();
    assert_eq!(refused("hard links"), 0);
    fs::remove_file(&secret).unwrap();
    fs::write(&lock, "what root had written").unwrap();
    assert_eq!(refused("something in it"), 0);
    fs::write(&lock, "").unwrap();
    nix::unistd::chown(&lock, Some(nix::unistd::Uid::from_raw(4_000_001)), None).unwrap();
    assert_eq!(refused("belongs neither"), 4_000_001);
    // One of root's own making is the user's, who has to be able to take it as well.
    fs::remove_file(&lock).unwrap();
    drop(try_lock(&path).unwrap().expect("nobody holds it"));
    assert_eq!(fs::metadata(&lock).unwrap().uid(), 4_000_000);
}

#[test]
fn where_there_can_be_no_lock_it_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let error = try_lock(&folder.path().join("none/t.json")).unwrap_err().to_string();
    let lock_file = folder.path().join("none/t.json.lock");
    assert_eq!(
        error,
        format!("{} cannot be locked: No such file or directory (os error 2)", lock_file.display())
    );
    for name in ["fifo", "link"] {
        let path = folder.path().join(name);
        let lock_file = folder.path().join(format!("{name}.lock"));
        if name == "fifo" {
            nix::unistd::mkfifo(&lock_file, nix::sys::stat::Mode::S_IRWXU).unwrap();
        } else {
            symlink("elsewhere", &lock_file).unwrap();
        }
        assert!(try_lock(&path).is_err(), "{name}");
    }
    assert!(!folder.path().join("elsewhere").exists());
}

#[tokio::test]
async fn a_lock_ends_when_it_is_dropped_on_a_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("t.json");
    let worker = weka_tokend::token_file::FileWorker::new();
    worker.hold(try_lock(&path).unwrap());
    assert!(try_lock(&path).unwrap().is_none());
    worker.release();
    // The file is closed on another thread.
    let got = tokio::time::timeout(std::time::Duration::from_secs(60), async {
        loop {
            if let Some(lock) = try_lock(&path).unwrap() {
                return lock;
            }
            tokio::task::yield_now().await;
        }
    });
    got.await.expect("the lock was never given back").release();
}
