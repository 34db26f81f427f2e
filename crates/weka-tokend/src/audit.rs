//! Who got what: one line per token handed out, at the tracing target `audit`, off unless `WEKA_TOKEN_LOG` names it.

use crate::peer::Peer;
use std::fs;
use tracing::Level;

/// The tracing target.
pub const TARGET: &str = "audit";

/// Notes that a token was handed out; never the token.
pub fn handed_out(peer: &Peer, profile: &str, expires_in_s: u64) {
    if !tracing::enabled!(target: TARGET, Level::INFO) {
        return;
    }
    let who = who(peer);
    tracing::info!(target: TARGET, "token handed out {who} profile={profile} expires_in_s={expires_in_s}");
}

/// Notes that a mount token was handed out; never the token. The name of the filesystem is the cluster's.
pub fn mount_token_handed_out(peer: &Peer, profile: &str, filesystem: &str, expires_in_s: Option<u64>) {
    if !tracing::enabled!(target: TARGET, Level::INFO) {
        return;
    }
    let who = who(peer);
    let life = expires_in_s.map_or_else(|| "-".to_owned(), |seconds| seconds.to_string());
    let filesystem = filesystem.escape_debug();
    tracing::info!(
        target: TARGET,
        "mount token handed out {who} profile={profile} filesystem=\"{filesystem}\" expires_in_s={life}"
    );
}

/// Notes that a long-lived token was handed out; never the token.
pub fn long_lived_handed_out(peer: &Peer, profile: &str, expires_in_s: u64) {
    if !tracing::enabled!(target: TARGET, Level::INFO) {
        // It outlives the daemon, so that there is one is said in any case.
        tracing::info!("a long-lived token of profile {profile} was made for {peer}");
        return;
    }
    let who = who(peer);
    tracing::info!(target: TARGET, "long-lived token handed out {who} profile={profile} expires_in_s={expires_in_s}");
}

fn who(peer: &Peer) -> String {
    let unit = peer.pid.and_then(unit_of).unwrap_or_else(|| "-".into());
    let pid = peer.pid.unwrap_or_default();
    format!("uid={} gid={} pid={pid} unit={unit}", peer.uid, peer.gid)
}

/// The systemd unit of a process, by the last part of its control group that names one.
fn unit_of(pid: i32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{pid}/cgroup")).ok()?;
    unit_in(&groups)
}

fn unit_in(groups: &str) -> Option<String> {
    let path = groups.lines().next_back()?.rsplit(':').next()?;
    let is_unit = |part: &&str| [".service", ".scope", ".mount"].iter().any(|kind| part.ends_with(kind));
    let unit = path.rsplit('/').find(is_unit)?;
    // It stands in a log line, and anybody may name a scope.
    Some(unit.chars().filter(|c| c.is_ascii_graphic()).take(200).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_innermost_unit_is_named() {
        let groups = "0::/user.slice/user-1000.slice/user@1000.service/app.slice/job.scope\n";
        assert_eq!(unit_in(groups).as_deref(), Some("job.scope"));
        assert_eq!(unit_in("0::/system.slice/slurmd.service\n").as_deref(), Some("slurmd.service"));
        assert_eq!(unit_in("0::/\n"), None);
        assert_eq!(unit_in(""), None);
    }
}
