//! Lets go of code that is not needed for minutes to come.
//!
//! Starting, a login and a TLS handshake run through two thirds of the program once, and all of it would stay
//! mapped until the next renewal. What is needed then, or by a `get`, comes back from the file page by page.

use crate::board::Revision;
use crate::sys;
use std::time::Duration;

/// How long after a change: what follows from it (an answer, a file) is over by then.
const PAUSE: Duration = Duration::from_secs(1);

/// Does so after each change of what is shown; nothing else runs much code.
pub async fn keep(revision: Revision) {
    loop {
        tokio::time::sleep(PAUSE).await;
        let seen = revision.current();
        sys::let_go_of_code();
        revision.past(seen).await;
    }
}
