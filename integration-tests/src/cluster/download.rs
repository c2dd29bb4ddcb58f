//! Hadoop's jars from Maven Central.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};

use crate::versions::{HadoopVersion, MAVEN_DEPENDENCY_PLUGIN};
use crate::{cache, prerequisites, progress};

/// The jars of one Hadoop release, for daemons and clients.
#[derive(Clone, Debug)]
pub struct Hadoop {
    /// The release.
    pub version: HadoopVersion,
    /// Folder with all jars; use it as `<jars>/*` after a configuration folder.
    pub jars: PathBuf,
}

impl Hadoop {
    /// Downloads the jars with Maven once and returns them.
    ///
    /// # Errors
    /// Maven is missing, there is no network, or the cache cannot be written.
    pub fn download(version: HadoopVersion) -> Result<Self> {
        let entry = cache::entry(&format!("hadoop-{}", version.version), |folder| {
            prerequisites::check()?;
            copy_dependencies(version, folder)
        })?;
        Ok(Self { version, jars: entry.join("lib") })
    }
}

/// Folder with the jars of `hadoop-minikdc`, downloaded once: a KDC in Java, of the same release.
///
/// # Errors
/// As [`Hadoop::download`].
pub(crate) fn mini_kdc(version: &str) -> Result<PathBuf> {
    let entry = cache::entry(&format!("minikdc-{version}"), |folder| {
        prerequisites::check()?;
        maven(&pom("", "hadoop-minikdc", version), folder, &format!("the KDC of Hadoop {version}"))
    })?;
    Ok(entry.join("lib"))
}

/// A project whose only purpose is its dependencies; no parent, no build.
fn pom(management: &str, artifact: &str, version: &str) -> String {
    format!(
        "<project xmlns=\"http://maven.apache.org/POM/4.0.0\"><modelVersion>4.0.0</modelVersion>\
         <groupId>local</groupId><artifactId>hadoop-jars</artifactId><version>1</version><packaging>pom</packaging>\
         {management}<dependencies><dependency><groupId>org.apache.hadoop</groupId>\
         <artifactId>{artifact}</artifactId><version>{version}</version></dependency></dependencies></project>\n"
    )
}

/// Copies all that the project needs at run time to `folder/lib`.
fn maven(pom: &str, folder: &Path, what: &str) -> Result<()> {
    let pom_file = folder.join("pom.xml");
    fs::write(&pom_file, pom).with_context(|| format!("cannot write {}", pom_file.display()))?;
    let jars = folder.join("lib");
    let mut maven = Command::new("mvn");
    maven
        .args(["--batch-mode", "--no-transfer-progress", "--file"])
        .arg(&pom_file)
        .arg(format!(
            "org.apache.maven.plugins:maven-dependency-plugin:{MAVEN_DEPENDENCY_PLUGIN}:copy-dependencies"
        ))
        .arg("-DincludeScope=runtime")
        .arg(format!("-DoutputDirectory={}", jars.display()));
    progress::run(&format!("download {what} from Maven Central"), maven, &jars)
        .context("hint: Maven needs the network once; a mirror or proxy goes into ~/.m2/settings.xml")
}

/// The test jars bring what a NameNode needs to run in a test (`webapps/hdfs` is nowhere else).
fn copy_dependencies(version: HadoopVersion, folder: &Path) -> Result<()> {
    let jackson = version.jackson_bom.map_or_else(String::new, |bom| {
        format!(
            "<dependencyManagement><dependencies><dependency><groupId>com.fasterxml.jackson</groupId>\
             <artifactId>jackson-bom</artifactId><version>{bom}</version><type>pom</type><scope>import</scope>\
             </dependency></dependencies></dependencyManagement>"
        )
    });
    let pom = pom(&jackson, "hadoop-minicluster", version.version);
    maven(&pom, folder, &format!("Hadoop {}", version.version))?;
    let jars = folder.join("lib");
    for entry in fs::read_dir(&jars).with_context(|| format!("cannot read {}", jars.display()))? {
        let path = entry?.path();
        let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        // `webapps/hdfs` and `webapps/datanode` are only in hadoop-hdfs's test jar.
        if name.ends_with("-tests.jar") && !name.starts_with("hadoop-hdfs-") {
            fs::remove_file(&path).with_context(|| format!("cannot delete {}", path.display()))?;
        }
    }
    let daemon = jars.join(format!("hadoop-yarn-server-resourcemanager-{}.jar", version.version));
    ensure!(daemon.is_file(), "Maven ended well, but {} is not there", daemon.display());
    Ok(())
}
