//! Which crates are in the programs, and where they come from.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::workspace;
use serde::Deserialize;

use super::compile::Role;
use super::target::Target;

/// A crate that is linked into one of the programs.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Component {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An expression of SPDX.
    pub(crate) licence: String,
    pub(crate) repository: Option<String>,
    /// Where its source is on this machine.
    pub(crate) folder: PathBuf,
    /// SHA-256 of the crate's file, in hexadecimal; `None` for our own.
    pub(crate) checksum: Option<String>,
    /// The components that it uses, by name and version.
    pub(crate) uses: BTreeSet<(String, String)>,
}

impl Component {
    pub(crate) fn is_ours(&self) -> bool {
        self.checksum.is_none()
    }
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    license: Option<String>,
    repository: Option<String>,
    manifest_path: PathBuf,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    dependencies: Vec<String>,
}

/// The crates of both programs, sorted. Those that only run while others are built are not among them.
pub(crate) fn linked(target: Target) -> Result<Vec<Component>> {
    let mut linked = BTreeSet::new();
    for role in [Role::Client, Role::AppMaster] {
        // With the features of this package alone, unlike `cargo metadata`.
        let arguments = [
            "tree",
            "--edges=normal,no-proc-macro",
            "--prefix=none",
            "--format={p}",
            "--package",
            role.package(),
        ];
        let tree = cargo(&arguments, &["--target", target.triple()])?;
        linked.extend(tree.lines().filter_map(named));
    }
    let metadata = cargo(&["metadata", "--format-version=1"], &["--filter-platform", target.triple()])?;
    let lock = fs::read_to_string(workspace().join("Cargo.lock")).context("Cargo.lock")?;
    components(&linked, serde_json::from_str(&metadata)?, &checksums(&lock))
}

fn cargo(command: &[&str], more: &[&str]) -> Result<String> {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".to_owned());
    let output =
        Command::new(&cargo).current_dir(workspace()).args(command).arg("--locked").args(more).output();
    let output = output.with_context(|| format!("cannot run {cargo}"))?;
    ensure!(output.status.success(), "cargo {}: {}", command[0], String::from_utf8_lossy(&output.stderr));
    Ok(String::from_utf8(output.stdout)?)
}

/// Name and version in a line of `cargo tree`, such as `tokio v1.54.1 (*)`.
fn named(line: &str) -> Option<(String, String)> {
    let mut words = line.split(' ');
    Some((words.next()?.to_owned(), words.next()?.strip_prefix('v')?.to_owned()))
}

fn components(
    linked: &BTreeSet<(String, String)>,
    metadata: Metadata,
    checksums: &BTreeMap<(String, String), String>,
) -> Result<Vec<Component>> {
    let of_package = |package: &Package| (package.name.clone(), package.version.clone());
    let names: BTreeMap<&str, (String, String)> =
        metadata.packages.iter().map(|package| (package.id.as_str(), of_package(package))).collect();
    let uses = |id: &str| -> BTreeSet<(String, String)> {
        let node = metadata.resolve.nodes.iter().find(|node| node.id == id);
        let used = node.into_iter().flat_map(|node| &node.dependencies);
        used.filter_map(|id| names.get(id.as_str())).filter(|it| linked.contains(*it)).cloned().collect()
    };
    let mut components = Vec::new();
    for package in metadata.packages.iter().filter(|package| linked.contains(&of_package(package))) {
        let licence =
            package.license.as_deref().with_context(|| format!("{} has no licence", package.name))?;
        components.push(Component {
            name: package.name.clone(),
            version: package.version.clone(),
            // An older way to write a choice, which is no expression of SPDX.
            licence: licence.replace('/', " OR "),
            repository: package.repository.clone(),
            folder: package.manifest_path.parent().map(PathBuf::from).unwrap_or_default(),
            checksum: checksums.get(&of_package(package)).cloned(),
            uses: uses(&package.id),
        });
    }
    ensure!(components.len() == linked.len(), "`cargo metadata` does not know all of `cargo tree`");
    components.sort();
    Ok(components)
}

/// Checksums in a `Cargo.lock`, whose keys cargo writes in a fixed order.
fn checksums(lock: &str) -> BTreeMap<(String, String), String> {
    let value = |package: &str, key: &str| -> Option<String> {
        let line = package.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(" = "))?;
        Some(line.trim_matches('"').to_owned())
    };
    let packages = lock.split("[[package]]").skip(1);
    let read =
        |package| Some(((value(package, "name")?, value(package, "version")?), value(package, "checksum")?));
    packages.filter_map(read).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn component(name: &str, licence: &str, checksum: Option<&str>) -> Component {
        Component {
            name: name.to_owned(),
            version: "1.0.0".to_owned(),
            licence: licence.to_owned(),
            repository: Some(format!("https://example.org/{name}")),
            folder: PathBuf::new(),
            checksum: checksum.map(str::to_owned),
            uses: BTreeSet::new(),
        }
    }

    #[test]
    fn crates_are_named_by_cargo_tree() {
        assert_eq!(named("tokio v1.54.1 (*)"), Some(("tokio".to_owned(), "1.54.1".to_owned())));
        assert_eq!(named("proto v0.1.0 (/src/proto)"), Some(("proto".to_owned(), "0.1.0".to_owned())));
        assert_eq!(named(""), None);
    }

    #[test]
    fn checksums_are_read_from_the_lock_file() {
        let lock = "version = 4\n\n[[package]]\nname = \"a\"\nversion = \"1.0.0\"\nsource = \"r\"\nchecksum = \"0f\"\n\n\
                    [[package]]\nname = \"ours\"\nversion = \"0.1.0\"\n";
        let found = checksums(lock);
        assert_eq!(found.get(&("a".to_owned(), "1.0.0".to_owned())).map(String::as_str), Some("0f"));
        assert_eq!(found.len(), 1);
    }

    /// The workspace itself: what is in the programs, and what is not.
    #[test]
    fn components_are_those_that_are_linked() {
        let components = linked(Target::X86_64).unwrap();
        let find = |name: &str| components.iter().find(|component| component.name == name);
        assert!(find("app-master").unwrap().is_ours());
        let tokio = find("tokio").unwrap();
        assert_eq!(tokio.checksum.as_ref().unwrap().len(), 64);
        assert!(find("app-master").unwrap().uses.contains(&(tokio.name.clone(), tokio.version.clone())));
        assert!(tokio.folder.join("Cargo.toml").is_file(), "{}", tokio.folder.display());
        for other in ["integration-tests", "prost-build", "serde_derive", "proptest"] {
            assert!(find(other).is_none(), "{other} is in no program");
        }
    }
}
