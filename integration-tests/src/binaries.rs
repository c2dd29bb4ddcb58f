//! The programs under test, built as a user would build them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use anyhow::{Context as _, Result, anyhow, bail};

/// Paths of the built programs.
#[derive(Clone, Debug)]
pub struct Binaries {
    /// The command line, `yarn-flink`.
    pub yarn_flink: PathBuf,
    /// The application master, `flink-app-master`.
    pub app_master: PathBuf,
}

/// Root of the workspace.
pub fn workspace() -> &'static Path {
    let crate_dir = Path::new(env!("CARGO_MANIFEST_DIR"));
    crate_dir.parent().unwrap_or(crate_dir)
}

/// The build folder (`target/` unless cargo was told otherwise): the folder above that of this program's profile, as
/// cargo puts programs into `<target>/<profile>/` or `<target>/<profile>/deps/`.
pub fn target_directory() -> PathBuf {
    let fallback = || workspace().join("target");
    let Ok(program) = std::env::current_exe() else { return fallback() };
    let profile = program.ancestors().skip(1).find(|folder| !folder.ends_with("deps"));
    profile.and_then(Path::parent).map_or_else(fallback, Path::to_owned)
}

/// Builds both programs with this crate's profile, once for each process.
///
/// # Errors
/// cargo cannot be run or a program does not compile; cargo's own output is on stderr.
pub fn binaries() -> Result<&'static Binaries> {
    static BUILT: OnceLock<Result<Binaries, String>> = OnceLock::new();
    BUILT
        .get_or_init(|| build().map_err(|error| format!("{error:#}")))
        .as_ref()
        .map_err(|text| anyhow!("{text}"))
}

fn build() -> Result<Binaries> {
    // For the whole workspace: selecting packages would unify features differently and compile everything again.
    let executables = cargo_build(&["--workspace", "--bin", "yarn-flink", "--bin", "flink-app-master"])?;
    Ok(Binaries {
        yarn_flink: find(&executables, "yarn-flink")?,
        app_master: find(&executables, "flink-app-master")?,
    })
}

/// An example of `yarn-client`. The first request builds all of them, like the programs; `cargo test` of the whole workspace
/// has already done so.
///
/// # Errors
/// The same as for [`binaries`], or there is no such example.
pub fn example(name: &str) -> Result<PathBuf> {
    static BUILT: OnceLock<Result<Vec<PathBuf>, String>> = OnceLock::new();
    let build = || cargo_build(&["--workspace", "--examples"]).map_err(|error| format!("{error:#}"));
    find(BUILT.get_or_init(build).as_ref().map_err(|text| anyhow!("{text}"))?, name)
}

/// Builds each program alone with this crate's profile: a program then contains only the features that its own crate
/// enables in its dependencies, not those of the workspace's other crates. This is how a release is built, and what
/// measurements should use; most dependencies are compiled again.
///
/// # Errors
/// The same as for [`binaries`].
pub fn alone() -> Result<Binaries> {
    let yarn_flink = cargo_build(&["--package", "yarn-client", "--bin", "yarn-flink"])?;
    let app_master = cargo_build(&["--package", "app-master", "--bin", "flink-app-master"])?;
    Ok(Binaries {
        yarn_flink: find(&yarn_flink, "yarn-flink")?,
        app_master: find(&app_master, "flink-app-master")?,
    })
}

/// Runs `cargo build` and returns the executables it names.
fn cargo_build(what: &[&str]) -> Result<Vec<PathBuf>> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let mut command = Command::new(&cargo);
    command
        .current_dir(workspace())
        .args(["build", "--quiet"])
        .args(what)
        .arg("--message-format=json-render-diagnostics")
        .stdin(Stdio::null())
        .stderr(Stdio::inherit());
    if !cfg!(debug_assertions) {
        command.arg("--release");
    }
    let output = command.output().with_context(|| format!("cannot run {cargo}"))?;
    if !output.status.success() {
        bail!("cargo build {} ended with {}", what.join(" "), output.status);
    }
    Ok(executables(&String::from_utf8_lossy(&output.stdout)))
}

fn find(executables: &[PathBuf], name: &str) -> Result<PathBuf> {
    let found = executables.iter().find(|path| path.file_name().is_some_and(|file| file == name));
    found.cloned().with_context(|| format!("cargo built no {name}"))
}

/// The `executable` of each `compiler-artifact` message.
fn executables(messages: &str) -> Vec<PathBuf> {
    messages
        .lines()
        .filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok())
        .filter_map(|message| message.get("executable")?.as_str().map(PathBuf::from))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn executables_are_read_from_cargo_messages() {
        let messages = "{\"reason\":\"compiler-artifact\",\"executable\":null}\nnot json\n\
                        {\"reason\":\"compiler-artifact\",\"executable\":\"/t/release/yarn-flink\"}\n";
        assert_eq!(executables(messages), [PathBuf::from("/t/release/yarn-flink")]);
    }
}
