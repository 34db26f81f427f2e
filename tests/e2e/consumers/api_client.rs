//! wekalib's other half, `weka_restapi.WekaAPIClient`, as it is on PyPI: plain http, a form for a login, and no refresh.

use super::{LIFE, Source, address, program, through_expiries, with_client};
use crate::LoggedIn;
use e2e::{Cluster, Tool, binaries};
use wire::State;

fn start(options: &[&str]) -> Option<(LoggedIn, Tool)> {
    let address = address();
    let it = LoggedIn::as_user(
        Cluster::plain(&[options, &["--listen", &format!("{address}:14000")]].concat()),
        "admin",
        "Admin-Pass1",
    );
    let mut command = program(&it.home, "api_client_tool.py", &[])?;
    let mut tool = Tool::start(with_client(&mut command));
    tool.works(&format!("open {address}"));
    Some((it, tool))
}

#[test]
fn its_own_login_and_ours_live_side_by_side() {
    let Some((it, mut tool)) = start(&["--single-use-refresh"]) else { return };
    tool.works("login admin Admin-Pass1");
    let login = it.cluster.logins().pop().unwrap();
    assert_eq!((&login["org"], &login["status"]), (&"root".into(), &200.into()), "{login}");
    it.home.run(&["refresh", "--timeout", "1m"]).ok();
    assert!(it.cluster.honours(&it.token()));
    assert_eq!(tool.works("cluster"), "weka-sim");
    assert_eq!(tool.works("containers"), serde_json::json!(["weka-sim-0"]));
    it.daemon.until("ready", |profile| profile.state == State::Ready);
    // But that is all it can do: it has no refresh, so its session ends with its token, and ours does not.
    it.cluster.advance("25h");
    assert_eq!(tool.ask("cluster").unwrap_err()["words"], "ERROR 401 connecting to cluster");
    it.home.run(&["refresh", "--timeout", "20s"]).ok();
    assert!(it.cluster.honours(&it.token()));
}

#[test]
fn with_our_token_it_needs_no_password_through_three_expiries() {
    let Some((it, mut tool)) = start(&["--access-ttl", LIFE]) else { return };
    let client = binaries::path("weka-token");
    through_expiries(&it.cluster, "/api/v2/cluster", Source::Daemon, || {
        tool.works(&format!("borrow {}", client.display()));
        let name = tool.ask("cluster").map_err(|answer| answer.to_string())?;
        assert_eq!(name, "weka-sim");
        Ok(())
    });
    assert_eq!(it.cluster.count("logins_ok"), 1);
}
