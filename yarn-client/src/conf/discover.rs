//! Finds the directories that contain the Hadoop configuration.

use std::path::{Path, PathBuf};

use super::{ConfError, Environment};

/// The files we read, in the order in which later ones override earlier ones.
pub(super) const FILES: [&str; 3] = ["core-site.xml", "hdfs-site.xml", "yarn-site.xml"];

/// Where distributions install it; Flink's own scripts look there, too (`config.sh`).
pub(super) const SYSTEM_DIRECTORY: &str = "/etc/hadoop/conf";

/// Directories that are not named by the environment, each with the name that messages give as its source: a setting, a
/// flag. If a variable serves the same purpose it comes first, as in Flink's scripts (`config.sh`).
#[derive(Debug, Clone, Copy, Default)]
pub struct Named<'a> {
    /// The only directory, whatever the environment says. Its name may be empty.
    pub explicit: Option<(&'a str, &'a Path)>,
    /// Instead of `HADOOP_CONF_DIR`.
    pub hadoop: Option<(&'a str, &'a Path)>,
    /// Instead of `YARN_CONF_DIR`.
    pub yarn: Option<(&'a str, &'a Path)>,
}

/// The files to read, at most one of each name, and the directories that were searched.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) files: Vec<PathBuf>,
    pub(super) directories: Vec<PathBuf>,
}

/// A directory that was named must exist; one that is only guessed need not.
pub(super) fn find(env: &Environment, configured: Named<'_>, system: &Path) -> Result<Found, ConfError> {
    if let Some((name, dir)) = configured.explicit {
        return named(&[(name, dir.to_owned())]);
    }
    let set: Vec<_> = [("HADOOP_CONF_DIR", configured.hadoop), ("YARN_CONF_DIR", configured.yarn)]
        .into_iter()
        .filter_map(|(name, or)| match env.non_empty(name) {
            Some(dir) => Some((name, PathBuf::from(dir))),
            None => or.map(|(key, dir)| (key, dir.to_owned())),
        })
        .collect();
    if !set.is_empty() {
        return named(&set);
    }
    let mut looked_at = vec!["HADOOP_CONF_DIR".to_owned(), "YARN_CONF_DIR".to_owned()];
    let mut guesses = Vec::new();
    for name in ["HADOOP_HOME", "HADOOP_YARN_HOME"] {
        match env.non_empty(name) {
            Some(home) => guesses.push((format!("${name}/etc/hadoop"), Path::new(home).join("etc/hadoop"))),
            None => looked_at.push(name.to_owned()),
        }
    }
    guesses.push((String::new(), system.to_owned()));
    for (name, dir) in guesses {
        if FILES.iter().any(|file| dir.join(file).is_file()) {
            return Ok(collect(&[(&name, dir)]));
        }
        looked_at.push(if name.is_empty() {
            dir.display().to_string()
        } else {
            format!("{name} = {}", dir.display())
        });
    }
    Err(ConfError::NotFound { looked_at })
}

fn named(dirs: &[(&str, PathBuf)]) -> Result<Found, ConfError> {
    let unusable = |(by, path): &(&str, PathBuf), reason: &str| ConfError::UnusableDirectory {
        path: path.clone(),
        named_by: Some(*by).filter(|by| !by.is_empty()).map(str::to_owned),
        reason: reason.to_owned(),
    };
    if let Some(dir) = dirs.iter().find(|(_, path)| !path.is_dir()) {
        let reason = if dir.1.exists() { "it is not a directory" } else { "it does not exist" };
        return Err(unusable(dir, reason));
    }
    let found = collect(dirs);
    match dirs.first() {
        Some(first) if found.files.is_empty() => {
            Err(unusable(first, &format!("none of {} is there", FILES.join(", "))))
        }
        _ => Ok(found),
    }
}

/// Takes each file from the first directory that has it, like a Java class path. For yarn-site.xml, the more specific
/// `YARN_CONF_DIR` comes first: the `yarn` script lets it override `HADOOP_CONF_DIR`.
fn collect(dirs: &[(&str, PathBuf)]) -> Found {
    let mut files = Vec::new();
    for file in FILES {
        let mut order: Vec<_> = dirs.iter().collect();
        if file == "yarn-site.xml" {
            order.reverse();
        }
        files.extend(order.iter().map(|(_, dir)| dir.join(file)).find(|path| path.is_file()));
    }
    Found { files, directories: dirs.iter().map(|(_, dir)| dir.clone()).collect() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dir(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            std::fs::write(dir.path().join(file), "<configuration/>").unwrap();
        }
        dir
    }

    fn env(pairs: &[(&str, &Path)]) -> Environment {
        pairs.iter().map(|(k, v)| (*k, v.to_str().unwrap())).collect()
    }

    #[test]
    fn explicit_directory_wins() {
        let (a, b) = (dir(&["core-site.xml"]), dir(&["core-site.xml"]));
        let env = env(&[("HADOOP_CONF_DIR", a.path())]);
        let explicit = |dir| find(&env, Named { explicit: dir, ..Named::default() }, Path::new("/nowhere"));
        assert_eq!(explicit(Some(("--dir", b.path()))).unwrap().directories, [b.path()]);
        let missing = |name| explicit(Some((name, Path::new("/nope")))).unwrap_err().to_string();
        assert!(missing("--dir").starts_with("/nope (from `--dir`) contains"), "{}", missing("--dir"));
        assert!(missing("").starts_with("/nope contains"), "{}", missing(""));
    }

    #[test]
    fn every_variable_supplies_the_files_it_has() {
        let (hadoop, yarn) =
            (dir(&["core-site.xml", "yarn-site.xml"]), dir(&["core-site.xml", "yarn-site.xml"]));
        let env = env(&[("HADOOP_CONF_DIR", hadoop.path()), ("YARN_CONF_DIR", yarn.path())]);
        let found = find(&env, Named::default(), Path::new("/nowhere")).unwrap();
        assert_eq!(found.files, [hadoop.path().join("core-site.xml"), yarn.path().join("yarn-site.xml")]);
    }

    #[test]
    fn a_variable_comes_before_the_setting_of_the_same_purpose() {
        let (a, b, c) =
            (dir(&["core-site.xml"]), dir(&["core-site.xml", "yarn-site.xml"]), dir(&["yarn-site.xml"]));
        let configured =
            Named { hadoop: Some(("h", b.path())), yarn: Some(("y", c.path())), ..Named::default() };
        let found = find(&env(&[]), configured, Path::new("/nowhere")).unwrap();
        assert_eq!(found.files, [b.path().join("core-site.xml"), c.path().join("yarn-site.xml")]);
        let found = find(&env(&[("HADOOP_CONF_DIR", a.path())]), configured, Path::new("/nowhere")).unwrap();
        assert_eq!(found.files, [a.path().join("core-site.xml"), c.path().join("yarn-site.xml")]);
        let missing = Named { hadoop: Some(("h", Path::new("/nope"))), ..Named::default() };
        let error = find(&env(&[]), missing, Path::new("/nowhere")).unwrap_err();
        assert!(error.to_string().contains("/nope") && error.to_string().contains('h'), "{error}");
    }

    #[test]
    fn home_directories_rank_between_conf_dirs_and_system_directories() {
        let home = tempfile::tempdir().unwrap();
        let conf = home.path().join("etc/hadoop");
        std::fs::create_dir_all(&conf).unwrap();
        std::fs::write(conf.join("yarn-site.xml"), "<configuration/>").unwrap();
        let system = dir(&["yarn-site.xml"]);
        let found =
            find(&env(&[("HADOOP_YARN_HOME", home.path())]), Named::default(), system.path()).unwrap();
        assert_eq!(found.directories, [conf]);
        let found = find(&env(&[]), Named::default(), system.path()).unwrap();
        assert_eq!(found.directories, [system.path()]);
    }

    #[test]
    fn missing_configuration_names_what_was_tried() {
        let empty = dir(&[]);
        let error = find(&env(&[("HADOOP_HOME", empty.path())]), Named::default(), Path::new("/nowhere"))
            .unwrap_err();
        let text = error.to_string();
        for part in
            ["HADOOP_CONF_DIR", "YARN_CONF_DIR", "HADOOP_HOME/etc/hadoop", "HADOOP_YARN_HOME", "/nowhere"]
        {
            assert!(text.contains(part), "{text}");
        }
        assert!(error.hint().unwrap().contains("HADOOP_CONF_DIR"));
    }

    #[test]
    fn a_named_directory_must_be_usable() {
        let empty = dir(&[]);
        for (path, reason) in
            [(empty.path(), "none of core-site.xml"), (Path::new("/nowhere"), "does not exist")]
        {
            let error = find(&env(&[("HADOOP_CONF_DIR", path)]), Named::default(), Path::new("/nowhere"))
                .unwrap_err();
            let text = error.to_string();
            assert!(text.contains(reason) && text.contains("HADOOP_CONF_DIR"), "{text}");
        }
    }
}
