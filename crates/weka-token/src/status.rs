//! `weka-token status`.

use crate::args::StatusOptions;
use crate::failure::{Failure, NO_TOKEN, PERSON_NEEDED};
use crate::output;
use crate::prometheus;
use crate::session::{ANSWER_MS, Session};
use crate::status_json;
use crate::status_pages::{status_in, whole};
use crate::status_table;
use crate::sys;
use crate::watch;
use crate::wrap::wrapped;
use std::io::{IsTerminal, stdout};
use wire::{Request, Status};

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
        let coloured = session.environment.colour && stdout().is_terminal();
        let columns = sys::columns(stdout());
        let lines = status_table::lines(&status, 0, coloured, columns);
        // What is coloured is a row of the table, which is as narrow as it can be.
        let fitting = |line: String| if line.contains('\x1b') { line } else { wrapped(&line, columns) };
        lines.into_iter().map(|line| fitting(line) + "\n").collect()
    };
    output::result(text.as_bytes())?;
    Ok(exit_status(&status))
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
}
