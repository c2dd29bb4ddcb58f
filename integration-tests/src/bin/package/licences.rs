//! The licences of everything in the programs, in one text.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail};

use super::components::Component;

/// A part of the programs that is not a crate.
#[derive(Clone, Debug)]
pub(crate) struct Runtime {
    pub(crate) name: String,
    /// An expression of SPDX.
    pub(crate) licence: &'static str,
    pub(crate) files: Vec<PathBuf>,
}

const HEAD: &str = "The programs contain the software listed here, under the licences named. Where a choice is offered \
(OR), any of them may be chosen. The texts of the licences, with their notices of copyright, follow below.\n\n";
/// Beginnings of the names of files that say under what conditions a crate may be used.
const NAMES: [&str; 6] = ["LICENSE", "LICENCE", "COPYING", "COPYRIGHT", "NOTICE", "UNLICENSE"];
const STANDARD_LIBRARY: &str = "standard library of Rust";
/// The licence whose text is the same wherever it is used.
const APACHE: &str = "Apache-2.0";

/// Every component with its licence, then every text once, with the names of those that came with it.
///
/// # Errors
/// A component whose licence demands a text that was not found.
pub(crate) fn text(components: &[Component], runtime: &[Runtime]) -> Result<String> {
    let foreign: Vec<&Component> = components.iter().filter(|component| !component.is_ours()).collect();
    let mut found = BTreeMap::new();
    for component in &foreign {
        found.insert((&component.name, &component.version), files(&component.folder)?);
    }
    let standard = found.values().flatten().find(|text| is_apache(text)).cloned();
    let standard = standard.context("no component comes with the text of Apache-2.0, which others need")?;
    let mut texts: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut list = String::new();
    for component in &foreign {
        let own = &found[&(&component.name, &component.version)];
        let siblings = foreign.iter().filter(|other| other.repository == component.repository);
        let of_sibling = siblings.filter_map(|other| found.get(&(&other.name, &other.version)));
        let of_sibling =
            of_sibling.filter(|_| component.repository.is_some()).find(|texts| !texts.is_empty());
        let name = format!("{} {}", component.name, component.version);
        let used = match (own.as_slice(), of_sibling) {
            ([], _) if component.licence.contains(APACHE) => std::slice::from_ref(&standard),
            ([], Some(of_sibling)) => of_sibling.as_slice(),
            ([], None) => bail!("{name} ({}) comes without the text of its licence", component.licence),
            (own, _) => own,
        };
        for text in used {
            texts.entry(text.clone()).or_default().push(name.clone());
        }
        let from = component.repository.as_deref().unwrap_or("no repository named");
        list.push_str(&format!("{name} - {} - {from}\n", component.licence));
    }
    for part in runtime {
        list.push_str(&format!("{} - {}\n", part.name, part.licence));
        for file in &part.files {
            let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
            texts.entry(tidy(&text)).or_default().push(part.name.clone());
        }
    }
    // Of its two licences, this is the one whose text is known.
    list.push_str(&format!("{STANDARD_LIBRARY} - MIT OR {APACHE}\n"));
    texts.entry(standard).or_default().push(STANDARD_LIBRARY.to_owned());
    let mut text = format!("{HEAD}{list}");
    for (licence, names) in texts {
        text.push_str(&format!("\n{}\n{}\n\n{licence}", "=".repeat(80), names.join(", ")));
    }
    Ok(text)
}

/// The texts in a folder and in the folders of licences below it, in the order of their names.
fn files(folder: &Path) -> Result<Vec<String>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).with_context(|| folder.display().to_string())? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().to_uppercase();
        if !NAMES.iter().any(|begin| name.starts_with(begin)) {
            continue;
        }
        if entry.path().is_dir() {
            for below in fs::read_dir(entry.path())? {
                paths.push(below?.path());
            }
        } else {
            paths.push(entry.path());
        }
    }
    paths.retain(|path| path.is_file());
    paths.sort();
    let read = |path: &PathBuf| fs::read(path).map(|bytes| tidy(&String::from_utf8_lossy(&bytes)));
    Ok(paths.iter().map(read).collect::<Result<_, _>>()?)
}

/// Texts that differ in nothing but white space at the ends of lines are the same.
fn tidy(text: &str) -> String {
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    format!("{}\n", lines.join("\n").trim_matches('\n'))
}

fn is_apache(text: &str) -> bool {
    text.contains("Apache License")
        && text.contains("Version 2.0, January 2004")
        && text.contains("END OF TERMS")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::components::tests::component;

    const APACHE_TEXT: &str = "Apache License\nVersion 2.0, January 2004\n...\nEND OF TERMS AND CONDITIONS\n";

    fn with_files(component: Component, files: &[(&str, &str)]) -> (tempfile::TempDir, Component) {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let component = Component { folder: folder.path().to_owned(), ..component };
        (folder, component)
    }

    #[test]
    fn every_text_is_there_once_with_those_who_use_it() {
        let (_a, a) = with_files(
            component("a", "MIT OR Apache-2.0", Some("1")),
            &[("LICENSE-MIT", "of a"), ("LICENSE-APACHE", APACHE_TEXT), ("src/lib.rs", "code")],
        );
        let (_b, b) = with_files(
            component("b", "Apache-2.0", Some("2")),
            &[("license.txt", &format!("{APACHE_TEXT}  \n"))],
        );
        let (_c, c) = with_files(
            component("c", "MIT", Some("3")),
            &[("LICENSES/MIT.txt", "of c"), ("NOTICE", "notice of c")],
        );
        let (_d, ours) = with_files(component("ours", "Apache-2.0", None), &[]);
        let part =
            Runtime { name: "musl".to_owned(), licence: "MIT", files: vec![a.folder.join("src/lib.rs")] };
        let text = text(&[a, b, c, ours], &[part]).unwrap();
        assert!(text.contains("a 1.0.0 - MIT OR Apache-2.0 - https://example.org/a\n"), "{text}");
        assert_eq!(text.matches("END OF TERMS").count(), 1, "{text}");
        assert!(text.contains("a 1.0.0, b 1.0.0, standard library of Rust\n"), "{text}");
        for part in ["of a\n", "of c\n", "notice of c\n", "musl - MIT\n", "musl\n\ncode\n"] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        assert!(!text.contains("ours"), "{text}");
    }

    #[test]
    fn a_crate_without_a_text_gets_the_one_that_fits() {
        let (_a, a) = with_files(component("a", "Apache-2.0", Some("1")), &[("LICENSE", APACHE_TEXT)]);
        let (_b, b) = with_files(component("b", "Apache-2.0", Some("2")), &[]);
        let (_c, c) = with_files(component("c", "MIT", Some("3")), &[("LICENSE", "of c")]);
        let (_d, d) = with_files(
            Component { repository: c.repository.clone(), ..component("d", "MIT", Some("4")) },
            &[],
        );
        let (_e, e) = with_files(component("e", "MIT", Some("5")), &[]);
        let found = text(&[a.clone(), b, c, d], &[]).unwrap();
        assert!(found.contains("a 1.0.0, b 1.0.0, standard"), "{found}");
        assert!(found.contains("c 1.0.0, d 1.0.0\n\nof c\n"), "{found}");
        let error = text(&[a, e], &[]).unwrap_err().to_string();
        assert_eq!(error, "e 1.0.0 (MIT) comes without the text of its licence");
    }
}
