//! A Flink distribution on disk.

use std::path::{Path, PathBuf};

use super::{Lookup, Version};

/// A file to ship, with its place in the container.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DistFile {
    /// Its local path.
    pub path: PathBuf,
    /// Its place, relative to the working directory, with `/` (`lib/flink-csv-1.20.5.jar`).
    pub link: String,
    /// Size in bytes.
    pub size: u64,
}

/// A Flink distribution: the unpacked archive, or PyPI's `apache-flink-libraries` (`lib`, `plugins`, `opt`, no `conf`).
#[derive(Clone, Debug)]
pub struct Distribution {
    /// The directory given.
    pub home: PathBuf,
    /// The version, from the name of the flink-dist jar.
    pub version: Version,
    /// Jars in and below `lib`, sorted by name, including flink-dist.
    pub lib: Vec<DistFile>,
    /// The flink-dist jar, also in `lib`.
    pub dist_jar: DistFile,
    /// All files below `plugins`.
    pub plugins: Vec<DistFile>,
    /// Jars in `opt`.
    pub opt: Vec<DistFile>,
    /// Files of `usrlib` beside `lib`, if it exists (FLINK-24897).
    pub usrlib: Vec<DistFile>,
}

/// A directory that is not a usable Flink distribution.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DistError {
    /// A directory or file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The directory or file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// There is no `lib` directory, or no directory of that name at all.
    #[error("{} is not a Flink distribution: it has no `lib` directory", home.display())]
    NoLib {
        /// The directory given.
        home: PathBuf,
    },
    /// There is no flink-dist jar.
    #[error("{} is not the `lib` directory of a Flink distribution: it has no `flink-dist-<version>.jar`", lib.display())]
    NoDistJar {
        /// The lib directory.
        lib: PathBuf,
    },
    /// There is more than one flink-dist jar.
    #[error("{} contains several `flink-dist` jars: {}", lib.display(), names.join(", "))]
    SeveralDistJars {
        /// The lib directory.
        lib: PathBuf,
        /// Their names.
        names: Vec<String>,
    },
    /// A version that is not supported.
    #[error("Flink {version} is not supported (supported: 1.20 and 2.0 to 2.3)")]
    UnsupportedVersion {
        /// The version found.
        version: Version,
    },
}

impl DistError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Read { .. } => Some("check the permissions of the directory".to_owned()),
            Self::NoLib { .. } | Self::NoDistJar { .. } => Some(
                "set `FLINK_HOME` or `--flink-home` to the directory that contains Flink's `lib/` and `conf/`"
                    .to_owned(),
            ),
            Self::SeveralDistJars { .. } => Some("remove all but one of them".to_owned()),
            Self::UnsupportedVersion { .. } => Some("use a supported distribution".to_owned()),
        }
    }
}

/// The logging framework that the configuration is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFramework {
    /// Log4j 2, `log4j.properties`.
    Log4j,
    /// Logback, `logback.xml`.
    Logback,
}

/// The log configuration shipped to containers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogConfiguration {
    /// Framework.
    pub framework: LogFramework,
    /// File name in the container: `log4j.properties` or `logback.xml`.
    pub name: &'static str,
    /// The user's file, or `None` for the built-in text.
    pub path: Option<PathBuf>,
}

/// Log4j 2: everything to `log.file`, a new file per start, at most 10 old ones of 100 MB. The variables are those of
/// Flink's own configuration (`env.log.level`, `env.log.max`).
const BUILT_IN_LOG4J: &str = "\
monitorInterval = 30
rootLogger.level = ${env:ROOT_LOG_LEVEL:-INFO}
rootLogger.appenderRef.file.ref = File

appender.file.name = File
appender.file.type = RollingFile
appender.file.append = true
appender.file.fileName = ${sys:log.file}
appender.file.filePattern = ${sys:log.file}.%i
appender.file.layout.type = PatternLayout
appender.file.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.file.policies.type = Policies
appender.file.policies.size.type = SizeBasedTriggeringPolicy
appender.file.policies.size.size = 100MB
appender.file.policies.startup.type = OnStartupTriggeringPolicy
appender.file.strategy.type = DefaultRolloverStrategy
appender.file.strategy.max = ${env:MAX_LOG_FILE_NUMBER:-10}

# Actors and remote storage talk a lot at INFO.
logger.pekko.name = org.apache.pekko
logger.pekko.level = INFO
logger.kafka.name = org.apache.kafka
logger.kafka.level = INFO
logger.hadoop.name = org.apache.hadoop
logger.hadoop.level = INFO
logger.zookeeper.name = org.apache.zookeeper
logger.zookeeper.level = INFO
# Netty warns about channels that Flink closes on purpose.
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
";

impl LogConfiguration {
    /// Uses `log4j.properties` in the directory if there is one, else `logback.xml`, else the built-in text.
    pub fn find(conf_dir: Option<&Path>) -> Self {
        let candidates = [(LogFramework::Log4j, "log4j.properties"), (LogFramework::Logback, "logback.xml")];
        for (framework, name) in candidates {
            if let Some(path) = conf_dir.map(|dir| dir.join(name)).filter(|path| path.is_file()) {
                return Self { framework, name, path: Some(path) };
            }
        }
        Self { framework: LogFramework::Log4j, name: "log4j.properties", path: None }
    }

    /// The text to ship if [`Self::path`] is `None`.
    pub fn built_in() -> &'static str {
        BUILT_IN_LOG4J
    }
}

impl Distribution {
    /// Opens a distribution. `FLINK_LIB_DIR`, `FLINK_PLUGINS_DIR` and `FLINK_OPT_DIR` replace the directories below `home`.
    ///
    /// # Errors
    /// No readable `lib`, no or several flink-dist jars, an unsupported version.
    pub fn open(home: &Path, env: Lookup<'_>) -> Result<Self, DistError> {
        let directory = |variable: &str, name: &str| {
            env(variable).filter(|dir| !dir.is_empty()).map_or_else(|| home.join(name), PathBuf::from)
        };
        let lib_dir = directory("FLINK_LIB_DIR", "lib");
        if !lib_dir.exists() && lib_dir == home.join("lib") {
            return Err(DistError::NoLib { home: home.to_owned() });
        }
        // An unpacked Python package has the directories of `apache-flink-libraries` under `deps` or `pyflink`; the
        // user gives that one. A missing `lib` is the error for a wrong home directory.
        let mut lib = files_below(&lib_dir, "lib")?;
        lib.retain(|file| file.link.ends_with(".jar"));
        let is_dist = |file: &DistFile| Version::from_dist_jar(file_name(file)).is_some();
        // Copies in subdirectories do not count.
        lib.retain(|file| is_top(file) || !is_dist(file));
        let dist_jar = match lib.iter().filter(|file| is_dist(file)).collect::<Vec<_>>().as_slice() {
            [] => return Err(DistError::NoDistJar { lib: lib_dir }),
            [one] => (*one).clone(),
            several => {
                let names = several.iter().map(|file| file_name(file).to_owned()).collect();
                return Err(DistError::SeveralDistJars { lib: lib_dir, names });
            }
        };
        let Some(version) = Version::from_dist_jar(file_name(&dist_jar)) else {
            return Err(DistError::NoDistJar { lib: lib_dir });
        };
        if !version.is_supported() {
            return Err(DistError::UnsupportedVersion { version });
        }
        let plugins = optional(&directory("FLINK_PLUGINS_DIR", "plugins"), "plugins")?;
        let mut opt = optional(&directory("FLINK_OPT_DIR", "opt"), "opt")?;
        opt.retain(|file| file.link.ends_with(".jar") && is_top(file));
        let beside_lib = lib_dir.parent().map_or_else(|| home.join("usrlib"), |parent| parent.join("usrlib"));
        let usrlib = optional(&beside_lib, "usrlib")?;
        Ok(Self { home: home.to_owned(), version, lib, dist_jar, plugins, opt, usrlib })
    }

    /// Class path inside a container: jars in and below `lib` in order, flink-dist last, as in flink-yarn and Flink's scripts.
    pub fn class_path(&self) -> Vec<String> {
        let others = self.lib.iter().filter(|file| file.link != self.dist_jar.link);
        others.chain(std::iter::once(&self.dist_jar)).map(|file| file.link.clone()).collect()
    }
}

fn file_name(file: &DistFile) -> &str {
    file.link.rsplit('/').next().unwrap_or_default()
}

/// Whether the file is directly in its directory.
fn is_top(file: &DistFile) -> bool {
    file.link.matches('/').count() == 1
}

fn optional(dir: &Path, link: &str) -> Result<Vec<DistFile>, DistError> {
    if dir.is_dir() { files_below(dir, link) } else { Ok(Vec::new()) }
}

/// All files below a directory, following links, sorted by their place in the container.
fn files_below(dir: &Path, link: &str) -> Result<Vec<DistFile>, DistError> {
    let mut files = Vec::new();
    collect(dir, link, &mut Vec::new(), &mut files)?;
    files.sort_by(|a, b| a.link.cmp(&b.link));
    Ok(files)
}

fn collect(
    dir: &Path,
    link: &str,
    above: &mut Vec<PathBuf>,
    files: &mut Vec<DistFile>,
) -> Result<(), DistError> {
    let read_error = |path: &Path| {
        let path = path.to_owned();
        |source| DistError::Read { path, source }
    };
    // Symbolic links may form cycles.
    let real = dir.canonicalize().map_err(read_error(dir))?;
    if above.contains(&real) {
        return Ok(());
    }
    above.push(real);
    for entry in std::fs::read_dir(dir).map_err(read_error(dir))? {
        let entry = entry.map_err(read_error(dir))?;
        let path = entry.path();
        // YARN's link names are text.
        let Some(name) = entry.file_name().to_str().map(str::to_owned) else { continue };
        let metadata = std::fs::metadata(&path).map_err(read_error(&path))?;
        let link = format!("{link}/{name}");
        if metadata.is_dir() {
            collect(&path, &link, above, files)?;
        } else if metadata.is_file() {
            files.push(DistFile { path, link, size: metadata.len() });
        }
    }
    above.pop();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn distribution(files: &[&str]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for file in files {
            let path = dir.path().join(file);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, file).unwrap();
        }
        dir
    }

    fn none(_: &str) -> Option<String> {
        None
    }

    fn links(files: &[DistFile]) -> Vec<&str> {
        files.iter().map(|file| file.link.as_str()).collect()
    }

    #[test]
    fn opens_the_layout_without_conf_and_bin() {
        let home = distribution(&[
            "lib/log4j-api-2.24.3.jar",
            "lib/flink-dist-1.20.5.jar",
            "lib/flink-cep-1.20.5.jar",
            "lib/README.txt",
            "lib/deeper/other.jar",
            "lib/deeper/x.txt",
            "lib/old/flink-dist-1.19.1.jar",
            "plugins/README.txt",
            "plugins/metrics-jmx/flink-metrics-jmx-1.20.5.jar",
            "opt/flink-python-1.20.5.jar",
            "usrlib/a.jar",
        ]);
        let dist = Distribution::open(home.path(), &none).unwrap();
        assert_eq!(dist.version.to_string(), "1.20.5");
        assert_eq!(
            links(&dist.lib),
            [
                "lib/deeper/other.jar",
                "lib/flink-cep-1.20.5.jar",
                "lib/flink-dist-1.20.5.jar",
                "lib/log4j-api-2.24.3.jar"
            ]
        );
        assert_eq!(
            dist.class_path(),
            [
                "lib/deeper/other.jar",
                "lib/flink-cep-1.20.5.jar",
                "lib/log4j-api-2.24.3.jar",
                "lib/flink-dist-1.20.5.jar"
            ]
        );
        assert_eq!(dist.dist_jar.size, "lib/flink-dist-1.20.5.jar".len() as u64);
        assert_eq!(
            links(&dist.plugins),
            ["plugins/README.txt", "plugins/metrics-jmx/flink-metrics-jmx-1.20.5.jar"]
        );
        assert_eq!(links(&dist.opt), ["opt/flink-python-1.20.5.jar"]);
        assert_eq!(links(&dist.usrlib), ["usrlib/a.jar"]);
    }

    #[test]
    fn symlink_loops_end() {
        let home = distribution(&["lib/flink-dist-1.20.5.jar", "lib/below/a.jar"]);
        std::os::unix::fs::symlink("..", home.path().join("lib/below/up")).unwrap();
        let dist = Distribution::open(home.path(), &none).unwrap();
        assert_eq!(links(&dist.lib), ["lib/below/a.jar", "lib/flink-dist-1.20.5.jar"]);
    }

    #[test]
    fn honours_the_directories_of_the_environment() {
        let home = distribution(&["lib/flink-dist-1.20.5.jar", "plugins/a/a.jar"]);
        let other = distribution(&["mine/flink-dist-2.1.0.jar"]);
        let mine = other.path().join("mine").to_str().unwrap().to_owned();
        let env = |name: &str| (name == "FLINK_LIB_DIR").then(|| mine.clone());
        let dist = Distribution::open(home.path(), &env).unwrap();
        assert_eq!(dist.version.to_string(), "2.1.0");
        assert_eq!((links(&dist.lib), dist.plugins.len()), (vec!["lib/flink-dist-2.1.0.jar"], 1));
    }

    #[test]
    fn invalid_distributions_are_explained() {
        let open = |files: &[&str]| Distribution::open(distribution(files).path(), &none).unwrap_err();
        assert!(matches!(open(&["x"]), DistError::NoLib { .. }));
        assert!(matches!(open(&["lib/flink-csv-1.20.5.jar"]), DistError::NoDistJar { .. }));
        let two = open(&["lib/flink-dist-1.20.5.jar", "lib/flink-dist-1.19.1.jar"]);
        assert!(matches!(&two, DistError::SeveralDistJars { names, .. } if names.len() == 2));
        let old = open(&["lib/flink-dist-1.16.3.jar"]);
        assert_eq!(old.to_string(), "Flink 1.16.3 is not supported (supported: 1.20 and 2.0 to 2.3)");
        assert!(old.hint().is_some() && two.hint().is_some());
    }

    #[test]
    fn prefers_log4j_then_logback_then_its_own() {
        let conf = distribution(&["log4j.properties", "logback.xml"]);
        let found = LogConfiguration::find(Some(conf.path()));
        assert_eq!(
            (found.framework, found.path),
            (LogFramework::Log4j, Some(conf.path().join("log4j.properties")))
        );
        let conf = distribution(&["logback.xml"]);
        assert_eq!(LogConfiguration::find(Some(conf.path())).name, "logback.xml");
        let own = LogConfiguration::find(None);
        assert_eq!((own.name, own.path), ("log4j.properties", None));
        assert!(LogConfiguration::built_in().contains("${sys:log.file}"));
    }
}
