//! The example jobs: our Java sources in `jobs/`, compiled against a Flink distribution.

use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context as _, Result, ensure};

use crate::flink::Flink;
use crate::{cache, prerequisites};

/// The package of all example jobs.
pub const PACKAGE: &str = "example";

/// The main class in the jar's manifest.
const MAIN_CLASS: &str = "example.WordCount";

/// Compiles all example jobs into one jar (main class: `example.WordCount`; pick another with `-c`) and returns its
/// path. Compiled once for each content of the sources and each Flink version.
///
/// # Errors
/// The JDK is missing, or the sources do not compile; the compiler's output is in the error.
pub fn jar(flink: &Flink) -> Result<PathBuf> {
    let sources = sources()?;
    let mut hasher = DefaultHasher::new();
    for source in &sources {
        source.file_name().hash(&mut hasher);
        let text = fs::read(source).with_context(|| format!("cannot read {}", source.display()))?;
        text.hash(&mut hasher);
    }
    let name = format!("jobs/{}-{:016x}", flink.version(), hasher.finish());
    let entry = cache::entry(&name, |folder| compile(flink, &sources, folder))?;
    Ok(entry.join("example-jobs.jar"))
}

fn sources() -> Result<Vec<PathBuf>> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("jobs").join(PACKAGE);
    let mut sources = Vec::new();
    for entry in fs::read_dir(&folder).with_context(|| format!("cannot read {}", folder.display()))? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "java") {
            sources.push(path);
        }
    }
    sources.sort();
    Ok(sources)
}

fn compile(flink: &Flink, sources: &[PathBuf], folder: &Path) -> Result<()> {
    prerequisites::check()?;
    let classes = folder.join("classes");
    let classpath: Vec<_> = flink.libraries()?.iter().map(|jar| jar.display().to_string()).collect();
    let mut javac = Command::new(prerequisites::java_tool("javac"));
    // Flink 1.20 also runs on Java 11; `--release` keeps newer class files out of the jar.
    javac.args(["--release", "11", "-encoding", "UTF-8", "-Xlint:deprecation", "-Werror", "-cp"]);
    javac.arg(classpath.join(":")).arg("-d").arg(&classes).args(sources);
    run(javac, "javac")?;
    let mut jar = Command::new(prerequisites::java_tool("jar"));
    jar.args(["--create", "--file"]).arg(folder.join("example-jobs.jar"));
    jar.args(["--main-class", MAIN_CLASS, "-C"]).arg(&classes).arg(".");
    run(jar, "jar")?;
    fs::remove_dir_all(&classes).with_context(|| format!("cannot delete {}", classes.display()))
}

fn run(mut command: Command, name: &str) -> Result<()> {
    let output = command.stdin(Stdio::null()).output().with_context(|| format!("cannot run {name}"))?;
    ensure!(
        output.status.success(),
        "{name} ended with {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    Ok(())
}
