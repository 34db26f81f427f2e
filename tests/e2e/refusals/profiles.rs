//! Changing which profiles there are.

use super::Scene;
use crate::profile;
use e2e::home::finish;
use e2e::{Cluster, Daemon, Home};

#[test]
fn profiles_that_are_not_there_or_are_in_the_way() {
    let cluster = Cluster::start(&[]);
    let home = Home::new();
    home.configure(&format!("{}{}", profile("lab", &cluster, ""), profile("prod", &cluster, "")));
    let _daemon = Daemon::start(&home);
    let mut scene = Scene::new(&home).knows(&cluster);
    for words in [
        &["get"][..],
        &["get", "-p", "prud"],
        &["login", "-p", "prud"],
        &["status", "-p", "prud"],
        &["profiles", "add", "lab"],
        &["profiles", "remove", "prud"],
        &["profiles", "rename", "prud", "prod2"],
        &["profiles", "rename", "lab", "prod"],
        &["profiles", "rename", "lab", "lab"],
        &["profiles", "set-default", "prud"],
    ] {
        scene.refuses(words);
    }
    scene.transcript.heading("The file is somebody else's to change");
    let mode = finish(home.command("chmod").arg("0666").arg(home.config_file()), "");
    assert_eq!(mode.status, 0);
    scene.refuses(&["profiles", "add", "new"]);
    scene.is("profiles");
}
