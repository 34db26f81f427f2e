//! `weka-token ui` in a real terminal: what a person sees and does.

use crate::secrets::memory;
use crate::{LoggedIn, login, profile};
use data_encoding::BASE64;
use e2e::{Cluster, Daemon, Home, Terminal, Tmux, until};
use serde_json::json;
use std::path::Path;

/// A terminal of the usual size in which somebody has opened it, and sees a profile that is logged in.
#[track_caller]
pub(crate) fn opened(home: &Home) -> Tmux<'_> {
    let tmux = Tmux::start(home, 80, 24);
    tmux.enter("weka-token ui");
    tmux.until_shown("ready: a live token");
    tmux
}

/// Leaves it, from where no dialog is open.
#[track_caller]
pub(crate) fn leave(tmux: &Tmux<'_>) {
    tmux.type_in("q");
    until("the screen is left", || (tmux.value("#{alternate_on}") == "0").then_some(()));
}

/// The terminal is the shell's again: its own screen, a cursor, an echo, and no mouse.
#[track_caller]
pub(crate) fn assert_given_back(tmux: &Tmux<'_>) {
    let state = tmux.value("#{alternate_on} #{cursor_flag} #{mouse_any_flag}");
    assert_eq!(state, "0 1 0", "{}", tmux.screen());
    tmux.enter(
        "clear; stty -a | tr ';' '\\n' | grep -wo -e -echo -e -icanon -e -isig -e -icrnl; echo looked",
    );
    let screen = tmux.until("stty has been asked", |screen| screen.lines().any(|line| line == "looked"));
    for off in ["-echo", "-icanon", "-isig", "-icrnl"] {
        assert!(!screen.lines().any(|line| line == off), "{off}: {screen}");
    }
}

/// What a terminal was given for its clipboard.
fn from_base64(text: &str) -> String {
    String::from_utf8(BASE64.decode(text.trim_end_matches('\x07').as_bytes()).unwrap()).unwrap()
}

#[test]
fn a_person_logs_in_sees_a_refresh_makes_a_token_and_revokes_it() {
    let cluster = Cluster::start(&["--access-ttl", "20s"]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    let tmux = Tmux::start(&home, 80, 24);
    tmux.enter("weka-token ui");
    tmux.until_shown("login-required: no token");
    tmux.type_in("l");
    tmux.until_shown("Enter log in");
    tmux.type_in(cluster.endpoint());
    tmux.press("Tab");
    tmux.press("Tab");
    tmux.enter("admin");
    tmux.type_in("Admin-Pass1");
    let form = tmux.until_shown("•••••••••••");
    assert!(form.contains(cluster.endpoint()) && !form.contains("Admin-Pass1"), "{form}");
    tmux.press("Enter");
    let shown = tmux.until_shown("Trust this certificate?");
    // It is wrapped.
    let joined: String = shown.chars().filter(|letter| letter.is_ascii_hexdigit()).collect();
    assert!(joined.contains(cluster.fingerprint.trim_start_matches("sha256:")), "{shown}");
    assert!(cluster.logins().is_empty(), "nothing secret was sent before that");
    tmux.enter("yes");
    tmux.until("it is logged in", |screen| {
        screen.contains("ready: a live token") && screen.contains("logged in to")
    });
    assert_eq!(cluster.logins().len(), 1);

    tmux.until_shown("refreshes      1 so far");
    tmux.type_in("r");
    tmux.until_shown("is renewed and lives");

    tmux.type_in("t");
    tmux.until_shown("(*) 30 days");
    tmux.press("Down");
    tmux.enter("");
    let made = tmux.until_shown("characters");
    assert!(made.contains("after 90d00h") && !made.contains("eyJ"), "{made}");
    tmux.type_in("v");
    let revealed = tmux.until_shown("eyJ");
    let token: String = revealed
        .lines()
        .filter_map(|line| line.trim().strip_prefix('│')?.strip_suffix('│'))
        .map(str::trim)
        .filter(|line| line.len() > 60 || line.starts_with("eyJ"))
        .collect();
    let rest = revealed.split(&token[token.len() - 10..]).nth(1).unwrap();
    let last_line = rest.lines().nth(1).unwrap().trim().trim_matches('│').trim();
    let token = if cluster.honours(&token) { token } else { format!("{token}{last_line}") };
    assert!(cluster.honours(&token), "{token}\n{revealed}");

    tmux.type_in("x");
    let warning = tmux.until_shown("This ends every token of admin (organization Root)");
    assert!(!warning.contains("eyJ"), "{warning}");
    tmux.type_in("perhaps");
    tmux.press("Enter");
    tmux.until_shown("Please type yes or no.");
    assert!(cluster.honours(&token));
    tmux.enter("yes");
    tmux.until_shown("login-required");
    assert!(!cluster.honours(&token), "it is dead");
    leave(&tmux);
    assert_given_back(&tmux);
}

#[test]
fn a_token_is_copied_by_osc_52() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let mut command = it.home.weka_token(&["ui"]);
    command.env("LANG", "C.UTF-8");
    let mut terminal = Terminal::run(&command);
    terminal.expect("ready");
    terminal.type_in("t");
    terminal.expect("generate");
    terminal.type_in("\r");
    terminal.expect("characters");
    terminal.type_in("c");
    terminal.expect("\x1b]52;c;");
    let token = from_base64(&terminal.expect("\x07"));
    assert_eq!(it.cluster.check(&token)["standing"], "alive", "{token}");
    terminal.expect("Given to your terminal");
    // Once for the dialog, once for the whole.
    terminal.type_in("qq");
    let (status, rest) = terminal.finish();
    assert_eq!(status, 0);
    assert!(rest.ends_with("\x1b[?2004l\x1b[?1006l\x1b[?1000l\x1b[0m\x1b[?1049l\x1b[?25h"), "{rest:?}");
}

#[test]
fn what_was_secret_is_gone_from_memory_once_its_dialog_is_closed() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let mut terminal = Terminal::run(&it.home.weka_token(&["ui"]));
    let pid = terminal.pid();
    terminal.expect("ready");
    terminal.type_in("l");
    terminal.expect("Enter");
    terminal.type_in("Admin-Pass1\r");
    terminal.expect("logged in");
    terminal.type_in("t");
    terminal.expect("generate");
    terminal.type_in("\r");
    terminal.expect("characters");
    terminal.type_in("c");
    terminal.expect("\x1b]52;c;");
    let token = from_base64(&terminal.expect("\x07"));
    terminal.expect("Given");
    terminal.type_in("v");
    terminal.expect("hide");
    // Its signature is unlike that of any other; part of it would be too much.
    let (_, signature) = token.rsplit_once('.').unwrap();
    let holds = |secret: &str| {
        let memory = memory(pid)?;
        Some(memory.windows(secret.len()).any(|window| window == secret.as_bytes()))
    };
    let Some(there) = holds(&signature[..40]) else {
        // Nobody but root may look, which is as it should be.
        assert!(!e2e::is_root("secrets in memory"), "root may look");
        return;
    };
    assert!(there, "the search finds what is there");
    terminal.type_in("q");
    // The help comes in a frame after the last one that showed the token.
    terminal.type_in("?");
    terminal.expect("Ctrl-L");
    for part in [&signature[..40], &signature[100..140], "min-Pass1"] {
        assert_eq!(holds(part), Some(false), "{part} is still in memory");
    }
    terminal.type_in("qq");
    assert_eq!(terminal.finish().0, 0);
}

#[test]
fn inside_tmux_it_reaches_the_clipboard_around_it_and_nothing_else() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let tmux = Tmux::start(&it.home, 80, 24);
    let mut around = tmux.attach();
    tmux.enter("weka-token ui");
    tmux.until_shown("ready");
    tmux.type_in("t");
    tmux.until_shown("(*) 30 days");
    tmux.press("Enter");
    tmux.until_shown("characters");
    tmux.type_in("c");
    around.expect("\x1b]52;");
    let sent = around.expect("\x07");
    let token = from_base64(sent.split_once(';').unwrap().1);
    assert!(it.cluster.honours(&token), "{token}");
    tmux.until_shown("Given to your terminal");
    assert_eq!(tmux.run(&["list-buffers"]), "", "tmux keeps no copy");
}

#[test]
fn the_daemon_may_go_away_and_come_back() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.write(Path::new("password"), "Alice-Pass1\n");
    let keys = format!("username = \"alice\"\npassword = {{ file = {:?} }}", home.path().join("password"));
    home.configure(&profile("default", &cluster, &keys));
    let tmux = Tmux::start(&home, 80, 24);
    tmux.enter("weka-token ui");
    tmux.until_shown("no daemon: no socket at");
    let daemon = Daemon::start(&home);
    let pid = format!("pid {}", daemon.pid());
    tmux.until("it is there", |screen| screen.contains(&pid) && screen.contains("ready: a live token"));
    drop(daemon);
    tmux.until("it is gone", |screen| {
        screen.contains("it was ready when the daemon last answered") && screen.contains("run: weka-tokend &")
    });
    let daemon = Daemon::start(&home);
    let pid = format!("pid {}", daemon.pid());
    tmux.until("it is back", |screen| screen.contains(&pid) && screen.contains("ready: a live token"));
}

#[test]
fn a_refused_password_is_told_and_a_lockout_is_waited_out() {
    let cluster = Cluster::start(&[]);
    cluster.set(&json!({"lockout_failures": 2}));
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login(&home, &cluster, "alice", "Alice-Pass1").ok();
    home.run(&["logout"]).ok();
    let tmux = Tmux::start(&home, 80, 24);
    tmux.enter("weka-token ui");
    tmux.until_shown("logged-out: somebody has logged out");
    tmux.type_in("l");
    for attempt in 1..=3 {
        tmux.until_shown("Enter log in");
        tmux.enter(&format!("Wrong-Pass{attempt}"));
        // One login was the right one.
        cluster.until_requests("path=/api/v2/login", 1 + attempt);
    }
    tmux.until_shown("locked");
    tmux.press("Escape");
    tmux.until_shown("locked for");
    let before = cluster.logins().len();
    tmux.type_in("l");
    tmux.until_shown("has locked an account that was tried for profile default");
    tmux.press("Escape");
    assert_eq!(cluster.logins().len(), before);
    tmux.type_in("o");
    tmux.until_shown("Log out?");
    tmux.type_in("n");
    tmux.type_in("q");
}
