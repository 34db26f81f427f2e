//! Every dialog, as it looks on the way.

use super::*;
use weka_token::client::Offers;
use wire::Verdict;

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
    person.presses(KeyCode::Char('x'));
    assert_screen(&mut person, FULL, "log_out_and_revoke");
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('l'));
    let locked = wire::ProfileSettings {
        locked_for_s: Some(115),
        state: wire::State::LockedOut,
        ..samples::settings(true)
    };
    person.is_told(locked, Offers::default());
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
fn another_password() {
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('p'));
    assert_screen(&mut person, FULL, "passwd_asking");
    person.is_told(samples::settings(true), Offers::default());
    person.types("Alice-Pass1");
    person.types("short");
    assert_screen(&mut person, FULL, "passwd");
    person.types("shirt");
    assert_screen(&mut person, FULL, "passwd_not_the_same");
    person.model.size = (60, 16);
    person.types("short");
    person.types("short");
    assert_screen(&mut person, PLAIN, "passwd_waiting_60x16_plain");
    person.is_failed(
        "the cluster refused the new password: it has to have 8 characters or more; nothing was changed",
    );
    assert_screen(&mut person, PLAIN, "passwd_refused_60x16_plain");

    let mut person = watching((60, 16));
    person.opens_login(true);
    person.types("Alice-Pass1");
    person.is_answered(samples::certificate(Verdict::Trusted));
    let wire::Response::LoggedIn(done) = samples::logged_in() else { panic!("another sample") };
    let done = wire::LoggedIn { password_change_required: true, ..done };
    person.is_answered(wire::Response::LoggedIn(done));
    person.is_told(samples::settings(true), Offers::default());
    assert_screen(&mut person, FULL, "passwd_wanted_60x16");

    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('p'));
    let locked = samples::settings(true);
    let locked = wire::ProfileSettings { locked_for_s: Some(115), state: wire::State::LockedOut, ..locked };
    person.is_told(locked, Offers::default());
    assert_screen(&mut person, FULL, "passwd_locked_out");
}

#[test]
fn what_doctor_finds() {
    let mut person = watching(USUAL);
    person.presses(KeyCode::Char('d'));
    assert_screen(&mut person, FULL, "doctor_looking");
    person.is_examined(samples::findings());
    assert_screen(&mut person, FULL, "doctor");
    person.model.size = (60, 16);
    person.presses(KeyCode::End);
    assert_screen(&mut person, PLAIN, "doctor_60x16_plain_end");
    person.presses(KeyCode::Char('k'));
    let shown = text(&drawn(&mut person, PLAIN));
    assert!(!shown.contains("-> run: weka-token login"), "one line back at once: {shown}");
}

#[test]
fn who_somebody_is() {
    let mut person = watching((60, 16));
    person.presses(KeyCode::Char('w'));
    assert_screen(&mut person, FULL, "whoami_waiting_60x16");
    person.is_answered(samples::whoami());
    assert_screen(&mut person, FULL, "whoami_60x16");
}

#[test]
fn pages_that_were_turned_beyond_the_end_need_not_be_turned_back() {
    let mut person = watching((60, 16));
    (0..9).for_each(|_| {
        person.presses(KeyCode::PageDown);
        drawn(&mut person, FULL);
    });
    person.presses(KeyCode::PageUp);
    let shown = text(&drawn(&mut person, FULL));
    assert!(shown.contains("below: PgUp, PgDn") || shown.contains("below: PgDn"), "{shown}");
}
