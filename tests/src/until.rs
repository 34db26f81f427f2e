//! Waiting for what tells nobody when it happens: by looking again and again, and never by the clock alone.

use std::time::{Duration, Instant};

/// Far longer than anything takes that is waited for.
pub const PATIENCE: Duration = Duration::from_secs(60);
/// Between two looks.
const PAUSE: Duration = Duration::from_millis(10);

/// Looks again and again until there is an answer.
///
/// # Panics
/// There is none within [`PATIENCE`].
#[track_caller]
pub fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let limit = Instant::now() + PATIENCE;
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(Instant::now() < limit, "not seen: {what}");
        std::thread::sleep(PAUSE);
    }
}
