//! What a fresh machine needs before anything can be downloaded or compiled.

use std::fmt;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

/// A tool that was not found or is too old, with the way to get it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missing {
    /// The usual name of the tool.
    pub tool: &'static str,
    /// What was tried, and the result.
    pub found: String,
    /// How to get it.
    pub remedy: &'static str,
}

/// All missing tools; at least one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MissingPrerequisites(
    /// The missing tools.
    pub Vec<Missing>,
);

impl fmt::Display for MissingPrerequisites {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this machine lacks what the tests need:")?;
        for missing in &self.0 {
            write!(f, "\n  {}: {}\n    hint: {}", missing.tool, missing.found, missing.remedy)?;
        }
        Ok(())
    }
}

impl std::error::Error for MissingPrerequisites {}

/// The oldest Java that every tested Hadoop and Flink runs on.
const JAVA_FLOOR: u32 = 17;

const RUST_REMEDY: &str = "install Rust from rustup.rs, or point CARGO at cargo";
const JDK_REMEDY: &str = "Debian and Ubuntu: apt-get install openjdk-17-jdk-headless; elsewhere any JDK 17 or newer, \
                          with JAVA_HOME set or its bin folder in PATH";
const MAVEN_REMEDY: &str = "Debian and Ubuntu: apt-get install maven; elsewhere unpack Apache Maven 3.6 or newer and \
                            put its bin folder in PATH";
const CHROMIUM_REMEDY: &str =
    "Debian: apt-get install chromium; elsewhere any Chromium with `chromium` in PATH";
const PYTHON_REMEDY: &str = "Debian and Ubuntu: apt-get install python3-pip; elsewhere any Python \
                             3.9 or newer with pip (python3 -m ensurepip)";

/// Checks that cargo, a JDK (java and javac) of version 17 or newer, Maven and Python 3 with pip can be run.
///
/// # Errors
/// [`MissingPrerequisites`] naming every tool that is missing, not only the first.
pub fn check() -> Result<(), MissingPrerequisites> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    check_with(&cargo, &java_tool("java"), &java_tool("javac"), "mvn", "python3")
}

/// Checks that Chromium can be run, which only the tests of web pages need.
///
/// # Errors
/// [`MissingPrerequisites`].
pub fn check_browser() -> Result<(), MissingPrerequisites> {
    let missing = |found| Missing { tool: "Chromium (chromium)", found, remedy: CHROMIUM_REMEDY };
    run("chromium", &["--version"]).map(drop).map_err(|found| MissingPrerequisites(vec![missing(found)]))
}

/// Checks for everything that the tests need, before the first of them does anything.
///
/// # Errors
/// [`MissingPrerequisites`] naming every tool that is missing.
pub fn check_for_tests() -> Result<(), MissingPrerequisites> {
    let missing = [check(), check_browser()].into_iter().filter_map(Result::err);
    let missing: Vec<Missing> = missing.flat_map(|missing| missing.0).collect();
    if missing.is_empty() { Ok(()) } else { Err(MissingPrerequisites(missing)) }
}

/// Path of a program of the JDK: under `JAVA_HOME` if that is set, otherwise found by `PATH`.
pub fn java_tool(name: &str) -> String {
    match std::env::var("JAVA_HOME") {
        Ok(home) if !home.is_empty() => format!("{home}/bin/{name}"),
        _ => name.to_owned(),
    }
}

/// Home of the JDK that [`java_tool`] finds, for `JAVA_HOME` of daemons and containers.
///
/// # Errors
/// [`MissingPrerequisites`] if Java cannot be run.
pub fn java_home() -> Result<PathBuf, MissingPrerequisites> {
    static HOME: OnceLock<Result<PathBuf, MissingPrerequisites>> = OnceLock::new();
    let find = || {
        let java = java_tool("java");
        // Java itself is asked, because `java` in PATH may be a link or a version switcher's script.
        let home = run(&java, &["-XshowSettings:properties", "-version"]).and_then(|text| {
            let line = text.lines().find_map(|line| line.trim().strip_prefix("java.home = "));
            line.map(PathBuf::from).ok_or_else(|| format!("`{java}` names no java.home"))
        });
        home.map_err(|found| {
            MissingPrerequisites(vec![Missing { tool: "Java runtime (java)", found, remedy: JDK_REMEDY }])
        })
    };
    HOME.get_or_init(find).clone()
}

fn check_with(
    cargo: &str,
    java: &str,
    javac: &str,
    maven: &str,
    python: &str,
) -> Result<(), MissingPrerequisites> {
    let mut missing = Vec::new();
    let mut need = |tool, result: Result<String, String>, remedy| match result {
        Ok(_) => {}
        Err(found) => missing.push(Missing { tool, found, remedy }),
    };
    need("Rust (cargo)", run(cargo, &["--version"]), RUST_REMEDY);
    need("Java runtime (java)", run(java, &["-version"]).and_then(|text| java_at_least(&text)), JDK_REMEDY);
    need(
        "Java compiler (javac)",
        run(javac, &["-version"]).and_then(|text| java_at_least(&text)),
        JDK_REMEDY,
    );
    need("Apache Maven (mvn)", run(maven, &["--version"]), MAVEN_REMEDY);
    need("Python 3 (python3)", run(python, &["--version"]), PYTHON_REMEDY);
    need("pip for Python 3 (python3 -m pip)", run(python, &["-m", "pip", "--version"]), PYTHON_REMEDY);
    if missing.is_empty() { Ok(()) } else { Err(MissingPrerequisites(missing)) }
}

/// Runs a program and returns stdout and stderr together (`java -version` writes to stderr).
fn run(program: &str, arguments: &[&str]) -> Result<String, String> {
    let shown = format!("{program} {}", arguments.join(" "));
    let output = Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .output()
        .map_err(|error| format!("`{shown}` cannot be run: {error}"))?;
    let mut text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.push_str(&String::from_utf8_lossy(&output.stderr));
    if output.status.success() {
        Ok(text)
    } else {
        Err(format!("`{shown}` ended with {}: {}", output.status, text.lines().next().unwrap_or_default()))
    }
}

/// Accepts the output of `java -version` or `javac -version` if it names Java 17 or newer.
fn java_at_least(text: &str) -> Result<String, String> {
    let number = |line: &str| -> Option<u32> {
        let start = line.find(|c: char| c.is_ascii_digit())?;
        line[start..].split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
    };
    let line = text.lines().find(|line| line.contains("version") || line.starts_with("javac"));
    match line.and_then(number) {
        Some(major) if major >= JAVA_FLOOR => Ok(text.to_owned()),
        Some(_) => {
            Err(format!("found {}, but {JAVA_FLOOR} is the oldest that works", line.unwrap_or_default()))
        }
        None => Err(format!("cannot read a version from {:?}", text.lines().next().unwrap_or_default())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_missing_tool_is_named_with_its_remedy() {
        let error = check_with("no-cargo", "no-java", "no-javac", "no-mvn", "no-python").unwrap_err();
        assert_eq!(error.0.len(), 6);
        let text = error.to_string();
        for word in ["cargo", "javac", "openjdk-17-jdk-headless", "maven", "python3-pip", "no-mvn", "hint:"] {
            assert!(text.contains(word), "{word} is missing in {text}");
        }
    }

    #[test]
    fn only_what_is_missing_is_named() {
        let error = check_with("true", "true", "true", "no-mvn", "true").unwrap_err();
        let tools: Vec<_> = error.0.iter().map(|missing| missing.tool).collect();
        // `true` runs but names no version, so Java is refused as well.
        assert_eq!(tools, ["Java runtime (java)", "Java compiler (javac)", "Apache Maven (mvn)"]);
    }

    #[test]
    fn java_versions_are_parsed() {
        assert!(java_at_least("openjdk version \"17.0.15\" 2025-04-15").is_ok());
        assert!(java_at_least("Picked up JAVA_TOOL_OPTIONS: -Xmx1g\njavac 21.0.2").is_ok());
        assert!(java_at_least("openjdk version \"1.8.0_392\"").is_err());
        assert!(java_at_least("javac 11.0.2").is_err());
        assert!(java_at_least("").is_err());
    }
}
