//! Names of files in the containers. A NodeManager creates directories with names it does not quote, Flink loads only
//! jars whose names are valid in URLs, and so on (`file_name`): where a name is not plain, the NodeManager gets one
//! that is. A jar is only loaded, under whatever name; any other file is opened by its original name, and the
//! container's first process creates a link with that name.

use std::collections::BTreeSet;

use proto::launch::Link;

use super::files::USER_JAR_DIR;
use crate::file_name::{is_plain, plain};
use crate::yarn::LocalResource;
use crate::yarn::launch::Kind;

/// Directory of files that links point to.
const LINKED: &str = "shipped";
/// Directories whose jars are never opened by name.
const LOADED: [&str; 3] = ["lib/", "usrlib/", USER_JAR_DIR];

/// Everything the containers get, under names that NodeManagers can handle.
#[derive(Debug, Default)]
pub(super) struct Placed {
    /// What the NodeManagers place.
    pub(super) resources: Vec<LocalResource>,
    /// Links for the containers to create.
    pub(super) links: Vec<Link>,
    /// Where the program's jar is.
    pub(super) jar: Option<String>,
}

impl Placed {
    /// Places what was staged; `jar` is the link of the program among it.
    pub(super) fn of(staged: Vec<LocalResource>, jar: Option<&str>) -> Self {
        let mut taken: BTreeSet<String> = staged.iter().map(|resource| resource.link.clone()).collect();
        let mut placed = Self::default();
        for mut resource in staged {
            let program = jar == Some(resource.link.as_str());
            let link = resource.link.clone();
            // Flink checks the suffix.
            let stays = link.split('/').all(is_plain) && (!program || link.ends_with(".jar"));
            if !stays {
                let is_jar = program || resource.kind == Kind::File && link.ends_with(".jar");
                let loaded = LOADED.iter().find(|directory| is_jar && link.starts_with(**directory));
                let directory = loaded.map_or(LINKED, |directory| directory.trim_end_matches('/'));
                resource.link = free(directory, &link, program, &taken);
                taken.insert(resource.link.clone());
                if loaded.is_none() {
                    placed.links.push(Link { path: link, target: resource.link.clone() });
                }
            }
            if program {
                placed.jar = Some(resource.link.clone());
            }
            placed.resources.push(resource);
        }
        placed
    }

    /// The resources with their original names.
    pub(super) fn known(&self) -> impl Iterator<Item = (&str, &LocalResource)> {
        self.resources.iter().map(|resource| {
            let link = self.links.iter().find(|link| link.target == resource.link);
            (link.map_or(resource.link.as_str(), |link| link.path.as_str()), resource)
        })
    }
}

/// An unused name in `directory`, similar to the last part of `link`: the order of names is the order of class paths, too.
fn free(directory: &str, link: &str, is_jar: bool, taken: &BTreeSet<String>) -> String {
    let name = plain(link.rsplit('/').next().unwrap_or_default());
    let (stem, suffix) = match name.rsplit_once('.') {
        Some((stem, suffix)) if !is_jar || suffix == "jar" => (stem, format!(".{suffix}")),
        _ => (name.as_ref(), if is_jar { ".jar".to_owned() } else { String::new() }),
    };
    let numbered = (1..).map(|number| format!("{directory}/{stem}-{number}{suffix}"));
    let first = std::iter::once(format!("{directory}/{stem}{suffix}"));
    first.chain(numbered).find(|name| !taken.contains(name)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn staged(links: &[&str]) -> Vec<LocalResource> {
        links
            .iter()
            .map(|link| LocalResource { link: (*link).to_owned(), ..LocalResource::default() })
            .collect()
    }

    fn placed(links: &[&str], jar: &str) -> (Vec<String>, Vec<(String, String)>, Option<String>) {
        let placed = Placed::of(staged(links), Some(jar));
        let links = placed.links.into_iter().map(|link| (link.path, link.target)).collect();
        (placed.resources.into_iter().map(|resource| resource.link).collect(), links, placed.jar)
    }

    #[test]
    fn plain_names_stay() {
        let links = ["lib/flink-dist-1.20.5.jar", "conf/log4j.properties", "extra/a=1/b.txt", "usrlib/j.jar"];
        let (resources, made, jar) = placed(&links, "usrlib/j.jar");
        assert_eq!((resources.as_slice(), made.len()), (&links.map(str::to_owned)[..], 0));
        assert_eq!(jar.as_deref(), Some("usrlib/j.jar"));
    }

    #[test]
    fn jars_that_are_only_loaded_are_renamed() {
        let (resources, made, jar) =
            placed(&["usrlib/a#b.jar", "usrlib/a_b.jar", "usrlib/x/a b.jar", "lib/é.jar"], "usrlib/a#b.jar");
        assert_eq!(resources, ["usrlib/a_b-1.jar", "usrlib/a_b.jar", "usrlib/a_b-2.jar", "lib/_.jar"]);
        assert!(made.is_empty(), "{made:?}");
        assert_eq!(jar.as_deref(), Some("usrlib/a_b-1.jar"));
        for (program, expected) in [
            ("usrlib/program", "usrlib/program.jar"),
            ("userjar/a program.JAR", "userjar/a_program.JAR.jar"),
            ("usrlib/-c.jar", "usrlib/_c.jar"),
        ] {
            assert_eq!(placed(&[program], program).0, [expected]);
        }
    }

    #[test]
    fn what_is_opened_by_name_has_its_name() {
        let (resources, made, _) =
            placed(&["my data/a.txt", "other data/a.txt", "my lib/x y.jar", "shipped/a.txt"], "");
        assert_eq!(resources, ["shipped/a-1.txt", "shipped/a-2.txt", "shipped/x_y.jar", "shipped/a.txt"]);
        let expected = [
            ("my data/a.txt", "shipped/a-1.txt"),
            ("other data/a.txt", "shipped/a-2.txt"),
            ("my lib/x y.jar", "shipped/x_y.jar"),
        ];
        assert_eq!(made, expected.map(|(path, target)| (path.to_owned(), target.to_owned())));
        let placed = Placed::of(staged(&["my data/a.txt", "b.txt"]), None);
        let known: Vec<_> = placed.known().map(|(name, _)| name).collect();
        assert_eq!(known, ["my data/a.txt", "b.txt"]);
    }
}
