//! Scripts that ask for a token whenever they need one: shell with curl, Python with requests.

use super::{LIFE, Source, printed, program, through_expiries, with_client};
use crate::{LoggedIn, at_once};
use e2e::home::finish;
use e2e::{Cluster, Tool};
use std::fs;
use std::path::Path;

const WHOAMI: &str = "/api/v2/users/whoami";

fn admin() -> LoggedIn {
    LoggedIn::as_user(Cluster::start(&["--access-ttl", LIFE]), "admin", "Admin-Pass1")
}

#[test]
fn curl_is_given_a_token_in_each_way_through_three_expiries() {
    let it = admin();
    let curl = format!(
        "curl --silent --show-error --fail --cacert {} {}{WHOAMI}",
        it.cluster.certificate.display(),
        it.cluster.endpoint()
    );
    let ways = [
        format!("weka-token get --format header | {curl} -H @-"),
        format!("weka-token get --format curl | {curl} --config -"),
        // `printf` is the shell's own: what it is given is on no command line.
        format!(
            "eval \"$(weka-token get --format env)\"; printf 'Authorization: Bearer %s' \"$WEKA_ACCESS_TOKEN\" | {curl} -H @-"
        ),
    ];
    at_once(&ways, |way| {
        let line = format!("set -euo pipefail; {way}");
        through_expiries(&it.cluster, WHOAMI, Source::Daemon, || {
            let ran = finish(with_client(it.home.command("bash").args(["-c", &line])), "");
            printed(&ran, "\"username\":\"admin\"")
        });
    });
    assert_eq!(it.cluster.count("logins_ok"), 1);
}

/// The README's Python, where the names of its cluster are those of the simulated one.
fn readme_script(it: &LoggedIn) -> String {
    let readme = Path::new(env!("CARGO_MANIFEST_DIR")).join("../README.md");
    let readme = fs::read_to_string(readme).unwrap();
    let scripts: Vec<_> =
        readme.split("```python\n").skip(1).filter_map(|rest| rest.split_once("```")).collect();
    assert_eq!(scripts.len(), 1, "the README's Python is all tested here");
    let address = it.cluster.endpoint().trim_start_matches("https://");
    scripts[0]
        .0
        .replace("weka01:14000", address)
        .replace("/etc/weka/ca.pem", &it.cluster.certificate.display().to_string())
}

#[test]
fn the_readmes_python_with_requests_through_three_expiries() {
    let it = admin();
    let script = it.home.path().join("weka_session.py");
    it.home.write(&script, &readme_script(&it));
    let Some(mut command) = program(&it.home, "session_tool.py", &[]) else { return };
    let mut tool = Tool::start(with_client(&mut command));
    assert_eq!(tool.works(&format!("run {}", script.display())), "admin\n");
    let url = format!("{}{WHOAMI}", it.cluster.endpoint());
    through_expiries(&it.cluster, WHOAMI, Source::Daemon, || {
        let user = tool.ask(&format!("get {url}")).map_err(|answer| answer.to_string())?;
        assert_eq!(user["username"], "admin");
        Ok(())
    });
    assert_eq!(it.cluster.count("logins_ok"), 1);
}
