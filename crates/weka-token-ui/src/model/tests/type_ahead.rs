//! What is typed faster than it can be taken.

use super::*;
use weka_token::client::Offers;
use wire::Verdict;

#[test]
fn what_was_typed_before_the_form_was_there_is_in_it() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('l'));
    person.begins("Alice-Pass");
    person.pastes("1");
    person.presses(KeyCode::Enter);
    person.begins("yes");
    person.presses(KeyCode::Enter);
    let offers = Offers { username: "alice".into(), org: "Root".into(), ..Offers::default() };
    person.is_told(samples::settings(true), offers);
    assert!(matches!(stage(&person), Stage::Probing(_)), "it goes as far as the form does");
    person.is_answered(samples::certificate(Verdict::Unknown("self-signed".into())));
    let Stage::Certificate { answer, .. } = stage(&person) else { panic!("{:?}", stage(&person)) };
    assert!(answer.is_empty() && person.wishes().is_empty(), "a question is not answered before it is asked");
    person.types("yes");
    let (_, request) = person.request();
    assert!(matches!(request, Request::Login(login) if login.password.expose() == "Alice-Pass1"));
}

#[test]
fn what_was_typed_before_the_passwords_are_asked_for_is_in_their_fields() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('p'));
    person.types("Alice-Pass1");
    person.begins("Alice-");
    person.is_told(samples::settings(true), Offers::default());
    person.begins("Pass2");
    let Some(Dialog::Passwd(dialog)) = &person.model.dialog else { panic!("no dialog") };
    assert_eq!(dialog.fields.each_ref().map(|field| field.count()), [11, 11, 0]);
}

#[test]
fn keys_pressed_before_the_daemon_has_answered_are_kept() {
    let mut person = Person::before(SIZE);
    person.presses(KeyCode::End);
    person.presses(KeyCode::Char('l'));
    person.begins("quite");
    person.pastes("-right");
    assert!(person.model.dialog.is_none() && person.wishes().is_empty(), "no profile is known to log in to");
    person.hears(Message::Status(samples::status(three())));
    assert_eq!(person.model.selected.as_deref(), Some("z"));
    let offers = Offers { username: "alice".into(), ..Offers::default() };
    person.is_told(samples::settings(true), offers);
    let Some(Dialog::LogIn(dialog)) = &person.model.dialog else { panic!("no login") };
    assert_eq!(dialog.form.as_ref().unwrap().password.count(), "quite-right".len());
}

#[test]
fn leaving_and_the_help_wait_for_nobody() {
    let mut person = Person::before(SIZE);
    person.presses(KeyCode::Char('?'));
    assert!(matches!(person.model.dialog, Some(Dialog::Help)));
    person.presses(KeyCode::Esc);
    person.presses(KeyCode::Char('q'));
    assert_eq!(person.wishes(), [Effect::Leave(0)]);
    person.presses(KeyCode::Char('l'));
    person.presses(KeyCode::Char('q'));
    assert!(person.wishes().is_empty(), "it may be a letter of a password");
    person.holds_control_and_presses('c');
    assert_eq!(person.wishes(), [Effect::Leave(130)]);
}

#[test]
fn where_there_is_no_daemon_nothing_is_typed_into_what_comes_instead() {
    let mut person = Person::before(SIZE);
    person.presses(KeyCode::Char('l'));
    person.begins("Alice-Pass1");
    person.hears(Message::Lost(Failure::new(3, "no daemon")));
    assert!(person.model.dialog.is_none(), "a password does not go into a field that shows it");
    person.hears(Message::Status(samples::status(three())));
    assert!(person.model.dialog.is_none() && person.wishes().is_empty());
}
