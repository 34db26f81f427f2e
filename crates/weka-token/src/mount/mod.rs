//! `weka-token mount`, which mount(8) runs as `/sbin/mount.weka-token`: it has a live token ready, and lets WEKA's own
//! `/sbin/mount.wekafs` do the rest.
//!
//! mount(8) may be run by anybody, so the environment counts for nothing here, and a boot waits for us, so every wait has
//! an end. There is no umount.weka-token: what is mounted is a wekafs, and umount(8) knows it by that name.

mod failed;
mod helper;
mod options;
mod source;
mod spec;

pub(crate) use failed::in_terms_of_mount;

use crate::args::{Global, MOUNT_HELPER, MountOptions};
use crate::environment::Environment;
use crate::failure::Failure;
use crate::follower::Owed;
use crate::kept_file::KeptFile;
use crate::private_file::PrivateFile;
use crate::private_folder::{Obstacle, Place, reasons};
use crate::session::Session;
use crate::socket_search::{self, Places, shell_word};
use crate::span;
use crate::token_json::FileTokens;
use failed::{SYSTEM, not_mounted, wrong};
use helper::PROGRAM;
use options::{Options, Via};
use source::Source;
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use wire::Pair;
use zeroize::Zeroizing;

/// Where private files are: on memory, and root's alone.
const RUN: &str = "/run";
const FOLDER: &str = MOUNT_HELPER;
/// How often a private file is tried for: the folder may go with another mount's file just then.
const ATTEMPTS: u32 = 100;

/// Whether a program of this name is the one that mount(8) runs.
pub(crate) fn is_helper(program: &OsStr) -> bool {
    Path::new(program).file_name() == Some(OsStr::new(MOUNT_HELPER))
}

/// Mounts. Whatever is said names the mount: `mount -a` and a boot make many.
pub(crate) fn run(global: &Global, arguments: &MountOptions) -> Result<u8, Failure> {
    mount(global, arguments).map_err(|failure| {
        let message = format!("{}: {}", named(arguments), failure.message);
        Failure { message, ..failure }
    })
}

fn named(arguments: &MountOptions) -> String {
    // On one line, whatever is in it.
    let shown = |word: &OsStr| match word.to_string_lossy() {
        text if text.chars().any(char::is_control) => text.escape_debug().to_string(),
        text => text.into_owned(),
    };
    format!("{} on {}", shown(&arguments.spec), shown(arguments.folder.as_os_str()))
}

fn mount(global: &Global, arguments: &MountOptions) -> Result<u8, Failure> {
    let mut options = Options::parse(&arguments.options, arguments.sloppy)?;
    merge(&mut options.profile, global.profile.clone(), "--profile", "token_profile")?;
    merge(&mut options.socket, global.socket.clone(), "--socket", "token_socket")?;
    let filesystem = spec::filesystem(&arguments.spec)?;
    let kind = kind(arguments.kind.as_deref())?;
    if !nix::unistd::geteuid().is_root() {
        return Err(wrong("only root can mount").then(as_root(arguments)));
    }
    helper::check()?;
    // In another namespace it may be another.
    if arguments.namespace.is_none() {
        check_folder(&arguments.folder)?;
    }
    let environment = Environment::default();
    let places = places(&options);
    let session = Session {
        environment: &environment,
        places,
        profile: options.profile.clone(),
        quiet: global.quiet,
        socket_option: "-o token_socket=",
    };
    let speaker = format!("{MOUNT_HELPER}: {}", named(arguments));
    let verbose = arguments.verbose && !global.quiet;
    let mount = Mount { arguments, options: &options, kind, verbose, speaker: &speaker };
    if options.is_remount() {
        // The token of a mount cannot be changed by it, so none is needed.
        return mount.without_file(None);
    }
    if !options.has("_netdev") {
        session.say(&format!(
            "{speaker}: warning: without _netdev among its options this is taken for a local filesystem at boot and at \
             shutdown, when there is no network; add it: -o _netdev",
        ));
    }
    let source = Source { session, timeout_ms: options.timeout_ms };
    match options.via {
        Via::Path => mount.with_file(&source),
        Via::MountToken => mount.with_token(&source, filesystem),
    }
}

/// The command that mounts the same as root.
fn as_root(arguments: &MountOptions) -> String {
    let mut words = vec!["run: sudo mount -t weka-token".to_owned()];
    let options = options::as_given(&arguments.options);
    if !options.is_empty() {
        words.extend(["-o".to_owned(), shell_word(&options)]);
    }
    words.extend(
        [&*arguments.spec, arguments.folder.as_os_str()].map(|word| shell_word(&word.to_string_lossy())),
    );
    words.join(" ")
}

/// An option of ours may be given in one place or in the other.
fn merge<T: PartialEq>(
    slot: &mut Option<T>,
    given: Option<T>,
    flag: &str,
    name: &str,
) -> Result<(), Failure> {
    match (&*slot, given) {
        (Some(held), Some(given)) if *held != given => {
            Err(wrong(format!("{flag} and the mount option {name}= differ")))
        }
        (None, given) => {
            *slot = given;
            Ok(())
        }
        _ => Ok(()),
    }
}

/// The type as mount.wekafs has it: only a subtype has to be told.
fn kind(given: Option<&OsStr>) -> Result<Option<OsString>, Failure> {
    let Some(given) = given else { return Ok(None) };
    let text = given.to_string_lossy();
    match text.split_once('.').unwrap_or((&text, "")) {
        ("weka-token" | "wekafs", "") => Ok(None),
        ("weka-token" | "wekafs", subtype) => Ok(Some(format!("wekafs.{subtype}").into())),
        _ => Err(wrong(format!("type {text} is not weka-token")).then("use: -t weka-token")),
    }
}

fn check_folder(folder: &Path) -> Result<(), Failure> {
    match std::fs::metadata(folder) {
        Ok(found) if found.is_dir() => Ok(()),
        Ok(_) => {
            Err(not_mounted(format!("{} is not a folder", folder.display()))
                .then("name a folder to mount on"))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let make = format!("run: mkdir -p {}", folder.display());
            Err(not_mounted(format!("there is no folder {}", folder.display())).then(make))
        }
        Err(error) => Err(not_mounted(format!("{}: {error}", folder.display()))),
    }
}

/// The socket that was named, else the host's, whatever the environment says.
fn places(options: &Options) -> Places {
    let uid = nix::unistd::geteuid();
    match &options.socket {
        Some(path) => Places { named: true, paths: vec![path.clone()], uid },
        None => socket_search::of_host(uid),
    }
}

/// One mount.
#[derive(Debug)]
struct Mount<'a> {
    arguments: &'a MountOptions,
    options: &'a Options,
    kind: Option<OsString>,
    verbose: bool,
    /// Who speaks, and of what, in front of what is said.
    speaker: &'a str,
}

impl Mount<'_> {
    /// With the pair in a private file.
    fn with_file(&self, source: &Source<'_>) -> Result<u8, Failure> {
        let pair = source.pair()?;
        self.explain(|| {
            let token = &pair.token;
            let life = span::short(token.expires_in_s);
            format!("the token of profile {} at {} lives for {life}", token.profile, token.endpoint)
        });
        let signals = helper::hold_signals()?;
        let mut file = KeptFile::new(&source.session, self.speaker, private_file(&pair)?, &pair);
        let option = [b"auth_token_path=", file.file().path().as_os_str().as_bytes()].concat();
        let words = self.words(Some(&option));
        // WEKA's first mount on a host takes longer than a token lives, so the file is kept current.
        let ended =
            helper::start(&signals, words, Some(file.file().lock())).map(|child| file.wait(&child, &signals));
        let status = ended.and_then(|(end, owed)| {
            if let Some(owed) = owed {
                self.give_back(source, &owed);
            }
            helper::status(end)
        });
        drop(file);
        // Where it is not empty, another mount is under way.
        drop(std::fs::remove_dir(Path::new(RUN).join(FOLDER)));
        status
    }

    /// Whoever renews a pair leaves the one before dead, so the daemon has to know before the file goes.
    fn give_back(&self, source: &Source<'_>, owed: &Owed) {
        if let Err(failure) = source.adopt(owed) {
            source.session.say(&format!(
                "{}: warning: mount.wekafs has renewed the token, and the daemon could not be given the new one: {}",
                self.speaker, failure.message
            ));
        }
    }

    /// With the filesystem's mount token, as WEKA's CSI driver does it.
    fn with_token(&self, source: &Source<'_>, filesystem: &str) -> Result<u8, Failure> {
        let grant = source.mount_token(filesystem)?;
        let token = grant.mount_token.expose();
        // A comma would make an option of its own of what follows.
        if token.bytes().any(|byte| !byte.is_ascii_graphic() || b",\"".contains(&byte)) {
            return Err(not_mounted(
                "the cluster's mount token has characters that no mount option can have",
            ));
        }
        for note in &grant.notes {
            source.session.say(&format!("{}: {note}", self.speaker));
        }
        let life = grant.expires_in_s.map(|life| format!(", which lives for {},", span::short(life)));
        source.session.say(&format!(
            "{}: warning: the mount token of filesystem {}{} is on the command line of {PROGRAM}, because of \
             token_via=mount-token: all on this host can see it there while that runs",
            self.speaker,
            grant.filesystem,
            life.unwrap_or_default()
        ));
        let option = Zeroizing::new([b"token=", token.as_bytes()].concat());
        self.without_file(Some(&option))
    }

    /// Runs mount.wekafs with no more than this option.
    fn without_file(&self, option: Option<&[u8]>) -> Result<u8, Failure> {
        let signals = helper::hold_signals()?;
        let child = helper::start(&signals, self.words(option), None)?;
        helper::status(child.wait(&signals))
    }

    /// What mount.wekafs is called with.
    fn words(&self, option: Option<&[u8]>) -> Vec<OsString> {
        let given = self.arguments;
        let mut words = vec![given.spec.clone(), given.folder.as_os_str().to_owned()];
        for (flag, is_set) in
            [("-s", given.sloppy), ("-f", given.fake), ("-n", given.no_mtab), ("-v", given.verbose)]
        {
            words.extend(is_set.then(|| flag.into()));
        }
        self.explain(|| {
            let shown = option.map(|option| match option.strip_prefix(b"token=") {
                Some(_) => "token=...".into(),
                None => String::from_utf8_lossy(option),
            });
            let all: Vec<_> = words.iter().map(|word| shell_word(&word.to_string_lossy())).collect();
            let all = all.join(" ");
            format!("running {PROGRAM} {all} -o {}", self.options.shown(shown.as_deref()))
        });
        let joined = self.options.joined(option);
        if !joined.is_empty() {
            words.extend(["-o".into(), joined]);
        }
        for (flag, value) in [("-t", &self.kind), ("-N", &given.namespace)] {
            words.extend(value.iter().flat_map(|value| [flag.into(), value.clone()]));
        }
        words
    }

    fn explain(&self, text: impl Fn() -> String) {
        if self.verbose {
            crate::output::say(&format!("{MOUNT_HELPER}: {}", text()));
        }
    }
}

fn private_file(pair: &Pair) -> Result<PrivateFile, Failure> {
    let tokens = FileTokens::of(pair);
    let place = [Place::Own(RUN.into(), &[FOLDER])];
    let mut attempts = 0;
    loop {
        attempts += 1;
        let failures = match PrivateFile::make(&place, &tokens) {
            Ok(file) => return Ok(file),
            Err(failures) => failures,
        };
        let gone = failures.iter().all(|(_, error)| error.kind() == io::ErrorKind::NotFound);
        if !gone || attempts == ATTEMPTS {
            return Err(no_private_file(&failures));
        }
    }
}

/// Why there is none, and what to do about it.
fn no_private_file(failures: &[(PathBuf, io::Error)]) -> Failure {
    let failure = Failure::new(SYSTEM, format!("no private file for the token: {}", reasons(failures)));
    match failures.iter().find_map(|(_, error)| Obstacle::of(error)) {
        Some(obstacle) => failure.then(format!(
            "something else has made it; look at it, then move it away: ls -ld {}",
            obstacle.path().display()
        )),
        None => failure.then(format!(
            "{RUN} has to be root's, not writable for others, and have room: ls -ld {RUN}; df {RUN}"
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_is_what_counts_and_not_the_folder() {
        for name in ["mount.weka-token", "/sbin/mount.weka-token", "./mount.weka-token"] {
            assert!(is_helper(OsStr::new(name)), "{name}");
        }
        for name in ["", "weka-token", "/sbin/mount.weka-token/weka-token", "mount.weka-token2"] {
            assert!(!is_helper(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_subtype_goes_on_and_the_type_does_not() {
        let of = |text: &str| kind(Some(OsStr::new(text)));
        assert_eq!(kind(None), Ok(None));
        assert_eq!(of("weka-token"), Ok(None));
        assert_eq!(of("weka-token.x"), Ok(Some("wekafs.x".into())));
        assert!(of("nfs").unwrap_err().message.contains("type nfs is not weka-token"));
        assert!(of("weka-token2").is_err());
    }

    #[test]
    fn the_same_may_be_said_twice_and_nothing_else() {
        let mut slot = Some(1);
        assert_eq!(merge(&mut slot, Some(1), "--x", "x"), Ok(()));
        assert!(
            merge(&mut slot, Some(2), "--x", "x")
                .unwrap_err()
                .message
                .contains("--x and the mount option x= differ")
        );
        let mut empty = None;
        assert_eq!((merge(&mut empty, Some(3), "--x", "x"), empty), (Ok(()), Some(3)));
    }
}
