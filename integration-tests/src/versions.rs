//! The versions that are downloaded, in one place.

/// One Hadoop release and what its jars need to run together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HadoopVersion {
    /// Version of `org.apache.hadoop:hadoop-minicluster` on Maven Central.
    pub version: &'static str,
    /// `com.fasterxml.jackson:jackson-bom` to force, if the release's own dependency tree mixes versions: 3.4.1
    /// resolves a jackson-databind that does not match its jackson-core.
    pub jackson_bom: Option<&'static str>,
}

/// Hadoop 3.4, the default.
pub const HADOOP_3_4: HadoopVersion = HadoopVersion { version: "3.4.1", jackson_bom: Some("2.15.4") };
/// Hadoop 3.3, the oldest one tested.
pub const HADOOP_3_3: HadoopVersion = HadoopVersion { version: "3.3.6", jackson_bom: None };
/// Hadoop 3.5, the newest one tested.
pub const HADOOP_3_5: HadoopVersion = HadoopVersion { version: "3.5.0", jackson_bom: None };

/// One Flink release: the version of `apache-flink-libraries` on PyPI, which contains the whole distribution
/// (`flink-dist` itself is not on Maven Central).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlinkVersion {
    /// Version of the source distribution.
    pub version: &'static str,
}

/// Flink 1.20, the long-term release and the default.
pub const FLINK_1_20: FlinkVersion = FlinkVersion { version: "1.20.5" };
/// Flink 2.1.
pub const FLINK_2_1: FlinkVersion = FlinkVersion { version: "2.1.3" };

/// `maven-dependency-plugin` that copies the Hadoop jars; pinned so that two machines get the same folder.
pub const MAVEN_DEPENDENCY_PLUGIN: &str = "3.8.1";
