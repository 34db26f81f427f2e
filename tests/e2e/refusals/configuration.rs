//! Configurations that are wrong.

use super::{Scene, line};
use e2e::Home;

#[test]
fn each_mistake_is_named_with_its_place() {
    let home = Home::new();
    let mut scene = Scene::new(&home);
    for text in [
        "default_profile = \"prod\"\n",
        "defualt_profile = \"default\"\n",
        "[profile.default]\nendpoint = [\"weka01\"]\n",
        "[profile.default]\nendpoints = \"weka01\"\n",
        "[profile.default]\nendpoints = [\"http://weka01\"]\n",
        "[profile.default]\nrefresh_at = 2\nconnect_timeout = \"soon\"\n",
        "[profile.\"a b\"]\n",
        "[profile.default]\nfingerprint = \"sha256:00\"\n",
        "[profile.default]\nca_file = \"nowhere.pem\"\nfingerprint = \"sha256:00\"\n",
        "[profile.default]\npassword = \"Alice-Pass1\"\n",
        "[profile.default]\ntoken_file = \"relative.json\"\n",
        "[[profile.default.sink]]\npath = \"/run/x\"\nmode = \"0666\"\ncontent = \"all\"\n",
        "[profile.default\n",
    ] {
        home.configure(text);
        let shown = text.trim_end().replace('\n', "; ");
        scene.transcript.heading(&shown);
        let words = ["--check"];
        scene.refuses_by(&line("weka-tokend", &words), &mut home.weka_tokend(&words));
    }
    home.configure("");
    home.command("chmod").arg("0666").arg(home.config_file()).status().unwrap();
    scene.refuses_by("weka-tokend --check", &mut home.weka_tokend(&["--check"]));
    scene.refuses_by("weka-tokend", &mut home.weka_tokend(&[]));
    scene.is("configuration");
}
