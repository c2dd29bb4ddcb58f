//! Which files a job needs in its containers, and where they come from.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use proto::launch::File;

use super::error::PreflightError;
use super::keys;
use super::plan::{APP_MASTER, CONF_DIR, UserJar};
use super::spec::{JobJar, ResolvedJob};
use crate::flink::dist::LogConfiguration;
use crate::flink::{FlinkConfig, command, options};
use crate::hdfs::stage::{Kind, Scope, Source, StageItem, StagePlan};

/// Where the job's jar is placed when it is on the class path and not in `usrlib/`.
pub(super) const USER_JAR_DIR: &str = "userjar/";
/// Suffixes that flink-yarn accepts for `yarn.ship-archives`.
const ARCHIVES: [&str; 6] = [".tar.gz", ".tar", ".tgz", ".dst", ".jar", ".zip"];

/// All files but those that need the application's id.
pub(super) fn stage_plan(
    job: &ResolvedJob,
    config: &FlinkConfig,
    user_jar: UserJar,
) -> Result<StagePlan, PreflightError> {
    let user = user_dir(user_jar);
    let provided = config.list(&keys::PROVIDED_LIB_DIRS);
    let dist_jar = config.explicit(&keys::FLINK_DIST_JAR);
    let mut items = vec![local(&job.app_master, APP_MASTER.to_owned(), Kind::File)];

    // Flink itself: from the cluster if it is already there, else from this host.
    for directory in &provided {
        items.push(remote(directory, base_name(directory), Kind::File));
    }
    if let (true, Some(distribution)) = (provided.is_empty(), &job.distribution) {
        for file in distribution.lib.iter().chain(&distribution.plugins) {
            if dist_jar.is_some() && file.link == distribution.dist_jar.link {
                continue;
            }
            items.push(local(&file.path, file.link.clone(), Kind::File));
        }
    }
    if let Some(jar) = dist_jar {
        items.push(item(jar, format!("lib/{}", base_name(jar)), Kind::File, keys::FLINK_DIST_JAR.key)?);
    }

    // The program, and what belongs to it.
    if let Some((jar, link)) = job.jar.as_ref().zip(jar_link(job, user_jar)) {
        items.push(match jar {
            JobJar::Local(path) => local(path, link, Kind::File),
            JobJar::Remote(uri) => remote(uri, link, Kind::File),
        });
        // Flink's configurations list the program's jar there, too.
        for text in job.jars.iter().filter(|text| !same_jar(jar, &JobJar::parse(text))) {
            items.push(item(text, format!("{user}{}", base_name(text)), Kind::File, keys::JARS.key)?);
        }
    }
    match config.explicit(&keys::PROVIDED_USRLIB_DIR) {
        Some(usrlib) if base_name(usrlib) == "usrlib" => {
            items.push(remote(usrlib, "usrlib".to_owned(), Kind::File));
        }
        Some(usrlib) => {
            return Err(PreflightError::Value {
                key: keys::PROVIDED_USRLIB_DIR.key,
                value: usrlib.to_owned(),
                reason: "must be a directory named `usrlib`".to_owned(),
            });
        }
        None => {
            let usrlib = job.distribution.iter().flat_map(|distribution| &distribution.usrlib);
            // The job's own jar may be one of them.
            let others = usrlib
                .filter(|file| !matches!(&job.jar, Some(JobJar::Local(jar)) if same_file(jar, &file.path)));
            items.extend(others.map(|file| local(&file.path, file.link.clone(), Kind::File)));
        }
    }
    for path in config.list(&keys::SHIP_FILES) {
        let name = base_name(&path);
        if name == "usrlib" {
            return Err(PreflightError::Value {
                key: keys::SHIP_FILES.key,
                value: path,
                reason: "cannot be shipped: put a directory named `usrlib` next to `lib`, or set \
                    `yarn.provided.usrlib.dir`"
                    .to_owned(),
            });
        }
        items.push(item(&path, name, Kind::File, keys::SHIP_FILES.key)?);
    }
    for path in config.list(&keys::SHIP_ARCHIVES) {
        let name = base_name(&path);
        if !ARCHIVES.iter().any(|suffix| name.to_ascii_lowercase().ends_with(suffix)) {
            return Err(PreflightError::Value {
                key: keys::SHIP_ARCHIVES.key,
                value: path,
                reason: format!("is not an archive YARN can unpack ({})", ARCHIVES.join(", ")),
            });
        }
        items.push(item(&path, name, Kind::Archive, keys::SHIP_ARCHIVES.key)?);
    }
    if let Some(path) = config.explicit(&options::KERBEROS_KRB5_CONF).filter(|path| !path.is_empty()) {
        let (path, key) = (PathBuf::from(path), options::KERBEROS_KRB5_CONF.key);
        if !path.is_file() {
            return Err(PreflightError::ShipFile { key, path });
        }
        items.push(local(&path, command::KRB5_CONF.to_owned(), Kind::File));
    }
    if let LogConfiguration { name, path: Some(path), .. } = &job.logging {
        items.push(local(path, format!("{CONF_DIR}/{name}"), Kind::File));
    }
    Ok(StagePlan { items })
}

/// Where the program's jar is placed; `None` for a session.
pub(super) fn jar_link(job: &ResolvedJob, user_jar: UserJar) -> Option<String> {
    job.jar.as_ref().map(|jar| format!("{}{}", user_dir(user_jar), jar.file_name()))
}

/// The directory of the user's jars.
fn user_dir(user_jar: UserJar) -> &'static str {
    if user_jar == UserJar::UserLib { "usrlib/" } else { USER_JAR_DIR }
}

/// The files that we generate: they travel with the launch specification.
pub(super) fn own(job: &ResolvedJob) -> Vec<File> {
    let LogConfiguration { name, path, .. } = &job.logging;
    let content = Bytes::from_static(LogConfiguration::built_in().as_bytes());
    path.is_none().then(|| File { link: format!("{CONF_DIR}/{name}"), content }).into_iter().collect()
}

fn local(path: &Path, link: String, kind: Kind) -> StageItem {
    StageItem { source: Source::Local(path.to_owned()), link, kind, scope: Scope::Cache }
}

fn remote(uri: &str, link: String, kind: Kind) -> StageItem {
    StageItem { source: Source::Remote(uri.to_owned()), link, kind, scope: Scope::Cache }
}

/// A path that may be on this host or on the cluster.
fn item(text: &str, link: String, kind: Kind, key: &'static str) -> Result<StageItem, PreflightError> {
    match JobJar::parse(text) {
        JobJar::Remote(uri) => Ok(remote(&uri, link, kind)),
        JobJar::Local(path) if path.exists() => Ok(local(&path, link, kind)),
        JobJar::Local(path) => Err(PreflightError::ShipFile { key, path }),
    }
}

fn base_name(text: &str) -> String {
    text.trim_end_matches('/').rsplit('/').next().unwrap_or_default().to_owned()
}

fn same_jar(a: &JobJar, b: &JobJar) -> bool {
    match (a, b) {
        (JobJar::Local(a), JobJar::Local(b)) => same_file(a, b),
        (a, b) => a == b,
    }
}

fn same_file(a: &Path, b: &Path) -> bool {
    let real = |path: &Path| path.canonicalize().unwrap_or_else(|_| PathBuf::from(path));
    real(a) == real(b)
}
