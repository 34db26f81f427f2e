//! A package for Debian and its kin: an `ar` archive of two tar archives, as deb(5) has it.

use crate::libraries::{self, Libraries};
use crate::problem::Problem;
use crate::release::Release;
use crate::tarball::{self, Entry};
use std::fmt::Write;
use std::path::Path;

/// The scripts that dpkg runs.
const SCRIPTS: [(&str, &str); 3] = [
    ("postinst", include_str!("../packages/deb/postinst")),
    ("prerm", include_str!("../packages/deb/prerm")),
    ("postrm", include_str!("../packages/deb/postrm")),
];

/// Debian's revision of a version.
const REVISION: &str = "1";
const COPYRIGHT: &str = include_str!("../packages/deb/copyright");

/// The package's file name.
///
/// # Errors
/// Debian has no such architecture.
pub(crate) fn file_name(release: &Release<'_>) -> Result<String, Problem> {
    Ok(format!("weka-token_{}-{REVISION}_{}.deb", release.version, architecture(release.architecture)?))
}

/// Debian's name of an architecture.
fn architecture(rust: &str) -> Result<&'static str, Problem> {
    match rust {
        "x86_64" => Ok("amd64"),
        "aarch64" => Ok("arm64"),
        "powerpc64" => Ok("ppc64el"),
        "riscv64" => Ok("riscv64"),
        "s390x" => Ok("s390x"),
        other => Err(Problem::new(format!("Debian has no architecture {other}"))),
    }
}

/// The package.
///
/// # Errors
/// A program needs a library of which it is not known where Debian has it.
pub(crate) fn build(release: &Release<'_>, files: &[Entry<'_>]) -> Result<Vec<u8>, Problem> {
    let copyright = Path::new("/usr/share/doc/weka-token/copyright");
    let mut files = files.to_vec();
    files.push(Entry { path: copyright, mode: 0o644, bytes: COPYRIGHT.as_bytes(), link: None });
    let control = control(release, &files)?;
    // No sums: dpkg makes them when it unpacks a package without.
    let mut about =
        vec![Entry { path: Path::new("control"), mode: 0o644, bytes: control.as_bytes(), link: None }];
    for (name, script) in SCRIPTS {
        about.push(Entry { path: Path::new(name), mode: 0o755, bytes: script.as_bytes(), link: None });
    }
    let mut package = b"!<arch>\n".to_vec();
    for (name, bytes) in [
        ("debian-binary", b"2.0\n".to_vec()),
        ("control.tar.gz", tarball::write(&about, release.modified)?),
        ("data.tar.gz", tarball::write(&files, release.modified)?),
    ] {
        let (modified, size) = (release.modified, bytes.len());
        let header = format!("{name:<16}{modified:<12}{0:<6}{0:<6}{1:<8}{size:<10}`\n", 0, "100644");
        package.extend(header.as_bytes());
        package.extend(&bytes);
        if size % 2 == 1 {
            package.push(b'\n');
        }
    }
    Ok(package)
}

fn control(release: &Release<'_>, files: &[Entry<'_>]) -> Result<String, Problem> {
    let size: usize = files.iter().map(|file| file.bytes.len().div_ceil(1024)).sum();
    let mut control = format!(
        "Package: weka-token\n\
         Version: {}-{REVISION}\n\
         Architecture: {}\n\
         Maintainer: {}\n\
         Installed-Size: {size}\n",
        release.version,
        architecture(release.architecture)?,
        release.maintainer,
    );
    let depends = depends(&release.libraries)?;
    let written = writeln!(
        control,
        "Depends: {}\n\
         Recommends: ca-certificates\n\
         Section: utils\n\
         Priority: optional\n\
         Description: {}\n {}",
        depends.join(", "),
        release.summary,
        release.description.join("\n "),
    );
    written.map_err(|error| Problem::new(format!("a control file: {error}")))?;
    Ok(control)
}

fn depends(libraries: &Libraries) -> Result<Vec<String>, Problem> {
    let mut packages = Vec::new();
    for name in libraries.keys() {
        let stem = name.split_once(".so").map_or(name.as_str(), |(stem, _)| stem);
        let package = match stem {
            "libc" | "libm" | "libdl" | "libpthread" | "librt" => "libc6",
            _ if stem.starts_with("ld-linux") || stem.starts_with("ld64") => "libc6",
            "libgcc_s" => "libgcc-s1",
            _ => {
                return Err(Problem::new(format!(
                    "in which of Debian's packages is {name}? It is not known here"
                )));
            }
        };
        let package = match (package, libraries::glibc(libraries)) {
            ("libc6", Some((major, minor))) => format!("libc6 (>= {major}.{minor})"),
            _ => package.to_owned(),
        };
        if !packages.contains(&package) {
            packages.push(package);
        }
    }
    Ok(packages)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn libraries(names: &[&str]) -> Libraries {
        let versions = ["GLIBC_2.34".to_owned()].into();
        names.iter().map(|name| ((*name).to_owned(), std::collections::BTreeSet::clone(&versions))).collect()
    }

    #[test]
    fn libraries_are_found_in_debians_packages() {
        let usual = libraries(&["libc.so.6", "libm.so.6", "libgcc_s.so.1", "ld-linux-x86-64.so.2"]);
        assert_eq!(depends(&usual).unwrap(), ["libc6 (>= 2.34)", "libgcc-s1"]);
        let problem = depends(&libraries(&["libssl.so.3"])).unwrap_err();
        assert!(problem.message.contains("libssl.so.3"), "{problem:?}");
    }

    #[test]
    fn an_unknown_architecture_is_named() {
        assert_eq!(architecture("x86_64").unwrap(), "amd64");
        assert!(architecture("sparc64").unwrap_err().message.contains("sparc64"));
    }
}
