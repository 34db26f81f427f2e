//! The daemon's state as it changes, by long polls from a thread of its own.

use crate::inputs::Input;
use crate::model::history::STEP_S;
use crate::model::message::Message;
use std::io;
use std::sync::mpsc::Sender;
use std::thread;
use std::time::Duration;
use weka_token::client::Client;
use wire::Status;

/// How long an answer is held back while nothing lives that could be handed out.
const IDLE_S: u32 = 50;
/// While something does: tokens handed out are counted, and no change of state. One column of a sparkline.
#[expect(clippy::cast_possible_truncation, reason = "ten")]
const BUSY_S: u32 = STEP_S as u32;
/// The shortest time between two answers.
const CALM: Duration = Duration::from_millis(200);
/// Pauses between attempts to reach a daemon that has gone.
const PAUSES: (Duration, Duration) = (Duration::from_millis(20), Duration::from_secs(1));

/// Follows until nobody listens any more.
pub(crate) fn follow(client: &Client, to: Sender<Input>) -> io::Result<()> {
    let mut follower = client.follow();
    let follow = move || {
        let (mut wait_s, mut pause, mut failures) = (IDLE_S, PAUSES.0, 0_u32);
        loop {
            let message = match follower.next(wait_s) {
                Ok(status) => {
                    (wait_s, failures) = (wait(&status), 0);
                    pause = PAUSES.0;
                    Some(Message::Status(status))
                }
                Err(failure) => {
                    failures = failures.saturating_add(1);
                    // A daemon that is being restarted is there again at once.
                    (failures > 1).then_some(Message::Lost(failure))
                }
            };
            if message.is_some_and(|message| to.send(Input::Message(message)).is_err()) {
                return;
            }
            if failures == 0 {
                thread::sleep(CALM);
            } else {
                thread::sleep(pause);
                pause = (pause * 2).min(PAUSES.1);
            }
        }
    };
    thread::Builder::new().name("follower".into()).spawn(follow).map(drop)
}

fn wait(status: &Status) -> u32 {
    let lives = status.profiles.iter().any(|profile| profile.access_expires_in_s.is_some());
    if lives { BUSY_S } else { IDLE_S }
}
