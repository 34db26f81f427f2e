//! Screens as text, compared with files. `UPDATE_SCREENS=1 cargo test -p weka-token-ui` writes the files.

mod dialogs;
mod look;
mod mouse;

use super::*;
use crate::model::message::Message;
use crate::person::Person;
use crate::samples;
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use std::path::Path;
use weka_token::failure::Failure;
use wire::{ProfileStatus, State};

const FULL: Look = Look { colour: true, unicode: true };
/// `NO_COLOR`, and a locale that is not UTF-8.
const PLAIN: Look = Look { colour: false, unicode: false };
const USUAL: (u16, u16) = (80, 24);

fn drawn(person: &mut Person, look: Look) -> Buffer {
    let (columns, rows) = person.model.size;
    let mut terminal = Terminal::new(TestBackend::new(columns, rows)).unwrap();
    let mut drawn = Drawn::default();
    terminal.draw(|frame| drawn = draw(frame, &person.model, look)).unwrap();
    person.model.drawn(drawn.hits, drawn.above);
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
fn what_a_person_should_know_of_a_profile_comes_before_its_numbers() {
    let mut default = samples::profile("default", State::LockedOut, Some(70));
    default.locked_for_s = Some(115);
    default.last_error =
        Some("https://weka01:14000 answered 403: the account is locked for 2 minutes".into());
    default.notes = vec![
        "sink /run/weka-token/sinks/hpc.json cannot be written: no such group (hpc)".into(),
        "the token file /home/alice/.weka/auth-token.json is not readable".into(),
    ];
    let mut lab = samples::profile("lab", State::Untrusted, None);
    lab.next_step = Some("run: weka-token trust -p lab".into());
    let mut person = Person::seeing(USUAL, vec![default, lab]);
    assert_screen(&mut person, FULL, "notes");
    person.presses(KeyCode::Down);
    assert_screen(&mut person, FULL, "untrusted");
}

#[test]
fn long_names_are_told_apart_where_there_is_room() {
    let name = |end: &str| format!("cluster-of-the-computing-centre-in-the-north-{end:0>5}");
    let mut all: Vec<_> =
        (0..50).map(|index| samples::profile(&name(&index.to_string()), State::Ready, Some(100))).collect();
    if let Some(first) = all.first_mut() {
        (first.username, first.org) =
            (Some("jürgen.日本語.ñandú".into()), Some("Forschung \u{1b}[31m\u{202e}x".into()));
    }
    assert_screen(&mut Person::seeing((200, 60), all.clone()), FULL, "long_names_200x60");
    assert_screen(&mut Person::seeing((60, 16), all), PLAIN, "long_names_60x16_plain");
}

#[test]
fn only_a_daemon_that_is_not_there_is_called_that() {
    let mut person = watching(USUAL);
    person.hears(Message::Lost(
        Failure::new(6, "permission denied to connect to /run/weka-token/agent.sock")
            .then("look at: ls -l /run/weka-token/agent.sock"),
    ));
    let shown = text(&drawn(&mut person, FULL));
    assert!(shown.contains("no answer") && !shown.contains("no daemon"), "{shown}");
}
