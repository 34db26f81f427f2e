//! `weka-token whoami`: what the cluster says of the token's owner.

use crate::{LoggedIn, json, login_with};
use e2e::{Cluster, Daemon, Home};

#[test]
fn an_admin_is_shown_as_a_table_and_as_the_apis_data() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    let table = it.home.run(&["whoami"]).ok();
    for part in ["admin", "Root", "ClusterAdmin", "Internal"] {
        assert!(table.contains(part), "{part}: {table}");
    }
    let data = json(&it.home.run(&["whoami", "--json"]).ok());
    assert_eq!((&data["username"], &data["org_name"]), (&json!("admin"), &json!("Root")));
    assert_eq!(data["role"], "ClusterAdmin");
    assert!(data["org_id"].is_number() && data["uid"].is_string(), "{data}");
}

#[test]
fn a_tenants_admin_is_of_its_own_org() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    let _daemon = Daemon::start(&home);
    login_with(&home, &cluster, "bob", "Bob-Pass1", &["--org", "research"]).ok();
    assert_eq!(json(&home.run(&["whoami", "--json"]).ok())["org_name"], "research");
}

#[test]
fn a_revoked_token_is_renewed_or_a_login_asked_for_and_nothing_is_made_up() {
    let it = LoggedIn::as_user(Cluster::start(&["--access-ttl", "10s"]), "admin", "Admin-Pass1");
    it.cluster.revoke_all();
    let words = it.home.run(&["whoami", "--timeout", "8s"]).refused(4);
    assert!(words.contains("weka-token login"), "{words}");
}

#[test]
fn an_unreachable_cluster_is_5() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "refuse"}));
    it.home.run(&["whoami", "--timeout", "2s"]).refused(5);
}

#[test]
fn a_cluster_that_hangs_is_given_up_within_the_timeout() {
    let it = LoggedIn::as_user(Cluster::start(&[]), "admin", "Admin-Pass1");
    it.cluster.fault(&json!({"kind": "hang"}));
    let ran = it.home.run(&["whoami", "--timeout", "1s"]);
    // Where nobody says how long, it is ten seconds.
    assert!(ran.took.as_secs() < 9, "{ran:?}");
    ran.refused(5);
}
