//! What follows from what: keys and answers in, effects and dialogs out.

mod api_token;
mod log_in;
mod passwd;
mod reading;
mod type_ahead;

use super::*;
use crate::model::log_in::Stage;
use crate::person::Person;
use crate::samples;
use secret::Password;
use wire::{Response, State};

const SIZE: (u16, u16) = (80, 24);

fn three() -> Vec<ProfileStatus> {
    ["a", "default", "z"].map(|name| samples::profile(name, State::Ready, Some(100))).to_vec()
}

fn stage(person: &Person) -> &Stage {
    match &person.model.dialog {
        Some(Dialog::LogIn(dialog)) => &dialog.stage,
        other => panic!("no login: {other:?}"),
    }
}

fn notice(person: &Person) -> String {
    person.model.notice.as_ref().map(|notice| notice.lines.join("\n")).unwrap_or_default()
}

#[test]
fn keys_move_the_selection_within_the_list() {
    let mut person = Person::seeing(SIZE, three());
    assert_eq!(person.model.selected.as_deref(), Some("default"), "the default profile comes first");
    for (code, selected) in [
        (KeyCode::Down, "z"),
        (KeyCode::Char('j'), "z"),
        (KeyCode::Char('k'), "default"),
        (KeyCode::Home, "a"),
        (KeyCode::Up, "a"),
        (KeyCode::Char('G'), "z"),
        (KeyCode::Char('g'), "a"),
    ] {
        person.presses(code);
        assert_eq!(person.model.selected.as_deref(), Some(selected), "{code:?}");
    }
}

#[test]
fn a_selection_outlives_changes_of_the_list() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::End);
    let more = samples::profile("b", State::Ready, Some(1));
    person.hears(Message::Status(samples::status([three(), vec![more]].concat())));
    assert_eq!(person.model.selected.as_deref(), Some("z"));
    person.hears(Message::Status(samples::status(vec![samples::profile("b", State::Ready, Some(1))])));
    assert_eq!(person.model.selected.as_deref(), Some("b"), "z has gone, and there is no default one");
    person.hears(Message::Status(samples::status(vec![])));
    assert_eq!(person.model.selected, None);
}

#[test]
fn the_profile_that_was_asked_for_is_selected_once_it_is_there() {
    let mut person = Person::before(SIZE);
    person.model = Model::new(SIZE, Some("z".into()));
    person.hears(Message::Status(samples::status(three()[..2].to_vec())));
    assert_eq!(person.model.selected.as_deref(), Some("default"));
    person.presses(KeyCode::Char('n'));
    let Stage::Name { field, .. } = stage(&person) else { panic!("no name is asked for") };
    assert_eq!(field.whole(), "z", "its name is offered");
    person.presses(KeyCode::Esc);
    person.hears(Message::Status(samples::status(three())));
    assert_eq!(person.model.selected.as_deref(), Some("z"));
    person.presses(KeyCode::Home);
    person.hears(Message::Status(samples::status(three())));
    assert_eq!(person.model.selected.as_deref(), Some("a"), "from then on the person decides");
}

#[test]
fn a_refresh_is_told_when_it_is_done() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('r'));
    assert!(notice(&person).contains("renewing"));
    person.presses(KeyCode::Down);
    assert!(notice(&person).contains("renewing"), "a key does not hide what is under way");
    let request = person.is_answered(Response::Refreshed { profile: "default".into(), expires_in_s: 300 });
    assert_eq!(request, Request::Refresh { profile: Some("default".into()), timeout_ms: 30_000 });
    assert!(notice(&person).contains("renewed and lives 5m00s"), "{}", notice(&person));
    assert_eq!(person.model.wakes_at(), Some(person.now.boot + Duration::from_secs(1)));
    person.waits(15);
    assert_eq!(notice(&person), "", "good news goes by itself");
    person.presses(KeyCode::Char('r'));
    person.is_refused("https://weka01:14000 cannot be reached", "look at the network");
    person.waits(1000);
    assert_eq!(notice(&person), "https://weka01:14000 cannot be reached\nlook at the network");
    person.presses(KeyCode::Down);
    assert_eq!(notice(&person), "", "bad news goes when somebody has read it");
}

#[test]
fn logging_out_takes_a_yes() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('o'));
    person.presses(KeyCode::Enter);
    person.presses(KeyCode::Char('o'));
    assert!(person.wishes().is_empty());
    person.presses(KeyCode::Char('y'));
    person.presses(KeyCode::Char('y'));
    assert_eq!(person.asked.len(), 1, "once");
    let request = person.is_answered(Response::Done { notes: vec![] });
    let expected = Request::Logout { profile: Some("default".into()), revoke: false, timeout_ms: 30_000 };
    assert_eq!((request, notice(&person).as_str()), (expected, "logged out of profile default"));
}

#[test]
fn revoking_takes_the_word_and_names_whose_tokens_die_with_it() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('x'));
    let Some(Dialog::Revoke(dialog)) = &person.model.dialog else { panic!("no dialog") };
    assert_eq!(dialog.others, ["a", "z"]);
    for word in ["y", "", "ye s"] {
        person.types(word);
        assert!(person.wishes().is_empty(), "{word:?}");
    }
    person.hears(Message::Paste(Password::new("yes".into())));
    person.presses(KeyCode::Enter);
    assert!(person.wishes().is_empty(), "it is to be typed");
    person.types("yes");
    let request = person.is_answered(Response::Done { notes: vec!["all tokens of alice ended".into()] });
    let expected = Request::Revoke { profile: Some("default".into()), username: None, timeout_ms: 30_000 };
    assert_eq!((request, notice(&person).as_str()), (expected, "all tokens of alice ended"));
}

/// Who has had a token made.
#[test]
fn leaving_is_one_key_and_ctrl_c_works_everywhere() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('q'));
    assert_eq!(person.wishes(), [Effect::Leave(0)]);
    for key in ['?', 't', 'x', 'o', 'O', 'n', 'p', 'd', 'w'] {
        let mut person = Person::seeing(SIZE, three());
        person.presses(KeyCode::Char(key));
        person.wishes();
        person.holds_control_and_presses('z');
        person.holds_control_and_presses('l');
        person.holds_control_and_presses('c');
        assert_eq!(person.wishes(), [Effect::Suspend, Effect::Redraw, Effect::Leave(130)], "{key}");
    }
}

#[test]
fn without_a_profile_there_is_one_thing_to_do() {
    let mut person = Person::seeing(SIZE, vec![]);
    for key in ['r', 't', 'x', 'o', 'O', 'p', 'w'] {
        person.presses(KeyCode::Char(key));
        assert!(notice(&person).contains("press n"), "{key}");
    }
    person.presses(KeyCode::Char('l'));
    let Stage::Name { field, .. } = stage(&person) else { panic!("no name is asked for") };
    assert_eq!(field.whole(), "default");
    person.presses(KeyCode::Enter);
    let expected = Effect::Describe { ticket: 1, profile: "default".into() };
    assert_eq!(person.wishes(), [expected]);
}

#[test]
fn only_what_counts_down_wakes_it() {
    let mut person = Person::seeing(SIZE, vec![samples::profile("a", State::LoginRequired, None)]);
    assert_eq!(person.model.wakes_at(), None);
    person.hears(Message::Status(samples::status(three())));
    assert_eq!(person.model.wakes_at(), Some(person.now.boot + Duration::from_secs(1)));
    person.hears(Message::Lost(Failure::new(3, "no daemon")));
    assert_eq!(person.model.wakes_at(), None);
}

#[test]
fn logging_out_may_revoke_first_which_takes_the_word() {
    for keys in [&['o', 'x'][..], &['O']] {
        let mut person = Person::seeing(SIZE, three());
        keys.iter().for_each(|key| person.presses(KeyCode::Char(*key)));
        person.types("y");
        assert!(person.wishes().is_empty());
        person.types("yes");
        let request =
            person.is_answered(Response::Done { notes: vec!["revoked".into(), "logged out".into()] });
        let expected = Request::Logout { profile: Some("default".into()), revoke: true, timeout_ms: 30_000 };
        assert_eq!((request, notice(&person).as_str()), (expected, "revoked\nlogged out"), "{keys:?}");
    }
}

#[test]
fn a_letter_with_ctrl_is_no_answer() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('o'));
    person.holds_control_and_presses('y');
    person.holds_control_and_presses('x');
    assert!(person.wishes().is_empty() && matches!(person.model.dialog, Some(Dialog::LogOut(_))));
    person.presses(KeyCode::Esc);
    person.presses(KeyCode::Char('t'));
    person.holds_control_and_presses('x');
    assert!(matches!(person.model.dialog, Some(Dialog::ApiToken(_))));
}

#[test]
fn a_profile_that_is_not_there_was_passed_over_without_a_word() {
    let mut person = Person::before(SIZE);
    person.model = Model::new(SIZE, Some("nope".into()));
    // What is typed at once is meant for the one that was asked for.
    person.presses(KeyCode::Char('o'));
    person.hears(Message::Status(samples::status(three())));
    assert!(
        notice(&person).contains("there is no profile nope; there are: a, default, z"),
        "{}",
        notice(&person)
    );
    assert!(person.model.dialog.is_none() && person.wishes().is_empty());
    // It is said once, and one of that name is still what n offers.
    person.presses(KeyCode::Char('n'));
    assert!(notice(&person).is_empty());
    let Stage::Name { field, .. } = stage(&person) else { panic!("no name is asked for") };
    assert_eq!(field.whole(), "nope");
    person.presses(KeyCode::Esc);
    person.hears(Message::Status(samples::status(three())));
    assert!(notice(&person).is_empty());
}

#[test]
fn keys_on_a_screen_too_small_to_show_a_field_went_into_it() {
    for key in ['l', 'n', 'p'] {
        let mut person = Person::seeing(SIZE, three());
        if key == 'l' {
            person.opens_login(true)
        } else {
            person.presses(KeyCode::Char(key))
        }
        person.wishes();
        let before = format!("{:?}", person.model.dialog);
        person.hears(Message::Size(50, 12));
        person.types("secret");
        person.pastes("secret");
        person.presses(KeyCode::Esc);
        assert!(person.wishes().is_empty(), "{key}");
        person.presses(KeyCode::Char('q'));
        assert_eq!(person.wishes(), [Effect::Leave(0)], "as that screen says: {key}");
        assert_eq!(format!("{:?}", person.model.dialog), before, "{key}");
        if let Some(Dialog::LogIn(dialog)) = &person.model.dialog {
            assert_eq!(dialog.form.as_ref().map_or(0, |form| form.password.count()), 0);
        }
    }
    // Nor is anything done that is not seen to be done.
    let mut person = Person::seeing((59, 16), three());
    person.presses(KeyCode::Char('r'));
    assert!(person.wishes().is_empty());
}
