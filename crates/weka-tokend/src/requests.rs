//! What each request comes to, and for whom.

use crate::audit;
use crate::board::Framed;
use crate::clock;
use crate::config::ProfileName;
use crate::dirs::Service;
use crate::filesystems::Wanted;
use crate::following::{LONGEST_POLL_S, Wait};
use crate::keeper::order::{Handle, Order};
use crate::peer::Peer;
use crate::registry::{Registry, deadline};
use engine::Condition;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use wire::{Code, Refusal, Request, Response, Whoami};

/// What goes back to a peer.
#[derive(Debug)]
pub enum Answer {
    /// As it is.
    Framed(Framed),
    /// Still to be put into a frame.
    Message(Response),
}

impl Registry {
    /// The answer to a `get` of the daemon's own user or root where the token is at hand: nearly every request there
    /// is, and nothing in it waits.
    pub fn at_once(&self, request: &Request, peer: &Peer) -> Option<Framed> {
        let Request::Get { profile, min_ttl_s, .. } = request else { return None };
        if !peer.is_owner(self.own_uid) {
            return None;
        }
        let handle = self.find(profile.as_deref()).ok()?;
        at_hand(&handle, min_ttl_s.map(Duration::from_secs), peer)
    }

    /// One request's answer. `stop` cuts long polls short.
    pub async fn answer(
        self: &Arc<Self>,
        request: Request,
        peer: &Peer,
        stop: &mut watch::Receiver<bool>,
    ) -> Answer {
        if tracing::enabled!(tracing::Level::DEBUG) {
            tracing::debug!(%peer, "asked for: {}", verb(&request));
        }
        let answer = match request {
            Request::Get { profile, min_ttl_s, timeout_ms } => {
                let got = self.get(profile.as_deref(), min_ttl_s, timeout_ms, peer).await;
                return got.unwrap_or_else(|refusal| Answer::Message(Response::Refused(refusal)));
            }
            Request::Status { profile, after_revision, wait_s, after_name } => {
                // Whoever sees nothing waits for nothing.
                if let Err(refusal) = self.visible(profile.as_deref(), peer).await {
                    return Answer::Message(Response::Refused(refusal));
                }
                self.wait(after_revision, wait_s, stop).await;
                self.show(profile.as_deref(), after_name.as_deref(), peer).await
            }
            Request::Whoami { profile, timeout_ms } => {
                self.whoami(profile.as_deref(), timeout_ms, peer).await
            }
            Request::Follow { profile, after, wait_s, timeout_ms } => {
                // Whoever begins now uses the name that it has now.
                let found = match after {
                    Some(_) => self.followed(profile.as_deref(), peer).await,
                    None => self.permitted(profile.as_deref(), peer).await,
                };
                match found {
                    Ok(handle) => self.follow(&handle, Wait { after, wait_s, timeout_ms }, peer, stop).await,
                    Err(refusal) => Err(refusal),
                }
            }
            Request::Reach { profile, endpoint, timeout_ms } => {
                match self.permitted(profile.as_deref(), peer).await {
                    Ok(handle) => self.reach(&handle, endpoint.as_deref(), timeout_ms, peer).await,
                    Err(refusal) => Err(refusal),
                }
            }
            request => match self.owners_only(peer) {
                Ok(()) if may_end_tokens(&request) => self.see_through(request, peer).await,
                Ok(()) => self.serve_owner(request, peer).await,
                Err(refusal) => Err(refusal),
            },
        };
        Answer::Message(answer.unwrap_or_else(Response::Refused))
    }

    async fn get(
        &self,
        profile: Option<&str>,
        min_ttl_s: Option<u64>,
        timeout_ms: u32,
        peer: &Peer,
    ) -> Result<Answer, Refusal> {
        let handle = self.permitted(profile, peer).await?;
        let min_ttl = min_ttl_s.map(Duration::from_secs);
        if let Some(framed) = at_hand(&handle, min_ttl, peer) {
            return Ok(Answer::Framed(framed));
        }
        let published = handle.get(min_ttl, deadline(timeout_ms)).await?;
        let token = handle.board.hand_out(handle.name.as_str(), published, clock::now());
        audit::handed_out(peer, &token.profile, token.expires_in_s);
        Ok(Answer::Message(Response::Token(token)))
    }

    async fn wait(&self, after_revision: Option<u64>, wait_s: u32, stop: &mut watch::Receiver<bool>) {
        let revision = &self.surroundings.revision;
        // Any other number is another daemon's, or there is news already.
        let Some(seen) = after_revision.filter(|seen| *seen == revision.current()) else { return };
        let wait = Duration::from_secs(u64::from(wait_s.min(LONGEST_POLL_S)));
        tokio::select! {
            () = revision.past(seen) => {}
            () = tokio::time::sleep(wait) => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
    }

    async fn show(
        &self,
        profile: Option<&str>,
        after_name: Option<&str>,
        peer: &Peer,
    ) -> Result<Response, Refusal> {
        match self.visible(profile, peer).await? {
            None => Ok(Response::Status(self.status(profile, after_name, None)?)),
            visible => Ok(Response::Status(self.status(None, after_name, visible.as_ref())?)),
        }
    }

    /// The profiles that a peer may see, of those that it asks for: all there are, where that is `None`.
    async fn visible(
        &self,
        profile: Option<&str>,
        peer: &Peer,
    ) -> Result<Option<BTreeSet<ProfileName>>, Refusal> {
        if peer.is_owner(self.own_uid) {
            return Ok(None);
        }
        if profile.is_some() {
            return Ok(Some(BTreeSet::from([self.permitted(profile, peer).await?.name.clone()])));
        }
        let mut looking = JoinSet::new();
        for (name, entry) in self.list() {
            let Ok(handle) = entry else { continue };
            let (access, peer) = (self.access.clone(), peer.clone());
            let config = Arc::clone(&handle.settings.borrow());
            looking.spawn(async move { access.allows(&config.allow, &peer).await.then_some(name) });
        }
        let mut visible = BTreeSet::new();
        while let Some(allowed) = looking.join_next().await {
            visible.extend(allowed.ok().flatten());
        }
        if visible.is_empty() {
            return Err(self.foreign(&self.name(profile)?, peer));
        }
        Ok(Some(visible))
    }

    async fn whoami(&self, profile: Option<&str>, timeout_ms: u32, peer: &Peer) -> Result<Response, Refusal> {
        let handle = self.permitted(profile, peer).await?;
        let identity = self.identity(&handle, deadline(timeout_ms)).await?;
        Ok(Response::Whoami(Whoami {
            profile: handle.name.to_string(),
            data_json: identity.data.to_string(),
            username: identity.username,
            org: identity.org_name,
            role: identity.role,
            source: identity.source,
        }))
    }

    /// Serves a request to its end whether or not the caller waits for it: what the cluster has been asked to end, it
    /// ends, and the tokens that are held here must go with it.
    async fn see_through(self: &Arc<Self>, request: Request, peer: &Peer) -> Result<Response, Refusal> {
        let (registry, peer) = (Arc::clone(self), peer.clone());
        let done = tokio::spawn(async move { registry.serve_owner(request, &peer).await });
        done.await
            .unwrap_or_else(|_| Err(Refusal::new(Code::Failed, "the request failed; see the daemon's log")))
    }

    async fn serve_owner(self: &Arc<Self>, request: Request, peer: &Peer) -> Result<Response, Refusal> {
        match request {
            Request::Describe { profile } => self.describe(profile.as_deref()),
            Request::Probe { target, timeout_ms } => self.probe(&target, timeout_ms).await,
            Request::Login(login) => self.login(*login).await,
            Request::Trust { target, save, timeout_ms } => self.trust(target, save, timeout_ms).await,
            Request::Logout { profile, revoke, timeout_ms } => {
                let handle = self.find(profile.as_deref())?;
                let mut notes = Vec::new();
                if revoke {
                    let revoked = self.revoke(&handle, deadline(timeout_ms)).await;
                    notes.extend(revoked.map_err(|refusal| still_logged_in(refusal, &handle))?);
                }
                match handle.ask(|reply| Order::Logout { reply }).await {
                    Ok(done) => Ok(Response::Done { notes: notes.into_iter().chain(done).collect() }),
                    Err(refusal) => {
                        notes.push(refusal.message);
                        Err(Refusal { message: notes.join("; "), ..refusal })
                    }
                }
            }
            Request::Refresh { profile, timeout_ms } => {
                let handle = self.find(profile.as_deref())?;
                let published = handle.renew(deadline(timeout_ms)).await?;
                let expires_in_s = published.lease.remaining(clock::now()).as_secs();
                Ok(Response::Refreshed { profile: handle.name.to_string(), expires_in_s })
            }
            Request::Adopt { profile, after, offer } => {
                let handle = self.followed(profile.as_deref(), peer).await?;
                let notes = handle.ask(|reply| Order::Adopt { after, offer, reply }).await?;
                Ok(Response::Done { notes })
            }
            Request::Generate { profile, access_token_timeout_s, timeout_ms } => {
                self.generate(profile.as_deref(), access_token_timeout_s, timeout_ms, peer).await
            }
            Request::Revoke { profile, username, timeout_ms } => {
                self.revoke_tokens(profile.as_deref(), username.as_deref(), timeout_ms).await
            }
            Request::Examine { profile, timeout_ms } => {
                self.examine(profile.as_deref(), timeout_ms, peer).await
            }
            Request::ChangePassword(change) => self.change_password(*change).await,
            Request::Profiles { after_name } => Ok(self.profiles(after_name.as_deref())),
            Request::MayLogIn { target, org, username } => self.may_log_in(&target, org, username),
            Request::EditProfiles(edit) => self.edit_profiles(edit).await,
            Request::Filesystems { profile, after, timeout_ms } => {
                self.filesystems(profile.as_deref(), after, timeout_ms).await
            }
            Request::MountToken { profile, filesystem, read_only, expires_s, timeout_ms } => {
                let wanted = Wanted { filesystem, read_only, expires_s };
                self.mount_token(profile.as_deref(), &wanted, timeout_ms, peer).await
            }
            Request::Reach { .. }
            | Request::Get { .. }
            | Request::Status { .. }
            | Request::Whoami { .. }
            | Request::Follow { .. } => Err(Refusal::new(Code::Failed, "the request was not understood")),
        }
    }

    /// The profile, if the peer may have its access token. Nobody learns of profiles they may not use: one that
    /// does not exist is refused like one that is somebody else's.
    async fn permitted(&self, profile: Option<&str>, peer: &Peer) -> Result<Arc<Handle>, Refusal> {
        if peer.is_owner(self.own_uid) {
            return self.find(profile);
        }
        let name = self.name(profile)?;
        if let Ok(handle) = self.find(profile)
            && self.is_allowed(&handle, peer).await
        {
            return Ok(handle);
        }
        Err(self.foreign(&name, peer))
    }

    /// The profile that somebody goes on with who has begun before; it may have another name by now.
    async fn followed(&self, profile: Option<&str>, peer: &Peer) -> Result<Arc<Handle>, Refusal> {
        if let Some(name) = profile.and_then(|before| self.present_name(before))
            && let Ok(handle) = self.permitted(Some(name.as_str()), peer).await
        {
            return Ok(handle);
        }
        self.permitted(profile, peer).await
    }

    async fn is_allowed(&self, handle: &Handle, peer: &Peer) -> bool {
        let config = Arc::clone(&handle.settings.borrow());
        self.access.allows(&config.allow, peer).await
    }

    fn owners_only(&self, peer: &Peer) -> Result<(), Refusal> {
        if peer.is_owner(self.own_uid) {
            return Ok(());
        }
        tracing::warn!(%peer, "refused what only the daemon's own user and root may do");
        let message =
            "only root and the daemon's own user may do this; others may get, exec, curl, status and whoami";
        Err(Refusal::new(Code::NotPermitted, message).then("ask whoever runs weka-tokend on this host"))
    }

    fn foreign(&self, name: &ProfileName, peer: &Peer) -> Refusal {
        tracing::warn!(%peer, "refused: it is not among those who may use profile {name}");
        if self.surroundings.dirs.service == Service::User {
            return Refusal::new(
                Code::NotPermitted,
                format!("this weka-tokend serves another user, and you may not use its profile {name}"),
            )
            .then("run your own: systemctl --user start weka-tokend.socket");
        }
        let uid = peer.uid;
        Refusal::new(Code::NotPermitted, format!("uid {uid} may not use profile {name} of this host"))
            .then(format!("root can allow it: allow = [\"user:{uid}\"] under [profile.{name}]"))
    }
}

/// The published token, if it lives long enough: no keeper, and no waiting.
fn at_hand(handle: &Handle, min_ttl: Option<Duration>, peer: &Peer) -> Option<Framed> {
    let framed = handle.board.answer(handle.name.as_str(), min_ttl, clock::now())?;
    audit::handed_out(peer, handle.name.as_str(), framed.expires_in_s);
    Some(framed)
}

/// What is asked for, without anything of what comes with it.
fn verb(request: &Request) -> String {
    format!("{request:?}").chars().take_while(char::is_ascii_alphanumeric).collect()
}

fn still_logged_in(refusal: Refusal, handle: &Handle) -> Refusal {
    let condition = handle.board.view().1.condition;
    if matches!(condition, Condition::LoggedOut | Condition::LoginRequired) {
        let message = format!("nothing was revoked: {}", refusal.message);
        return Refusal { message, ..refusal };
    }
    let message = format!("nothing was revoked, and {} is still logged in: {}", handle.name, refusal.message);
    Refusal::new(refusal.code, message).then("to forget the tokens here only, leave --revoke out")
}

/// Whether the cluster may end tokens because of this request.
const fn may_end_tokens(request: &Request) -> bool {
    matches!(request, Request::Logout { .. } | Request::Revoke { .. } | Request::ChangePassword(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;
    use crate::dirs::{Dirs, Environment};
    use crate::surroundings::Surroundings;

    #[tokio::test]
    async fn who_may_see_nothing_was_kept_waiting_for_news_of_it() {
        let home = tempfile::tempdir().unwrap();
        let environment = Environment { home: Some(home.path().to_owned()), ..Environment::default() };
        let dirs = Dirs::new(&environment, None, None);
        let loaded = config::load(&dirs);
        let surroundings = Arc::new(Surroundings::new(dirs, "", ProfileName::default()));
        let registry = Registry::new(surroundings, String::new());
        registry.apply(loaded);
        let (_sender, mut stop) = watch::channel(false);
        for profile in [None, Some("default".to_owned()), Some("none".to_owned())] {
            let after_revision = Some(u64::MAX);
            let request = Request::Status { profile, after_revision, wait_s: 60, after_name: None };
            let stranger = Peer { uid: 4_000_000, gid: 4_000_000, pid: None, groups: Vec::new() };
            // Half of what it would wait for.
            let answer = registry.answer(request, &stranger, &mut stop);
            let answer = tokio::time::timeout(Duration::from_secs(30), answer).await.unwrap();
            let Answer::Message(Response::Refused(refusal)) = answer else { panic!("{answer:?}") };
            assert_eq!(refusal.code, Code::NotPermitted);
        }
        registry.close().await;
    }
}
