//! Saving to the configuration.

use crate::{Home, mode_of, set_mode};
use std::fs;
use std::os::unix::fs::symlink;
use weka_tokend::config::changes::{ProfileChanges, TrustChange};
use weka_tokend::config::save::{
    Renaming, SaveError, add_profile, remove_profile, rename_profile, save_profile, set_default_profile,
    try_rename,
};
use weka_tokend::config::{self, ProfileName, TokenFile};

const PIN: &str = "sha256:00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

fn name(text: &str) -> ProfileName {
    text.parse().unwrap()
}

fn renaming(old: &str, new: &str) -> Renaming {
    Renaming { old: name(old), new: name(new), token_file: None }
}

/// What a first `login` would save.
fn login(home: &Home) -> ProfileChanges {
    ProfileChanges {
        endpoints: Some(vec!["weka01".parse().unwrap(), "weka02:14001".parse().unwrap()]),
        org: Some("Root".to_owned()),
        username: Some("alice".to_owned()),
        trust: Some(TrustChange::Fingerprint(PIN.parse().unwrap())),
        token_file: Some(home.path().join(".weka/auth-token.json")),
    }
}

#[test]
fn the_first_login_makes_a_private_file() {
    let home = Home::new();
    save_profile(&home.dirs(), &name("default"), &login(&home)).unwrap();
    assert_eq!(
        home.config_text(),
        format!(
            "[profile.default]\n\
             endpoints = [\"https://weka01:14000\", \"https://weka02:14001\"]\n\
             org = \"Root\"\n\
             username = \"alice\"\n\
             fingerprint = \"{PIN}\"\n\
             token_file = \"~/.weka/auth-token.json\"\n"
        )
    );
    assert_eq!(mode_of(&home.config_path()), 0o600);
    assert_eq!(mode_of(home.config_path().parent().unwrap()), 0o700);
    let loaded = config::load(&home.dirs());
    assert_eq!(loaded.errors, []);
    let usual = home.path().join(".weka/auth-token.json");
    assert_eq!(loaded.config.profiles["default"].token_file, TokenFile::Kept(usual));
    let before = home.config_text();
    save_profile(&home.dirs(), &name("default"), &login(&home)).unwrap();
    assert_eq!(home.config_text(), before);
}

const COMMENTED: &str = r#"# Our clusters.

default_profile = "prod"   # most work

# Production.
[profile.prod]
username   = "alice"       # not bob
endpoints  = [             # any of these
    "weka01",
    "weka02",  # flaky
]
tenant = 'Root'
ca_file = "/etc/ca.pem"    # from the admins
refresh_at=0.5

[profile.test]             # may go away
org = "research"
"#;

#[test]
fn only_what_changed_is_touched() {
    let home = Home::with_config(COMMENTED);
    set_mode(&home.config_path(), 0o644);
    let changes = ProfileChanges {
        endpoints: Some(vec!["https://weka01:14000".parse().unwrap(), "weka02".parse().unwrap()]),
        org: Some("research".to_owned()),
        username: Some("carol".to_owned()),
        trust: Some(TrustChange::Fingerprint(PIN.parse().unwrap())),
        token_file: None,
    };
    save_profile(&home.dirs(), &name("prod"), &changes).unwrap();
    let expected = COMMENTED
        .replace("\"alice\" ", "\"carol\" ")
        .replace("tenant = 'Root'", "tenant = \"research\"")
        .replace("ca_file = \"/etc/ca.pem\"    # from the admins\n", "")
        .replace("refresh_at=0.5\n", &format!("refresh_at=0.5\nfingerprint = \"{PIN}\"\n"));
    assert_eq!(home.config_text(), expected);
    assert_eq!(mode_of(&home.config_path()), 0o644);

    let roots = ProfileChanges { trust: Some(TrustChange::SystemRoots), ..ProfileChanges::default() };
    save_profile(&home.dirs(), &name("prod"), &roots).unwrap();
    assert_eq!(home.config_text(), expected.replace(&format!("fingerprint = \"{PIN}\"\n"), ""));
}

#[test]
fn a_new_profile_goes_to_the_end() {
    let home = Home::with_config(COMMENTED);
    let changes = ProfileChanges {
        trust: Some(TrustChange::CaFile(home.path().join("ca.pem"))),
        ..ProfileChanges::default()
    };
    save_profile(&home.dirs(), &name("lab"), &changes).unwrap();
    assert_eq!(home.config_text(), format!("{COMMENTED}\n[profile.lab]\nca_file = \"~/ca.pem\"\n"));
}

#[test]
fn inline_and_dotted_profiles_are_changed_where_they_are() {
    let changes = ProfileChanges { username: Some("bob".to_owned()), ..ProfileChanges::default() };
    let home = Home::with_config("profile = { a = { username = \"alice\" } }\n");
    save_profile(&home.dirs(), &name("a"), &changes).unwrap();
    assert_eq!(home.config_text(), "profile = { a = { username = \"bob\" } }\n");
    let home = Home::with_config("profile.a.username = \"alice\" # dotted\n");
    save_profile(&home.dirs(), &name("a"), &changes).unwrap();
    assert_eq!(home.config_text(), "profile.a.username = \"bob\" # dotted\n");
}

/// It was said to be added, and was not: within braces a table with a heading of its own is not written out.
#[test]
fn a_profile_was_not_added_within_braces() {
    let home = Home::with_config("profile = { a = { username = \"alice\" } }\n");
    add_profile(&home.dirs(), &name("b")).unwrap();
    let changes = ProfileChanges { username: Some("bob".to_owned()), ..ProfileChanges::default() };
    save_profile(&home.dirs(), &name("c"), &changes).unwrap();
    let loaded = config::load(&home.dirs());
    assert!(loaded.errors.is_empty(), "{:?}", loaded.errors);
    let names: Vec<_> = loaded.config.profiles.keys().map(ProfileName::as_str).collect();
    assert!(["a", "b", "c"].iter().all(|name| names.contains(name)), "{}", home.config_text());
    assert_eq!(loaded.config.profiles[&name("c")].username.as_deref(), Some("bob"));
}

#[test]
fn profiles_are_added_removed_renamed_and_made_the_default() {
    let home = Home::with_config(COMMENTED);
    let dirs = home.dirs();
    try_rename(&dirs, &renaming("prod", "main")).unwrap();
    assert_eq!(home.config_text(), COMMENTED, "it was only tried");
    rename_profile(&dirs, &renaming("prod", "main")).unwrap();
    let renamed = COMMENTED
        .replace("default_profile = \"prod\"", "default_profile = \"main\"")
        .replace("[profile.prod]", "[profile.main]");
    assert_eq!(home.config_text(), renamed);
    set_default_profile(&dirs, &name("test")).unwrap();
    let moved = renamed.replace("default_profile = \"main\"", "default_profile = \"test\"");
    assert_eq!(home.config_text(), moved);
    add_profile(&dirs, &name("lab")).unwrap();
    assert_eq!(home.config_text(), format!("{moved}\n[profile.lab]\n"));
    remove_profile(&dirs, &name("lab")).unwrap();
    remove_profile(&dirs, &name("test")).unwrap();
    let (kept, _) = renamed.split_once("\n[profile.test]").unwrap();
    assert_eq!(
        home.config_text(),
        kept.replace("default_profile = \"main\"", "default_profile = \"default\"")
    );

    for (result, problem) in [
        (remove_profile(&dirs, &name("none")), "has no profile none"),
        (rename_profile(&dirs, &renaming("none", "x")), "has no profile none"),
        (add_profile(&dirs, &name("main")), "has a profile main already"),
        (rename_profile(&dirs, &renaming("main", "main")), "has a profile main already"),
    ] {
        let error = result.unwrap_err().to_string();
        assert_eq!(error, format!("{} {problem}", home.config_path().display()));
    }
}

#[test]
fn the_list_of_profiles_is_not_changed_in_a_file_that_could_not_be_taken_over() {
    let text = "[profile.a]\nrefresh_at = 7.0\n\n[profile.b]\n";
    let home = Home::with_config(text);
    let dirs = home.dirs();
    for result in [
        add_profile(&dirs, &name("c")),
        remove_profile(&dirs, &name("b")),
        rename_profile(&dirs, &renaming("b", "c")),
        try_rename(&dirs, &renaming("b", "c")),
        set_default_profile(&dirs, &name("b")),
    ] {
        let error = result.unwrap_err().to_string();
        assert!(error.contains("profile.a.refresh_at"), "{error}");
    }
    assert_eq!(home.config_text(), text);
    remove_profile(&dirs, &name("a")).unwrap();
    // What separated it from the one before stays with it.
    assert_eq!(home.config_text(), "\n[profile.b]\n");
}

#[test]
fn what_went_without_saying_is_said_under_another_name() {
    let home = Home::with_config("# Mine.\n[profile.default]\norg = \"Root\"\n");
    let token_file = Some(home.path().join(".weka/auth-token.json"));
    rename_profile(&home.dirs(), &Renaming { token_file, ..renaming("default", "lab") }).unwrap();
    assert_eq!(
        home.config_text(),
        "default_profile = \"lab\"\n\n# Mine.\n[profile.lab]\norg = \"Root\"\ntoken_file = \"~/.weka/auth-token.json\"\n"
    );
}

#[test]
fn the_heading_of_a_file_survives_its_first_profile() {
    let home = Home::with_config(
        "# Managed by hand.\n\n# Old.\n[profile.a]\norg = \"x\"\n\n# New.\n[profile.b]\norg = \"y\"\n",
    );
    remove_profile(&home.dirs(), &name("a")).unwrap();
    assert_eq!(home.config_text(), "# Managed by hand.\n\n# New.\n[profile.b]\norg = \"y\"\n");
    remove_profile(&home.dirs(), &name("b")).unwrap();
    assert_eq!(home.config_text(), "# Managed by hand.\n");
}

#[test]
fn links_are_followed_to_our_own_files_only() {
    let home = Home::new();
    let real = home.path().join("dotfiles.toml");
    fs::write(&real, "").unwrap();
    set_mode(&real, 0o600);
    fs::create_dir_all(home.config_path().parent().unwrap()).unwrap();
    symlink(&real, home.config_path()).unwrap();
    add_profile(&home.dirs(), &name("a")).unwrap();
    assert_eq!(fs::read_to_string(&real).unwrap(), "[profile.a]\n");
    assert!(fs::symlink_metadata(home.config_path()).unwrap().is_symlink());

    if nix::unistd::geteuid().is_root() {
        std::os::unix::fs::chown(&real, Some(12_345), None).unwrap();
        let error = add_profile(&home.dirs(), &name("b")).unwrap_err();
        assert!(matches!(error, SaveError::NotOurs { owner: 12_345, .. }), "{error}");
        assert_eq!(
            error.to_string(),
            format!("{} belongs to uid 12345, not to the daemon's user", real.display())
        );
    }
    fs::remove_file(&real).unwrap();
    let error = add_profile(&home.dirs(), &name("b")).unwrap_err().to_string();
    assert!(error.contains("it is a symlink to") && error.contains("does not exist"), "{error}");
}

#[test]
fn what_is_wrong_before_or_would_be_afterwards_is_not_saved() {
    let home = Home::with_config("[profile.a\n");
    let error = add_profile(&home.dirs(), &name("b")).unwrap_err().to_string();
    assert!(error.starts_with(&format!("{}:1: ", home.config_path().display())), "{error}");
    assert_eq!(home.config_text(), "[profile.a\n");

    // A mistake elsewhere is no hindrance.
    let text = "[profile.a]\nrefresh_at = 7.0\n\n[profile.b]\n";
    home.write_config(text);
    let changes = ProfileChanges { username: Some("bob".to_owned()), ..ProfileChanges::default() };
    save_profile(&home.dirs(), &name("b"), &changes).unwrap();
    assert_eq!(home.config_text(), format!("{text}username = \"bob\"\n"));

    let plain = ProfileChanges {
        endpoints: Some(vec!["http://weka01".parse().unwrap()]),
        ..ProfileChanges::default()
    };
    let before = home.config_text();
    let error = save_profile(&home.dirs(), &name("b"), &plain).unwrap_err().to_string();
    assert!(
        error.contains("profile.b.endpoints: http://weka01:14000 would send secrets in the clear"),
        "{error}"
    );
    assert_eq!(home.config_text(), before);

    home.write_config("profile = 3\n");
    let error = add_profile(&home.dirs(), &name("b")).unwrap_err().to_string();
    assert!(error.ends_with("profile.b is not a table"), "{error}");

    set_mode(&home.config_path(), 0o666);
    let error = add_profile(&home.dirs(), &name("b")).unwrap_err().to_string();
    assert!(error.contains("run: chmod go-w"), "{error}");
}
