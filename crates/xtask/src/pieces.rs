//! What an installation or a package is made of.

use crate::binaries::Binaries;
use crate::layout::{Layout, Owner};
use crate::problem::Problem;
use crate::unit;
use clap_complete::Shell;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Readable by everybody.
const PLAIN: u32 = 0o644;
/// Also executable by everybody.
const PROGRAM: u32 = 0o755;
/// As every link has it.
const LINK: u32 = 0o777;

const USER_SOCKET: &str = include_str!("../../../systemd/user/weka-tokend.socket");
const USER_SERVICE: &str = include_str!("../../../systemd/user/weka-tokend.service");
const HOST_SOCKET: &str = include_str!("../../../systemd/system/weka-tokend.socket");
const HOST_SERVICE: &str = include_str!("../../../systemd/system/weka-tokend.service");
const ACCOUNT: &str = include_str!("../../../systemd/system/weka-token.sysusers.conf");
const PRESET: &str = include_str!("../packages/weka-token.preset");

/// The units' names, in either manager.
pub(crate) const UNITS: [&str; 2] = ["weka-tokend.socket", "weka-tokend.service"];

/// What mount(8) runs for the type weka-token: the client under another name.
const MOUNT_HELPER: &str = "mount.weka-token";

/// Examples, to be copied and changed.
const EXAMPLES: [(&str, &str); 4] = [
    ("mnt-secure.automount", include_str!("../../../systemd/system/mnt-secure.automount")),
    ("mnt-secure.mount", include_str!("../../../systemd/system/mnt-secure.mount")),
    ("weka-token.autofs", include_str!("../../../systemd/system/weka-token.autofs")),
    ("weka-token.fstab", include_str!("../../../systemd/system/weka-token.fstab")),
];

/// A file to put into place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    /// Where it goes.
    pub(crate) path: PathBuf,
    /// Its permission bits.
    pub(crate) mode: u32,
    pub(crate) content: Content,
}

/// What a file holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Content {
    /// The program `weka-token`.
    Client,
    /// The program `weka-tokend`.
    Daemon,
    /// The program `weka-token-ui`.
    Ui,
    /// This.
    Bytes(Vec<u8>),
    /// Nothing: it is a link to there.
    Link(PathBuf),
}

impl Piece {
    pub(crate) fn plain(path: PathBuf, bytes: impl Into<Vec<u8>>) -> Self {
        Self { path, mode: PLAIN, content: Content::Bytes(bytes.into()) }
    }

    /// What the file will hold.
    pub(crate) fn bytes<'a>(&'a self, binaries: &'a Binaries) -> &'a [u8] {
        match &self.content {
            Content::Client => &binaries.client,
            Content::Daemon => &binaries.daemon,
            Content::Ui => &binaries.ui,
            Content::Bytes(bytes) => bytes,
            Content::Link(_) => &[],
        }
    }

    /// Where it leads, if it is a link.
    pub(crate) fn link(&self) -> Option<&Path> {
        match &self.content {
            Content::Link(target) => Some(target),
            _ => None,
        }
    }

    /// The name of the unit that it is, if it is one.
    pub(crate) fn unit(&self) -> Option<&str> {
        self.path.file_name().and_then(|name| name.to_str()).filter(|name| UNITS.contains(name))
    }
}

/// Every file of an installation, programs first, so that no unit names a program that is not there yet.
///
/// # Errors
/// The units cannot name the programs' folder.
pub(crate) fn of(layout: &Layout) -> Result<Vec<Piece>, Problem> {
    let program = |name: &str, content| Piece { path: layout.programs.join(name), mode: PROGRAM, content };
    let mut pieces = vec![
        program("weka-token", Content::Client),
        program("weka-tokend", Content::Daemon),
        program("weka-token-ui", Content::Ui),
    ];
    let user_service = match layout.owner {
        // Not searched by systemd.
        Owner::User => unit::with_daemon_at(USER_SERVICE, &layout.programs.join("weka-tokend"))?,
        Owner::Host | Owner::Package => USER_SERVICE.to_owned(),
    };
    let [socket, service] = UNITS;
    pieces.push(Piece::plain(layout.user_units.join(socket), USER_SOCKET));
    pieces.push(Piece::plain(layout.user_units.join(service), user_service));
    if let Some(host) = &layout.host {
        pieces.push(Piece::plain(host.units.join(socket), HOST_SOCKET));
        pieces.push(Piece::plain(host.units.join(service), HOST_SERVICE));
        pieces.push(Piece::plain(host.accounts.join("weka-token.conf"), ACCOUNT));
        let link = Content::Link(host.client.clone());
        pieces.push(Piece { path: host.mount_helpers.join(MOUNT_HELPER), mode: LINK, content: link });
        let page = weka_token::man::mount_helper().map_err(failed)?;
        pieces.push(Piece::plain(layout.manual.join("man8").join(page.file_name), page.text));
    }
    for folder in layout.presets.iter().flatten() {
        pieces.push(Piece::plain(folder.join("90-weka-token.preset"), PRESET));
    }
    for page in manual()? {
        pieces.push(Piece::plain(layout.manual.join("man1").join(page.file_name), page.text));
    }
    for shell in [Shell::Bash, Shell::Zsh, Shell::Fish] {
        for (program, script) in completions(shell) {
            let path = match shell {
                Shell::Zsh => layout.zsh.join(format!("_{program}")),
                Shell::Fish => layout.fish.join(format!("{program}.fish")),
                _ => layout.bash.join(program),
            };
            pieces.push(Piece::plain(path, script));
        }
    }
    Ok(pieces)
}

/// What a shell reads to complete the command lines of each program.
fn completions(shell: Shell) -> [(&'static str, Vec<u8>); 3] {
    [
        ("weka-token", weka_token::completions::script(shell)),
        ("weka-tokend", weka_token::completions::of(weka_tokend::run::command(), shell)),
        ("weka-token-ui", weka_token::completions::of(weka_token_ui::args::command(), shell)),
    ]
}

fn failed(error: std::io::Error) -> Problem {
    Problem::new(format!("the manual pages: {error}"))
}

/// The manual pages of section 1, from the parsers of all programs.
fn manual() -> Result<Vec<weka_token::man::Page>, Problem> {
    let mut pages = weka_token::man::pages().map_err(failed)?;
    for (command, see_also) in [
        (weka_tokend::run::command(), "weka-token(1), weka-token-ui(1)"),
        (weka_token_ui::args::command(), "weka-token(1), weka-tokend(1)"),
    ] {
        let page = weka_token::man::page(command, see_also).map_err(failed)?;
        // `weka-token ui` is that program, and its own page says more.
        pages.retain(|other| other.file_name != page.file_name);
        pages.push(page);
    }
    Ok(pages)
}

/// The same, with manual pages compressed as distributions have them.
///
/// # Errors
/// None that is known: they are compressed in memory.
pub(crate) fn with_compressed_pages(pieces: Vec<Piece>, layout: &Layout) -> Result<Vec<Piece>, Problem> {
    let compressed = |piece: Piece| match piece.content {
        Content::Bytes(text) if piece.path.starts_with(&layout.manual) => {
            let mut path = piece.path.into_os_string();
            path.push(".gz");
            Ok(Piece::plain(path.into(), compress(&text)?))
        }
        content => Ok(Piece { content, ..piece }),
    };
    pieces.into_iter().map(compressed).collect()
}

/// As `gzip -9n` does it: the same for the same bytes, whenever.
///
/// # Errors
/// None that is known.
pub(crate) fn compress(bytes: &[u8]) -> Result<Vec<u8>, Problem> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    let compressed = writer.write_all(bytes).and_then(|()| writer.finish());
    compressed.map_err(|error| Problem::new(format!("compression: {error}")))
}

/// A text of the source tree that goes along with packages.
pub(crate) fn license(folder: &Path) -> Piece {
    Piece::plain(folder.join("LICENSE"), include_str!("../../../LICENSE"))
}

/// The README and the examples, for packages.
pub(crate) fn documents(folder: &Path) -> Vec<Piece> {
    let examples = EXAMPLES.map(|(name, text)| Piece::plain(folder.join("examples").join(name), text));
    [readme(folder)].into_iter().chain(examples).collect()
}

/// The README, for packages.
fn readme(folder: &Path) -> Piece {
    Piece::plain(folder.join("README.md"), include_str!("../../../README.md"))
}
