//! What the service manager is told while the daemon runs.

use crate::clock;
use crate::registry::Registry;
use crate::systemd::notify::Notifier;
use std::sync::Arc;

/// Keeps `STATUS=` true: it follows whether tokens can be handed out, and is said again only when it changes.
pub async fn tell(notifier: Arc<Notifier>, registry: Arc<Registry>) {
    if !notifier.is_there() {
        return;
    }
    let mut said = String::new();
    loop {
        let seen = registry.surroundings.revision.current();
        let words = registry.in_words();
        if words != said {
            notifier.say(&format!("STATUS={words}"));
            said = words;
        }
        registry.surroundings.revision.past(seen).await;
    }
}

/// Feeds the watchdog from the event loop, and from nothing else: an outage of the cluster restarts nothing.
pub async fn feed_watchdog(notifier: Arc<Notifier>) {
    let Some(pause) = notifier.feeding() else { return };
    loop {
        notifier.say("WATCHDOG=1");
        tokio::time::sleep(pause).await;
    }
}

/// What is said before a reload: systemd 253 and later want to know when it began.
#[must_use]
pub fn reloading() -> String {
    format!("RELOADING=1\nMONOTONIC_USEC={}", clock::monotonic_us())
}
