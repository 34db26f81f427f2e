//! Logging in.

use super::*;
use weka_token::client::Offers;
use wire::{ProfileSettings, Target, Trust, Verdict};

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
fn the_cursor_stayed_where_it_was_after_a_login_to_a_new_profile() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Char('n'));
    person.types("m");
    person.is_told(samples::settings(true), Offers { username: "alice".into(), ..Offers::default() });
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::Trusted));
    let Response::LoggedIn(mut done) = samples::logged_in() else { panic!("another sample") };
    done.profile = "m".into();
    person.is_answered(Response::LoggedIn(done));
    assert_eq!(person.model.selected.as_deref(), Some("default"), "it is not in the list yet");
    let more = samples::profile("m", State::Ready, Some(100));
    person.hears(Message::Status(samples::status([three(), vec![more]].concat())));
    assert_eq!(person.model.selected.as_deref(), Some("m"));
    // From then on it is the person's choice again.
    person.presses(KeyCode::Home);
    person.hears(Message::Status(samples::status(three())));
    assert_eq!(person.model.selected.as_deref(), Some("a"));
}

#[test]
fn a_refused_login_spoke_of_an_option_where_there_is_a_field() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    person.types("Alice-Pass2");
    person.is_answered(samples::certificate(Verdict::Trusted));
    person.is_refused("refused", "check them and the organization (--org); each attempt counts");
    let Some(Dialog::LogIn(dialog)) = &person.model.dialog else { panic!("it was closed") };
    let wrong = dialog.form.as_ref().unwrap().wrong.as_ref().unwrap();
    assert_eq!(wrong.next_steps, ["check them and the organization; each attempt counts"]);
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
fn a_lockout_that_a_logged_out_profile_had_met_was_said_to_be_its_own_accounts() {
    let mut person = Person::seeing(SIZE, three());
    person.presses(KeyCode::Enter);
    let met = samples::settings(true);
    let met = ProfileSettings { locked_for_s: Some(99), state: State::LoggedOut, ..met };
    person.is_told(met, Offers { username: "admin".into(), ..Offers::default() });
    let Some(Dialog::LogIn(dialog)) = &person.model.dialog else { panic!("no login") };
    let wrong = dialog.form.as_ref().and_then(|form| form.wrong.as_ref());
    let wrong = wrong.map(|failure| failure.message.as_str()).unwrap_or_default();
    assert!(wrong.contains("an account that was tried for profile default for another 1m39s"), "{wrong}");
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
fn a_password_that_has_to_be_changed_leads_to_where_that_is_done() {
    let mut person = Person::seeing(SIZE, three());
    person.opens_login(true);
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::Trusted));
    let Response::LoggedIn(done) = samples::logged_in() else { panic!("another sample") };
    let done = wire::LoggedIn { password_change_required: true, ..done };
    person.is_answered(Response::LoggedIn(done));
    let Some(Dialog::Passwd(dialog)) = &person.model.dialog else { panic!("{:?}", person.model.dialog) };
    assert!(dialog.is_wanted && dialog.profile == "default");
    assert!(notice(&person).contains("logged in"), "the login is told all the same");
}
