//! What follows from what: keys and answers in, effects and dialogs out.

use super::*;
use crate::model::api_token::{OTHER, Stage as TokenStage};
use crate::model::log_in::Stage;
use crate::samples::{self, Person};
use secret::Password;
use weka_token::client::Offers;
use wire::{ProfileSettings, State, Target, Trust, Verdict};

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
fn a_login_asks_for_what_is_not_known_and_no_more() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    // The cursor is on the password, and the rest is there.
    person.types("Alice-Pass1");
    let Request::Probe { target, .. } = person.is_answered(samples::certificate(Verdict::Trusted)) else {
        panic!("the certificate comes first")
    };
    let expected = Target { profile: Some("default".into()), endpoints: vec![], trust: Trust::AsConfigured };
    assert_eq!(target, expected, "the profile's own endpoints are not repeated");
    let Request::Login(login) = person.is_answered(samples::logged_in()) else { panic!("no login") };
    assert_eq!((login.username.as_str(), login.org.as_deref()), ("alice", Some("Root")));
    assert_eq!((login.password.expose(), login.save), ("Alice-Pass1", true));
    assert!(person.model.dialog.is_none());
    assert!(notice(&person).contains("logged in to https://weka01:14000 as alice"), "{}", notice(&person));
}

#[test]
fn enter_goes_to_the_next_gap_and_names_one_that_is_left() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(false);
    person.types("weka01, weka02");
    person.types("");
    assert!(person.wishes().is_empty(), "without a user name and a password nothing is sent");
    let Some(Dialog::LogIn(dialog)) = &person.model.dialog else { panic!("it was closed") };
    let form = dialog.form.as_ref().unwrap();
    assert_eq!(form.wrong.as_ref().unwrap().message, "the user name is missing");
    person.types("bob");
    person.types("Bob-Pass1");
    let (_, request) = person.request();
    let Request::Probe { target, .. } = request else { panic!("{request:?}") };
    assert_eq!(target.endpoints, ["weka01", "weka02"]);
}

#[test]
fn an_unknown_certificate_is_judged_by_a_typed_word() {
    let unknown = || samples::certificate(Verdict::Unknown("self-signed".into()));
    let fingerprint = format!("sha256:{}", "0f".repeat(32));
    let judged = |answers: &[&str]| {
        let mut person = Person::seeing(SIZE, three());
        person.opens_login(true);
        person.types("Alice-Pass1");
        person.is_answered(unknown());
        answers.iter().for_each(|answer| person.types(answer));
        person
    };
    for yes in ["yes", "YES", fingerprint.as_str()] {
        let (_, request) = judged(&["perhaps", "", yes]).request();
        let Request::Login(login) = request else { panic!("{request:?}") };
        assert_eq!(login.target.trust, Trust::Fingerprint(fingerprint.clone()));
    }
    let mut refused = judged(&["no"]);
    assert!(refused.wishes().is_empty() && refused.model.dialog.is_none());
    assert!(notice(&refused).contains("nothing secret was sent"));
    // Back, and another try: it is judged anew.
    let mut back = judged(&[]);
    back.presses(KeyCode::Esc);
    back.presses(KeyCode::Enter);
    let (_, request) = back.request();
    assert!(matches!(request, Request::Probe { target, .. } if target.trust == Trust::AsConfigured));
}

#[test]
fn a_contradicted_pin_is_no_matter_of_yes_or_no() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::Mismatch("it is another one".into())));
    person.types("yes");
    assert!(person.wishes().is_empty() && person.model.dialog.is_none(), "Enter closes it");
}

#[test]
fn without_encryption_the_password_goes_only_where_somebody_says_so() {
    for (letter, sent) in [('n', false), ('x', false), ('y', true)] {
        let mut person = Person::seeing(SIZE, three());
        person.opens_login(true);
        person.types("Alice-Pass1");
        person.is_answered(samples::certificate(Verdict::PlainHttp));
        person.presses(KeyCode::Char(letter));
        assert_eq!(!person.wishes().is_empty(), sent, "{letter}");
    }
}

#[test]
fn a_refused_password_is_forgotten_and_asked_for_again() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    person.types("Wrong");
    person.is_answered(samples::certificate(Verdict::Trusted));
    person.is_refused("refused", "type it again");
    assert!(matches!(stage(&person), Stage::Form));
    person.presses(KeyCode::Enter);
    assert!(person.wishes().is_empty(), "nothing is sent without a new password");
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::Trusted));
    let (_, request) = person.request();
    assert!(matches!(request, Request::Login(login) if login.password.expose() == "Alice-Pass1"));
}

#[test]
fn a_lockout_of_one_user_kept_others_from_logging_in() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Enter);
    let locked = samples::settings(true);
    let locked = ProfileSettings { locked_for_s: Some(99), state: State::LockedOut, ..locked };
    person.is_told(locked, Offers { username: "admin".into(), ..Offers::default() });
    let Stage::Form = stage(&person) else { panic!("it ends") };
    let Some(Dialog::LogIn(dialog)) = &person.model.dialog else { panic!("no login") };
    let wrong = dialog.form.as_ref().and_then(|form| form.wrong.as_ref());
    let wrong = wrong.map(|failure| failure.message.as_str()).unwrap_or_default();
    assert!(wrong.contains("profile default for another 1m39s"), "{wrong}");
    person.types("Admin-Pass1");
    person.is_answered(samples::certificate(Verdict::Trusted));
    assert!(matches!(person.request().1, Request::Login(_)), "the daemon knows which account is locked");
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

/// Who has had a token made.
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
fn answers_to_a_dialog_that_was_closed_are_told_and_do_no_harm() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::Trusted));
    person.presses(KeyCode::Esc);
    person.presses(KeyCode::Char('?'));
    person.is_answered(samples::logged_in());
    assert!(matches!(person.model.dialog, Some(Dialog::Help)));
    assert!(notice(&person).contains("logged in"));
}

#[test]
fn leaving_is_one_key_and_ctrl_c_works_everywhere() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('q'));
    assert_eq!(person.wishes(), [Effect::Leave(0)]);
    for key in ['?', 't', 'x', 'o', 'n'] {
        let mut person = Person::seeing(SIZE, three());
        person.presses(KeyCode::Char(key));
        person.holds_control_and_presses('z');
        person.holds_control_and_presses('l');
        person.holds_control_and_presses('c');
        assert_eq!(person.wishes(), [Effect::Suspend, Effect::Redraw, Effect::Leave(130)], "{key}");
    }
}

#[test]
fn without_a_profile_there_is_one_thing_to_do() {
    let mut person = Person::seeing(SIZE, vec![]);
    for key in ['r', 't', 'x', 'o'] {
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
