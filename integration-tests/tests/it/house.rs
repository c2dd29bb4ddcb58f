//! Rules of the house that no compiler checks: which crate may depend on which, what the machine must not touch,
//! licences.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::workspace;
use serde_json::Value;

fn metadata() -> Result<Value> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output = Command::new(cargo)
        .current_dir(workspace())
        .args([
            "metadata",
            "--format-version=1",
            "--locked",
            "--offline",
            "--filter-platform=x86_64-unknown-linux-gnu",
        ])
        .output()?;
    ensure!(output.status.success(), "cargo metadata: {}", String::from_utf8_lossy(&output.stderr));
    Ok(serde_json::from_slice(&output.stdout)?)
}

fn packages(metadata: &Value) -> impl Iterator<Item = &Value> {
    metadata.get("packages").and_then(Value::as_array).into_iter().flatten()
}

fn name(value: &Value) -> &str {
    value.get("name").and_then(Value::as_str).unwrap_or_default()
}

/// All Rust files below a folder with their text.
fn rust_files(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(&folder).with_context(|| folder.display().to_string())? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path)?;
                found.push((path, text));
            }
        }
    }
    ensure!(!found.is_empty(), "no sources in {}", folder.display());
    Ok(found)
}

/// The same without tests.
fn sources(folder: &Path) -> Result<Vec<(PathBuf, String)>> {
    let mut found = rust_files(folder)?;
    found.retain(|(path, _)| {
        let inside = path.strip_prefix(folder).unwrap_or(path);
        !inside.with_extension("").components().any(|part| part.as_os_str() == "tests")
    });
    for (_, text) in &mut found {
        if let Some(tests) = text.find("#[cfg(test)]\nmod tests {") {
            text.truncate(tests);
        }
    }
    ensure!(!found.is_empty(), "no sources in {}", folder.display());
    Ok(found)
}

#[test]
fn no_rust_file_is_longer_than_500_lines() -> Result<()> {
    const LIMIT: usize = 500;
    let metadata = metadata()?;
    let members: BTreeSet<&str> =
        metadata["workspace_members"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let of_workspace = |package: &&Value| package["id"].as_str().is_some_and(|id| members.contains(id));
    let manifests = packages(&metadata).filter(of_workspace).filter_map(|it| it["manifest_path"].as_str());
    let mut long = BTreeSet::new();
    for manifest in manifests {
        let folder = Path::new(manifest).parent().context("a manifest without a folder")?;
        let files = rust_files(folder)?.into_iter().map(|(path, text)| (path, text.lines().count()));
        long.extend(files.filter(|(_, lines)| *lines > LIMIT));
    }
    assert!(long.is_empty(), "split along a natural seam what has more than {LIMIT} lines: {long:#?}");
    Ok(())
}

#[test]
fn crates_depend_in_one_direction() -> Result<()> {
    let allowed: [(&str, &[&str]); 5] = [
        ("proto", &[]),
        ("yarn-client", &["proto"]),
        ("app-master", &["proto", "yarn-client"]),
        ("integration-tests", &["proto", "yarn-client", "app-master"]),
        ("fuzz", &["proto", "yarn-client", "app-master"]),
    ];
    let metadata = metadata()?;
    let ours: BTreeSet<&str> = allowed.iter().map(|(name, _)| *name).collect();
    for (crate_name, may_use) in allowed {
        let package = packages(&metadata).find(|package| name(package) == crate_name).context(crate_name)?;
        let uses = package.get("dependencies").and_then(Value::as_array).into_iter().flatten().map(name);
        for used in uses.filter(|used| ours.contains(used)) {
            assert!(may_use.contains(&used), "{crate_name} must not depend on {used}");
        }
    }
    Ok(())
}

/// Whether code names a module of its crate's root.
fn names_module(code: &str, module: &str) -> bool {
    let path = format!("crate::{module}");
    let mut after = code.split(&path).skip(1);
    after.any(|rest| !rest.starts_with(|c: char| c == '_' || c.is_ascii_alphanumeric()))
}

#[test]
fn modules_of_the_client_library_depend_downwards() -> Result<()> {
    // From the ground up: each floor with what it may use; itself is understood.
    let floors: [(&str, &[&str]); 15] = [
        ("tls", &[]),
        ("control", &["tls"]),
        ("conf", &[]),
        ("flink", &["conf", "tls"]),
        ("security", &["conf"]),
        ("rpc", &["security", "conf"]),
        ("yarn", &["rpc", "security", "conf", "tls"]),
        ("cause", &["yarn", "flink"]),
        ("hdfs", &["yarn", "rpc", "security", "conf"]),
        ("cluster", &["hdfs", "yarn", "rpc", "security", "conf", "flink", "control"]),
        ("explain", &["cluster", "cause", "yarn", "flink"]),
        ("running", &["explain", "cluster", "hdfs", "yarn", "flink"]),
        ("submit", &["running", "cluster", "hdfs", "yarn", "security", "conf", "flink"]),
        ("logs", &["cluster", "hdfs", "yarn", "security", "conf", "control"]),
        ("fuzz", &["logs", "explain", "cluster", "hdfs", "yarn", "security", "conf", "flink", "tls"]),
    ];
    // The modules that every floor may use.
    let everywhere = ["file_name", "schema"];
    let root = workspace().join("yarn-client/src");
    let library = fs::read_to_string(root.join("lib.rs"))?;
    let modules: BTreeSet<&str> = library
        .lines()
        .filter_map(|line| line.trim_start_matches("pub ").strip_prefix("mod ")?.strip_suffix(';'))
        .collect();
    let known: BTreeSet<&str> = floors.iter().map(|(floor, _)| *floor).chain(everywhere).collect();
    assert_eq!(modules, known, "every module of the library has its floor");
    for (at, (floor, may_use)) in floors.iter().enumerate() {
        let below = |other: &str| floors[..at].iter().any(|(name, _)| *name == other);
        assert!(
            may_use.iter().all(|other| below(other)),
            "{floor} may use what is not below it: {may_use:?}"
        );
        let folder = root.join(floor);
        for (path, code) in sources(&folder)? {
            let used = |module: &str| names_module(&code, module);
            for other in modules.iter().filter(|other| *other != floor && !everywhere.contains(other)) {
                let wrong = used(other) && !may_use.contains(other);
                assert!(!wrong, "{} uses {other}, which {floor} may not", path.display());
            }
            assert!(!code.contains("crate::{"), "{}: one floor a line", path.display());
            let inside = path.strip_prefix(&folder)?.with_extension("");
            let depth = inside.components().filter(|part| part.as_os_str() != "mod").count();
            let out = "super::".repeat(depth + 1);
            assert!(!code.contains(&out), "{} leaves its floor by {out}", path.display());
        }
    }
    let only_hdfs = sources(&root)?.into_iter().filter(|(path, _)| !path.starts_with(root.join("hdfs")));
    for (path, code) in only_hdfs {
        assert!(!code.contains("use hdfs_native"), "{} names hdfs_native", path.display());
    }
    Ok(())
}

/// Users who run something other than Flink do not compile what only Flink needs.
#[test]
fn the_library_without_features_leaves_out_what_is_flinks() -> Result<()> {
    let packages = |features: &[&str]| -> Result<BTreeSet<String>> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let tree = ["tree", "-p", "yarn-client", "--locked", "--offline", "--prefix=none", "--format={p}"];
        let output = Command::new(cargo)
            .current_dir(workspace())
            .args(tree)
            .args(["--edges=normal,build", "--no-default-features"])
            .args(features)
            .output()?;
        ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
        let names = String::from_utf8_lossy(&output.stdout);
        Ok(names.lines().filter_map(|line| Some(line.split_once(' ')?.0.to_owned())).collect())
    };
    let flinks = ["tonic", "serde-saphyr", "rawzip", "strsim", "zookeeper-client", "clap", "jiff"];
    let (alone, all) = (packages(&[])?, packages(&["--features=cli"])?);
    for package in flinks {
        assert!(all.contains(package), "{package} is not used any more");
        assert!(!alone.contains(package), "{package} is compiled without any feature");
    }
    Ok(())
}

/// Users of these rooms may not have `yarn-flink`; the program adds its own commands (`cmd/hint.rs`).
#[test]
fn rooms_without_features_name_no_commands_and_flags() -> Result<()> {
    for room in ["conf", "rpc", "security", "yarn", "hdfs", "logs"] {
        for (path, code) in sources(&workspace().join("yarn-client/src").join(room))? {
            let code = code.lines().filter(|line| !line.trim_start().starts_with("//"));
            for line in code.filter(|line| line.contains('"')) {
                let named = ["`yarn-flink ", "`--", "(--"].into_iter().find(|mark| line.contains(mark));
                assert_eq!(named, None, "{}: {line}", path.display());
            }
        }
    }
    Ok(())
}

#[test]
fn machine_has_no_side_effects() -> Result<()> {
    for (path, code) in sources(&workspace().join("app-master/src/machine"))? {
        for forbidden in ["tokio", "Instant::now", "SystemTime", "std::env", "std::fs", "std::net", "rand::"]
        {
            assert!(!code.contains(forbidden), "{} reaches for {forbidden}", path.display());
        }
    }
    Ok(())
}

/// Otherwise packages with other features, and everything that depends on them, are compiled once for `cargo test` and
/// again for the programs under test.
#[test]
fn test_builds_enable_no_features_that_programs_lack() -> Result<()> {
    let features = |edges: &str| -> Result<BTreeSet<String>> {
        let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
        let tree =
            ["tree", "--workspace", "--locked", "--offline", "--prefix=none", "--format={p} {f}", "--edges"];
        let output = Command::new(cargo).current_dir(workspace()).args(tree).arg(edges).output()?;
        ensure!(output.status.success(), "cargo tree: {}", String::from_utf8_lossy(&output.stderr));
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        Ok(text.lines().map(|line| line.trim_end_matches(" (*)").to_owned()).collect())
    };
    let package = |line: &str| line.split(' ').take(2).collect::<Vec<_>>().join(" ");
    let programs = features("normal,build")?;
    let names: BTreeSet<String> = programs.iter().map(|line| package(line)).collect();
    ensure!(names.iter().any(|name| name.starts_with("tokio v")), "{names:?}");
    let tests = features("normal,build,dev")?;
    let others: Vec<_> = tests.difference(&programs).filter(|line| names.contains(&package(line))).collect();
    assert!(others.is_empty(), "integration-tests/Cargo.toml should ask for these as well: {others:#?}");
    Ok(())
}

#[test]
fn licences_are_permissive() -> Result<()> {
    let policy = fs::read_to_string(workspace().join("deny.toml"))?;
    let list = policy
        .split("allow = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .context("deny.toml: allow")?;
    let allowed: BTreeSet<&str> = list.split('"').skip(1).step_by(2).collect();
    let metadata = metadata()?;
    for package in packages(&metadata) {
        let licence = package.get("license").and_then(Value::as_str).unwrap_or("none");
        // "A OR B AND C" binds as in arithmetic; one alternative has to be allowed completely.
        let alternatives = licence.split(" OR ").map(|text| text.trim_matches(['(', ')']));
        let legacy = licence.split('/');
        let fits =
            |text: &str| text.split(" AND ").all(|one| allowed.contains(one.trim_matches(['(', ')', ' '])));
        let ok = alternatives.clone().any(fits) || legacy.clone().any(fits) || {
            let nested: Vec<&str> = licence.split(" AND ").collect();
            nested
                .iter()
                .all(|part| part.trim_matches(['(', ')']).split(" OR ").any(|one| allowed.contains(one)))
        };
        assert!(ok, "{}: licence {licence} is not in deny.toml", name(package));
    }
    Ok(())
}

/// What the page on security promises is shown by tests that exist.
#[test]
fn tests_named_on_the_security_page_exist() -> Result<()> {
    let page = fs::read_to_string(workspace().join("docs/security.md"))?;
    let mut named = BTreeSet::new();
    for row in page.lines().filter(|line| line.starts_with("| ")) {
        let tests = row.strip_suffix('|').unwrap_or(row).rsplit('|').next().unwrap_or_default();
        // Between backticks.
        named.extend(tests.split('`').skip(1).step_by(2).map(str::to_owned));
    }
    ensure!(named.len() > 20, "{named:?}");
    let crates = ["yarn-client", "app-master", "integration-tests", "fuzz"];
    let texts = crates.iter().map(|name| rust_files(&workspace().join(name)));
    let texts: Vec<_> = texts.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect();
    for test in named {
        let declared = format!("fn {test}(");
        ensure!(texts.iter().any(|(_, text)| text.contains(&declared)), "there is no test {test}");
    }
    Ok(())
}
