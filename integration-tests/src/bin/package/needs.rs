//! What a program asks of the system that runs it: shared libraries, and versions of symbols in them.

use std::collections::BTreeSet;

use anyhow::{Context as _, Result, bail};
use object::Endianness;
use object::elf;
use object::read::elf::{Dyn as _, FileHeader as _};

/// What a dynamic program needs; nothing, for a static one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Needs {
    /// Shared libraries, by name.
    pub(crate) libraries: BTreeSet<String>,
    /// Versions of symbols, such as `GLIBC_2.17`.
    pub(crate) versions: BTreeSet<String>,
}

impl Needs {
    /// Reads a program in the ELF format.
    pub(crate) fn read(program: &[u8]) -> Result<Self> {
        let header =
            elf::FileHeader64::<Endianness>::parse(program).context("no program in the ELF format")?;
        let endian = header.endian()?;
        let sections = header.sections(endian, program)?;
        let mut needs = Self::default();
        if let Some((mut libraries, strings)) = sections.gnu_verneed(endian, program)? {
            let strings = sections.strings(endian, program, strings)?;
            while let Some((_, mut versions)) = libraries.next()? {
                while let Some(version) = versions.next()? {
                    let name = version.name(endian, strings)?;
                    needs.versions.insert(String::from_utf8_lossy(name).into_owned());
                }
            }
        }
        if let Some((entries, strings)) = sections.dynamic(endian, program)? {
            let strings = sections.strings(endian, program, strings)?;
            for entry in entries.iter().filter(|entry| entry.tag(endian) == elf::DT_NEEDED) {
                let name = entry.string(endian, strings)?;
                needs.libraries.insert(String::from_utf8_lossy(name).into_owned());
            }
        }
        Ok(needs)
    }

    /// The newest version of glibc that is asked for.
    pub(crate) fn glibc(&self) -> Result<Option<(u32, u32)>> {
        let mut newest = None;
        for version in self.versions.iter().filter_map(|name| name.strip_prefix("GLIBC_")) {
            let mut numbers = version.split('.').map(str::parse);
            let (Some(Ok(major)), Some(Ok(minor))) = (numbers.next(), numbers.next()) else {
                bail!("the program asks for GLIBC_{version}, which no release has");
            };
            newest = newest.max(Some((major, minor)));
        }
        Ok(newest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(names: &[&str]) -> Needs {
        Needs { versions: names.iter().map(|name| (*name).to_owned()).collect(), ..Needs::default() }
    }

    #[test]
    fn the_newest_version_is_found_by_number() {
        let needs = versions(&["GLIBC_2.2.5", "GLIBC_2.17", "GLIBC_2.9", "GCC_3.0"]);
        assert_eq!(needs.glibc().unwrap(), Some((2, 17)));
        assert_eq!(versions(&["GCC_3.0"]).glibc().unwrap(), None);
        let error = versions(&["GLIBC_PRIVATE"]).glibc().unwrap_err().to_string();
        assert!(error.contains("GLIBC_PRIVATE"), "{error}");
    }

    /// The one dynamic program that is certainly there.
    #[test]
    fn this_test_needs_a_c_library() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        let needs = Needs::read(&program).unwrap();
        assert!(needs.libraries.iter().any(|name| name.starts_with("libc.so")), "{needs:?}");
        assert!(needs.glibc().unwrap() > Some((2, 2)), "{needs:?}");
    }

    #[test]
    fn what_is_no_program_is_refused() {
        let program = std::fs::read(std::env::current_exe().unwrap()).unwrap();
        for bytes in [&b"#!/bin/sh"[..], b"", &program[..100]] {
            Needs::read(bytes).unwrap_err();
        }
    }
}
