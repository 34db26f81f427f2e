//! What the daemon says of itself and its profiles: a long list comes in pages.

use crate::failure::Failure;
use crate::session;
use wire::{Response, Status};

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

#[cfg(test)]
mod tests {
    use super::*;
    use e2e::samples::{profile, status};
    use wire::State;

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
