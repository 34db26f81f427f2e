//! Passwords from programs, files and credentials.

use super::*;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::time::Instant;

const LONG: Duration = Duration::from_secs(20);

fn shell(script: &str) -> PasswordSource {
    PasswordSource::Command(vec!["sh".to_owned(), "-c".to_owned(), script.to_owned()])
}

async fn password(source: &PasswordSource) -> Result<String, String> {
    let read = source.read_within(None, LONG).await;
    read.map(|password| password.expose().to_owned()).map_err(|error| error.to_string())
}

fn file(folder: &Path, name: &str, text: &[u8], mode: u32) -> PathBuf {
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
    path
}

#[tokio::test]
async fn the_first_line_that_a_program_prints() {
    for (script, expected) in [
        ("echo hunter2", "hunter2"),
        ("printf hunter2", "hunter2"),
        ("printf 'hunter2\\r\\nurl: https://weka01\\n'", "hunter2"),
        ("printf '  p w  \\n'", "  p w  "),
        ("echo pässwörd; echo trouble >&2", "pässwörd"),
        // More than is kept, but the line is there.
        ("echo hunter2; head -c 300000 /dev/zero", "hunter2"),
        // The standard input is empty, and is not the daemon's.
        ("cat; echo hunter2", "hunter2"),
    ] {
        assert_eq!(password(&shell(script)).await.as_deref(), Ok(expected), "{script}");
    }
}

#[tokio::test]
async fn what_goes_wrong_with_a_program_is_said_in_one_safe_line() {
    for (script, expected) in [
        ("true", "it gave no password"),
        ("echo; echo second", "it gave no password"),
        ("printf '\\377\\n'", "the first line is not text"),
        ("printf 'a\\000b\\n'", "the first line is not text"),
        ("head -c 100000 /dev/zero", "the first line is longer than 64 KiB"),
        ("exit 3", "it failed (exit status 3)"),
        (
            "echo one >&2; printf 'two\\033[31m\\ttabs\\n\\n' >&2; exit 1",
            "it failed (exit status 1): two [31m tabs",
        ),
        ("echo hunter2; echo 'no: hunter2 is old' >&2; exit 1", "it failed (exit status 1): no: *** is old"),
        ("kill -9 $$", "it failed (signal: 9 (SIGKILL))"),
    ] {
        let error = password(&shell(script)).await.unwrap_err();
        assert_eq!(error, format!("password from command sh: {expected}"), "{script}");
    }
    let long = shell("head -c 100000 /dev/zero | tr '\\0' x >&2; exit 1");
    let error = password(&long).await.unwrap_err();
    assert_eq!(error.len(), "password from command sh: it failed (exit status 1): ".len() + MAX_SHOWN);
    let missing = PasswordSource::Command(vec!["/nonexistent/pass".to_owned()]);
    assert_eq!(
        password(&missing).await.unwrap_err(),
        "password from command /nonexistent/pass: it cannot be run: No such file or directory (os error 2)"
    );
}

/// Whether a process is there and not a mere zombie.
fn is_alive(pid: &str) -> bool {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit_once(") ").is_some_and(|(_, rest)| !rest.starts_with('Z'))
}

#[tokio::test]
async fn a_program_that_takes_too_long_is_killed_with_its_children() {
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let source = shell(&format!("sleep 1000 & echo $! > '{}'; wait", pid_file.display()));
    let mut pid = String::new();
    // On a busy machine a short time may be over before there is a grandchild.
    for seconds in [1, 4, 16] {
        let read = source.read_within(None, Duration::from_secs(seconds)).await;
        let expected = format!("password from command sh: it did not answer within {seconds} s");
        assert_eq!(read.unwrap_err().to_string(), expected);
        pid = fs::read_to_string(&pid_file).unwrap_or_default().trim().to_owned();
        if !pid.is_empty() {
            break;
        }
    }
    assert_ne!(pid, "", "there was no grandchild");
    let deadline = Instant::now() + LONG;
    while is_alive(&pid) {
        assert!(Instant::now() < deadline, "the grandchild {pid} lives on");
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_helper_left_behind_is_not_waited_for() {
    // It outlives all patience.
    assert_eq!(password(&shell("sleep 25 & echo hunter2")).await.as_deref(), Ok("hunter2"));
    let failed = password(&shell("sleep 25 & echo no >&2; exit 1")).await;
    assert_eq!(failed.unwrap_err(), "password from command sh: it failed (exit status 1): no");
}

#[tokio::test]
async fn the_service_managers_variables_are_not_handed_on() {
    let source = shell("env | grep -c -e NOTIFY_SOCKET -e LISTEN_ -e WATCHDOG_ -e FDSTORE");
    // grep finds none, prints 0 and says so with status 1.
    assert_eq!(password(&source).await.unwrap_err(), "password from command sh: it failed (exit status 1)");
}

#[tokio::test]
async fn files_are_read_unless_everybody_may() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (mode, text) in [(0o600, b"hunter2\n".as_slice()), (0o440, b"hunter2\r\nrest")] {
        let path = file(folder, "good", text, mode);
        assert_eq!(password(&PasswordSource::File(path.clone())).await.as_deref(), Ok("hunter2"));
        fs::remove_file(path).unwrap();
    }
    let open = file(folder, "open", b"hunter2\n", 0o644);
    assert_eq!(
        password(&PasswordSource::File(open.clone())).await.unwrap_err(),
        format!(
            "password from file {0}: every user of this machine may read or write it (mode 0644); run: chmod o-rwx {0}",
            open.display()
        )
    );
    let fifo = folder.join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    for (path, expected) in [
        (file(folder, "empty", b"", 0o600), "it gave no password"),
        (file(folder, "long", &[b'x'; MAX_OUTPUT], 0o600), "the first line is longer than 64 KiB"),
        (folder.join("none"), "there is no such file"),
        (folder.to_owned(), "it is not a regular file"),
        (fifo, "it is not a regular file"),
    ] {
        let error = password(&PasswordSource::File(path.clone())).await.unwrap_err();
        assert_eq!(error, format!("password from file {}: {expected}", path.display()));
    }
}

#[tokio::test]
async fn credentials_come_from_the_service_manager() {
    let folder = tempfile::tempdir().unwrap();
    file(folder.path(), "weka", b"hunter2\n", 0o440);
    let source = PasswordSource::Credential("weka".to_owned());
    let read = source.read(Some(folder.path())).await.unwrap();
    assert_eq!(read.expose(), "hunter2");
    assert_eq!(
        source.read(None).await.unwrap_err().to_string(),
        "password from credential weka: there are no credentials (CREDENTIALS_DIRECTORY is not set); \
         the unit needs LoadCredential=weka:..."
    );
    let other = PasswordSource::Credential("other".to_owned());
    assert_eq!(
        other.read(Some(folder.path())).await.unwrap_err().to_string(),
        "password from credential other: there is no such credential; the unit needs LoadCredential=other:..."
    );
}

#[tokio::test]
async fn a_file_is_read_by_one_thread_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let path = file(folder.path(), "slow", b"hunter2\n", 0o600);
    let source = PasswordSource::File(path.clone());
    let turn = Turn::take(&path).unwrap();
    let hung = source.read_within(None, Duration::from_millis(50)).await;
    assert!(matches!(hung.unwrap_err().problem, PasswordProblem::TooSlow(_)));
    let release = async {
        tokio::task::yield_now().await;
        drop(turn);
    };
    let (first, second, ()) = tokio::join!(password(&source), password(&source), release);
    assert_eq!((first.as_deref(), second.as_deref()), (Ok("hunter2"), Ok("hunter2")));
}
