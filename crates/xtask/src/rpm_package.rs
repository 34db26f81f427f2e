//! A package for Fedora, RHEL, SUSE and their kin.

use crate::libraries::Libraries;
use crate::problem::Problem;
use crate::release::Release;
use crate::tarball::Entry;
use rpm::{BuildConfig, CompressionType, Dependency, FileOptions, PackageBuilder};

const RELEASE: &str = "1";

/// The package's file name.
pub(crate) fn file_name(release: &Release<'_>) -> String {
    format!("weka-token-{}-{RELEASE}.{}.rpm", release.version, release.architecture)
}

/// The package.
///
/// # Errors
/// A file has a path or a mode that a package cannot have.
pub(crate) fn build(release: &Release<'_>, files: &[Entry<'_>]) -> Result<Vec<u8>, Problem> {
    let failed = |error: rpm::Error| Problem::new(format!("the rpm: {error}"));
    let mut builder = PackageBuilder::new(
        "weka-token",
        release.version,
        release.license,
        release.architecture,
        release.summary,
    );
    builder
        .using_config(BuildConfig::v4().compression(CompressionType::Gzip).source_date(release.modified))
        .release(RELEASE)
        .description(release.description.join("\n"))
        .packager(release.maintainer)
        .recommends(Dependency::any("ca-certificates"))
        .post_install_script(include_str!("../packages/rpm/post"))
        .pre_uninstall_script(include_str!("../packages/rpm/preun"))
        .post_uninstall_script(include_str!("../packages/rpm/postun"));
    for name in requires(&release.libraries) {
        builder.requires(Dependency::any(name));
    }
    for file in files {
        let path = file.path.to_str().ok_or_else(|| Problem::at(file.path, "not UTF-8"))?;
        if let Some(target) = file.link {
            let target = target.to_str().ok_or_else(|| Problem::at(target, "not UTF-8"))?;
            builder.with_symlink(FileOptions::symlink(path, target)).map_err(failed)?;
            continue;
        }
        let mode = u16::try_from(file.mode).map_err(|error| Problem::at(file.path, error))?;
        let options = FileOptions::new(path).permissions(mode);
        let options = match path {
            _ if path.starts_with("/usr/share/licenses/") => options.license(),
            _ if path.starts_with("/usr/share/doc/") || path.starts_with("/usr/share/man/") => options.doc(),
            _ => options,
        };
        builder.with_file_contents(file.bytes, options).map_err(failed)?;
    }
    let mut package = Vec::new();
    builder.build().and_then(|built| built.write(&mut package)).map_err(failed)?;
    Ok(package)
}

/// As rpm's own generator names shared libraries and the versions of their symbols.
fn requires(libraries: &Libraries) -> Vec<String> {
    let mut names = Vec::new();
    for (library, versions) in libraries {
        names.push(format!("{library}()(64bit)"));
        names.extend(versions.iter().map(|version| format!("{library}({version})(64bit)")));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn libraries_are_named_as_rpm_does_it() {
        let libraries = Libraries::from([("libc.so.6".to_owned(), ["GLIBC_2.34".to_owned()].into())]);
        assert_eq!(requires(&libraries), ["libc.so.6()(64bit)", "libc.so.6(GLIBC_2.34)(64bit)"]);
    }
}
