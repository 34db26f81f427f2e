//! Which shared libraries a program needs, so that packages can say so.

use object::Endianness;
use object::elf::{DT_NEEDED, FileHeader64};
use object::read::elf::FileHeader;
use std::collections::{BTreeMap, BTreeSet};

/// Names of libraries, such as `libc.so.6`, each with the versions that its symbols must have, such as `GLIBC_2.34`.
pub(crate) type Libraries = BTreeMap<String, BTreeSet<String>>;

/// The libraries of a 64-bit ELF program; none where it is static.
///
/// # Errors
/// It is no such program.
pub(crate) fn needed(program: &[u8]) -> object::Result<Libraries> {
    let header = FileHeader64::<Endianness>::parse(program)?;
    let endian = header.endian()?;
    let sections = header.sections(endian, program)?;
    let mut libraries = Libraries::new();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let dynamic = sections.dynamic_table(endian, program)?;
    for entry in dynamic.iter().filter(|entry| entry.tag == DT_NEEDED) {
        libraries.entry(text(dynamic.string(entry)?)).or_default();
    }
    if let Some((mut needs, names)) = sections.gnu_verneed(endian, program)? {
        let names = sections.strings(endian, program, names)?;
        while let Some((need, mut versions)) = needs.next()? {
            let library = libraries.entry(text(need.file(endian, names)?)).or_default();
            while let Some(version) = versions.next()? {
                library.insert(text(version.name(endian, names)?));
            }
        }
    }
    Ok(libraries)
}

/// The least glibc that has all of these, as `(2, 34)`; `None` where there is no glibc among them.
pub(crate) fn glibc(libraries: &Libraries) -> Option<(u32, u32)> {
    let number = |version: &String| {
        // A marker that the dynamic linker itself looks for, since 2.36.
        if version == "GLIBC_ABI_DT_RELR" {
            return Some((2, 36));
        }
        let mut parts = version.strip_prefix("GLIBC_")?.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    libraries.values().flatten().filter_map(number).max()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_very_program_needs_a_versioned_c_library() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let libraries = needed(&program).unwrap();
        assert!(
            libraries["libc.so.6"].iter().any(|version| version.starts_with("GLIBC_2.")),
            "{libraries:?}"
        );
        assert!(glibc(&libraries).unwrap() >= (2, 17), "{libraries:?}");
    }

    #[test]
    fn versions_are_numbers_not_texts() {
        let versions = |names: &[&str]| {
            let names = names.iter().map(ToString::to_string).collect();
            Libraries::from([("libc.so.6".to_owned(), names)])
        };
        assert_eq!(
            glibc(&versions(&["GLIBC_2.4", "GLIBC_2.17", "GLIBC_2.2.5", "GLIBC_PRIVATE"])),
            Some((2, 17))
        );
        assert_eq!(glibc(&versions(&["GLIBC_2.4", "GLIBC_ABI_DT_RELR"])), Some((2, 36)));
        assert_eq!(glibc(&Libraries::new()), None);
    }

    #[test]
    fn a_script_is_not_a_program() {
        assert!(needed(b"#!/bin/sh\n").is_err());
    }
}
