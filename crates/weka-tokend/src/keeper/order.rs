//! What others may ask of a keeper.

use super::surrendered::Surrendered;
use crate::account::Account;
use crate::board::{Board, Published};
use crate::config::changes::ProfileChanges;
use crate::config::filing::Filing;
use crate::config::{ProfileConfig, ProfileName};
use crate::file_claims::FileClaim;
use engine::{Generation, Lease, Moment};
use secret::{AccessToken, Password, RefreshToken};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, oneshot, watch};
use wire::{Code, Offer, Refusal};

/// How long a keeper may take to end: an exchange under way, then a file being written.
pub(super) const FINISH_LIMIT: Duration = Duration::from_millis(1500);

/// Where a token goes, or the reason why there is none.
pub type Reply = oneshot::Sender<Result<Published, Refusal>>;
/// Where the outcome of a login goes.
pub type LoginReply = oneshot::Sender<Result<wire::LoggedIn, Refusal>>;
/// Where sentences about what was done go.
pub type DoneReply = oneshot::Sender<Result<Vec<String>, Refusal>>;

/// Where a long-lived token goes, or the reason why there is none.
pub type MadeReply = oneshot::Sender<Result<Made, Refusal>>;

/// A token that lives on without the daemon.
#[derive(Debug)]
pub struct Made {
    /// The token.
    pub access_token: AccessToken,
    /// `Bearer`.
    pub token_type: String,
    /// How long it lives, where the cluster says; it counts from `sent_at`.
    pub lease: Lease,
}

/// What a login or a decision about trust is to make of a profile's settings.
#[derive(Debug)]
pub struct Candidate {
    /// The settings it is made with, and then those that the profile has by it.
    pub config: ProfileConfig,
    /// In what they differ from the profile's.
    pub changes: ProfileChanges,
    /// Whether that is to be saved.
    pub save: bool,
}

impl Candidate {
    /// The settings of the profile after a login: those that hold by then, which a reload may have changed meanwhile, with
    /// the login's own put over them. Its pair stays with the account that it was granted to.
    pub(super) fn after_login(&mut self, mut now: ProfileConfig) -> ProfileConfig {
        self.changes.put_over(&mut now);
        let (made_with, changes) = (&self.config, &mut self.changes);
        if now.endpoints != made_with.endpoints {
            changes.endpoints = Some(made_with.endpoints.clone());
            // How a cluster is recognized goes with it.
            changes.trust = Some(made_with.trust.clone().into());
        }
        if now.org != made_with.org {
            changes.org.clone_from(&made_with.org);
        }
        if now.username != made_with.username {
            changes.username.clone_from(&made_with.username);
        }
        changes.put_over(&mut now);
        self.config = now.clone();
        now
    }

    /// The settings of the profile after a decision about trust; `None` where other endpoints than those that were
    /// looked at have been configured meanwhile.
    pub(super) fn after_trust(&mut self, mut now: ProfileConfig) -> Option<ProfileConfig> {
        self.changes.put_over(&mut now);
        if now.endpoints != self.config.endpoints {
            return None;
        }
        self.config = now.clone();
        Some(now)
    }

    /// What is to be saved, if anything is: once the settings are those of the profile.
    pub(super) fn to_save(&self) -> Option<Filing> {
        self.save.then(|| Filing { changes: self.changes.clone(), wanted: self.config.clone() })
    }
}

/// A person's login.
#[derive(Debug)]
pub struct LoginOrder {
    /// The settings it is made with, and which are kept if it works.
    pub candidate: Candidate,
    /// The token file that it is to fill, if any.
    pub claim: Option<FileClaim>,
    /// WEKA user name.
    pub username: String,
    /// Organisation.
    pub org: String,
    /// The password.
    pub password: Password,
    /// When the caller wants an answer at the latest.
    pub deadline: Moment,
    /// Where the answer goes.
    pub reply: LoginReply,
    /// Told once it has worked, also after the answer that it takes too long: whether the profile is saved. Dropped once
    /// nothing will come of it.
    pub worked: oneshot::Sender<bool>,
}

/// A person's decision about trust.
#[derive(Debug)]
pub struct TrustOrder {
    /// The settings that hold from now on.
    pub candidate: Candidate,
    /// Where the answer goes: whether it is saved, and that in words.
    pub reply: oneshot::Sender<Result<(bool, String), Refusal>>,
}

/// Everything that may be asked.
#[derive(Debug)]
pub enum Order {
    /// A live token.
    Get {
        /// The least remaining life; `None` for the engine's choice.
        min_ttl: Option<Duration>,
        /// When the caller wants an answer at the latest.
        deadline: Moment,
        /// Where it goes.
        reply: Reply,
    },
    /// A renewal now.
    Renew {
        /// When the caller wants an answer at the latest.
        deadline: Moment,
        /// Where it goes.
        reply: Reply,
    },
    /// A login.
    Login(Box<LoginOrder>),
    /// Trust.
    Trust(Box<TrustOrder>),
    /// A long-lived token.
    Generate {
        /// How long it is to live, in seconds.
        timeout_s: u64,
        /// When the caller wants an answer at the latest.
        deadline: Moment,
        /// Where it goes.
        reply: MadeReply,
    },
    /// The cluster has ended the user's tokens.
    Revoked {
        /// Why, for people.
        why: &'static str,
        /// Told once nothing of them is handed out any more.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// The cluster said, to a request that was not the keeper's, that an account is locked out.
    LockedOut {
        /// Which.
        account: Account,
        /// For how long, where it said so.
        wait: Option<Duration>,
        /// Told once it is known.
        reply: oneshot::Sender<Result<(), Refusal>>,
    },
    /// The refresh token of a pair that was published; `None` where it has none, or is not held any more.
    RefreshToken {
        /// Which pair.
        generation: Generation,
        /// Where it goes.
        reply: oneshot::Sender<Result<Option<RefreshToken>, Refusal>>,
    },
    /// Another look at the password source, for the session of a sink that needs a login.
    Encourage {
        /// A password that was refused may be sent once more: a person has logged in.
        forgive: bool,
    },
    /// A pair that somebody else renewed from one of ours.
    Adopt {
        /// The pair it was renewed from, by the number it has on the board.
        after: u64,
        /// It.
        offer: Offer,
        /// Where the answer goes.
        reply: DoneReply,
    },
    /// Forget everything.
    Logout {
        /// Where the answer goes.
        reply: DoneReply,
    },
    /// New settings from the configuration file.
    Reconfigure(Box<ProfileConfig>),
    /// Another profile's login wants the token file that this one only looks for: is it left to that, or kept?
    GiveWay {
        /// The file.
        path: PathBuf,
        /// Where the answer goes: whether it is left.
        reply: oneshot::Sender<Result<bool, Refusal>>,
    },
    /// That login has failed.
    TakeBack {
        /// The file.
        path: PathBuf,
    },
    /// The profile goes on under another name: its keeper hands over all that a restart would find, once nothing is
    /// under way, and does nothing more. Where nobody waits for it any more by then, it goes on as before.
    Surrender {
        /// Where it goes.
        reply: oneshot::Sender<Result<Surrendered, Refusal>>,
    },
    /// Fall over a defect.
    #[cfg(test)]
    Fall,
    /// The profile is gone for good: forget everything, here and in the store, and end.
    Remove {
        /// Told once that is done.
        reply: DoneReply,
    },
}

/// How the rest of the daemon reaches a keeper. The keeper ends when the last handle is gone.
#[derive(Debug, Clone)]
pub struct Handle {
    /// The profile.
    pub name: ProfileName,
    /// Its orders.
    pub orders: mpsc::Sender<Order>,
    /// What it shows.
    pub board: Arc<Board>,
    /// Its settings.
    pub settings: watch::Receiver<Arc<ProfileConfig>>,
}

impl Handle {
    /// Asks for a token.
    ///
    /// # Errors
    /// The engine's reason for having none.
    pub async fn get(&self, min_ttl: Option<Duration>, deadline: Moment) -> Result<Published, Refusal> {
        self.ask(|reply| Order::Get { min_ttl, deadline, reply }).await
    }

    /// Asks for a renewal.
    ///
    /// # Errors
    /// The engine's reason for having none.
    pub async fn renew(&self, deadline: Moment) -> Result<Published, Refusal> {
        self.ask(|reply| Order::Renew { deadline, reply }).await
    }

    /// Gives an order and waits for what comes of it.
    ///
    /// # Errors
    /// The order's own refusal, or that the profile has gone meanwhile.
    pub async fn ask<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Order,
    ) -> Result<T, Refusal> {
        self.order(order).await.await.unwrap_or_else(|_| Err(gone(&self.name, &self.board)))
    }

    /// Gives an order; what comes of it can be waited for without a handle, which keeps the keeper from ending. Nothing
    /// comes where the profile has gone meanwhile.
    pub(crate) async fn order<T>(
        &self,
        order: impl FnOnce(oneshot::Sender<Result<T, Refusal>>) -> Order,
    ) -> oneshot::Receiver<Result<T, Refusal>> {
        let (reply, answer) = oneshot::channel();
        // In vain, the way back is dropped with it.
        drop(self.orders.send(order(reply)).await);
        answer
    }
}

/// What whoever waits is told where a keeper has ended.
pub(crate) fn gone(name: &ProfileName, board: &Board) -> Refusal {
    if board.has_fallen() {
        let message = format!("profile {name} was stopped by a defect of weka-tokend, and begins anew");
        return Refusal::new(Code::Failed, message).then("try again; the log of weka-tokend says more");
    }
    Refusal::new(Code::NoSuchProfile, format!("profile {name} has just been removed or renamed"))
        .then("run: weka-token status")
}
