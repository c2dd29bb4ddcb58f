//! What can be built: for which processors, and with which C library.

use std::fmt;
use std::path::Path;
use std::process::Command;

use anyhow::{Context as _, Result, bail, ensure};
use clap::ValueEnum;

use super::compile::Role;

/// Oldest C library that the programs run with: that of RHEL and CentOS 7.
pub(crate) const GLIBC: (u32, u32) = (2, 17);

/// One kind of programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, ValueEnum)]
pub(crate) enum Target {
    /// For x86_64 and glibc 2.17 or later
    #[value(name = "x86_64")]
    X86_64,
    /// For aarch64 and glibc 2.17 or later
    #[value(name = "aarch64")]
    Aarch64,
    /// The application master alone, for x86_64 and any C library; it cannot use Kerberos with a keytab
    #[value(name = "x86_64-static")]
    X86_64Static,
}

impl Target {
    pub(crate) const ALL: [Self; 3] = [Self::X86_64, Self::Aarch64, Self::X86_64Static];

    /// As Rust calls it.
    pub(crate) fn triple(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64-unknown-linux-gnu",
            Self::Aarch64 => "aarch64-unknown-linux-gnu",
            Self::X86_64Static => "x86_64-unknown-linux-musl",
        }
    }

    /// As cargo-zigbuild calls it.
    pub(crate) fn with_libc(self) -> String {
        let (major, minor) = GLIBC;
        if self.is_static() { self.triple().to_owned() } else { format!("{}.{major}.{minor}", self.triple()) }
    }

    /// As `uname -m` prints it, and as the client looks for it.
    pub(crate) fn architecture(self) -> &'static str {
        match self {
            Self::X86_64 | Self::X86_64Static => "x86_64",
            Self::Aarch64 => "aarch64",
        }
    }

    pub(crate) fn is_static(self) -> bool {
        self == Self::X86_64Static
    }

    /// Whether this machine can run what is built.
    pub(crate) fn runs_here(self) -> bool {
        cfg!(target_os = "linux") && std::env::consts::ARCH == self.architecture()
    }

    /// The client loads the Kerberos library, which a static program cannot.
    pub(crate) fn roles(self) -> &'static [Role] {
        if self.is_static() { &[Role::AppMaster] } else { &[Role::Client, Role::AppMaster] }
    }

    /// Whether Rust's standard library for it is installed.
    pub(crate) fn prerequisites(self) -> Result<()> {
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
        let asked =
            Command::new(&rustc).args(["--print", "target-libdir", "--target", self.triple()]).output();
        let output = asked.with_context(|| format!("cannot run {rustc}"))?;
        ensure!(output.status.success(), "{rustc}: {}", String::from_utf8_lossy(&output.stderr).trim());
        let folder = String::from_utf8(output.stdout)?;
        self.standard_library(Path::new(folder.trim()))
    }

    fn standard_library(self, folder: &Path) -> Result<()> {
        if folder.is_dir() {
            return Ok(());
        }
        let triple = self.triple();
        bail!(
            "Rust's standard library for {triple} is not installed (no {})\n  hint: run `rustup target add {triple}`; \
             without rustup install your distribution's package of it",
            folder.display()
        )
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.architecture())?;
        f.write_str(if self.is_static() { "-static" } else { "" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_are_named_as_the_tools_name_them() {
        assert_eq!(Target::X86_64.with_libc(), "x86_64-unknown-linux-gnu.2.17");
        assert_eq!(Target::Aarch64.with_libc(), "aarch64-unknown-linux-gnu.2.17");
        assert_eq!(Target::X86_64Static.with_libc(), "x86_64-unknown-linux-musl");
        for target in Target::ALL {
            let named = Target::from_str(&target.to_string(), false);
            assert_eq!(named, Ok(target), "what is shown can be typed");
        }
    }

    #[test]
    fn a_missing_standard_library_is_named_with_its_remedy() {
        let folder = tempfile::tempdir().unwrap();
        Target::Aarch64.standard_library(folder.path()).unwrap();
        let error = Target::Aarch64.standard_library(&folder.path().join("lib")).unwrap_err().to_string();
        assert!(error.contains("hint: run `rustup target add aarch64-unknown-linux-gnu`"), "{error}");
    }
}
