//! What a profile tells people: refusals, next steps and state changes in the log.

use crate::account::Account;
use crate::clock;
use engine::{Condition, Moment, Refused};
use wire::{Code, Refusal, State};

/// What to do where a user name and password are refused.
const CHECK_LOGIN: &str =
    "check the user, the password and the organization (--org); each wrong attempt counts towards a lockout";

/// The wire's word for an engine's condition.
#[must_use]
pub const fn state(condition: Condition) -> State {
    match condition {
        Condition::Starting => State::Starting,
        Condition::Ready => State::Ready,
        Condition::Degraded => State::Degraded,
        Condition::Unreachable => State::Unreachable,
        Condition::Untrusted => State::Untrusted,
        Condition::LoginRequired => State::LoginRequired,
        Condition::LockedOut => State::LockedOut,
        Condition::LoggedOut => State::LoggedOut,
    }
}

/// The command line that does `verb` for a profile; the default profile needs no `-p`.
#[must_use]
pub fn command(verb: &str, profile: &str, default_profile: &str) -> String {
    if profile == default_profile {
        format!("run: weka-token {verb}")
    } else {
        format!("run: weka-token {verb} -p {profile}")
    }
}

/// What a person should do about a condition.
#[must_use]
pub fn next_step(condition: Condition, profile: &str, default_profile: &str) -> Option<String> {
    match condition {
        Condition::LoginRequired | Condition::LoggedOut => Some(command("login", profile, default_profile)),
        Condition::Untrusted => Some(command("trust", profile, default_profile)),
        Condition::LockedOut => Some("wait; nothing is sent to the cluster meanwhile".into()),
        _ => None,
    }
}

/// Seconds in words, as WEKA's durations go: `4m12s`, `1h05m`, `1d5h`, `30d`.
#[must_use]
pub fn span(seconds: u64) -> String {
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, rest) = (seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{rest}s"),
        (0, 0, _) => format!("{minutes}m{rest:02}s"),
        (0, ..) => format!("{hours}h{minutes:02}m"),
        (_, 0, _) => format!("{days}d"),
        _ => format!("{days}d{hours}h"),
    }
}

/// Why a caller gets nothing, in words. `last_error` is the last exchange's failure.
#[must_use]
pub fn refusal(
    refused: Refused,
    profile: &str,
    default_profile: &str,
    endpoint: &str,
    last_error: Option<&str>,
    now: Moment,
) -> Refusal {
    let because = last_error.map(|error| format!(" ({error})")).unwrap_or_default();
    let login = || command("login", profile, default_profile);
    match refused {
        Refused::LoginRequired => {
            Refusal::new(Code::LoginRequired, format!("profile {profile} needs a login{because}")).then(login())
        }
        Refused::LoggedOut => {
            Refusal::new(Code::LoginRequired, format!("profile {profile} is logged out")).then(login())
        }
        Refused::Untrusted => Refusal::new(
            Code::Untrusted,
            format!("the certificate of {endpoint} is not trusted for profile {profile}{because}"),
        )
        .then(command("trust", profile, default_profile)),
        Refused::LockedOut { until } => {
            let wait = now.until(until).as_secs().max(1);
            let at = local_time(clock::unix_now_s().saturating_add_unsigned(wait));
            Refusal::new(
                Code::LockedOut,
                format!(
                    "the cluster has locked the account of profile {profile} for another {} (until {at}); nothing is sent to it meanwhile",
                    span(wait)
                ),
            )
            .then(another_may(profile, default_profile))
        }
        Refused::Unreachable => Refusal::new(
            Code::Unreachable,
            {
                let reason = last_error.map_or_else(|| format!("{endpoint} did not answer in time"), ToOwned::to_owned);
                format!("no new token for profile {profile}: {reason}")
            },
        )
        .then("it is tried again by itself; see: weka-token status"),
        Refused::TooSoon { next } => {
            let wait = now.until(next).as_millis().div_ceil(1000).max(1);
            Refusal::new(
                Code::Busy,
                format!(
                    "no new token for profile {profile} yet: it was renewed, or asked for, only just before, and all callers \
                     share a limit; nothing was sent"
                ),
            )
            .then(format!("try again in {wait} s, or wait for it: --timeout"))
        }
        Refused::MinTtlTooLong { life } => Refusal::new(
            Code::MinTtlTooLong,
            format!(
                "access tokens of profile {profile} live {} s, so none can have as much left as --min-ttl asks for",
                life.as_secs()
            ),
        )
        .then("ask for less"),
        Refused::WrongPassword => Refusal::new(
            Code::WrongPassword,
            format!("{endpoint} refused this user name and password for profile {profile}{because}"),
        )
        .then(CHECK_LOGIN),
        Refused::Rejected => Refusal::new(
            Code::Failed,
            match last_error {
                Some(error) => format!("profile {profile}: {error}"),
                None => format!("{endpoint} refused the request of profile {profile}"),
            },
        ),
    }
}

/// What the cluster's refusal of a person's login means, in words; it says whose login that was, as it need not be the one
/// that the person has in mind.
#[must_use]
pub fn refused_login(account: &Account, profile: &str, endpoint: &str, last_error: Option<&str>) -> Refusal {
    let because = last_error.map(|error| format!(" ({error})")).unwrap_or_default();
    Refusal::new(
        Code::WrongPassword,
        format!("{endpoint} refused the login of {account} for profile {profile}{because}"),
    )
    .then(CHECK_LOGIN)
}

/// Why no password is sent for an account, in words: the cluster would refuse it whatever it is, and lock it anew.
#[must_use]
pub fn locked_account(
    account: &Account,
    until: Moment,
    profile: &str,
    default_profile: &str,
    now: Moment,
) -> Refusal {
    let wait = now.until(until).as_secs().max(1);
    let at = local_time(clock::unix_now_s().saturating_add_unsigned(wait));
    let message = format!(
        "the cluster has locked the account {account} for another {} (until {at}); no password is sent meanwhile, which \
         would only prolong that",
        span(wait)
    );
    let login = command("login", profile, default_profile);
    Refusal::new(Code::LockedOut, message)
        .then(format!("wait, then {login}; {}", another_may(profile, default_profile)))
}

fn another_may(profile: &str, default_profile: &str) -> String {
    let login = command("login", profile, default_profile);
    format!("another account may log in meanwhile: {} --user USER", login.trim_start_matches("run: "))
}

/// A clock time for people, in the machine's time zone: `14:03:20`.
#[must_use]
pub fn local_time(unix_s: i64) -> String {
    jiff::Timestamp::from_second(unix_s)
        .map(|at| at.to_zoned_datetime(jiff::tz::TimeZone::system()).strftime("%H:%M:%S").to_string())
        .unwrap_or_default()
}

/// The same of a moment that is yet to come.
#[must_use]
pub fn local_time_at(moment: Moment) -> String {
    let left = clock::now().until(moment).as_secs() + 1;
    local_time(clock::unix_now_s().saturating_add_unsigned(left))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn every_refusal_that_needs_a_person_names_the_profile_and_the_next_step() {
        let now = Moment::from_millis(0);
        let cases = [
            Refused::LoginRequired,
            Refused::LoggedOut,
            Refused::Untrusted,
            Refused::LockedOut { until: now + Duration::from_secs(115) },
        ];
        for refused in cases {
            let refusal = refusal(refused, "prod", "default", "https://weka01:14000", None, now);
            assert_eq!(refusal.code.exit_status(), 4, "{refused:?}");
            assert!(refusal.message.contains("prod"), "{refusal}");
            assert!(refusal.next_step.is_some(), "{refusal}");
        }
    }

    #[test]
    fn the_default_profile_needs_no_option() {
        assert_eq!(command("login", "default", "default"), "run: weka-token login");
        assert_eq!(command("login", "prod", "default"), "run: weka-token login -p prod");
    }

    #[test]
    fn spans_read_as_in_wekas_cli() {
        assert_eq!(span(9), "9s");
        assert_eq!(span(115), "1m55s");
        assert_eq!(span(3720), "1h02m");
        assert_eq!([span(2_592_000), span(104_400)], ["30d", "1d5h"]);
    }
}
