//! The tasks that talk to the cluster and to the password source.
//!
//! Each ends with one [`Report`] to its keeper, whatever happens.

use super::failure::Purpose;
use super::file::look_locked;
use super::gate::Gate;
use super::reports::{End, Looked, Report};
use crate::account::Account;
use crate::board::Board;
use crate::clock;
use crate::pair::{Known, Pair};
use crate::password_source::PasswordSource;
use crate::sink::{self, Look};
use crate::token_file::FileWorker;
use engine::{Condition, ExchangeId, Generation, Lease, Moment, SourceId};
use secret::{AccessToken, Password};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::{mpsc, oneshot};
use weka_rest::{ApiError, Client, Endpoint, Grant, jwt};

/// The life given to an access token of which neither the answer nor the token itself says anything.
const UNKNOWN_LIFE: Duration = Duration::from_secs(30);

/// An exchange under way.
#[derive(Debug)]
pub struct Running {
    /// Its name.
    pub id: ExchangeId,
    /// The pair that a refresh renews.
    pub renews: Option<Generation>,
    /// The person whose login it is.
    pub person: Option<engine::WaiterId>,
    /// Who waits for a long-lived token from it.
    pub generates: Option<engine::WaiterId>,
    /// What it would send has been forgotten meanwhile.
    pub obsolete: Arc<AtomicBool>,
    /// The cluster refused the source's password; that is being written down.
    pub refused: bool,
    /// What is sent, where it is the source's password.
    pub(super) sent: Option<Sent>,
}

/// A password from the source, as it was when its login began: the settings may change meanwhile.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    /// Its number.
    pub(super) content: SourceId,
    /// Whose it is.
    pub(super) account: Account,
    /// Tells it and its account from others.
    pub(super) login: Password,
}

impl Running {
    /// One that begins.
    #[must_use]
    pub fn new(id: ExchangeId, renews: Option<Generation>, person: Option<engine::WaiterId>) -> Self {
        let (obsolete, refused) = (Arc::default(), false);
        Self { id, renews, person, generates: None, obsolete, refused, sent: None }
    }

    /// What it is for.
    #[must_use]
    pub const fn purpose(&self) -> Purpose {
        match (self.generates, self.renews) {
            (Some(_), _) => Purpose::Generate,
            (None, Some(_)) => Purpose::Refresh,
            (None, None) => Purpose::Login,
        }
    }

    /// The number of the source's password that it sends.
    pub(super) fn content(&self) -> Option<SourceId> {
        self.sent.as_ref().map(|sent| sent.content)
    }

    /// Whether it is a login with the source's password.
    #[must_use]
    pub const fn is_by_source(&self) -> bool {
        self.generates.is_none() && self.renews.is_none() && self.person.is_none()
    }
}

/// What the cluster granted as a pair. Where a refresh answers without a refresh token, the old one goes on.
#[must_use]
pub fn pair_of(grant: Grant, sent_at: Moment, renewed: Option<&Pair>) -> Pair {
    // Whichever of the two is mistaken, the token is not worth more than the shorter one.
    let said = [grant.expires_in_s.map(Duration::from_secs), life_by_jwt(&grant.access_token)];
    let life = said.into_iter().flatten().min().unwrap_or(UNKNOWN_LIFE);
    Pair {
        access_token: grant.access_token,
        refresh_token: grant.refresh_token.or_else(|| renewed.and_then(|pair| pair.refresh_token.clone())),
        token_type: grant.token_type,
        lease: Some(Lease { sent_at, life }),
        in_file: false,
        in_store: false,
    }
}

pub(super) fn life_by_jwt(token: &AccessToken) -> Option<Duration> {
    let dates = jwt::dates(token.expose())?;
    let life = dates.expires_unix_s.checked_sub(dates.issued_unix_s?)?;
    u64::try_from(life).ok().filter(|life| *life > 0).map(Duration::from_secs)
}

/// Everything a refresh needs.
#[derive(Debug)]
pub struct RefreshJob {
    /// Its name.
    pub exchange: ExchangeId,
    /// The client.
    pub client: Client,
    /// Where to.
    pub endpoint: Endpoint,
    /// The pair to renew.
    pub pair: Pair,
    /// How long the new access token is to live, in seconds, where it is to be a long-lived one.
    pub long_lived_s: Option<u64>,
    /// The file that other hosts may have renewed meanwhile.
    pub file: Option<PathBuf>,
    /// The sinks in which a tool may have renewed it.
    pub(crate) sinks: Vec<Look>,
    /// The pairs we had: a copy of one of them in the file is no news.
    pub known: Known,
    /// Turns true when the pair is forgotten before it was sent.
    pub obsolete: Arc<AtomicBool>,
}

/// Renews a pair, unless the token file turns out to hold another.
pub fn spawn_refresh(job: RefreshJob, files: FileWorker, reports: mpsc::Sender<Report>) {
    tokio::spawn(async move {
        let RefreshJob { exchange, client, endpoint, pair, long_lived_s, file, sinks, known, obsolete } = job;
        if let Some(found) = sink::news(sinks, &known).await {
            drop(reports.send(Report::Ended { exchange, end: End::Superseded(found) }).await);
            return;
        }
        if let Some(path) = &file {
            let (lock, found) = look_locked(&files, path, &pair, &known).await;
            if let Looked::Pair { pair: found, .. } = found
                && !known.has(&found)
            {
                drop(reports.send(Report::Ended { exchange, end: End::Superseded(found) }).await);
                return;
            }
            // Given back when the new pair is in the file, or there is none.
            files.hold(lock);
        }
        let end = if obsolete.load(Ordering::Relaxed) {
            let reason = "the tokens were forgotten before anything was sent".into();
            End::Failed(ApiError::Unreachable { endpoint, reason, sent: false })
        } else {
            refresh(&client, &endpoint, &pair, long_lived_s).await
        };
        drop(reports.send(Report::Ended { exchange, end }).await);
    });
}

async fn refresh(client: &Client, endpoint: &Endpoint, pair: &Pair, long_lived_s: Option<u64>) -> End {
    let Some(token) = &pair.refresh_token else {
        return End::Failed(ApiError::Unauthorized { message: "there is no refresh token".into() });
    };
    let sent_at = clock::now();
    let granted = match long_lived_s {
        None => client.refresh(endpoint, token).await,
        Some(seconds) => client.refresh_with_expiry(endpoint, token, seconds).await,
    };
    note_answer("/login/refresh", endpoint, granted.as_ref(), sent_at);
    match granted {
        Ok(grant) => End::Granted { grant, sent_at },
        Err(error) => End::Failed(error),
    }
}

/// What was sent where, what came of it and how long that took, for whoever wants to know that much.
fn note_answer(path: &str, endpoint: &Endpoint, granted: Result<&Grant, &ApiError>, sent_at: Moment) {
    let took_ms = clock::now().since(sent_at).as_millis();
    match granted {
        Ok(grant) => {
            let life_s = grant.expires_in_s;
            tracing::debug!(%endpoint, took_ms, life_s, "POST {path}: granted");
        }
        Err(error) => tracing::debug!(%endpoint, took_ms, %error, "POST {path}: no tokens"),
    }
}

/// Everything a login needs.
#[derive(Debug)]
pub struct LoginJob {
    /// Its name.
    pub exchange: ExchangeId,
    /// The client.
    pub client: Client,
    /// Where to.
    pub endpoint: Endpoint,
    /// Organisation.
    pub org: String,
    /// WEKA user name.
    pub username: String,
    /// The password.
    pub password: Password,
    /// What stands between a source's password and the cluster.
    pub(super) way: Option<Way>,
}

/// What stands between a source's password and the cluster.
#[derive(Debug)]
pub(super) struct Way {
    /// The gate of the profile.
    pub(super) gate: Arc<Gate>,
    /// Whose password it is.
    pub(super) account: Account,
    /// Tells this password and this account from others.
    pub(super) login: Password,
    /// Where the profile's session shows its state, if this is another one.
    pub(super) main: Option<Arc<Board>>,
}

/// Whether a profile in this state keeps the sessions of its sinks from logging in: it needs a person.
pub(super) const fn bars(condition: Condition) -> bool {
    !matches!(condition, Condition::Ready | Condition::Degraded | Condition::Unreachable)
}

/// Logs in, once.
pub fn spawn_login(job: LoginJob, reports: mpsc::Sender<Report>) {
    tokio::spawn(async move {
        let LoginJob { exchange, client, endpoint, org, username, password, way } = job;
        let mut sent_at = clock::now();
        let is_by_source = way.is_some();
        let send = async {
            // It may have waited for its turn.
            sent_at = clock::now();
            if is_by_source {
                let (noted, forbidden) = note(exchange, reports.clone());
                tokio::select! {
                    granted = client.login_after(&endpoint, &org, &username, &password, noted) => granted,
                    Ok(()) = forbidden => {
                        let reason = "the tokens were forgotten before anything was sent".into();
                        Err(ApiError::Unreachable { endpoint: endpoint.clone(), reason, sent: false })
                    }
                }
            } else {
                client.login(&endpoint, &org, &username, &password).await
            }
        };
        let is_barred = |way: &Way| way.main.as_ref().is_some_and(|main| bars(main.view().1.condition));
        let granted = match way {
            Some(way) if is_barred(&way) => {
                drop(reports.send(Report::Ended { exchange, end: End::Barred }).await);
                return;
            }
            Some(way) => way.gate.pass(&way.account, way.login, &endpoint, send).await,
            None => send.await,
        };
        note_answer("/login", &endpoint, granted.as_ref(), sent_at);
        let end = match granted {
            Ok(grant) => End::Granted { grant, sent_at },
            Err(error) => End::Failed(error),
        };
        // Wiped before anybody is told how it went.
        drop(password);
        drop(reports.send(Report::Ended { exchange, end }).await);
    });
}

/// Ends once it is written down that a login is about to be sent, and the keeper has let it go. The other one ends if the
/// keeper forbids it, and then the first never does.
fn note(
    exchange: ExchangeId,
    reports: mpsc::Sender<Report>,
) -> (impl Future<Output = ()> + Send + 'static, oneshot::Receiver<()>) {
    let (forbid, forbidden) = oneshot::channel();
    let noted = async move {
        let (go, may_go) = oneshot::channel();
        drop(reports.send(Report::Sending { exchange, go }).await);
        if may_go.await.is_err() {
            let _heard = forbid.send(());
            std::future::pending::<()>().await;
        }
    };
    (noted, forbidden)
}

/// Shakes hands, and reports a certificate that is not trusted.
pub fn spawn_probe(client: Client, endpoint: Endpoint, reports: mpsc::Sender<Report>) {
    tokio::spawn(async move {
        let Ok(seen) = client.probe(&endpoint).await else { return };
        let reason = match seen.verdict {
            weka_rest::Verdict::Trusted => return,
            weka_rest::Verdict::Unknown { reason } => reason,
            weka_rest::Verdict::PinMismatch { expected } => {
                format!("{expected} is expected, and the cluster shows another")
            }
        };
        let reason = format!("{endpoint} is not trusted: {reason}");
        drop(reports.send(Report::Untrusted(reason)).await);
    });
}

/// Reads the password source.
pub fn spawn_source(source: PasswordSource, credentials: Option<PathBuf>, reports: mpsc::Sender<Report>) {
    tokio::spawn(async move {
        let read = source.read(credentials.as_deref()).await;
        drop(reports.send(Report::SourceRead(read)).await);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::BASE64URL_NOPAD;

    #[test]
    fn a_life_without_end_was_believed_though_the_token_itself_said_otherwise() {
        let payload = BASE64URL_NOPAD.encode(br#"{"iat":1700000000,"exp":1700000060}"#);
        let life = |expires_in_s| {
            let access_token = AccessToken::new(format!("e30.{payload}.x"));
            let grant = Grant {
                access_token,
                refresh_token: None,
                token_type: "Bearer".into(),
                expires_in_s,
                password_change_required: false,
            };
            pair_of(grant, Moment::from_millis(0), None).lease.map(|lease| lease.life.as_secs())
        };
        assert_eq!(life(Some(315_360_000)), Some(60));
        assert_eq!(life(Some(30)), Some(30));
        assert_eq!(life(None), Some(60));
    }
}
