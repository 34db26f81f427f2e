//! Long-lived tokens, and what must not be seen of them.

use super::*;
use crate::model::api_token::{OTHER, Stage as TokenStage};
use wire::Verdict;

#[test]
fn a_life_is_chosen_or_typed() {
    let asked = |keys: &[KeyCode]| {
        let mut person = Person::seeing(SIZE, three());
        person.presses(KeyCode::Char('t'));
        keys.iter().for_each(|key| person.presses(*key));
        match person.wishes().pop() {
            Some(Effect::Ask { request, .. }) => match *request {
                Request::Generate { access_token_timeout_s, .. } => Some(access_token_timeout_s),
                other => panic!("{other:?}"),
            },
            None => None,
            other => panic!("{other:?}"),
        }
    };
    use KeyCode::{Char, Down, Enter, Up};
    let day = 86_400;
    assert_eq!(asked(&[Enter]), Some(30 * day), "as in WEKA's own tools");
    assert_eq!(asked(&[Up, Up, Enter]), Some(day));
    assert_eq!(asked(&[Down, Down, Enter]), Some(365 * day));
    assert_eq!(asked(&[Char('1'), Char('d'), Char('5'), Char('h'), Enter]), Some(day + 18_000));
    assert_eq!(asked(&[Down, Down, Down, Char('9'), Char('0'), Enter]), Some(90));
    assert_eq!(asked(&[Down, Down, Down, Enter]), None, "nothing was typed");
    assert_eq!(asked(&[Char('0'), Enter]), None);
}

#[test]
fn what_never_ends_is_refused_with_the_reason() {
    for word in ["infinite", "unlimited"] {
        let mut person = Person::seeing(SIZE, three());
        person.presses(KeyCode::Char('t'));
        person.presses(KeyCode::Up);
        (0..4).for_each(|_| person.presses(KeyCode::Down));
        person.types(word);
        assert!(person.wishes().is_empty());
        let Some(Dialog::ApiToken(dialog)) = &person.model.dialog else { panic!("it was closed") };
        let TokenStage::Choose { choice: OTHER, wrong: Some(failure), .. } = &dialog.stage else {
            panic!("{dialog:?}")
        };
        assert!(failure.message.contains("a limit is needed"), "{failure:?}");
    }
}

fn with_token() -> Person {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('t'));
    person.presses(KeyCode::Enter);
    person.presses(KeyCode::Esc);
    assert!(person.model.dialog.is_some(), "while it is being made, somebody has to be there to take it");
    person.is_answered(samples::long_lived(2_591_999, 2_592_000));
    person
}

#[test]
fn a_token_is_copied_as_it_is() {
    let mut person = with_token();
    person.presses(KeyCode::Char('c'));
    let Some(Effect::Copy(token)) = person.wishes().pop() else { panic!("it was not copied") };
    assert_eq!(token.expose(), "eyJTOKEN.".repeat(66));
    person.hears(Message::Copied(Ok(())));
    person.presses(KeyCode::Esc);
    assert!(person.model.dialog.is_none());
}

#[test]
fn a_token_that_nobody_took_is_not_lost_by_one_key() {
    let mut person = with_token();
    person.presses(KeyCode::Esc);
    assert!(person.model.dialog.is_some());
    person.presses(KeyCode::Esc);
    assert!(person.model.dialog.is_none());
    let mut person = with_token();
    person.presses(KeyCode::Char('v'));
    person.presses(KeyCode::Esc);
    assert!(person.model.dialog.is_none(), "it was seen");
    let mut person = with_token();
    person.presses(KeyCode::Char('x'));
    assert!(matches!(person.model.dialog, Some(Dialog::Revoke(_))), "and the token is gone from here");
}

#[test]
fn no_secret_is_in_the_models_debug() {
    let mut person = with_token();
    person.presses(KeyCode::Char('v'));
    person.presses(KeyCode::Char('c'));
    let text = format!("{:?} {:?}", person.model, person.asked);
    assert!(!text.contains("eyJTOKEN"), "{text}");
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    "Alice-Pass1".chars().for_each(|letter| person.presses(KeyCode::Char(letter)));
    let typed = format!("{:?}", person.model);
    person.presses(KeyCode::Enter);
    person.is_answered(samples::certificate(Verdict::Trusted));
    let sent = format!("{:?} {:?}", person.model, person.asked);
    assert!(!typed.contains("Alice-P") && !sent.contains("Alice-P"), "{typed} {sent}");
}

#[test]
fn a_dialog_revokes_for_its_own_profile_even_if_another_one_is_selected_meanwhile() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('t'));
    person.hears(Message::Status(samples::status(vec![
        samples::profile("a", State::Ready, Some(100)),
        samples::profile("b", State::Ready, Some(100)),
    ])));
    assert_eq!(person.model.selected.as_deref(), Some("a"), "default has gone");
    person.presses(KeyCode::Char('x'));
    assert!(person.model.dialog.is_none() && person.wishes().is_empty());
    assert!(notice(&person).contains("no profile default any more"), "{}", notice(&person));
}
