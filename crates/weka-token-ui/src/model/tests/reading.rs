//! What is there to be read: doctor, whoami and the help.

use super::*;

#[test]
fn doctor_looks_at_the_selected_profile_and_at_all_if_that_is_wanted() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('d'));
    person.presses(KeyCode::Char('r'));
    assert_eq!(person.asked.len(), 1, "it is under way");
    assert_eq!(person.is_examined(samples::findings()).as_deref(), Some("default"));
    person.presses(KeyCode::Char('r'));
    assert_eq!(person.is_examined(samples::findings()).as_deref(), Some("default"));
    person.presses(KeyCode::Char('a'));
    assert_eq!(person.is_examined(samples::findings()), None);
    let Some(Dialog::Doctor(dialog)) = &person.model.dialog else { panic!("it was closed") };
    assert_eq!(dialog.findings, samples::findings());
    person.presses(KeyCode::Esc);
    assert!(person.model.dialog.is_none());
}

#[test]
fn doctor_needs_neither_profile_nor_daemon() {
    let mut person = Person::before(SIZE);
    person.hears(Message::Lost(Failure::new(3, "no daemon")));
    person.presses(KeyCode::Char('d'));
    assert_eq!(person.is_examined(samples::findings()), None);
}

#[test]
fn an_examination_that_nobody_waits_for_is_not_shown() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('d'));
    person.presses(KeyCode::Esc);
    person.presses(KeyCode::Char('?'));
    person.is_examined(samples::findings());
    assert!(matches!(person.model.dialog, Some(Dialog::Help)));
}

#[test]
fn the_cluster_says_who_somebody_is_or_why_not() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('w'));
    let request = person.is_answered(samples::whoami());
    assert_eq!(request, Request::Whoami { profile: Some("default".into()), timeout_ms: 30_000 });
    let Some(Dialog::Identity(dialog)) = &person.model.dialog else { panic!("no dialog") };
    let Some(Ok(whoami)) = &dialog.answer else { panic!("{dialog:?}") };
    assert_eq!(whoami.role.as_deref(), Some("ClusterAdmin"));
    person.presses(KeyCode::Char('q'));
    person.presses(KeyCode::Char('w'));
    person.is_failed("the cluster cannot be reached");
    assert!(matches!(&person.model.dialog, Some(Dialog::Identity(it)) if matches!(it.answer, Some(Err(_)))));
}

#[test]
fn where_there_is_nothing_to_select_the_same_keys_read_on() {
    let mut person = Person::seeing((80, 16), three());
    person.presses(KeyCode::Char('?'));
    for (code, above) in [
        (KeyCode::Down, 1),
        (KeyCode::Char('j'), 2),
        (KeyCode::Char('k'), 1),
        (KeyCode::Char(' '), 9),
        (KeyCode::PageUp, 1),
        (KeyCode::End, u16::MAX),
        (KeyCode::Home, 0),
    ] {
        person.presses(code);
        assert_eq!(person.model.scroll, above, "{code:?}");
    }
    assert_eq!(person.model.selected.as_deref(), Some("default"));
}
