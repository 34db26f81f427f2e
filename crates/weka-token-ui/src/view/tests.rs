//! Screens as text, compared with files. `UPDATE_SCREENS=1 cargo test -p weka-token-ui` writes the files.

use super::*;
use crate::model::message::Message;
use crate::samples::{self, Person};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use ratatui::style::Color;
use std::path::Path;
use weka_token::failure::Failure;
use wire::{ProfileStatus, State, Verdict};

const FULL: Look = Look { colour: true, unicode: true };
/// `NO_COLOR`, and a locale that is not UTF-8.
const PLAIN: Look = Look { colour: false, unicode: false };
const USUAL: (u16, u16) = (80, 24);

fn drawn(person: &mut Person, look: Look) -> Buffer {
    let (columns, rows) = person.model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut hits = Vec::new();
    terminal.draw(|frame| hits = draw(frame, &person.model, look)).unwrap();
    person.model.hits = hits;
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let mut text = String::new();
    for y in 0..buffer.area.height {
        let row: String = (0..buffer.area.width).map(|x| buffer[(x, y)].symbol()).collect();
        text.push_str(row.trim_end());
        text.push('\n');
    }
    text
}

/// Compares with `screens/NAME.txt`.
#[track_caller]
fn assert_screen(person: &mut Person, look: Look, name: &str) {
    let shown = text(&drawn(person, look));
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/screens").join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_SCREENS").is_some() {
        std::fs::write(&path, &shown).unwrap();
    }
    let expected =
        std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert_eq!(shown, expected, "{name}\n{shown}");
}

fn profiles() -> Vec<ProfileStatus> {
    let mut default = samples::profile("default", State::Ready, Some(252));
    default.token_file = Some("/home/alice/.weka/auth-token.json".into());
    default.refresh_failures_total = 0;
    let mut hpc = samples::profile("hpc", State::LockedOut, None);
    hpc.locked_for_s = Some(115);
    let mut lab = samples::profile("lab", State::Degraded, Some(41));
    (lab.username, lab.org) = (Some("svc-render".into()), Some("research".into()));
    lab.endpoint = Some("https://weka-lab-03.example.org:14000".into());
    lab.last_error = Some(
        "https://weka-lab-03.example.org:14000 cannot be reached: the connection was refused; \
         https://weka-lab-04.example.org:14000 has not answered within 6 s"
            .into(),
    );
    lab.next_refresh_in_s = Some(4);
    let mut prod = samples::profile("prod", State::LoginRequired, None);
    prod.last_error = Some("https://weka01:14000 answered 401 Unauthorized".into());
    prod.next_step = Some("run: weka-token login -p prod".into());
    vec![default, hpc, lab, prod]
}

/// Who has watched four profiles for a while.
fn watching(size: (u16, u16)) -> Person {
    let mut person = Person::seeing(size, profiles());
    for (waited, refreshes, gets) in [(60, 0, 4), (50, 1, 1), (70, 0, 9), (90, 0, 2), (20, 1, 6)] {
        person.waits(waited);
        let mut next = profiles();
        for profile in &mut next {
            let last = person.model.daemon.profiles().iter().find(|last| last.name == profile.name).unwrap();
            profile.refreshes_total = last.refreshes_total + refreshes;
            profile.gets_total = last.gets_total + gets;
        }
        person.hears(Message::Status(samples::status(next)));
    }
    person
}

#[test]
fn profiles_in_every_size() {
    assert_screen(&mut watching(USUAL), FULL, "profiles_80x24");
    assert_screen(&mut watching((60, 16)), FULL, "profiles_60x16");
    assert_screen(&mut watching((132, 40)), FULL, "profiles_132x40");
    assert_screen(&mut watching((60, 16)), PLAIN, "profiles_60x16_plain");
    assert_screen(&mut watching((59, 16)), FULL, "too_small");
}

#[test]
fn trouble_is_told_in_words() {
    let mut person = watching((60, 16));
    person.presses(KeyCode::Char('j'));
    assert_screen(&mut person, FULL, "locked_out_60x16");
    person.presses(KeyCode::Down);
    person.waits(7);
    assert_screen(&mut person, FULL, "degraded_60x16");
    person.presses(KeyCode::PageDown);
    assert_screen(&mut person, PLAIN, "degraded_60x16_read_on");
}

#[test]
fn the_daemon_going_away_is_shown_and_nothing_counts_down() {
    let mut person = watching(USUAL);
    let failure =
        Failure::new(3, "no daemon: nobody listens on /run/user/1000/weka-token/agent.sock (left behind)")
            .then("run: systemctl --user start weka-tokend.socket");
    person.hears(Message::Lost(failure));
    person.waits(30);
    assert_screen(&mut person, FULL, "no_daemon");
    let mut person = Person::before(USUAL);
    assert_screen(&mut person, FULL, "connecting");
    person.hears(Message::Status(samples::status(vec![])));
    assert_screen(&mut person, FULL, "no_profiles");
}

#[test]
fn a_long_list_keeps_the_selected_profile_in_sight() {
    let many = (0..30).map(|index| samples::profile(&format!("cluster-{index:02}"), State::Ready, Some(100)));
    let mut person = Person::seeing(USUAL, many.collect());
    person.presses(KeyCode::End);
    person.presses(KeyCode::Up);
    assert_screen(&mut person, FULL, "many_profiles");
}

#[test]
fn logging_in() {
    let mut person = watching(USUAL);
    person.opens_login(false);
    assert_screen(&mut person, FULL, "log_in_nothing_known");
    let mut person = watching((60, 16));
    person.opens_login(true);
    person.types("Wrong");
    person.is_answered(samples::certificate(Verdict::Trusted));
    assert_screen(&mut person, PLAIN, "log_in_waiting_60x16_plain");
    person.is_refused(
        "https://weka01:14000 refused user alice of organization Root with this password",
        "type it again with care: too many wrong ones lock the account",
    );
    assert_screen(&mut person, PLAIN, "log_in_refused_60x16_plain");
}

#[test]
fn judging_a_certificate() {
    let mut person = watching((60, 16));
    person.opens_login(true);
    person.types("Alice-Pass1");
    let unknown = Verdict::Unknown("its self-signed certificate is not known here".into());
    person.is_answered(samples::certificate(unknown));
    assert_screen(&mut person, FULL, "certificate_60x16");
    person.model.size = USUAL;
    person.types("perhaps");
    assert_screen(&mut person, FULL, "certificate_unclear");

    let mut person = watching(USUAL);
    person.opens_login(true);
    person.types("Alice-Pass1");
    let mismatch = Verdict::Mismatch("it is not the pinned one".into());
    person.is_answered(samples::certificate(mismatch));
    assert_screen(&mut person, FULL, "certificate_mismatch");

    let mut person = watching(USUAL);
    person.opens_login(true);
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::PlainHttp));
    assert_screen(&mut person, FULL, "plain_http");
}

#[test]
fn other_ways_into_and_out_of_a_profile() {
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('n'));
    person.types("a/b");
    assert_screen(&mut person, FULL, "new_profile");
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('o'));
    assert_screen(&mut person, FULL, "log_out");
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('l'));
    let locked = wire::ProfileSettings {
        locked_for_s: Some(115),
        state: wire::State::LockedOut,
        ..samples::settings(true)
    };
    person.is_told(locked, weka_token::client::Offers::default());
    assert_screen(&mut person, FULL, "log_in_locked_out");
}

#[test]
fn an_api_token() {
    let mut person = watching((60, 16));
    person.presses(KeyCode::Char('t'));
    assert_screen(&mut person, FULL, "api_token_60x16");
    person.types("90d");
    assert_screen(&mut person, FULL, "api_token_being_made_60x16");
    person.is_answered(samples::long_lived(30 * 86_400 - 1, 90 * 86_400));
    assert_screen(&mut person, FULL, "api_token_less_than_asked_60x16");
    person.presses(KeyCode::Esc);
    assert_screen(&mut person, FULL, "api_token_not_taken_60x16");
    person.presses(KeyCode::Char('v'));
    assert_screen(&mut person, PLAIN, "api_token_revealed_60x16_plain");

    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('t'));
    person.presses(KeyCode::BackTab);
    person.presses(KeyCode::Up);
    (0..3).for_each(|_| person.presses(KeyCode::Down));
    assert_screen(&mut person, FULL, "api_token_chosen");
    person.presses(KeyCode::Up);
    person.presses(KeyCode::Up);
    person.presses(KeyCode::Up);
    person.presses(KeyCode::Down);
    person.presses(KeyCode::Up);
    person.hears(Message::Paste(secret::Password::new("infinite".into())));
    person.presses(KeyCode::Enter);
    assert_screen(&mut person, FULL, "api_token_infinite");
}

#[test]
fn a_token_that_was_copied_or_could_not_be() {
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('t'));
    person.presses(KeyCode::Enter);
    person.is_answered(samples::long_lived(30 * 86_400 - 1, 30 * 86_400));
    person.hears(Message::Copied(Ok(())));
    assert_screen(&mut person, FULL, "api_token_copied");
    person.hears(Message::Copied(Err(Failure::new(1, "cannot write to the terminal: it has gone"))));
    assert_screen(&mut person, FULL, "api_token_not_copied");
}

#[test]
fn revoking() {
    let mut person = Person::seeing(USUAL, {
        let twin = samples::profile("twin", State::Ready, Some(100));
        profiles().into_iter().chain([twin]).collect()
    });
    person.presses(KeyCode::Char('x'));
    person.types("what?");
    assert_screen(&mut person, FULL, "revoke");
    person.types("yes");
    assert_screen(&mut person, FULL, "revoke_waiting");
    person.is_refused("the user's role does not allow it", "ask a cluster admin");
    assert_screen(&mut person, FULL, "revoke_refused");
}

#[test]
fn the_help_is_whole_at_the_usual_size_and_read_on_in_the_smallest() {
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('?'));
    assert_screen(&mut person, FULL, "help");
    let mut person = watching((60, 16));
    person.presses(KeyCode::F(1));
    person.presses(KeyCode::PageDown);
    assert_screen(&mut person, PLAIN, "help_60x16_plain");
}

#[test]
fn sixteen_colours_at_most_and_none_if_none_are_wanted() {
    let colours = |look: Look| {
        let mut person = watching(USUAL);
        let buffer = drawn(&mut person, look);
        buffer.content().iter().flat_map(|cell| [cell.fg, cell.bg]).collect::<Vec<_>>()
    };
    let plain = colours(Look { colour: false, unicode: true });
    assert!(plain.iter().all(|colour| *colour == Color::Reset), "{plain:?}");
    let coloured = colours(FULL);
    assert!(coloured.contains(&Color::Green) && coloured.contains(&Color::Red));
    assert!(!coloured.iter().any(|colour| matches!(colour, Color::Rgb(..) | Color::Indexed(_))));
}

#[test]
fn ascii_is_ascii() {
    let mut person = watching(USUAL);
    for key in [None, Some('t'), Some('?'), Some('x')] {
        if let Some(key) = key {
            person.model.dialog = None;
            person.presses(KeyCode::Char(key));
        }
        let shown = text(&drawn(&mut person, PLAIN));
        assert!(shown.is_ascii(), "{shown}");
    }
}

#[test]
fn every_size_can_be_drawn_with_every_dialog() {
    for (columns, rows) in [(1, 1), (60, 16), (61, 17), (200, 16), (60, 100), (300, 90)] {
        for key in ['\0', '?', 't', 'x', 'o', 'n', 'l'] {
            let mut person = watching((columns, rows));
            if key != '\0' {
                person.presses(KeyCode::Char(key));
            }
            person.model.scroll = u16::MAX;
            drawn(&mut person, FULL);
        }
    }
}

#[test]
fn clicks_land_where_things_are_drawn() {
    let mut person = watching(USUAL);
    let click = |person: &mut Person, words: &str| {
        let shown = text(&drawn(person, FULL));
        let (row, line) = shown.lines().enumerate().find(|(_, line)| line.contains(words)).unwrap();
        let before = line.split(words).next().unwrap();
        person.hears(Message::Mouse(ratatui::crossterm::event::MouseEvent {
            kind: ratatui::crossterm::event::MouseEventKind::Down(
                ratatui::crossterm::event::MouseButton::Left,
            ),
            column: u16::try_from(before.chars().count()).unwrap(),
            row: u16::try_from(row).unwrap(),
            modifiers: ratatui::crossterm::event::KeyModifiers::NONE,
        }));
    };
    click(&mut person, "lab ");
    assert_eq!(person.model.selected.as_deref(), Some("lab"));
    click(&mut person, "t API token");
    click(&mut person, "90 days");
    click(&mut person, "Enter generate");
    let (_, request) = person.request();
    let expected = wire::Request::Generate {
        profile: Some("lab".into()),
        access_token_timeout_s: 90 * 86_400,
        timeout_ms: 30_000,
    };
    assert_eq!(request, expected);
}
