//! Where the directory of an application is: the same answer for every command.
//!
//! If it is not in the user's home directory, the submission writes it into a tag, so that clients with the report know
//! it, whatever `yarn.staging-directory` is set to here. For applications without that tag it is guessed from here.

use std::sync::Arc;

use super::tags;
use crate::flink::{FlinkConfig, options};
use crate::hdfs::application_dir::ApplicationDir;
use crate::hdfs::{FileSystem, FileSystems, HdfsError};
use crate::yarn::{ApplicationReport, MAX_TAG_LENGTH};

/// The staging bases from this host's own configuration: `yarn.staging-directory`, if it is set.
pub fn staging_bases(settings: &FlinkConfig) -> Vec<String> {
    settings.get(options::YARN_STAGING_DIRECTORY.key).map(str::to_owned).into_iter().collect()
}

/// A file system and an absolute path on it, or why there is no such file system.
pub(crate) type Place = Result<(Arc<dyn FileSystem>, String), HdfsError>;

/// The tag that says where an application's directory is; `None` for the home directory, and for what a tag cannot contain.
pub(crate) fn tag(fs: &dyn FileSystem, base: &str, file_systems: &FileSystems) -> Option<String> {
    let default = file_systems.default_fs();
    // Another host may have no mount table, or a different one.
    let held = fs.held(base).map(|(held, path)| held.uri(&path));
    if held.is_none() && fs.uri(base) == default.uri(default.home()) {
        return None;
    }
    let tag = format!("{}{}", tags::STAGING, escaped(&held.unwrap_or_else(|| fs.uri(base))));
    // The ResourceManager rejects others.
    (tag.len() <= MAX_TAG_LENGTH && tag.is_ascii()).then_some(tag)
}

/// Where the directory of an application may be, the most likely place first: as its tag says, below the home directory
/// of its user, and below `bases` (values of `yarn.staging-directory`).
pub(crate) fn directories(
    file_systems: &FileSystems,
    report: &ApplicationReport,
    bases: &[String],
) -> Vec<Place> {
    let tagged = report.tags.iter().filter_map(|tag| tag.strip_prefix(tags::STAGING)).map(unescaped);
    let home = file_systems.default_fs().uri(&home_of(file_systems.default_fs().home(), &report.user));
    let guessed = bases.iter().flat_map(|base| below(base, &report.user));
    let places = tagged.chain([home]).chain(guessed);
    places
        .map(|base| {
            let (fs, base) = file_systems.locate(&base)?;
            Ok((fs, ApplicationDir::path_of(&base, &report.id)))
        })
        .collect()
}

/// The ResourceManager stores tags in lower case: `!a` stands for `A`, and `!!` for `!`.
fn escaped(text: &str) -> String {
    text.chars().fold(String::new(), |mut all, c| {
        if c == '!' || c.is_ascii_uppercase() {
            all.push('!');
        }
        all.push(c.to_ascii_lowercase());
        all
    })
}

fn unescaped(tag: &str) -> String {
    let mut text = String::new();
    let mut chars = tag.chars();
    while let Some(c) = chars.next() {
        match c {
            '!' => text.extend(chars.next().map(|c| c.to_ascii_uppercase())),
            c => text.push(c),
        }
    }
    text
}

/// The possible places of a user's files below a `yarn.staging-directory`: in it or, if it is world-writable, in a
/// directory of the user's own ([`Staging`](crate::hdfs::stage::Staging)).
pub(crate) fn below(base: &str, user: &str) -> [String; 2] {
    [base.to_owned(), format!("{}/{user}", base.trim_end_matches('/'))]
}

/// Home directories are siblings (`dfs.user.home.dir.prefix`), so another user's is beside our own.
fn home_of(own: &str, user: &str) -> String {
    match own.rsplit_once('/') {
        Some((prefix, _)) => format!("{prefix}/{user}"),
        None => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Configuration;
    use crate::security::User;
    use proto::ids::ApplicationId;

    fn file_systems() -> FileSystems {
        let mut conf = Configuration::default();
        conf.set("fs.defaultFS", "file:///");
        FileSystems::connect(&conf, &User::new("ada")).expect("a local file system")
    }

    #[test]
    fn homes_lie_side_by_side() {
        assert_eq!(home_of("/user/alice", "alice"), "/user/alice");
        assert_eq!(home_of("/user/alice", "bob"), "/user/bob");
    }

    #[test]
    fn what_the_submission_has_written_down_comes_first() {
        let file_systems = file_systems();
        let fs = file_systems.default_fs();
        assert_eq!(tag(fs.as_ref(), fs.home(), &file_systems), None);
        assert_eq!(tag(fs.as_ref(), &format!("/{}", "long/".repeat(20)), &file_systems), None);
        assert_eq!(tag(fs.as_ref(), "/größer", &file_systems), None);
        let tag = tag(fs.as_ref(), "/Shared!/Ada", &file_systems).expect("it fits");
        let report = ApplicationReport {
            user: "ada".to_owned(),
            tags: vec!["other".to_owned(), tag.to_lowercase()],
            ..crate::cluster::tests::report(ApplicationId { cluster_timestamp: 1, id: 1 })
        };
        let places = directories(&file_systems, &report, &["file:///base".to_owned()]);
        let paths: Vec<_> = places.into_iter().map(|place| place.expect("local").1).collect();
        let id = report.id;
        assert_eq!(paths[0], format!("/Shared!/Ada/.yarn-flink/apps/{id}"));
        assert_eq!(paths[2], format!("/base/.yarn-flink/apps/{id}"));
        assert_eq!(paths[3], format!("/base/ada/.yarn-flink/apps/{id}"));
        assert_eq!(paths.len(), 4);
    }

    #[tokio::test]
    async fn a_host_without_the_mount_table_finds_it_as_well() {
        let mut conf = Configuration::default();
        conf.set("fs.defaultFS", "viewfs://CL");
        conf.set("fs.viewfs.mounttable.CL.link./user", "hdfs://nn:8020/people");
        let mounted = FileSystems::connect(&conf, &User::new("ada")).expect("a mount table");
        let fs = mounted.default_fs();
        let tag = tag(fs.as_ref(), fs.home(), &mounted).expect("not where others look");
        assert_eq!(tag, "yarn-flink-staging:hdfs://nn:8020/people/ada");
    }
}
