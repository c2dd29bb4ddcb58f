//! An unmodified Flink distribution with the usual layout.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, bail};

use crate::versions::FlinkVersion;
use crate::{cache, prerequisites, progress};

/// What Flink's stock configuration opens on Java 17 (`env.java.opts.all` of config.yaml in Flink's own archive).
pub const JAVA_OPTIONS: &str = "--add-exports=java.rmi/sun.rmi.registry=ALL-UNNAMED \
    --add-exports=jdk.compiler/com.sun.tools.javac.api=ALL-UNNAMED \
    --add-exports=jdk.compiler/com.sun.tools.javac.file=ALL-UNNAMED \
    --add-exports=jdk.compiler/com.sun.tools.javac.parser=ALL-UNNAMED \
    --add-exports=jdk.compiler/com.sun.tools.javac.tree=ALL-UNNAMED \
    --add-exports=jdk.compiler/com.sun.tools.javac.util=ALL-UNNAMED \
    --add-exports=java.security.jgss/sun.security.krb5=ALL-UNNAMED \
    --add-opens=java.base/java.lang=ALL-UNNAMED --add-opens=java.base/java.net=ALL-UNNAMED \
    --add-opens=java.base/java.io=ALL-UNNAMED --add-opens=java.base/java.nio=ALL-UNNAMED \
    --add-opens=java.base/sun.nio.ch=ALL-UNNAMED --add-opens=java.base/java.lang.reflect=ALL-UNNAMED \
    --add-opens=java.base/java.text=ALL-UNNAMED --add-opens=java.base/java.time=ALL-UNNAMED \
    --add-opens=java.base/java.util=ALL-UNNAMED --add-opens=java.base/java.util.concurrent=ALL-UNNAMED \
    --add-opens=java.base/java.util.concurrent.atomic=ALL-UNNAMED \
    --add-opens=java.base/java.util.concurrent.locks=ALL-UNNAMED";

/// Flink's JVMs live for seconds here: a setting that lets them start with two thirds of the work.
pub const SHORT_LIVED: &str = "env.java.default-opts.all=-XX:+UseSerialGC -XX:TieredStopAtLevel=1";

/// A downloaded Flink: a folder that can be `FLINK_HOME`.
#[derive(Clone, Debug)]
pub struct Flink {
    version: FlinkVersion,
    home: PathBuf,
}

impl Flink {
    /// Downloads the distribution from PyPI once and returns it.
    ///
    /// # Errors
    /// Python with pip is missing, there is no network, or the cache cannot be written.
    pub fn download(version: FlinkVersion) -> Result<Self> {
        let home = cache::entry(&format!("flink-{}", version.version), |folder| {
            prerequisites::check()?;
            download(version, folder)?;
            write_conf(&folder.join("conf"))
        })?;
        Ok(Self { version, home })
    }

    /// Its version, such as `1.20.5`.
    pub fn version(&self) -> &'static str {
        self.version.version
    }

    /// The folder with `lib/`, `plugins/`, `opt/`, `bin/` and `conf/`. Never write into it: other runs share it.
    pub fn home(&self) -> &Path {
        &self.home
    }

    /// `conf/` of the distribution, with `config.yaml` and the log4j files of a stock installation.
    pub fn conf_dir(&self) -> PathBuf {
        self.home.join("conf")
    }

    /// The jars of `lib/`, sorted.
    ///
    /// # Errors
    /// The folder cannot be read.
    pub fn libraries(&self) -> Result<Vec<PathBuf>> {
        let lib = self.home.join("lib");
        let mut jars = Vec::new();
        for entry in fs::read_dir(&lib).with_context(|| format!("cannot read {}", lib.display()))? {
            let path = entry?.path();
            if path.extension().is_some_and(|extension| extension == "jar") {
                jars.push(path);
            }
        }
        jars.sort();
        Ok(jars)
    }

    /// A `java` command that runs `main_class` with Flink's libraries, followed by `more_classpath`, and with
    /// `FLINK_CONF_DIR` set. With `org.apache.flink.client.cli.CliFrontend` this is Flink's own command line.
    pub fn command(&self, main_class: &str, more_classpath: &[PathBuf]) -> Command {
        let mut classpath = self.home.join("lib/*").display().to_string();
        for entry in more_classpath {
            classpath.push(':');
            classpath.push_str(&entry.display().to_string());
        }
        let conf = self.conf_dir();
        let mut command = Command::new(prerequisites::java_tool("java"));
        command
            .args(JAVA_OPTIONS.split_whitespace())
            .arg(format!("-Dlog4j.configurationFile=file:{}", conf.join("log4j-cli.properties").display()))
            .arg("-classpath")
            .arg(classpath)
            .arg(main_class)
            .env("FLINK_HOME", &self.home)
            .env("FLINK_LIB_DIR", self.home.join("lib"))
            .env("FLINK_OPT_DIR", self.home.join("opt"))
            .env("FLINK_PLUGINS_DIR", self.home.join("plugins"))
            .env("FLINK_CONF_DIR", &conf);
        command
    }
}

/// The source distribution contains under `deps/` what the archive on Flink's download page does, except for `conf/`
/// and the shell scripts.
fn download(version: FlinkVersion, folder: &Path) -> Result<()> {
    let archives = tempfile::tempdir_in(folder).context("cannot make a folder for the download")?;
    let mut pip = Command::new("python3");
    pip.args(["-m", "pip", "download", "--no-deps", "--no-cache-dir", "--disable-pip-version-check"])
        .args(["--progress-bar", "off", "--dest"])
        .arg(archives.path())
        .arg(format!("apache-flink-libraries=={}", version.version))
        // pip writes a download here first, and to --dest only at the end: this shows its progress.
        .env("TMPDIR", archives.path());
    progress::run(&format!("download Flink {} from PyPI", version.version), pip, archives.path())
        .context("hint: pip needs the network once; a mirror or proxy goes into pip.conf or PIP_INDEX_URL")?;
    let mut archive = None;
    for entry in fs::read_dir(archives.path()).context("cannot read the download")? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        if let Some(stem) = name.strip_suffix(".tar.gz") {
            archive = Some((path.clone(), stem.to_owned()));
        }
    }
    let Some((archive, stem)) = archive else {
        bail!("pip ended well, but left no .tar.gz of apache-flink-libraries {}", version.version)
    };
    let mut tar = Command::new("tar");
    tar.arg("-xzf")
        .arg(archive)
        .arg("-C")
        .arg(folder)
        .arg("--strip-components=2")
        .arg(format!("{stem}/deps"));
    progress::run(&format!("unpack Flink {}", version.version), tar, &folder.join("lib"))
}

/// The stock configuration: what `config.yaml` and the log4j files of Flink's archive set, without the comments.
fn write_conf(conf: &Path) -> Result<()> {
    fs::create_dir_all(conf).with_context(|| format!("cannot create {}", conf.display()))?;
    let config = format!(
        "env:\n  java:\n    opts:\n      all: {JAVA_OPTIONS}\njobmanager:\n  bind-host: localhost\n  rpc:\n    \
         address: localhost\n    port: 6123\n  memory:\n    process:\n      size: 1600m\n  execution:\n    \
         failover-strategy: region\ntaskmanager:\n  bind-host: localhost\n  host: localhost\n  \
         numberOfTaskSlots: 1\n  memory:\n    process:\n      size: 1728m\nparallelism:\n  default: 1\nrest:\n  \
         address: localhost\n  bind-address: localhost\n"
    );
    for (name, text) in [
        ("config.yaml", config.as_str()),
        ("log4j.properties", LOG4J),
        ("log4j-console.properties", LOG4J_CONSOLE),
        ("log4j-cli.properties", LOG4J_CLI),
    ] {
        let path = conf.join(name);
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
    }
    Ok(())
}

const LOG4J: &str = "\
monitorInterval = 30
rootLogger.level = ${env:ROOT_LOG_LEVEL:-INFO}
rootLogger.appenderRef.file.ref = MainAppender
logger.pekko.name = org.apache.pekko
logger.pekko.level = INFO
logger.hadoop.name = org.apache.hadoop
logger.hadoop.level = INFO
logger.zookeeper.name = org.apache.zookeeper
logger.zookeeper.level = INFO
appender.main.name = MainAppender
appender.main.type = RollingFile
appender.main.append = true
appender.main.fileName = ${sys:log.file}
appender.main.filePattern = ${sys:log.file}.%i
appender.main.layout.type = PatternLayout
appender.main.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
appender.main.policies.type = Policies
appender.main.policies.size.type = SizeBasedTriggeringPolicy
appender.main.policies.size.size = 100MB
appender.main.strategy.type = DefaultRolloverStrategy
appender.main.strategy.max = ${env:MAX_LOG_FILE_NUMBER:-10}
logger.netty.name = org.jboss.netty.channel.DefaultChannelPipeline
logger.netty.level = OFF
";

const LOG4J_CONSOLE: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = ConsoleAppender
appender.console.name = ConsoleAppender
appender.console.type = CONSOLE
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
";

const LOG4J_CLI: &str = "\
rootLogger.level = INFO
rootLogger.appenderRef.console.ref = ConsoleAppender
appender.console.name = ConsoleAppender
appender.console.type = CONSOLE
appender.console.target = SYSTEM_ERR
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d{yyyy-MM-dd HH:mm:ss,SSS} %-5p %-60c %x - %m%n
";
