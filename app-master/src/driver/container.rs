//! What the NodeManager's environment says about the application master's container.

use std::path::PathBuf;
use std::time::UNIX_EPOCH;

use proto::ids::ContainerId;
use yarn_client::conf::Environment;

/// The container of the application master, read from the variables of
/// `org.apache.hadoop.yarn.api.ApplicationConstants.Environment`.
#[derive(Debug, Clone)]
pub(super) struct Container {
    /// `CONTAINER_ID`; contains the attempt's id, too.
    pub id: ContainerId,
    /// `NM_HOST`: the name by which other nodes know this one.
    pub host: String,
    /// The first of `LOG_DIRS`.
    pub log_dir: PathBuf,
    /// `LOCAL_DIRS`, comma separated.
    pub local_dirs: String,
    /// `HADOOP_TOKEN_FILE_LOCATION`.
    pub token_file: PathBuf,
    /// `JAVA_HOME`, from the NodeManager or from `containerized.master.env.JAVA_HOME`.
    pub java_home: Option<PathBuf>,
    /// `PATH`, searched for Java when `JAVA_HOME` is not set.
    pub path: String,
    /// `APP_SUBMIT_TIME_ENV`: when the application was submitted, ms since the epoch by the ResourceManager's clock.
    pub submitted_ms: Option<u64>,
    /// All variables: JVM options and the command template may use them.
    pub environment: Environment,
}

/// A variable that every NodeManager sets is missing or malformed: this is not a YARN container.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ContainerError {
    /// It is not set.
    #[error("`{0}` is not set; `flink-app-master` is started by a NodeManager, not by hand")]
    Missing(&'static str),
    /// It is not an id.
    #[error("CONTAINER_ID")]
    Id(#[from] proto::ids::ParseIdError),
}

impl Container {
    /// Reads the variables.
    ///
    /// # Errors
    /// A variable is missing, or `CONTAINER_ID` is not a container id.
    pub(super) fn from_environment(env: &Environment) -> Result<Self, ContainerError> {
        let variable = |name: &'static str| env.non_empty(name).ok_or(ContainerError::Missing(name));
        let log_dirs = variable("LOG_DIRS")?;
        Ok(Self {
            id: variable("CONTAINER_ID")?.parse()?,
            host: variable("NM_HOST")?.to_owned(),
            log_dir: PathBuf::from(log_dirs.split(',').next().unwrap_or(log_dirs)),
            local_dirs: variable("LOCAL_DIRS")?.to_owned(),
            token_file: PathBuf::from(variable("HADOOP_TOKEN_FILE_LOCATION")?),
            java_home: env.non_empty("JAVA_HOME").map(PathBuf::from),
            path: env.get("PATH").unwrap_or_default().to_owned(),
            submitted_ms: env.get("APP_SUBMIT_TIME_ENV").and_then(|text| text.parse().ok()),
            environment: env.clone(),
        })
    }

    /// When the node started to localise, in ms since the epoch: before anything is fetched for a user, it creates the
    /// application's directory (`ContainerExecutor.startLocalizer`). `None` if the file system does not record creation
    /// times.
    pub(super) fn localising_ms(&self) -> Option<u64> {
        let directory = self.local_dirs.split(',').next()?;
        let made = std::fs::metadata(directory).ok()?.created().ok()?;
        u64::try_from(made.duration_since(UNIX_EPOCH).ok()?.as_millis()).ok()
    }
}
