//! Why a submission failed, what kind of failure it is, and what to do about it.

mod preflight;

use proto::ids::ApplicationId;

use crate::cluster::ErrorKind;
use crate::cluster::error::{resource_manager_hint, stage_kind, yarn_kind};
use crate::flink::tls::store::StoreError;
use crate::hdfs::stage::StageError;
use crate::yarn::YarnError;

pub use preflight::PreflightError;

/// A submission that failed. Whatever was created for it on the cluster has been removed again, except complete cache
/// entries and what a key ([`key`](super::key)) points at.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Something was wrong before anything was submitted.
    #[error(transparent)]
    Preflight(Box<PreflightError>),
    /// Files could not be brought to the cluster.
    #[error(transparent)]
    Staging(Box<StageError>),
    /// The ResourceManager rejected the application.
    #[error("the ResourceManager did not accept {application}")]
    Refused {
        /// The application.
        application: ApplicationId,
        /// The ResourceManager's response.
        #[source]
        source: Box<YarnError>,
    },
    /// The ResourceManager's response was lost, or was not waited for.
    #[error("it is not known whether the ResourceManager accepted {application}")]
    Unsure {
        /// The application.
        application: ApplicationId,
        /// What happened to the response; `None`: the caller asked to stop.
        #[source]
        source: Option<Box<YarnError>>,
    },
    /// The key stands for another jar, class, savepoint or other arguments.
    #[error("the key `{key}` has already been used for another program: {application}")]
    KeyDiffers {
        /// The key.
        key: String,
        /// The application it stands for.
        application: ApplicationId,
    },
    /// The key's application has run, and how it ended is no longer known.
    #[error("{application}, submitted with the key `{key}`, has run, but YARN no longer knows how it ended")]
    KeyForgotten {
        /// The key.
        key: String,
        /// The application it stood for.
        application: ApplicationId,
        /// Full URI of the key's directory.
        directory: String,
    },
    /// The record of the key is damaged.
    #[error("the record of the key in {directory} is damaged")]
    KeyRecord {
        /// Full URI of the key's directory.
        directory: String,
    },
    /// The keys for the connections between Flink's processes could not be made.
    #[error(transparent)]
    Keys(#[from] StoreError),
    /// The caller asked to stop before the application was submitted.
    #[error("interrupted before the application was submitted; nothing was started")]
    Interrupted,
}

impl From<PreflightError> for SubmitError {
    fn from(error: PreflightError) -> Self {
        Self::Preflight(Box::new(error))
    }
}

impl SubmitError {
    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::Preflight(source) => source.kind(),
            Self::Interrupted | Self::Unsure { source: None, .. } => ErrorKind::Interrupted,
            Self::Unsure { source: Some(_), .. } => ErrorKind::Cluster,
            Self::Staging(source) => stage_kind(source),
            Self::Refused { source, .. } => yarn_kind(source),
            Self::KeyDiffers { .. } => ErrorKind::Usage,
            Self::KeyForgotten { .. } | Self::KeyRecord { .. } | Self::Keys(_) => ErrorKind::Cluster,
        }
    }

    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Preflight(source) => source.hint(),
            Self::Staging(source) => source.hint(),
            Self::Refused { source, .. } if source.is_access_denied() => Some(
                "choose another queue with `--queue`, or ask for the permission to submit to this one"
                    .to_owned(),
            ),
            Self::Refused { source, .. } => resource_manager_hint(source),
            Self::Unsure { application, .. } => Some(format!(
                "check with `yarn-flink status {application}` once the ResourceManager responds; its \
                 uploaded files are kept until then. With `--key` the same command can be repeated"
            )),
            Self::KeyDiffers { application, .. } => Some(format!(
                "use another key: a key belongs to one jar, class, savepoint and list of arguments; \
                 `yarn-flink status {application}` shows what was submitted with this one"
            )),
            Self::KeyForgotten { directory, .. } | Self::KeyRecord { directory } => Some(format!(
                "check what the job has written; to run it again use another key, or remove the record \
                 with `hdfs dfs -rm -r {directory}`"
            )),
            Self::Interrupted | Self::Keys(_) => None,
        }
    }

    /// The peer's complete response, including a Java stack trace.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::Preflight(source) => source.detail(),
            Self::Staging(source) => source.detail(),
            Self::Refused { source, .. } | Self::Unsure { source: Some(source), .. } => source.detail(),
            _ => None,
        }
    }
}

impl From<StageError> for SubmitError {
    fn from(error: StageError) -> Self {
        Self::Staging(Box::new(error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::{ApplicationError, ResourceManagerError};
    use crate::hdfs::HdfsError;

    fn refused() -> HdfsError {
        HdfsError::Failed {
            operation: "stat",
            path: "hdfs://nn/x.jar".to_owned(),
            class: None,
            message: "first line".to_owned(),
            detail: "first line\n\tat org.example.A.b(A.java:1)".to_owned(),
        }
    }

    #[test]
    fn the_java_trace_is_found_below_every_carrier() {
        let remote = || PreflightError::Remote {
            what: "the jar",
            path: "hdfs://nn/x.jar".to_owned(),
            source: Box::new(refused()),
        };
        let (prepared, asked) = (remote(), ApplicationError::from(refused()));
        let submitted = [
            SubmitError::from(remote()),
            SubmitError::from(StageError::from(refused())),
            SubmitError::from(PreflightError::from(StageError::from(refused()))),
        ];
        let carriers = [(prepared.detail(), prepared.to_string()), (asked.detail(), asked.to_string())];
        let others = submitted.iter().map(|error| (error.detail(), error.to_string()));
        for (detail, text) in carriers.into_iter().chain(others) {
            assert!(detail.is_some_and(|detail| detail.contains("A.java:1")), "{text}: {detail:?}");
            assert!(!text.contains("A.java"), "{text}");
        }
        assert_eq!(PreflightError::NoFlinkHome.detail(), None);
    }

    #[test]
    fn kinds_become_exit_codes_so_they_are_fixed() {
        let queue = PreflightError::NoQueue { queue: "q".to_owned(), known: vec!["default".to_owned()] };
        assert_eq!(queue.kind(), ErrorKind::Cluster);
        assert_eq!(queue.hint().as_deref(), Some("choose one with `--queue`: default"));
        assert_eq!(PreflightError::NoFlinkHome.kind(), ErrorKind::Usage);
        assert_eq!(SubmitError::Interrupted.kind(), ErrorKind::Interrupted);
        let missing = HdfsError::NotFound { path: "hdfs://nn/x.jar".to_owned() };
        let missing =
            PreflightError::Remote { what: "the jar", path: String::new(), source: Box::new(missing) };
        assert_eq!(missing.kind(), ErrorKind::Usage);
        let application = "application_1_0001".parse().unwrap();
        assert_eq!(
            ApplicationError::ResourceManager(ResourceManagerError::NotFound { application, detail: None })
                .kind(),
            ErrorKind::NotFound
        );
    }
}
