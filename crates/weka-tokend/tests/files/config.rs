//! Reading the configuration.

use crate::{Home, set_mode};
use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;
use weka_rest::Trust;
use weka_tokend::config::{
    self, Allow, Loaded, ProfileName, SinkConfig, SinkContent, SinkSession, TokenFile,
};
use weka_tokend::dirs::{Dirs, Environment};
use weka_tokend::password_source::PasswordSource;

const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn load(home: &Home) -> Loaded {
    config::load(&home.dirs())
}

/// Every mistake in a file, as a person sees it, without the file's name.
fn mistakes(text: &str) -> Vec<String> {
    let home = Home::with_config(text);
    let file = format!("{}", home.config_path().display());
    load(&home)
        .errors
        .iter()
        .map(|error| error.to_string().strip_prefix(&file).unwrap().trim_start_matches(':').trim().to_owned())
        .collect()
}

#[test]
fn without_a_file_there_is_one_profile_that_adopts_a_login() {
    let home = Home::new();
    let loaded = load(&home);
    assert_eq!(loaded.errors, []);
    assert_eq!(loaded.config.source, None);
    assert_eq!(loaded.config.default_profile, name("default"));
    let profile = &loaded.config.profiles[&name("default")];
    assert_eq!(profile.token_file, TokenFile::AdoptOnly(home.path().join(".weka/auth-token.json")));
    assert!(!profile.token_file.may_create());
    assert_eq!(profile.endpoints[0].to_string(), "https://localhost:14000");
    assert!(!profile.endpoints_configured);
    assert_eq!(profile.trust, Trust::SystemRoots);
    assert!((profile.refresh_at - 0.8).abs() < f64::EPSILON);
    assert_eq!(
        (profile.connect_timeout, profile.request_timeout),
        (Duration::from_secs(2), Duration::from_secs(6))
    );
    assert!(!profile.allow_http);
}

#[test]
fn every_key_is_read() {
    let home = Home::with_config(&format!(
        r#"
default_profile = "prod"

[profile.prod]
endpoints = ["weka01", "https://weka02:14001", "http://weka03"]
tenant = "research"
username = "alice"
fingerprint = "{PIN}"
token_file = "~/tokens/prod.json"
password = {{ command = ["~/bin/secret", "show", "weka"] }}
refresh_at = 0.5
connect_timeout = "3"
request_timeout = "1m30s"
allow_http = true
allow = ["user:alice", "group:domain users"]

[[profile.prod.sink]]
path = "/run/weka-token/sinks/hpc.json"
mode = "0640"
group = "hpc"

[[profile.prod.sink]]
path = "/run/weka-token/sinks/header"
content = "header"
session = "own"

[profile.other]
ca_file = "/etc/weka/ca.pem"
username = "bob"
password.credential = "weka-password"
token_file = ""

[profile.third]
org = "Root"
username = "eve"
[profile.third.password]
file = "~/.weka-password"
"#
    ));
    let loaded = load(&home);
    assert_eq!(loaded.errors, []);
    let config = loaded.config;
    assert_eq!(config.source, Some(home.config_path()));
    assert_eq!(config.default_profile, name("prod"));
    assert_eq!(
        config.profiles.keys().map(ProfileName::as_str).collect::<Vec<_>>(),
        ["other", "prod", "third"]
    );
    let prod = &config.profiles[&name("prod")];
    let endpoints: Vec<_> = prod.endpoints.iter().map(ToString::to_string).collect();
    assert_eq!(endpoints, ["https://weka01:14000", "https://weka02:14001", "http://weka03:14000"]);
    assert!(prod.endpoints_configured && prod.allow_http);
    assert_eq!((prod.org.as_deref(), prod.username.as_deref()), (Some("research"), Some("alice")));
    assert_eq!(prod.trust, Trust::Fingerprint(PIN.parse().unwrap()));
    assert_eq!(prod.token_file, TokenFile::Kept(home.path().join("tokens/prod.json")));
    let program = home.path().join("bin/secret").to_str().unwrap().to_owned();
    assert_eq!(
        prod.password,
        Some(PasswordSource::Command(vec![program, "show".to_owned(), "weka".to_owned()]))
    );
    assert!((prod.refresh_at - 0.5).abs() < f64::EPSILON);
    assert_eq!(
        (prod.connect_timeout, prod.request_timeout),
        (Duration::from_secs(3), Duration::from_secs(90))
    );
    assert_eq!(prod.allow, [Allow::User("alice".to_owned()), Allow::Group("domain users".to_owned())]);
    assert_eq!(
        prod.sinks,
        [
            SinkConfig {
                path: PathBuf::from("/run/weka-token/sinks/hpc.json"),
                mode: 0o640,
                group: Some("hpc".to_owned()),
                content: SinkContent::Pair,
                session: SinkSession::Shared,
            },
            SinkConfig {
                path: PathBuf::from("/run/weka-token/sinks/header"),
                mode: 0o600,
                group: None,
                content: SinkContent::Header,
                session: SinkSession::Own,
            },
        ]
    );
    let other = &config.profiles[&name("other")];
    assert_eq!(other.trust, Trust::CaFile(PathBuf::from("/etc/weka/ca.pem")));
    assert_eq!(other.password, Some(PasswordSource::Credential("weka-password".to_owned())));
    assert_eq!(other.token_file, TokenFile::None);
    let third = &config.profiles[&name("third")];
    assert_eq!(third.password, Some(PasswordSource::File(home.path().join(".weka-password"))));
    assert_eq!(third.token_file, TokenFile::None);
}

#[test]
fn each_mistake_is_named_with_line_and_key() {
    let table: &[(&str, &[&str])] = &[
        ("refesh = 1", &["1: refesh: unknown key; expected one of default_profile, profile"]),
        ("default_profle = \"a\"", &["1: default_profle: unknown key; did you mean `default_profile`?"]),
        ("default_profile = 3", &["1: default_profile: expected a string, found a whole number"]),
        (
            "default_profile = \"a b\"",
            &[
                "1: default_profile: the name holds other characters; a profile's name is 1 to 50 letters, digits, `-` or `_`",
            ],
        ),
        ("profile = 3", &["1: profile: expected a table, found a whole number"]),
        ("profile.a = true", &["1: profile.a: expected a table, found true or false"]),
        (
            "[profile.\"a b\"]",
            &[
                "1: profile.\"a b\": the name holds other characters; a profile's name is 1 to 50 letters, digits, `-` or `_`",
            ],
        ),
        (
            "[profile.a]\nrefresh-at = 0.5",
            &["2: profile.a.refresh-at: unknown key; did you mean `refresh_at`?"],
        ),
        (
            "[profile.a]\nrefresh_at = 1.0",
            &["2: profile.a.refresh_at: expected a number above 0 and below 1, such as 0.8"],
        ),
        (
            "[profile.a]\nrefresh_at = nan",
            &["2: profile.a.refresh_at: expected a number above 0 and below 1, such as 0.8"],
        ),
        (
            "[profile.a]\nrefresh_at = 1",
            &[
                "2: profile.a.refresh_at: expected a number above 0 and below 1, such as 0.8, found a whole number",
            ],
        ),
        (
            "[profile.a]\nconnect_timeout = 2",
            &[
                "2: profile.a.connect_timeout: expected a duration in quotes, such as \"2s\", found a whole number",
            ],
        ),
        ("[profile.a]\nconnect_timeout = \"0\"", &["2: profile.a.connect_timeout: expected at least \"1s\""]),
        (
            "[profile.a]\nrequest_timeout = \"1d\"",
            &["2: profile.a.request_timeout: expected at most \"600s\""],
        ),
        (
            "[profile.a]\nrequest_timeout = \"infinite\"",
            &[
                "2: profile.a.request_timeout: a duration without an end is refused: what it limits could never time out or be taken back",
            ],
        ),
        (
            "[profile.a]\nrequest_timeout = \"6 seconds\"",
            &["2: profile.a.request_timeout: expected a duration such as 30s, 5m, 2h, 1d, 1d5h or 1w"],
        ),
        (
            "[profile.a]\nallow_http = \"yes\"",
            &["2: profile.a.allow_http: expected true or false, found a string"],
        ),
        (
            "[profile.a]\nendpoints = \"weka01\"",
            &[
                "2: profile.a.endpoints: expected a list such as [\"weka01\", \"https://weka02:14000\"], found a string",
            ],
        ),
        (
            "[profile.a]\nendpoints = []",
            &["2: profile.a.endpoints: the list is empty; leave the key out for https://localhost:14000"],
        ),
        (
            "[profile.a]\nendpoints = [\n  \"weka01\",\n  \"weka01:14000\",\n  \"http://weka02\",\n  \"http://127.0.0.1\",\n]",
            &[
                "4: profile.a.endpoints: https://weka01:14000 is given twice",
                "5: profile.a.endpoints: http://weka02:14000 would send secrets in the clear; use https, or set allow_http = true",
            ],
        ),
        (
            "[profile.a]\norg = \"Root\"\ntenant = \"Root\"",
            &["3: profile.a.tenant: it is another name for `org`, which is set too; keep one"],
        ),
        ("[profile.a]\nusername = \"\"", &["2: profile.a.username: it is empty"]),
        (
            "[profile.a]\nusername = \"a\\u0007b\"",
            &["2: profile.a.username: control characters are not allowed"],
        ),
        (
            "[profile.a]\nca_file = \"ca.pem\"",
            &["2: profile.a.ca_file: expected an absolute path, or one that starts with `~/`"],
        ),
        ("[profile.a]\nca_file = \"~bob/ca.pem\"", &["2: profile.a.ca_file: `~` must be followed by `/`"]),
        (
            "[profile.a]\ntoken_file = \"~/.weka/\"",
            &["2: profile.a.token_file: expected the path of a file, not of a folder"],
        ),
        (
            "[profile.a]\ntoken_file = \"/x/t.json\"\n[profile.b]\ntoken_file = \"/x//t.json\"",
            &["4: profile.b.token_file: the same file is written for profile.a.token_file (line 2)"],
        ),
        (
            "[profile.a]\npassword = \"hunter2\"\nusername = \"u\"",
            &[
                "2: profile.a.password: a password must not stand in this file; expected one of { credential = \"NAME\" }, { command = [\"PROGRAM\", ...] } and { file = \"PATH\" }",
            ],
        ),
        (
            "[profile.a]\nusername = \"u\"\npassword = { credential = \"a\", file = \"/b\" }",
            &[
                "3: profile.a.password: expected one of { credential = \"NAME\" }, { command = [\"PROGRAM\", ...] } and { file = \"PATH\" }",
            ],
        ),
        (
            "[profile.a]\npassword = { file = \"/b\" }",
            &["2: profile.a.password: a password without `username` cannot be used"],
        ),
        (
            "[profile.a]\nusername = \"u\"\npassword = { credential = \"../b\" }",
            &["3: profile.a.password.credential: expected a name as in LoadCredential=, without slashes"],
        ),
        (
            "[profile.a]\nusername = \"u\"\npassword = { command = \"pass show weka\" }",
            &[
                "3: profile.a.password.command: expected a list such as [\"pass\", \"show\", \"weka\"] (no shell runs it), found a string",
            ],
        ),
        (
            "[profile.a]\nusername = \"u\"\npassword = { command = [] }",
            &["3: profile.a.password.command: the program's name is missing"],
        ),
        (
            "[profile.a]\nallow = [\"alice\", \"user:bob\", \"group:\", 7]",
            &[
                "2: profile.a.allow: expected strings only, as in [\"user:alice\", \"group:hpc\"], found integer",
            ],
        ),
        (
            "[profile.a]\nallow = [\n\"alice\",\n\"user:bob\",\n\"group:\"]",
            &[
                "3: profile.a.allow: expected \"user:NAME\" or \"group:NAME\", as in [\"user:alice\", \"group:hpc\"]",
                "5: profile.a.allow: expected \"user:NAME\" or \"group:NAME\", as in [\"user:alice\", \"group:hpc\"]",
            ],
        ),
        (
            "[profile.a]\nsink = \"/x\"",
            &["2: profile.a.sink: expected tables ([[profile.a.sink]]), found a string"],
        ),
        ("[profile.a]\n[[profile.a.sink]]\nmode = \"0600\"", &["2: profile.a.sink: `path` is missing"]),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/../x/1\"",
            &["3: profile.a.sink.path: expected a path without `..`"],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"x/1\"",
            &["3: profile.a.sink.path: expected an absolute path, or one that starts with `~/`"],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nmode = 640",
            &["4: profile.a.sink.mode: expected a string, found a whole number"],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nmode = \"rw\"",
            &["4: profile.a.sink.mode: expected an octal mode in quotes, such as \"0640\""],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nmode = \"0240\"",
            &["4: profile.a.sink.mode: the daemon's own user must be able to read the file"],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nmode = \"4755\"",
            &["4: profile.a.sink.mode: expected a mode of a plain file, such as \"0640\""],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nmode = \"0660\"",
            &[
                "4: profile.a.sink.mode: it would let others write to the file; expected a mode such as \"0640\"",
            ],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nmode = \"0644\"",
            &[
                "4: profile.a.sink.mode: every user of this machine could read the refresh token; use \"0640\" and `group`, or `content`",
            ],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\ncontent = \"all\"\nsession = \"mine\"",
            &[
                "4: profile.a.sink.content: expected \"pair\" or \"access\" or \"header\"",
                "5: profile.a.sink.session: expected \"shared\" or \"own\"",
            ],
        ),
        (
            "[profile.a]\n[[profile.a.sink]]\npath = \"/x/1\"\nsession = \"own\"",
            &[
                "4: profile.a.sink.session: a login of its own needs `password` (and `username`) in the profile",
            ],
        ),
        (
            "[profile.a]\ntoken_file = \"/x/1\"\n[[profile.a.sink]]\npath = \"/x/1\"\n[[profile.a.sink]]\npath = \"/x/2\"\n[profile.b]\n[[profile.b.sink]]\npath = \"/x/2\"",
            &[
                "4: profile.a.sink.path: the same file is written for profile.a.token_file (line 2)",
                "9: profile.b.sink.path: the same file is written for profile.a.sink.path (line 6)",
            ],
        ),
    ];
    for (text, expected) in table {
        assert_eq!(mistakes(text), *expected, "{text}");
    }
    let secret = mistakes("[profile.a]\nendpoints = [\"https://admin:hunter2@weka01\"]");
    assert_eq!(
        secret,
        [
            "2: profile.a.endpoints: an endpoint holds no user name or password; expected a host, host:port, [IPv6]:port or https://host[:port]"
        ]
    );
    let bad_pin = mistakes("[profile.a]\nfingerprint = \"sha256:12\"");
    assert_eq!(bad_pin.len(), 1);
    assert!(bad_pin[0].starts_with("2: profile.a.fingerprint: "), "{bad_pin:?}");
    let both = mistakes(&format!("[profile.a]\nca_file = \"/ca\"\nfingerprint = \"{PIN}\""));
    assert_eq!(
        both,
        ["3: profile.a.fingerprint: `ca_file` is set too, but a fingerprint stands instead of it; keep one"]
    );
    let bad_endpoint = mistakes("[profile.a]\nendpoints = [\"ftp://x\"]");
    assert!(
        bad_endpoint[0].starts_with("2: profile.a.endpoints: `ftp://x` is not an endpoint"),
        "{bad_endpoint:?}"
    );
}

#[test]
fn all_mistakes_are_reported_and_good_profiles_are_kept() {
    let home = Home::with_config(
        "top = 1\n[profile.bad]\nrefresh_at = 7.0\norg = 1\n[profile.good]\nusername = \"alice\"\n[profile.worse]\nx = 1\n",
    );
    let loaded = load(&home);
    let lines: Vec<_> =
        loaded.errors.iter().map(|error| (error.line.unwrap(), error.key.as_deref().unwrap())).collect();
    assert_eq!(
        lines,
        [(1, "top"), (3, "profile.bad.refresh_at"), (4, "profile.bad.org"), (8, "profile.worse.x")]
    );
    let kept: Vec<_> = loaded.config.profiles.keys().map(ProfileName::as_str).collect();
    assert_eq!(kept, ["default", "good"]);
    let disabled: Vec<_> =
        loaded.disabled().iter().map(|(name, errors)| (name.to_string(), errors.len())).collect();
    assert_eq!(disabled, [("bad".to_owned(), 2), ("worse".to_owned(), 1)]);
}

#[test]
fn a_bad_default_profile_is_not_replaced_by_a_made_up_one() {
    let home = Home::with_config("[profile.default]\nrefresh_at = 7.0\n");
    let loaded = load(&home);
    assert!(loaded.config.profiles.is_empty());
    assert_eq!(loaded.config.default_profile, name("default"));
}

#[test]
fn bad_syntax_is_named_by_its_line_and_leaves_no_profile() {
    let home = Home::with_config("[profile.a]\nusername = \"alice\norg = \"x\"\n");
    let loaded = load(&home);
    assert!(loaded.config.profiles.is_empty());
    assert_eq!(loaded.errors.len(), 1);
    assert_eq!((loaded.errors[0].line, &loaded.errors[0].key), (Some(2), &None), "{}", loaded.errors[0]);
    let twice = mistakes("[profile.a]\n[profile.b]\n[profile.a]\n");
    assert_eq!(twice, ["3: duplicate key a"]);
}

#[test]
fn whoever_names_the_usual_token_file_gets_it() {
    let home = Home::with_config("[profile.prod]\ntoken_file = \"~/.weka/auth-token.json\"\n");
    let loaded = load(&home);
    assert_eq!(loaded.errors, []);
    assert_eq!(loaded.config.profiles[&name("default")].token_file, TokenFile::None);
    let usual = home.path().join(".weka/auth-token.json");
    assert_eq!(loaded.config.profiles[&name("prod")].token_file, TokenFile::Kept(usual));
}

#[test]
fn files_that_others_may_change_are_refused() {
    let home = Home::with_config("[profile.a]\n");
    for mode in [0o620, 0o602, 0o666] {
        set_mode(&home.config_path(), mode);
        let loaded = load(&home);
        assert!(loaded.config.profiles.is_empty());
        let path = home.config_path();
        assert_eq!(
            loaded.errors[0].to_string(),
            format!("{0}: others may write to it; run: chmod go-w {0}", path.display())
        );
    }
    set_mode(&home.config_path(), 0o644);
    assert_eq!(load(&home).errors, []);
    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(home.config_path(), Some(12_345), None).unwrap();
        let error = load(&home).errors[0].to_string();
        assert!(
            error.ends_with("it belongs to uid 12345, which is neither root nor the daemon's own user"),
            "{error}"
        );
    }
}

#[test]
fn a_named_file_has_to_be_there_and_to_be_a_file() {
    let home = Home::new();
    let named = |path: &Path| {
        config::load(&Dirs::new(&Environment::default(), Some(path), None)).errors[0].to_string()
    };
    let missing = home.path().join("missing.toml");
    assert_eq!(named(&missing), format!("{}: there is no such file", missing.display()));
    assert_eq!(named(home.path()), format!("{}: it is not a regular file", home.path().display()));
    let fifo = home.path().join("fifo");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
    assert_eq!(named(&fifo), format!("{}: it is not a regular file", fifo.display()));
    let big = home.path().join("big.toml");
    fs::write(&big, "#".repeat((1 << 20) + 1)).unwrap();
    assert_eq!(named(&big), format!("{}: it is larger than 1048576 bytes", big.display()));
    fs::write(&big, b"org = \"\xff\"").unwrap();
    assert_eq!(named(&big), format!("{}: it is not UTF-8 text", big.display()));
}

#[test]
fn the_host_service_adopts_nobodys_login() {
    let home = Home::new();
    let mut host = Dirs::new(&home.environment(), Some(Path::new("/etc/weka-token/none-such.toml")), None);
    host.config_file = None;
    let loaded = config::load(&host);
    assert_eq!(loaded.config.profiles[&name("default")].token_file, TokenFile::None);
}

#[test]
fn a_home_is_needed_for_tilde_only() {
    let home =
        Home::with_config("[profile.a]\ntoken_file = \"~/t.json\"\n[profile.b]\ntoken_file = \"/t.json\"\n");
    let path = home.config_path();
    let loaded = config::load(&Dirs::new(&Environment::default(), Some(&path), None));
    assert_eq!(
        loaded.errors.iter().map(ToString::to_string).collect::<Vec<_>>(),
        [format!("{}:2: profile.a.token_file: there is no home folder to expand `~` with", path.display())]
    );
    assert!(loaded.config.profiles.contains_key("b"));
}
