//! Filesystems and the tokens that mount them.

use crate::audit;
use crate::errand::{Repeat, with_token};
use crate::keeper::order::Handle;
use crate::peer::Peer;
use crate::registry::{Registry, deadline};
use crate::report;
use engine::Moment;
use secret::AccessToken;
use weka_rest::{ApiError, Client, Endpoint, Filesystem, MountGrant, jwt};
use wire::{Code, Filesystems, Refusal, Response};

/// So many bytes of text and figures go into one answer: it leaves room in the frame for what the codec adds.
const PAGE: usize = 48 * 1024;
/// How long a text of the cluster may be in an answer, in bytes.
const LONGEST_TEXT: usize = 1024;
/// How much longer than asked for a mount token may live by its own dates, in seconds: they are whole ones.
const ROUNDING_S: u64 = 1;
/// How near a name must be to be suggested, and how many are.
const NEAR: (usize, usize) = (4, 3);

/// What a mount token is asked for.
#[derive(Debug, Clone)]
pub(crate) struct Wanted {
    /// The filesystem, by name or uid.
    pub(crate) filesystem: String,
    /// Whether it must not allow writing.
    pub(crate) read_only: bool,
    /// The longest life it may have, in seconds.
    pub(crate) expires_s: Option<u64>,
}

impl Registry {
    /// A page of the filesystems that the profile's user sees.
    pub(crate) async fn filesystems(
        &self,
        profile: Option<&str>,
        after: Option<(String, String)>,
        timeout_ms: u32,
    ) -> Result<Response, Refusal> {
        let handle = self.find(profile)?;
        let all = self.list_filesystems(&handle, deadline(timeout_ms)).await?;
        Ok(Response::Filesystems(page(all, after.as_ref())))
    }

    /// A token that mounts one filesystem.
    pub(crate) async fn mount_token(
        &self,
        profile: Option<&str>,
        wanted: &Wanted,
        timeout_ms: u32,
        peer: &Peer,
    ) -> Result<Response, Refusal> {
        let handle = self.find(profile)?;
        let until = deadline(timeout_ms);
        let all = self.list_filesystems(&handle, until).await?;
        let found = self.pick(&handle, &all, &wanted.filesystem)?;
        let grant = self.ask_for_mount_token(&handle, &found.uid, wanted, until).await?;
        let (expires_in_s, notes) = verify(&grant, found, wanted)?;
        audit::mount_token_handed_out(peer, handle.name.as_str(), &found.name, expires_in_s);
        Ok(Response::MountToken(wire::MountGrant {
            mount_token: grant.mount_token,
            filesystem: found.name.clone(),
            expires_in_s,
            notes,
        }))
    }

    async fn list_filesystems(&self, handle: &Handle, until: Moment) -> Result<Vec<Filesystem>, Refusal> {
        let ask = |client: Client, endpoint: Endpoint, token: AccessToken| async move {
            client.filesystems(&endpoint, &token).await
        };
        let answer = with_token(handle, until, Repeat::Freely, ask).await?;
        answer.map_err(|error| {
            let roles = "ClusterAdmin, TenantAdmin (OrgAdmin up to 5.0), ReadOnly or CSI";
            self.role_refusal(handle, &error, "list filesystems", roles)
        })
    }

    /// GET first, as the CSI driver does and as older clusters know it alone; POST where that is refused, and where
    /// there are limits, which GET has no way to tell.
    async fn ask_for_mount_token(
        &self,
        handle: &Handle,
        uid: &str,
        wanted: &Wanted,
        until: Moment,
    ) -> Result<MountGrant, Refusal> {
        let refused = |error: &ApiError| {
            let roles = "ClusterAdmin, TenantAdmin (OrgAdmin up to 5.0) or CSI";
            self.role_refusal(handle, error, "have a mount token", roles)
        };
        let limited = wanted.read_only || wanted.expires_s.is_some();
        if !limited {
            let get = |client: Client, endpoint: Endpoint, token: AccessToken| async move {
                client.mount_token(&endpoint, &token, uid).await
            };
            match with_token(handle, until, Repeat::Freely, get).await? {
                Ok(grant) => return Ok(grant),
                Err(ApiError::Rejected { .. } | ApiError::Server { status: 501, .. }) => {}
                Err(error) => return Err(refused(&error)),
            }
        }
        let post = |client: Client, endpoint: Endpoint, token: AccessToken| async move {
            client.limited_mount_token(&endpoint, &token, uid, wanted.read_only, wanted.expires_s).await
        };
        with_token(handle, until, Repeat::IfUndone, post).await?.map_err(|error| {
            let refusal = refused(&error);
            match error {
                _ if error.leaves_open() => Refusal::new(refusal.code, refusal.message)
                    .then("one may have been made all the same, which nobody has; run it again"),
                ApiError::Rejected { status: 404 | 405, .. } if limited => refusal.then(
                    "this cluster may be too old for limits (5.1 has them); without --read-only and --expires it may work",
                ),
                _ => refusal,
            }
        })
    }

    fn role_refusal(&self, handle: &Handle, error: &ApiError, what: &str, roles: &str) -> Refusal {
        let refusal = self.api_refusal(handle, error);
        match error {
            ApiError::Forbidden { .. } => {
                let username = handle.board.view().1.username;
                let who = username.map_or_else(|| "its user".to_owned(), |name| format!("user {name}"));
                refusal.then(format!("to {what}, {who} needs a role such as {roles}; ask a cluster admin"))
            }
            _ => refusal,
        }
    }

    fn pick<'a>(
        &self,
        handle: &Handle,
        all: &'a [Filesystem],
        asked: &str,
    ) -> Result<&'a Filesystem, Refusal> {
        let by_name = || all.iter().filter(|it| it.name == asked);
        match (by_name().next(), by_name().nth(1)) {
            (Some(only), None) => return Ok(only),
            (Some(_), Some(_)) => {
                let uids: Vec<_> = by_name().map(|it| it.uid.as_str()).collect();
                return Err(Refusal::new(
                    Code::Failed,
                    format!("there are several filesystems named {asked}"),
                )
                .then(format!("name it by its uid, one of: {}", uids.join(", "))));
            }
            (None, _) => {}
        }
        if let Some(found) = all.iter().find(|it| it.uid == asked) {
            return Ok(found);
        }
        let name = handle.name.as_str();
        let message = format!("profile {name} sees no filesystem named {asked}");
        let list = report::command("filesystems", name, self.surroundings.default_profile().as_str());
        Err(Refusal::new(Code::Failed, message).then(match nearest(all, asked).as_slice() {
            [] => list,
            near => format!("there is {}; for all of them, {list}", near.join(" and ")),
        }))
    }
}

/// The names that are most like the one that was asked for.
fn nearest<'a>(all: &'a [Filesystem], asked: &str) -> Vec<&'a str> {
    let lower = asked.to_lowercase();
    let distance = |name: &str| {
        let name = name.to_lowercase();
        let begins = name.starts_with(&lower) || lower.starts_with(&name);
        if begins { 1 } else { strsim::osa_distance(&name, &lower) }
    };
    let mut near: Vec<_> = all
        .iter()
        .map(|it| (distance(&it.name), it.name.as_str()))
        .filter(|(far, name)| *far <= NEAR.0 && *far < name.chars().count().max(2) && !asked.is_empty())
        .collect();
    near.sort_unstable();
    near.into_iter().take(NEAR.1).map(|(_, name)| name).collect()
}

/// Whether a mount token is what was asked for: its life where that is known, and what cannot be verified.
///
/// # Errors
/// It is for another filesystem, or allows more than was asked for.
fn verify(
    grant: &MountGrant,
    found: &Filesystem,
    wanted: &Wanted,
) -> Result<(Option<u64>, Vec<String>), Refusal> {
    let name = &found.name;
    let thrown_away = |what: String| Refusal::new(Code::Failed, format!("{what}; the token was thrown away"));
    match grant.filesystem_name.as_deref() {
        Some(said) if said == name => {}
        Some(said) => {
            let said: String = said.chars().filter(|letter| !letter.is_control()).take(100).collect();
            let what =
                format!("the cluster answered with a mount token for filesystem {said} instead of {name}");
            return Err(thrown_away(what));
        }
        None => {
            let what = format!("the cluster did not say whether its mount token is for filesystem {name}");
            return Err(thrown_away(what));
        }
    }
    // A token's dates are both by the cluster's clock, so their difference is its life.
    let by_dates = jwt::dates(grant.mount_token.expose())
        .and_then(|dates| u64::try_from(dates.expires_unix_s.checked_sub(dates.issued_unix_s?)?).ok());
    let life_s = grant.expires_in_s.or(by_dates);
    let mut notes = Vec::new();
    if let Some(asked_s) = wanted.expires_s {
        let longest = grant.expires_in_s.into_iter().chain(by_dates).max();
        match longest {
            Some(longest) if longest > asked_s.saturating_add(ROUNDING_S) => {
                let what = format!(
                    "the cluster answered with a mount token that lives {longest} s instead of at most {asked_s} s"
                );
                return Err(thrown_away(what));
            }
            Some(_) => {}
            None => notes.push(format!(
                "the cluster was asked for at most {asked_s} s, and its answer does not say how long the token lives"
            )),
        }
    }
    if wanted.read_only {
        match grant.read_only {
            Some(true) => {}
            Some(false) => {
                return Err(thrown_away(
                    "the cluster answered with a mount token that allows writing".into(),
                ));
            }
            None => notes.push(
                "the cluster was asked for a read-only token, and its answer does not say whether it is one"
                    .into(),
            ),
        }
    }
    Ok((life_s, notes))
}

/// As many filesystems after `after` as fit into one answer.
fn page(mut all: Vec<Filesystem>, after: Option<&(String, String)>) -> Filesystems {
    all.iter_mut().for_each(shorten);
    all.sort_unstable_by(|one, other| (&one.name, &one.uid).cmp(&(&other.name, &other.uid)));
    let is_new = |it: &Filesystem| after.is_none_or(|(name, uid)| (&it.name, &it.uid) > (name, uid));
    let mut filesystems = Vec::new();
    let mut room = PAGE;
    for filesystem in all.into_iter().filter(is_new) {
        let Some(left) = room.checked_sub(weight(&filesystem)) else {
            return Filesystems { filesystems, more: true };
        };
        room = left;
        filesystems.push(wire::Filesystem {
            name: filesystem.name,
            uid: filesystem.uid,
            id: filesystem.id,
            group: filesystem.group,
            status: filesystem.status,
            is_ready: filesystem.is_ready,
            auth_required: filesystem.auth_required,
            is_encrypted: filesystem.is_encrypted,
            total_bytes: filesystem.total_bytes,
            used_bytes: filesystem.used_bytes,
            available_bytes: filesystem.available_bytes,
            ssd_bytes: filesystem.ssd_bytes,
        });
    }
    Filesystems { filesystems, more: false }
}

fn texts(filesystem: &mut Filesystem) -> impl Iterator<Item = &mut String> {
    let Filesystem { name, uid, id, group, status, .. } = filesystem;
    [name, uid].into_iter().chain([id, group, status].into_iter().flatten())
}

fn shorten(filesystem: &mut Filesystem) {
    for text in texts(filesystem) {
        if text.len() > LONGEST_TEXT {
            let end = (0..=LONGEST_TEXT).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
            text.truncate(end);
        }
    }
}

/// At least what it takes in a frame, in bytes.
fn weight(filesystem: &Filesystem) -> usize {
    let optional = [&filesystem.id, &filesystem.group, &filesystem.status];
    let text: usize = optional.into_iter().flatten().map(String::len).sum();
    filesystem.name.len() + filesystem.uid.len() + text + 80
}

#[cfg(test)]
mod tests {
    use super::*;
    use secret::MountToken;

    fn named(name: &str) -> Filesystem {
        Filesystem { name: name.into(), uid: format!("uid-{name}"), ..Filesystem::default() }
    }

    fn grant(token: &str) -> MountGrant {
        MountGrant {
            mount_token: MountToken::new(token.into()),
            filesystem_name: Some("secure".into()),
            expires_in_s: None,
            read_only: None,
        }
    }

    fn wanted(read_only: bool, expires_s: Option<u64>) -> Wanted {
        Wanted { filesystem: "secure".into(), read_only, expires_s }
    }

    /// A token that lives from second 1000 on for so long.
    fn jwt(life_s: u64) -> String {
        let claims = format!("{{\"iat\":1000,\"exp\":{}}}", 1000 + life_s);
        format!("e30.{}.sign", data_encoding::BASE64URL_NOPAD.encode(claims.as_bytes()))
    }

    #[test]
    fn a_token_for_what_was_asked_for_passes_and_its_life_is_told() {
        let found = named("secure");
        let (life, notes) = verify(&grant("opaque"), &found, &wanted(false, None)).unwrap();
        assert_eq!((life, notes.len()), (None, 0));
        let (life, notes) = verify(&grant(&jwt(60)), &found, &wanted(false, Some(60))).unwrap();
        assert_eq!((life, notes.len()), (Some(60), 0));
        let said = MountGrant { expires_in_s: Some(50), read_only: Some(true), ..grant("opaque") };
        let (life, notes) = verify(&said, &found, &wanted(true, Some(60))).unwrap();
        assert_eq!((life, notes.len()), (Some(50), 0));
    }

    #[test]
    fn what_cannot_be_verified_is_said() {
        let (life, notes) = verify(&grant("opaque"), &named("secure"), &wanted(true, Some(60))).unwrap();
        assert_eq!(life, None);
        let [life, writing] = notes.as_slice() else { panic!("{notes:?}") };
        assert!(life.contains("60 s") && writing.contains("read-only"), "{notes:?}");
    }

    #[test]
    fn more_than_was_asked_for_is_thrown_away() {
        let found = named("secure");
        for (grant, wanted, words) in [
            (grant(&jwt(62)), wanted(false, Some(60)), "lives 62 s"),
            (MountGrant { expires_in_s: Some(3600), ..grant(&jwt(60)) }, wanted(false, Some(60)), "3600 s"),
            (MountGrant { expires_in_s: Some(60), ..grant(&jwt(3600)) }, wanted(false, Some(60)), "3600 s"),
            (MountGrant { read_only: Some(false), ..grant("m") }, wanted(true, None), "allows writing"),
            (
                MountGrant { filesystem_name: Some("other\u{1b}[2J".into()), ..grant("m") },
                wanted(false, None),
                "filesystem other[2J instead of secure",
            ),
            (MountGrant { filesystem_name: None, ..grant("m") }, wanted(false, None), "did not say"),
        ] {
            let refusal = verify(&grant, &found, &wanted).unwrap_err();
            assert!(refusal.message.contains(words), "{refusal}");
            assert_eq!(refusal.code, Code::Failed);
        }
    }

    #[test]
    fn the_nearest_names_come_first() {
        let all: Vec<_> = ["default", "secure", "secure-2", "Secured", "lab", "x"].map(named).into();
        assert_eq!(nearest(&all, "secur"), ["Secured", "secure", "secure-2"]);
        assert_eq!(nearest(&all, "LAB"), ["lab"]);
        assert_eq!(nearest(&all, "defualt"), ["default"]);
        assert!(nearest(&all, "nothing-like-it").is_empty());
        assert!(nearest(&all, "").is_empty());
    }

    #[test]
    fn any_number_of_filesystems_comes_in_pages_that_fit_in_a_frame() {
        let long = |number: usize| Filesystem {
            name: format!("fs-{number:05}{}", "\u{e4}".repeat(number % 700)),
            group: Some("g".repeat(number % 300)),
            total_bytes: Some(u64::MAX),
            used_bytes: Some(u64::MAX),
            available_bytes: Some(u64::MAX),
            ssd_bytes: Some(u64::MAX),
            is_ready: Some(true),
            ..named("fs")
        };
        let all: Vec<_> = (0..1500).rev().map(long).collect();
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let page = page(all.clone(), after.as_ref());
            let answer = Response::Filesystems(page.clone());
            assert!(wire::frame::encode(&answer).is_ok(), "{} at once", page.filesystems.len());
            let last = page.filesystems.last().unwrap();
            after = Some((last.name.clone(), last.uid.clone()));
            seen.extend(page.filesystems);
            if !page.more {
                break;
            }
        }
        assert_eq!(seen.len(), 1500);
        assert!(seen.is_sorted_by(|one, other| one.name < other.name));
    }
}
