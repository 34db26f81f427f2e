//! Changing the password.

use super::*;
use crate::model::passwd::{Passwd, Stage};
use weka_token::client::Offers;
use wire::ProfileSettings;

fn dialog(person: &Person) -> &Passwd {
    match &person.model.dialog {
        Some(Dialog::Passwd(dialog)) => dialog,
        other => panic!("no change of password: {other:?}"),
    }
}

fn wrong(person: &Person) -> String {
    dialog(person).wrong.as_ref().map(|failure| failure.message.clone()).unwrap_or_default()
}

/// Who is about to change a password.
fn before_the_form() -> Person {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('p'));
    person.is_told(samples::settings(true), Offers::default());
    person
}

#[test]
fn the_old_one_and_twice_the_new_one_are_sent_once() {
    let mut person = before_the_form();
    ["Alice-Pass1", "Alice-Pass2", "Alice-Pass2"].iter().for_each(|password| person.types(password));
    assert!(matches!(dialog(&person).stage, Stage::Changing(_)));
    person.types("");
    assert_eq!(person.asked.len(), 1);
    let request =
        person.is_answered(Response::Done { notes: vec!["the password of alice is changed".into()] });
    let Request::ChangePassword(change) = request else { panic!("{request:?}") };
    assert_eq!((change.profile.as_deref(), change.timeout_ms), (Some("default"), 30_000));
    assert_eq!((change.old_password.expose(), change.new_password.expose()), ("Alice-Pass1", "Alice-Pass2"));
    assert!(person.model.dialog.is_none());
    assert_eq!(notice(&person), "the password of alice is changed");
}

#[test]
fn what_cannot_be_meant_is_not_sent() {
    for (passwords, expected, focus) in [
        (["Alice-Pass1", "Alice-Pass2", "Alice-Pass3"], "the two are not the same; nothing was changed", 1),
        (["Alice-Pass1", "Alice-Pass1", "Alice-Pass1"], "that is the old one; nothing was changed", 1),
        (["Alice-Pass1", "Alice-Pass2", ""], "the new password, typed again, is missing", 2),
        (["Alice-Pass1", "", ""], "the new password is missing", 1),
        (["", "", ""], "the old password is missing", 0),
    ] {
        let mut person = before_the_form();
        passwords.iter().for_each(|password| person.types(password));
        assert!(person.wishes().is_empty(), "{passwords:?}");
        assert_eq!((wrong(&person).as_str(), dialog(&person).focus), (expected, focus));
    }
}

#[test]
fn a_policy_that_refuses_the_new_one_leaves_the_old_one_to_stand() {
    let mut person = before_the_form();
    ["Alice-Pass1", "short", "short"].iter().for_each(|password| person.types(password));
    person.is_failed("the cluster refused the new password: it is too short; nothing was changed");
    assert!(wrong(&person).contains("too short"));
    let counts = dialog(&person).fields.each_ref().map(|field| field.count());
    assert_eq!((counts, dialog(&person).focus), ([11, 0, 0], 1));
    ["Alice-Pass2", "Alice-Pass2"].iter().for_each(|password| person.types(password));
    let (_, request) = person.request();
    assert!(
        matches!(request, Request::ChangePassword(change) if change.old_password.expose() == "Alice-Pass1")
    );
}

#[test]
fn an_old_one_that_was_wrong_is_forgotten() {
    let mut person = before_the_form();
    ["Wrong", "Alice-Pass2", "Alice-Pass2"].iter().for_each(|password| person.types(password));
    person.is_refused("the old password is wrong; nothing was changed", "type it with care");
    let counts = dialog(&person).fields.each_ref().map(|field| field.count());
    assert_eq!((counts, dialog(&person).focus), ([0, 0, 0], 0));
}

#[test]
fn during_a_lockout_no_password_is_asked_for() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('p'));
    let locked = samples::settings(true);
    let locked = ProfileSettings { locked_for_s: Some(99), state: wire::State::LockedOut, ..locked };
    person.is_told(locked, Offers::default());
    assert!(matches!(&dialog(&person).stage, Stage::Refused(failure) if failure.message.contains("1m39s")));
    person.types("Alice-Pass1");
    assert!(person.wishes().is_empty() && person.model.dialog.is_none());
}

#[test]
fn passwords_are_not_in_debug() {
    let mut person = before_the_form();
    ["Alice-Pass1", "Alice-Pass2"].iter().for_each(|password| person.types(password));
    person.pastes("Alice-Pass2\nmore");
    let typed = format!("{:?}", person.model);
    person.presses(KeyCode::Enter);
    let sent = format!("{:?} {:?}", person.model, person.asked);
    assert_eq!(person.asked.len(), 1, "a pasted line counts as typed");
    assert!(!typed.contains("Alice-P") && !sent.contains("Alice-P"), "{typed} {sent}");
}
