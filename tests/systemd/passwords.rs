//! Passwords without a person, under the units as they are shipped.

use crate::{SERVICE, profile, somebody};
use e2e::Cluster;
use e2e::systemd::{Shell, Units, UserManager};

#[test]
fn a_credential_logs_in() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    manager.write("secret".as_ref(), "Alice-Pass1\n");
    manager.drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:%h/secret\n");
    manager.configure(&profile("default", &cluster, "password = { credential = \"weka-password\" }"));
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()));
    assert_eq!(cluster.logins().len(), 1);
}

#[test]
fn five_restarts_with_a_refused_password_make_one_attempt() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    manager.write("secret".as_ref(), "not the password\n");
    manager.drop_in(SERVICE, "password", "[Service]\nLoadCredential=weka-password:%h/secret\n");
    manager.configure(&profile("default", &cluster, "password = { credential = \"weka-password\" }"));
    manager.weka_token(&["get"]).refused(4);
    for round in 0..5 {
        if round % 2 == 0 {
            manager.systemctl(&["restart", SERVICE]).ok();
        } else {
            manager.signal("KILL");
        }
        manager.weka_token(&["get"]).refused(4);
    }
    manager.systemctl(&["stop", SERVICE]).ok();
    manager.weka_token(&["get"]).refused(4);
    assert_eq!(cluster.logins().len(), 1);
    // Another password is another matter.
    manager.write("secret".as_ref(), "Alice-Pass1\n");
    manager.systemctl(&["restart", SERVICE]).ok();
    manager.weka_token(&["get"]).ok();
}

/// A key without a passphrase, and a message to it at `file`.
fn encrypt(manager: &UserManager, file: &str) {
    manager.run(&["mkdir", "-m", "0700", &home(manager, ".gnupg")]).ok();
    manager
        .run(&[
            "gpg",
            "--batch",
            "--passphrase",
            "",
            "--quick-gen-key",
            "wren",
            "default",
            "default",
            "never",
        ])
        .ok();
    manager.write("plain".as_ref(), "Alice-Pass1\n");
    let (plain, file) = (home(manager, "plain"), home(manager, file));
    manager.run(&["gpg", "--batch", "--output", &file, "--encrypt", "--recipient", "wren", &plain]).ok();
    manager.run(&["rm", &plain]).ok();
    // The agent has to be started by what the unit runs, within the unit's limits.
    manager.run(&["gpgconf", "--kill", "gpg-agent"]).ok();
}

fn home(manager: &UserManager, path: &str) -> String {
    manager.home().path().join(path).display().to_string()
}

#[test]
fn a_command_that_decrypts_with_gpg_works_under_the_shipped_unit() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    encrypt(&manager, "password.gpg");
    let command = format!(
        "password = {{ command = [\"gpg\", \"--quiet\", \"--decrypt\", {:?}] }}",
        home(&manager, "password.gpg")
    );
    manager.configure(&profile("default", &cluster, &command));
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()), "{}", manager.log());
    // What gpg left behind does not hold an end up: where the manager loses its patience this is `timeout`.
    manager.systemctl(&["stop", SERVICE]).ok();
    assert_eq!(manager.show(SERVICE, "Result"), "success");
}

#[test]
fn pass_works_under_the_shipped_unit() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    if manager.run(&["sh", "-c", "command -v pass"]).status != 0 {
        e2e::skipped("a password from pass, which is not installed");
        return;
    }
    manager.run(&["mkdir", "-p", &home(&manager, ".password-store")]).ok();
    encrypt(&manager, ".password-store/weka.gpg");
    manager.write(".password-store/.gpg-id".as_ref(), "wren\n");
    manager.configure(&profile(
        "default",
        &cluster,
        "password = { command = [\"pass\", \"show\", \"weka\"] }",
    ));
    assert!(cluster.honours(&manager.weka_token(&["get"]).ok()), "{}", manager.log());
}

#[test]
fn restarts_do_not_prolong_a_lockout() {
    let cluster = Cluster::start(&[]);
    let Some(manager) = somebody() else { return };
    cluster.set(&serde_json::json!({"lockout_failures": 1, "lockout_duration": "1h"}));
    manager.write("secret".as_ref(), "Alice-Pass1\n");
    let password = format!("password = {{ file = {:?} }}", home(&manager, "secret"));
    manager.configure(&profile("default", &cluster, &password));
    // Somebody else, elsewhere, has locked the account.
    let elsewhere = e2e::Home::new();
    let daemon = e2e::Daemon::start(&elsewhere);
    let login =
        ["login", "--user", "alice", "--password-stdin", "--endpoint", cluster.endpoint(), "--fingerprint"];
    elsewhere.run_with(&[&login[..], &[&cluster.fingerprint]].concat(), "wrong\n").refused(4);
    drop(daemon);
    let refusal = manager.weka_token(&["get"]).refused(4);
    assert!(refusal.contains("locked"), "{refusal}");
    let attempts = cluster.logins().len();
    assert_eq!(attempts, 2);
    for how in ["restart", "kill", "stop"] {
        match how {
            "kill" => manager.signal("KILL"),
            how => drop(manager.systemctl(&[how, SERVICE]).ok()),
        }
        let refusal = manager.weka_token(&["get"]).refused(4);
        assert!(refusal.contains("locked"), "after a {how}: {refusal}");
    }
    assert_eq!(cluster.logins().len(), attempts);
}
