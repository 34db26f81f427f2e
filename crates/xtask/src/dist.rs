//! `cargo xtask dist`.

use crate::binaries::{Binaries, target};
use crate::console::say;
use crate::layout::Layout;
use crate::libraries::{self, Libraries};
use crate::pieces::{self, Piece};
use crate::problem::Problem;
use crate::release::Release;
use crate::tarball::{self, Entry};
use crate::{deb, rpm_package};
use clap::{Args, ValueEnum};
use data_encoding::HEXLOWER;
use ring::digest::{SHA256, digest};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

/// Options of `dist`.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Where to put them [default: target/dist]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// Make this one only, or these [default: all]
    #[arg(long = "format", value_name = "FORMAT", value_enum, hide_possible_values = true)]
    formats: Vec<Format>,
    /// Take the programs from DIR, and build none
    #[arg(long, value_name = "DIR")]
    binaries: Option<PathBuf>,
    /// Whom packages name as their maintainer
    ///
    /// Without it: weka-token maintainers <maintainers@weka-token.invalid>
    #[arg(long, value_name = "NAME <MAIL>", default_value = MAINTAINERS, hide_default_value = true)]
    maintainer: String,
}

const MAINTAINERS: &str = "weka-token maintainers <maintainers@weka-token.invalid>";

/// A kind of package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For any Linux of this architecture
    #[value(name = "tar.gz")]
    Archive,
    /// For Debian and its kin
    Deb,
    /// For Fedora, RHEL, SUSE and their kin
    Rpm,
}

const SUMMARY: &str = "Keeps WEKA access tokens fresh and hands them out";
const DESCRIPTION: [&str; 5] = [
    "weka-tokend holds WEKA access tokens in memory, one profile per account and",
    "cluster, and renews them before they expire; weka-token hands the current one",
    "to scripts and tools. Nothing is enabled by itself. For a user:",
    "systemctl --user enable --now weka-tokend.socket. For a host:",
    "systemctl enable --now weka-tokend.socket.",
];

/// Packs everything, and says what is where.
pub(crate) fn run(options: &Options) -> Result<(), Problem> {
    let maintainer = options.maintainer.trim();
    if maintainer.contains(char::is_control) || !maintainer.ends_with('>') || !maintainer.contains(" <") {
        return Err(Problem::new(format!("--maintainer {maintainer:?}: expected NAME <MAIL>")));
    }
    let out = match &options.out {
        Some(out) => out.clone(),
        None => target()?.join("dist"),
    };
    fs::create_dir_all(&out).map_err(|error| Problem::at(&out, error))?;
    let binaries = Binaries::get(options.binaries.as_deref())?;
    let mut libraries = needed(&binaries.daemon, &binaries.folder.join("weka-tokend"))?;
    let of_client = needed(&binaries.client, &binaries.folder.join("weka-token"))?;
    if options.binaries.is_none() && !of_client.is_empty() {
        return Err(Problem::new(format!("the client is not static: it needs {of_client:?}")));
    }
    let of_ui = needed(&binaries.ui, &binaries.folder.join("weka-token-ui"))?;
    for (library, versions) in of_client.into_iter().chain(of_ui) {
        libraries.entry(library).or_default().extend(versions);
    }
    let release = Release {
        version: env!("CARGO_PKG_VERSION"),
        license: "Apache-2.0",
        architecture: std::env::consts::ARCH,
        maintainer,
        summary: SUMMARY,
        description: &DESCRIPTION,
        libraries,
        modified: modified(),
    };
    let mut sums = String::new();
    for format in Format::value_variants() {
        if !options.formats.is_empty() && !options.formats.contains(format) {
            continue;
        }
        let (name, bytes) = format.pack(&binaries, &release)?;
        put(&out.join(&name), &bytes)?;
        sums.push_str(&format!("{}  {name}\n", HEXLOWER.encode(digest(&SHA256, &bytes).as_ref())));
    }
    put(&out.join("SHA256SUMS"), sums.as_bytes())?;
    if let Some((major, minor)) = libraries::glibc(&release.libraries) {
        say(&format!(
            "\nThey need glibc {major}.{minor} or later: that of the machine they were built on decides."
        ));
    }
    Ok(())
}

fn needed(program: &[u8], path: &Path) -> Result<Libraries, Problem> {
    libraries::needed(program).map_err(|error| Problem::at(path, error))
}

impl Format {
    /// The package's file name, and the package.
    fn pack(self, binaries: &Binaries, release: &Release<'_>) -> Result<(String, Vec<u8>), Problem> {
        match self {
            Self::Archive => {
                let folder = format!("weka-token-{}-{}-linux", release.version, release.architecture);
                Ok((format!("{folder}.tar.gz"), archived(&folder, binaries, release)?))
            }
            Self::Deb => Ok((deb::file_name(release)?, packed_as_deb(binaries, release)?)),
            Self::Rpm => Ok((rpm_package::file_name(release), packed_as_rpm(binaries, release)?)),
        }
    }
}

/// Everything below one folder, for `tar -C /usr/local --strip-components=1`.
fn archived(folder: &str, binaries: &Binaries, release: &Release<'_>) -> Result<Vec<u8>, Problem> {
    let folder = Path::new(folder);
    let layout = Layout::package(folder, "site-functions");
    let mut pieces = pieces::of(&layout)?;
    let documents = folder.join("share/doc/weka-token");
    pieces.push(pieces::license(&documents));
    pieces.extend(pieces::documents(&documents));
    tarball::write(&entries(&pieces, binaries), release.modified)
}

fn packed_as_deb(binaries: &Binaries, release: &Release<'_>) -> Result<Vec<u8>, Problem> {
    let layout = Layout::package(Path::new("/usr"), "vendor-completions");
    let mut pieces = pieces::with_compressed_pages(pieces::of(&layout)?, &layout)?;
    pieces.extend(pieces::documents(Path::new("/usr/share/doc/weka-token")));
    deb::build(release, &entries(&pieces, binaries))
}

fn packed_as_rpm(binaries: &Binaries, release: &Release<'_>) -> Result<Vec<u8>, Problem> {
    let layout = Layout::package(Path::new("/usr"), "site-functions");
    let mut pieces = pieces::with_compressed_pages(pieces::of(&layout)?, &layout)?;
    pieces.extend(pieces::documents(Path::new("/usr/share/doc/weka-token")));
    pieces.push(pieces::license(Path::new("/usr/share/licenses/weka-token")));
    rpm_package::build(release, &entries(&pieces, binaries))
}

fn entries<'a>(pieces: &'a [Piece], binaries: &'a Binaries) -> Vec<Entry<'a>> {
    let entry = |piece: &'a Piece| Entry {
        path: &piece.path,
        mode: piece.mode,
        bytes: piece.bytes(binaries),
        link: piece.link(),
    };
    pieces.iter().map(entry).collect()
}

/// Writes a file and says how large it is.
fn put(path: &Path, bytes: &[u8]) -> Result<(), Problem> {
    fs::write(path, bytes).map_err(|error| Problem::at(path, error))?;
    say(&format!("{:>9} bytes  {}", bytes.len(), path.display()));
    Ok(())
}

/// As `SOURCE_DATE_EPOCH` says, else the last commit's time, else now: the same tree makes the same packages.
fn modified() -> u32 {
    let said = std::env::var("SOURCE_DATE_EPOCH").ok();
    let committed = || {
        let folder = env!("CARGO_MANIFEST_DIR");
        let output = Command::new("git").args(["-C", folder, "log", "-1", "--format=%ct"]).output().ok()?;
        String::from_utf8(output.stdout).ok()
    };
    let number = |text: String| text.trim().parse().ok();
    let now = || SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let seconds = said.and_then(number).or_else(|| committed().and_then(number));
    seconds.unwrap_or_else(|| u32::try_from(now()).unwrap_or(u32::MAX))
}
