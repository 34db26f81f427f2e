//! `weka-token mount-token`: a token for one filesystem, and never more than was asked for.

use crate::{LoggedIn, json};
use e2e::Cluster;
use e2e::home::finish;
use serde_json::Value;

fn as_admin() -> LoggedIn {
    LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1")
}

/// The method and body of each request for a mount token.
fn asked(it: &LoggedIn) -> Vec<(String, Value)> {
    let of = |entry: &Value| (entry["method"].as_str().unwrap().to_owned(), entry["body"].clone());
    let all = it.cluster.log();
    all.iter().filter(|it| it["path"].as_str().unwrap().ends_with("/mountToken")).map(of).collect()
}

/// What a mount token says of itself.
fn claims(token: &str) -> Value {
    let payload = token.split('.').nth(1).expect("a JWT");
    let code =
        "import base64, sys; text = sys.stdin.read(); print(base64.urlsafe_b64decode(text + '==').decode())";
    let mut python = std::process::Command::new("python3");
    serde_json::from_str(&finish(python.args(["-c", code]), payload).ok()).expect("JSON")
}

#[test]
fn it_is_the_bare_token_or_one_line_of_json() {
    let it = as_admin();
    let token = it.home.run(&["mount-token", "secure"]).ok();
    assert_eq!(claims(&token)["sub"]["read_only"], false);
    let line = it.home.run(&["mount-token", "secure", "--json"]).ok();
    let answer = json(&line);
    assert_eq!(line.lines().count(), 1);
    assert_eq!((&answer["filesystem"], &answer["expires_in"]), (&json!("secure"), &json!(30 * 86_400)));
    assert_eq!(claims(answer["mount_token"].as_str().unwrap())["sub"], claims(&token)["sub"]);
    assert_eq!(asked(&it).iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["GET", "GET"]);
}

#[test]
fn a_filesystem_may_be_named_by_its_uid() {
    let it = as_admin();
    let uid = json(&it.home.run(&["filesystems", "--json"]).ok())[1]["uid"].as_str().unwrap().to_owned();
    assert_eq!(json(&it.home.run(&["mount-token", &uid, "--json"]).ok())["filesystem"], "secure");
}

#[test]
fn limits_are_asked_for_with_post_and_nothing_else() {
    let it = as_admin();
    let ran = it.home.run(&["mount-token", "secure", "--read-only", "--expires", "1h", "--json"]);
    // The token's own dates show its life; nothing shows that it is read-only.
    assert!(ran.stderr.contains("read-only") && !ran.stderr.contains("3600"), "{ran:?}");
    let answer = json(&ran.ok());
    assert_eq!(answer["expires_in"], 3600);
    let claims = claims(answer["mount_token"].as_str().unwrap());
    assert_eq!(claims["sub"]["read_only"], true);
    assert_eq!(claims["exp"].as_i64().unwrap() - claims["iat"].as_i64().unwrap(), 3600);
    assert_eq!(asked(&it).iter().map(|it| it.0.as_str()).collect::<Vec<_>>(), ["POST"]);
    assert_eq!(it.home.run(&["-q", "mount-token", "secure", "--read-only"]).stderr, "");
}

#[test]
fn post_is_used_where_get_is_refused_and_not_where_the_role_is() {
    for status in [400, 404, 405, 501] {
        let it = as_admin();
        it.cluster.fault(
            &json!({"kind": "status", "status": status, "method": "GET", "path": "/api/v2/fileSystems/*"}),
        );
        let token = it.home.run(&["mount-token", "secure"]).ok();
        assert_eq!(claims(&token)["sub"]["read_only"], false);
        assert_eq!(asked(&it).last().unwrap().0, "POST", "{status}");
    }
    let it = as_admin();
    it.cluster.fault(&json!({"kind": "status", "status": 403, "path": "/api/v2/fileSystems/*"}));
    let words = it.home.run(&["mount-token", "secure"]).refused(6);
    assert!(words.contains("CSI") && words.contains("user admin"), "{words}");
    assert_eq!(asked(&it).len(), 1);
}

#[test]
fn limits_are_never_given_up() {
    let it = as_admin();
    it.cluster
        .fault(&json!({"kind": "status", "status": 405, "method": "POST", "path": "/api/v2/fileSystems/*"}));
    for limit in [&["--read-only"][..], &["--expires", "60"]] {
        let words = it.home.run(&[&["mount-token", "secure"], limit].concat()).refused(1);
        assert!(words.contains("405") && words.contains("too old for limits"), "{words}");
    }
    assert!(asked(&it).iter().all(|(method, _)| method == "POST"), "{:?}", asked(&it));
}

#[test]
fn a_token_for_something_else_or_for_more_is_thrown_away() {
    let it = as_admin();
    let patched = |set: Value| {
        it.cluster.heal();
        it.cluster.fault(&json!({"kind": "patch", "path": "/api/v2/fileSystems/*", "set": set}));
    };
    patched(json!({"filesystem_name": "default"}));
    let words = it.home.run(&["mount-token", "secure"]).refused(1);
    assert!(words.contains("default instead of secure"), "{words}");
    patched(json!({"expires_in": 7200}));
    let words = it.home.run(&["mount-token", "secure", "--expires", "1h"]).refused(1);
    assert!(words.contains("7200 s instead of at most 3600 s"), "{words}");
    patched(json!({"read_only": false}));
    let words = it.home.run(&["mount-token", "secure", "--read-only"]).refused(1);
    assert!(words.contains("allows writing"), "{words}");
    patched(json!({"read_only": true}));
    assert_eq!(it.home.run(&["mount-token", "secure", "--read-only"]).stderr, "");
}

#[test]
fn an_unknown_filesystem_is_refused_with_the_nearest_names() {
    let it = as_admin();
    let words = it.home.run(&["mount-token", "secur"]).refused(1);
    assert!(words.contains("no filesystem named secur") && words.contains("there is secure"), "{words}");
    let words = it.home.run(&["mount-token", "nothing-like-it"]).refused(1);
    assert!(words.contains("weka-token filesystems"), "{words}");
    assert!(asked(&it).is_empty());
}

#[test]
fn nobody_reads_a_mount_token_in_the_log() {
    let it = as_admin();
    let token = it.home.run(&["mount-token", "secure", "--expires", "1h"]).ok();
    assert!(!it.daemon.log().contains(&token));
}
