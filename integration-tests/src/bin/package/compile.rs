//! Builds programs with cargo-zigbuild: zig links them with the symbols of an older C library, for any processor.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::{target_directory, workspace};
use integration_tests::progress::Step;

use super::licences::Runtime;
use super::target::Target;

/// Versions on PyPI. Zig brings its own C compiler, headers and start files, so nothing of this machine's C library gets in.
const ZIGBUILD: (&str, &str) = ("cargo-zigbuild", "0.24.1");
const ZIG: (&str, &str) = ("ziglang", "0.17.1");

/// Which of the two programs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// `yarn-flink`
    Client,
    /// `flink-app-master`
    AppMaster,
}

impl Role {
    pub(crate) fn program(self) -> &'static str {
        match self {
            Self::Client => "yarn-flink",
            Self::AppMaster => "flink-app-master",
        }
    }

    pub(crate) fn package(self) -> &'static str {
        match self {
            Self::Client => "yarn-client",
            Self::AppMaster => "app-master",
        }
    }
}

/// A program that was built.
#[derive(Debug)]
pub(crate) struct Built {
    pub(crate) target: Target,
    pub(crate) role: Role,
    pub(crate) path: PathBuf,
}

/// The tools, installed into a folder of their own.
#[derive(Debug)]
pub(crate) struct Compiler {
    folder: PathBuf,
}

impl Compiler {
    /// Installs what is missing below the build directory.
    pub(crate) fn install() -> Result<Self> {
        let folder = target_directory().join("tools").join(format!("{}-{}", ZIGBUILD.0, ZIGBUILD.1));
        let compiler = Self { folder };
        if compiler.program().is_file() && compiler.folder.join("ziglang").is_dir() {
            return Ok(compiler);
        }
        let step = Step::begin(format!("install {} {} and {} {}", ZIGBUILD.0, ZIGBUILD.1, ZIG.0, ZIG.1));
        let output = Command::new("python3")
            .args(["-m", "pip", "install", "--quiet", "--root-user-action=ignore", "--upgrade", "--target"])
            .arg(&compiler.folder)
            .args([ZIGBUILD, ZIG].map(|(name, version)| format!("{name}=={version}")))
            .stdin(Stdio::null())
            .output()
            .context(
                "cannot run python3\n  hint: install Python 3 with pip (Debian and Ubuntu: python3-pip)",
            )?;
        let said = String::from_utf8_lossy(&output.stderr);
        ensure!(
            output.status.success() && compiler.program().is_file(),
            "pip could not install {}: {}\n  hint: Python 3 with pip and a package index are needed (Debian and Ubuntu: \
             python3-pip)",
            ZIGBUILD.0,
            said.trim()
        );
        step.done();
        Ok(compiler)
    }

    fn program(&self) -> PathBuf {
        self.folder.join("bin").join(ZIGBUILD.0)
    }

    /// Builds one program alone, so that it contains only the features that its own crate asks for.
    pub(crate) fn build(&self, target: Target, role: Role) -> Result<Built> {
        let directory = target_directory();
        let output = Command::new(self.program())
            .arg("zigbuild")
            .current_dir(workspace())
            .args(["--release", "--locked", "--quiet", "--package", role.package(), "--bin", role.program()])
            .args([
                "--target",
                &target.with_libc(),
                "--message-format=json-render-diagnostics",
                "--target-dir",
            ])
            .arg(&directory)
            .env("PATH", prepended(&self.folder.join("bin"), "PATH")?)
            .env("PYTHONPATH", prepended(&self.folder, "PYTHONPATH")?)
            .env("CARGO_ENCODED_RUSTFLAGS", flags(&home(), workspace(), &directory))
            .env_remove("RUSTFLAGS")
            .stdin(Stdio::null())
            .stderr(Stdio::inherit())
            .output()
            .with_context(|| format!("cannot run {}", self.program().display()))?;
        ensure!(output.status.success(), "{} for {target}: {}", role.program(), output.status);
        let messages = String::from_utf8_lossy(&output.stdout).into_owned();
        let named = messages.lines().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
        let mut built = named.filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from));
        let path = built.find(|path| path.ends_with(role.program()));
        let path = path.with_context(|| format!("cargo built no {} for {target}", role.program()))?;
        Ok(Built { target, role, path })
    }

    /// What is in every program without being a crate: its licences have to go with it, too.
    pub(crate) fn runtime(&self, target: Target) -> Vec<Runtime> {
        let zig = self.folder.join("ziglang/lib");
        let mut parts = vec![Runtime {
            name: "libunwind of LLVM".to_owned(),
            licence: "Apache-2.0 WITH LLVM-exception",
            files: vec![zig.join("libunwind/LICENSE.TXT")],
        }];
        // In the archive for x86_64 there may be the static application master.
        if target == Target::X86_64 {
            parts.push(Runtime {
                name: "musl (`flink-app-master-x86_64-static` only)".to_owned(),
                licence: "MIT",
                files: vec![zig.join("libc/musl/COPYRIGHT")],
            });
        }
        parts
    }
}

/// A variable with a folder in front.
fn prepended(folder: &Path, variable: &str) -> Result<OsString> {
    let before = std::env::var_os(variable).unwrap_or_default();
    let folders = std::iter::once(folder.to_owned()).chain(std::env::split_paths(&before));
    Ok(std::env::join_paths(folders.filter(|path| !path.as_os_str().is_empty()))?)
}

/// Where cargo keeps the sources of crates.
fn home() -> PathBuf {
    let configured = std::env::var_os("CARGO_HOME").map(PathBuf::from);
    let fallback = || PathBuf::from(std::env::var_os("HOME").unwrap_or_default()).join(".cargo");
    let home = configured.unwrap_or_else(fallback);
    fs::canonicalize(&home).unwrap_or(home)
}

/// Places of panics name files: they are to be the same wherever a program was built.
fn flags(home: &Path, workspace: &Path, target: &Path) -> String {
    let mut places = vec![(home, "/cargo"), (workspace, "/yarn-flink")];
    if !target.starts_with(workspace) {
        places.push((target, "/yarn-flink/target"));
    }
    let flags = places.into_iter().map(|(from, to)| format!("--remap-path-prefix={}={to}", from.display()));
    flags.collect::<Vec<_>>().join("\u{1f}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_of_the_machine_are_replaced() {
        let of = |target: &str| flags(Path::new("/home/a b/.cargo"), Path::new("/src"), Path::new(target));
        let (home, source) =
            ("--remap-path-prefix=/home/a b/.cargo=/cargo", "--remap-path-prefix=/src=/yarn-flink");
        assert_eq!(of("/src/target"), format!("{home}\u{1f}{source}"));
        let elsewhere = "--remap-path-prefix=/build=/yarn-flink/target";
        assert_eq!(of("/build"), format!("{home}\u{1f}{source}\u{1f}{elsewhere}"));
    }

    #[test]
    fn variables_keep_what_they_have() {
        let path = prepended(Path::new("/tools"), "PATH").unwrap();
        let folders: Vec<_> = std::env::split_paths(&path).collect();
        assert_eq!(folders[0], Path::new("/tools"));
        assert!(folders.len() > 1, "{folders:?}");
    }
}
