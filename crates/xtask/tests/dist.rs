//! `cargo xtask dist`, read back: what the packages hold, need and run.
#![forbid(unsafe_code)]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on ends")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use tempfile::TempDir;

/// What every package has below its prefix, with its mode; manual pages without `.gz`.
const FILES: [(&str, u32); 27] = [
    ("bin/weka-token", 0o755),
    ("bin/weka-token-ui", 0o755),
    ("bin/weka-tokend", 0o755),
    ("lib/systemd/system-preset/90-weka-token.preset", 0o644),
    ("lib/systemd/system/weka-tokend.service", 0o644),
    ("lib/systemd/system/weka-tokend.socket", 0o644),
    ("lib/systemd/user-preset/90-weka-token.preset", 0o644),
    ("lib/systemd/user/weka-tokend.service", 0o644),
    ("lib/systemd/user/weka-tokend.socket", 0o644),
    ("lib/sysusers.d/weka-token.conf", 0o644),
    ("sbin/mount.weka-token", 0o777),
    ("share/bash-completion/completions/weka-token", 0o644),
    ("share/bash-completion/completions/weka-tokend", 0o644),
    ("share/bash-completion/completions/weka-token-ui", 0o644),
    ("share/doc/weka-token/README.md", 0o644),
    ("share/doc/weka-token/examples/mnt-secure.mount", 0o644),
    ("share/doc/weka-token/examples/weka-token.autofs", 0o644),
    ("share/doc/weka-token/examples/weka-token.fstab", 0o644),
    ("share/fish/vendor_completions.d/weka-token.fish", 0o644),
    ("share/fish/vendor_completions.d/weka-tokend.fish", 0o644),
    ("share/fish/vendor_completions.d/weka-token-ui.fish", 0o644),
    ("share/man/man1/weka-token-get.1", 0o644),
    ("share/man/man1/weka-token-man.1", 0o644),
    ("share/man/man1/weka-token-ui.1", 0o644),
    ("share/man/man1/weka-token.1", 0o644),
    ("share/man/man1/weka-tokend.1", 0o644),
    ("share/man/man8/mount.weka-token.8", 0o644),
];

/// Files by path, each with its mode and what it holds; a link holds where it leads.
type Files = BTreeMap<String, (u32, Vec<u8>)>;

/// Packages of two stand-ins: what matters here is that they are dynamic programs.
struct Packed {
    folder: TempDir,
}

impl Packed {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["weka-token", "weka-token-ui", "weka-tokend"] {
            fs::copy("/bin/true", folder.path().join(name)).unwrap();
        }
        let packed = Self { folder };
        let output = packed.dist("out", &[]);
        assert!(output.status.success(), "{output:#?}");
        packed
    }

    fn dist(&self, out: &str, more: &[&str]) -> Output {
        let mut command = Command::new(env!("CARGO_BIN_EXE_xtask"));
        command.arg("dist").arg("--binaries").arg(self.folder.path());
        command.arg("--out").arg(self.folder.path().join(out)).args(more);
        command.env("SOURCE_DATE_EPOCH", "1700000000").output().unwrap()
    }

    fn path(&self, suffix: &str) -> PathBuf {
        let entries = fs::read_dir(self.folder.path().join("out")).unwrap();
        let found =
            entries.map(|entry| entry.unwrap().path()).find(|path| path.to_str().unwrap().ends_with(suffix));
        found.unwrap_or_else(|| panic!("no file {suffix}"))
    }
}

fn untar(compressed: &[u8]) -> Files {
    let mut plain = Vec::new();
    flate2::read::GzDecoder::new(compressed).read_to_end(&mut plain).unwrap();
    let mut files = Files::new();
    for entry in tar::Archive::new(plain.as_slice()).entries().unwrap() {
        let mut entry = entry.unwrap();
        let header = entry.header().clone();
        assert_eq!(
            (header.uid().unwrap(), header.gid().unwrap(), header.mtime().unwrap()),
            (0, 0, 1_700_000_000)
        );
        let path = String::from_utf8(entry.path_bytes().into_owned()).unwrap();
        let mut bytes = Vec::new();
        entry.read_to_end(&mut bytes).unwrap();
        if let Some(target) = header.link_name_bytes() {
            bytes = target.into_owned();
        }
        if header.entry_type().is_file() || header.entry_type().is_symlink() {
            files.insert(path.trim_start_matches("./").to_owned(), (header.mode().unwrap(), bytes));
        }
    }
    files
}

/// The members of an `ar` archive.
fn members(archive: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut rest = archive.strip_prefix(b"!<arch>\n").unwrap();
    let mut members = Vec::new();
    while !rest.is_empty() {
        let (header, after) = rest.split_at(60);
        let header = std::str::from_utf8(header).unwrap();
        assert!(header.ends_with("`\n"), "{header:?}");
        let size: usize = header[48..58].trim().parse().unwrap();
        members.push((header[..16].trim().to_owned(), after[..size].to_vec()));
        rest = &after[size + size % 2..];
    }
    members
}

#[track_caller]
fn assert_complete(files: &Files, prefix: &str, compressed: bool) {
    for (path, mode) in FILES {
        let gz = if compressed && path.contains("/man/") { ".gz" } else { "" };
        let path = format!("{prefix}{path}{gz}");
        let (found, bytes) = files.get(&path).unwrap_or_else(|| panic!("no {path} in {:#?}", files.keys()));
        assert_eq!(found & 0o7777, mode, "{path}");
        assert!(!bytes.is_empty(), "{path}");
    }
    assert_eq!(files[&format!("{prefix}sbin/mount.weka-token")].1, b"../bin/weka-token");
    let unit = |scope: &str| {
        let path = format!("{prefix}lib/systemd/{scope}/weka-tokend.service");
        String::from_utf8(files[&path].1.clone()).unwrap()
    };
    assert!(unit("user").contains("\nExecStart=weka-tokend\n"), "{}", unit("user"));
    assert!(unit("system").contains("\nExecStart=weka-tokend --config /etc/weka-token/config.toml\n"));
    // Nothing is enabled, for nobody.
    assert!(
        !files.keys().any(|path| path.contains(".wants/") || path.contains("etc/")),
        "{:#?}",
        files.keys()
    );
    let preset =
        |scope: &str| files[&format!("{prefix}lib/systemd/{scope}-preset/90-weka-token.preset")].1.clone();
    for scope in ["user", "system"] {
        let preset = String::from_utf8(preset(scope)).unwrap();
        assert!(preset.lines().all(|line| line.starts_with('#') || line.starts_with("disable ")), "{preset}");
    }
}

/// What holds for the scripts of either package.
#[track_caller]
fn assert_modest(scripts: &[(&str, String)]) {
    for (name, script) in scripts {
        let checked = Command::new("sh").args(["-n", "-c", script]).output().unwrap();
        assert!(checked.status.success(), "{name}: {checked:#?}");
        for line in script.lines().filter(|line| line.contains("systemctl")) {
            assert!(!line.contains(" enable") && !line.contains(" start"), "{name}: {line}");
            assert!(!line.contains("restart") || !line.contains(".socket"), "{name}: {line}");
        }
    }
    let restarts: Vec<_> = scripts
        .iter()
        .flat_map(|(_, script)| script.lines())
        .filter(|line| line.contains("restart") && !line.trim_start().starts_with('#'))
        .collect();
    assert_eq!(restarts.len(), 1, "{restarts:?}");
    assert!(restarts[0].contains("systemctl --system try-restart weka-tokend.service"), "{restarts:?}");
}

#[test]
fn the_archive_is_one_folder_with_everything_in_it() {
    let packed = Packed::new();
    let files = untar(&fs::read(packed.path("-linux.tar.gz")).unwrap());
    let folder = format!("weka-token-{}-{}-linux/", env!("CARGO_PKG_VERSION"), std::env::consts::ARCH);
    assert!(files.keys().all(|path| path.starts_with(&folder)), "{:#?}", files.keys());
    assert_complete(&files, &folder, false);
    assert!(files.contains_key(&format!("{folder}share/doc/weka-token/LICENSE")));
    let page = String::from_utf8(files[&format!("{folder}share/man/man1/weka-tokend.1")].1.clone()).unwrap();
    for section in ["\n.TH weka-tokend 1 ", "\n.SH SYNOPSIS\n", "\n.SH SIGNALS\n", "\n.SH \"EXIT STATUS\"\n"]
    {
        assert!(page.contains(section), "{section}: {page}");
    }
}

#[test]
fn the_deb_says_what_it_needs_and_leaves_services_alone() {
    let packed = Packed::new();
    let path = packed.path(".deb");
    let members = members(&fs::read(&path).unwrap());
    let names: Vec<_> = members.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["debian-binary", "control.tar.gz", "data.tar.gz"]);
    let about = untar(&members[1].1);
    let text = |name: &str| String::from_utf8(about[name].1.clone()).unwrap();
    let control = text("control");
    assert!(control.contains("\nDepends: libc6 (>= 2."), "{control}");
    assert!(control.contains(&format!("\nVersion: {}-1\n", env!("CARGO_PKG_VERSION"))), "{control}");
    let scripts = ["postinst", "prerm", "postrm"].map(|name| {
        assert_eq!(about[name].0, 0o755, "{name}");
        (name, text(name))
    });
    assert_modest(&scripts);
    assert!(!about.contains_key("conffiles"));
    let files = untar(&members[2].1);
    assert_complete(&files, "usr/", true);
    assert!(files.contains_key("usr/share/zsh/vendor-completions/_weka-token"), "{:#?}", files.keys());
    assert!(files.contains_key("usr/share/doc/weka-token/copyright"));
    // Debian's own tool, where there is one.
    if let Ok(told) = Command::new("dpkg-deb").arg("--contents").arg(&path).output() {
        assert!(told.status.success(), "{told:#?}");
        let told = String::from_utf8(told.stdout).unwrap();
        assert!(
            told.lines().any(
                |line| line.starts_with("-rwxr-xr-x root/root") && line.ends_with("./usr/bin/weka-token")
            )
        );
    }
}

#[test]
fn the_rpm_says_what_it_needs_and_leaves_services_alone() {
    let packed = Packed::new();
    let package = rpm::Package::open(packed.path(".rpm")).unwrap();
    let metadata = &package.metadata;
    assert_eq!(metadata.get_name().unwrap(), "weka-token");
    assert_eq!(metadata.get_version().unwrap(), env!("CARGO_PKG_VERSION"));
    let needs: Vec<_> = metadata.get_requires().unwrap().into_iter().map(|need| need.name).collect();
    assert!(
        needs.iter().any(|need| need.starts_with("libc.so.6(GLIBC_2.") && need.ends_with(")(64bit)")),
        "{needs:?}"
    );
    assert!(needs.contains(&"/bin/sh".to_owned()), "{needs:?}");
    let scripts = [
        ("post", metadata.get_post_install_script().unwrap().script),
        ("preun", metadata.get_pre_uninstall_script().unwrap().script),
        ("postun", metadata.get_post_uninstall_script().unwrap().script),
    ];
    assert_modest(&scripts);
    let mut files = Files::new();
    for file in package.files().unwrap() {
        let file = file.unwrap();
        let entry = &file.metadata;
        assert_eq!((entry.user(), entry.group()), ("root", "root"));
        assert!(!entry.flags().contains(rpm::FileFlags::CONFIG), "{:?}", entry.path());
        let path = entry.path().to_str().unwrap().to_owned();
        files.insert(path, (u32::from(entry.mode().permissions()), file.content().unwrap().to_vec()));
    }
    assert_complete(&files, "/usr/", true);
    assert!(files.contains_key("/usr/share/zsh/site-functions/_weka-token"), "{:#?}", files.keys());
    assert!(files.contains_key("/usr/share/licenses/weka-token/LICENSE"));
}

#[test]
fn the_same_tree_makes_the_same_packages_and_the_sums_are_right() {
    let packed = Packed::new();
    assert!(packed.dist("again", &[]).status.success());
    let sums = fs::read_to_string(packed.path("SHA256SUMS")).unwrap();
    assert_eq!(sums.lines().count(), 3, "{sums}");
    assert_eq!(sums, fs::read_to_string(packed.folder.path().join("again/SHA256SUMS")).unwrap());
    let mut check = Command::new("sha256sum");
    let checked =
        check.args(["--check", "--strict", "SHA256SUMS"]).current_dir(packed.folder.path().join("out"));
    let checked = checked.output().unwrap();
    assert!(checked.status.success(), "{checked:#?}");
    assert!(packed.dist("one", &["--format", "deb"]).status.success());
    let names: BTreeSet<_> = fs::read_dir(packed.folder.path().join("one"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    let deb = packed.path(".deb").file_name().unwrap().to_owned();
    assert_eq!(names, BTreeSet::from([deb, "SHA256SUMS".into()]));
}

#[test]
fn what_cannot_be_packed_is_named() {
    let packed = Packed::new();
    let refused = |output: &Output, words: &str| {
        assert_eq!(output.status.code(), Some(1), "{output:#?}");
        assert!(String::from_utf8_lossy(&output.stderr).contains(words), "{output:#?}");
    };
    refused(&packed.dist("out", &["--maintainer", "nobody"]), "expected NAME <MAIL>");
    let daemon = packed.folder.path().join("weka-tokend");
    let named = |path: &Path, words: &str| format!("{}: {words}", path.display());
    fs::write(&daemon, "#!/bin/sh\n").unwrap();
    refused(&packed.dist("out", &[]), &named(&daemon, "Invalid"));
    fs::remove_file(&daemon).unwrap();
    refused(&packed.dist("out", &[]), &named(&daemon, "No such file"));
    let file = packed.folder.path().join("file");
    fs::write(&file, "").unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    refused(&packed.dist("file/out", &[]), &named(&file.join("out"), "Not a directory"));
}
