//! Why an application master could not start.

use proto::launch;
use yarn_client::yarn::AM_RM_TOKEN;

/// The application master could not start. Nothing has been registered, so YARN counts a failed attempt and shows this
/// text, the end of its standard error, in the report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// This is not a container.
    #[error(transparent)]
    Container(#[from] super::container::ContainerError),
    /// The container's credentials hold no launch specification.
    #[error(
        "the container's credentials contain no launch specification; `flink-app-master` is launched by \
         `yarn-flink`"
    )]
    NoSpec,
    /// The launch specification is damaged.
    #[error("the launch specification is damaged")]
    DecodeSpec(#[from] prost::DecodeError),
    /// The application's own files could not be created.
    #[error(transparent)]
    Files(#[from] super::files::FilesError),
    /// The launch specification is of another version.
    #[error(
        "the launch specification has version {found}, but this application master reads version {}",
        launch::VERSION
    )]
    SpecVersion {
        /// The version of the file.
        found: u32,
    },
    /// The launch specification names neither a job nor a program nor a session.
    #[error("the launch specification does not say what to run")]
    NoWorkload,
    /// A value of the Flink configuration is wrong.
    #[error(transparent)]
    FlinkConfig(#[from] yarn_client::flink::ConfigError),
    /// The Flink version cannot be read.
    #[error(transparent)]
    FlinkVersion(#[from] yarn_client::flink::version::VersionError),
    /// There is no way to Flink's REST server as its owner has secured it.
    #[error("the application master could not access Flink's REST server")]
    RestTls(#[from] yarn_client::flink::tls::rest::RestTlsError),
    /// The container's tokens cannot be read.
    #[error("cannot read the container's credentials")]
    Credentials(#[from] yarn_client::security::CredentialsError),
    /// The container's tokens do not let it register.
    #[error("the container's credentials contain no {AM_RM_TOKEN} token")]
    NoToken,
    /// The ResourceManager cannot be addressed.
    #[error(transparent)]
    Yarn(#[from] yarn_client::yarn::YarnError),
    /// The staging directory cannot be used.
    #[error("the staging directory")]
    Staging(#[from] yarn_client::hdfs::HdfsError),
    /// Another submission with the same key has started to run the job.
    #[error("{application} runs, or has run, the job of this key; it is not run again")]
    KeyTaken {
        /// The other application.
        application: String,
    },
    /// Signals cannot be received.
    #[error("cannot listen for SIGTERM")]
    Signal(#[source] std::io::Error),
}
