//! Commands that run others.

use super::Scene;
use crate::LoggedIn;
use e2e::Cluster;

#[test]
fn what_cannot_be_run() {
    let it = LoggedIn::to(Cluster::start(&[]));
    let home = &it.home;
    home.write("no-program".as_ref(), "text\n");
    home.write("script".as_ref(), "#!/nonexist/interpreter\n");
    home.command("chmod").args(["+x", "script"]).status().unwrap();
    let mut scene = Scene::new(home).knows(&it.cluster);
    for words in [
        &["exec", "--", "nonexist"][..],
        &["exec", "--", "./nonexist"],
        &["exec", "--", "./no-program"],
        &["exec", "--", "./script"],
        &["exec", "--", "."],
        &["exec", "--", ""],
        &["exec", "-p", "prod", "--", "true"],
        &["exec", "--", "sh", "-c", "echo out; echo err >&2; exit 7"],
        &["curl", "api/v2/cluster"],
        &["curl", "-s", "/api/v2/cluster"],
        &["curl", "/api/v2/a b"],
        &["curl", "https://elsewhere:14000/api/v2/cluster"],
        &["curl", "-p", "prod", "/api/v2/cluster"],
    ] {
        scene.refuses(words);
    }
    scene.refuses_by(
        "PATH=/nonexist weka-token curl /api/v2/cluster",
        home.weka_token(&["curl", "/api/v2/cluster"]).env("PATH", "/nonexist"),
    );
    scene.is("exec_and_curl");
}
