//! Clicks and the wheel.

use super::*;
use ratatui::crossterm::event::{KeyModifiers, MouseButton, MouseEvent, MouseEventKind};

/// Uses the mouse where these words are.
#[track_caller]
fn uses_the_mouse(person: &mut Person, kind: MouseEventKind, words: &str) {
    let shown = text(&drawn(person, FULL));
    let found = shown.lines().enumerate().find_map(|(row, line)| Some((row, line.split_once(words)?.0)));
    let (row, before) = found.unwrap_or_else(|| panic!("no {words} in {shown}"));
    let column = super::super::rows(before.chars().count());
    person.hears(Message::Mouse(MouseEvent {
        kind,
        column,
        row: super::super::rows(row),
        modifiers: KeyModifiers::NONE,
    }));
}

#[test]
fn clicks_land_where_things_are_drawn() {
    let mut person = watching(USUAL);
    let click = |person: &mut Person, words: &str| {
        uses_the_mouse(person, MouseEventKind::Down(MouseButton::Left), words)
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

#[test]
fn the_wheel_moves_what_is_under_it() {
    let mut person = watching((60, 16));
    uses_the_mouse(&mut person, MouseEventKind::ScrollDown, "PROFILE");
    assert_eq!(person.model.selected.as_deref(), Some("hpc"));
    uses_the_mouse(&mut person, MouseEventKind::ScrollUp, "prod ");
    assert_eq!(person.model.selected.as_deref(), Some("default"));
    uses_the_mouse(&mut person, MouseEventKind::ScrollDown, "gets ");
    assert_eq!(person.model.selected.as_deref(), Some("default"), "the details are read on in");
    let shown = text(&drawn(&mut person, FULL));
    assert!(shown.contains("3 more above") && !shown.contains("life left "), "{shown}");
    person.presses(KeyCode::Char('?'));
    uses_the_mouse(&mut person, MouseEventKind::ScrollDown, "API token");
    assert_eq!(person.model.scroll, 3);
}
