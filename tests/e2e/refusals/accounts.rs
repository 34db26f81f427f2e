//! Accounts, filesystems and what the cluster does not grant.

use super::Scene;
use crate::LoggedIn;
use e2e::Cluster;
use serde_json::json;

#[test]
fn what_an_administrator_is_refused() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.set(&json!({"max_access_ttl": "7d"}));
    let mut scene = Scene::new(&it.home).knows(&it.cluster);
    scene.refuses(&["generate-token"]);
    scene.refuses(&["generate-token", "--access-token-timeout", "8d", "--json"]);
    let mut without_terminal = it.home.command("setsid");
    without_terminal.arg(it.home.weka_token(&[]).get_program()).args(["generate-token", "--copy"]);
    scene.refuses_by("weka-token generate-token --copy", &mut without_terminal);
    scene.refuses(&["revoke-tokens"]);
    scene.refuses(&["revoke-tokens", "nobody", "--yes"]);
    scene.refuses(&["passwd"]);
    scene.refuses_with(&["passwd", "--password-stdin"], "Admin-Pass1\n");
    scene.refuses_with(&["passwd", "--password-stdin"], "Admin-Pass1\nshort\n");
    scene.refuses_with(&["passwd", "--password-stdin"], "Wrong-Pass1\nAdmin-Pass2\n");
    scene.refuses(&["mount-token", "nowhere"]);
    it.cluster.fault(&json!({"kind": "status", "status": 500, "path": "/api/v2/fileSystems*"}));
    scene.refuses(&["filesystems", "--timeout", "2s"]);
    it.cluster.heal();
    it.cluster.fault(&json!({"kind": "garbage", "path": "/api/v2/fileSystems*"}));
    scene.refuses(&["filesystems", "--timeout", "2s"]);
    scene.is("accounts");
}

#[test]
fn what_others_are_refused() {
    let cluster = Cluster::start(&[]);
    cluster.control(
        "POST",
        "/users",
        &json!({"username": "alice", "password": "Alice-Pass1", "source": "LDAP", "role": "Regular"}),
    );
    let it = LoggedIn::to(cluster);
    let mut scene = Scene::new(&it.home).knows(&it.cluster);
    for words in [
        &["whoami"][..],
        &["filesystems"],
        &["mount-token", "secure"],
        &["revoke-tokens", "--yes"],
        &["revoke-tokens", "admin", "--yes"],
        &["logout", "--revoke"],
    ] {
        scene.refuses(words);
    }
    scene.refuses_with(&["passwd", "--password-stdin"], "Alice-Pass1\nAlice-Pass2\n");
    scene.transcript.heading("It is granted less than it asked for");
    let mut less = it.home.run(&["generate-token"]);
    let token = less.stdout.trim().to_owned();
    scene.transcript.hide(token, "TOKEN");
    less.stderr.push_str("");
    scene.shows("weka-token generate-token", &less);
    scene.is("accounts_not_permitted");
}
