//! `weka-token status`.

use crate::args::StatusOptions;
use crate::failure::{Failure, NO_TOKEN, PERSON_NEEDED};
use crate::output;
use crate::prometheus;
use crate::session::{self, Session};
use crate::status_json;
use crate::status_table;
use crate::watch;
use std::io::IsTerminal;
use wire::{Request, Response, Status};

/// How long the daemon may take to answer, in milliseconds; it has everything at hand.
pub(crate) const ANSWER_MS: u32 = 10_000;

pub(crate) fn run(session: &Session<'_>, options: &StatusOptions) -> Result<u8, Failure> {
    if options.watch {
        return watch::run(session, options);
    }
    let question = |after_name: Option<String>| Request::Status {
        profile: session.profile.clone(),
        after_revision: None,
        wait_s: 0,
        after_name,
    };
    let status = whole(|after_name| {
        session.ask_again(ANSWER_MS, |_| question(after_name.clone())).and_then(status_in)
    })?;
    let text = if options.json {
        status_json::line(&status)
    } else if options.prometheus {
        prometheus::text(&status)
    } else {
        let coloured = session.environment.colour && std::io::stdout().is_terminal();
        let mut text = status_table::lines(&status, 0, coloured).join("\n");
        text.push('\n');
        text
    };
    output::result(text.as_bytes())?;
    Ok(exit_status(&status))
}

/// The status in an answer.
pub(crate) fn status_in(response: Response) -> Result<Status, Failure> {
    match response {
        Response::Status(status) => Ok(status),
        _ => Err(session::unexpected()),
    }
}

/// All pages of a long list; `page` fetches the one after a name.
pub(crate) fn whole<E>(mut page: impl FnMut(Option<String>) -> Result<Status, E>) -> Result<Status, E> {
    let mut status = page(None)?;
    while status.more {
        let Some(last) = status.profiles.last().map(|profile| profile.name.clone()) else { break };
        let next = page(Some(last.clone()))?;
        // A daemon that repeats itself must not keep us here for ever.
        status.more = next.more && next.profiles.last().is_some_and(|profile| profile.name > last);
        status.profiles.extend(next.profiles);
    }
    Ok(status)
}

/// 0 when every profile has a live token, else the higher of 4 and 5.
fn exit_status(status: &Status) -> u8 {
    let without_token = status.profiles.iter().filter(|profile| profile.access_expires_in_s.is_none());
    let codes = without_token.map(|it| if it.state.needs_a_person() { PERSON_NEEDED } else { NO_TOKEN });
    codes.max().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::samples::{profile, status};
    use wire::State;

    #[test]
    fn the_exit_status_is_that_of_the_worst_profile() {
        let live = || profile("a", State::Degraded, Some(3));
        let login = || profile("b", State::LoginRequired, None);
        let away = || profile("c", State::Unreachable, None);
        let starting = || profile("d", State::Starting, None);
        assert_eq!(exit_status(&status(vec![])), 0);
        assert_eq!(exit_status(&status(vec![live()])), 0);
        assert_eq!(exit_status(&status(vec![profile("a", State::LockedOut, Some(9))])), 0);
        assert_eq!(exit_status(&status(vec![live(), login()])), 4);
        assert_eq!(exit_status(&status(vec![live(), starting()])), 5);
        assert_eq!(exit_status(&status(vec![away(), login(), live()])), 5);
    }

    #[test]
    fn pages_are_joined() {
        let mut asked = Vec::new();
        let all = whole::<()>(|after| {
            asked.push(after.clone());
            let name = match after.as_deref() {
                None => "a",
                Some("a") => "b",
                _ => "c",
            };
            let mut page = status(vec![profile(name, State::Ready, Some(1))]);
            page.more = name != "c";
            Ok(page)
        })
        .unwrap();
        assert_eq!(asked, [None, Some("a".to_owned()), Some("b".to_owned())]);
        assert_eq!(all.profiles.len(), 3);
    }

    #[test]
    fn a_daemon_that_repeats_a_page_is_not_followed_for_ever() {
        let mut pages = 0;
        let all = whole::<()>(|_| {
            pages += 1;
            let mut page = status(vec![profile("a", State::Ready, Some(1))]);
            page.more = true;
            Ok(page)
        });
        assert!(all.is_ok());
        assert_eq!(pages, 2);
    }
}
