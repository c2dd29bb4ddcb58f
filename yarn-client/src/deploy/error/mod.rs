//! Why a verb failed, what kind of failure it is, and what to do about it.

mod application;
mod preflight;

use proto::ids::ApplicationId;

use crate::conf::Endpoint;
use crate::hdfs::HdfsError;
use crate::hdfs::stage::StageError;
use crate::rpc::RpcError;
use crate::yarn::YarnError;

pub use application::ApplicationError;
pub use preflight::PreflightError;

/// What kind of failure an error is; scripts see it as the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The command line, a file it names or a configuration is wrong.
    Usage,
    /// The cluster refused, or could not be reached.
    Cluster,
    /// There is no such application.
    NotFound,
    /// The time that was given has passed.
    TimedOut,
    /// The caller asked to stop.
    Interrupted,
    /// The user's program failed.
    Job,
}

/// A submission that failed. Whatever had been made for it on the cluster is gone again, whole cache entries
/// and what a key ([`super::key`]) points at apart.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SubmitError {
    /// Something was wrong beforehand.
    #[error(transparent)]
    Preflight(Box<PreflightError>),
    /// Files could not be brought to the cluster.
    #[error(transparent)]
    Staging(Box<StageError>),
    /// The ResourceManager did not take the application.
    #[error("the ResourceManager did not take {application}")]
    Refused {
        /// The application.
        application: ApplicationId,
        /// What it said.
        #[source]
        source: Box<YarnError>,
    },
    /// The ResourceManager's answer was lost, or not waited for.
    #[error("whether the ResourceManager has taken {application} is not known")]
    Unsure {
        /// The application.
        application: ApplicationId,
        /// What happened to the answer; `None`: the caller asked to stop.
        #[source]
        source: Option<Box<YarnError>>,
    },
    /// The key stands for another jar, class, savepoint or other arguments.
    #[error("the key '{key}' has been used for another program: {application}")]
    KeyDiffers {
        /// The key.
        key: String,
        /// The application it stands for.
        application: ApplicationId,
    },
    /// The key's application has run, and nobody knows any more how it ended.
    #[error("{application}, submitted with the key '{key}', has run, and YARN no longer knows how it ended")]
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
            Self::KeyForgotten { .. } | Self::KeyRecord { .. } => ErrorKind::Cluster,
        }
    }

    /// What to do next, where there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Preflight(source) => source.hint(),
            Self::Staging(source) => source.hint(),
            Self::Refused { source, .. } if source.is_access_denied() => Some(
                "the user has no right to submit to this queue: choose another with --queue, or ask for it"
                    .to_owned(),
            ),
            Self::Refused { source, .. } => resource_manager_hint(source),
            Self::Unsure { application, .. } => Some(format!(
                "`yarn-flink status {application}` tells once the ResourceManager answers; what was uploaded for it stays until \
                 then. With --key the same command can be repeated"
            )),
            Self::KeyDiffers { application, .. } => Some(format!(
                "a key stands for one jar, class, savepoint and list of arguments: use another key; `yarn-flink status \
                 {application}` shows what runs under this one"
            )),
            Self::KeyForgotten { directory, .. } | Self::KeyRecord { directory } => Some(format!(
                "look at what the job has written; to run it again use another key, or hdfs dfs -rm -r {directory}"
            )),
            Self::Interrupted => None,
        }
    }
}

impl From<StageError> for SubmitError {
    fn from(error: StageError) -> Self {
        Self::Staging(Box::new(error))
    }
}

/// Silence is the ResourceManager's, whatever was asked; what it answers speaks for itself.
fn resource_manager_text(error: &YarnError) -> String {
    match unreachable_at(error) {
        Some(endpoint) => format!("no ResourceManager answers at {endpoint}"),
        None => error.to_string(),
    }
}

fn resource_manager_hint(error: &YarnError) -> Option<String> {
    match unreachable_at(error) {
        Some(endpoint) => Some(format!(
            "is the ResourceManager running, and is {endpoint} right? It comes from yarn.resourcemanager.address (or \
             .hostname) in yarn-site.xml"
        )),
        None if error.remote_class() == Some("org.apache.hadoop.ipc.RpcNoSuchProtocolException") => Some(
            "another service than a ResourceManager listens there: correct yarn.resourcemanager.address in \
             yarn-site.xml"
                .to_owned(),
        ),
        None => error.hint(),
    }
}

fn unreachable_at(error: &YarnError) -> Option<&Endpoint> {
    match error {
        YarnError::Rpc(rpc) if rpc.is_unreachable() => rpc.endpoint(),
        _ => None,
    }
}

fn yarn_kind(error: &YarnError) -> ErrorKind {
    match error {
        YarnError::Configuration(_) | YarnError::Submission(_) => ErrorKind::Usage,
        _ => ErrorKind::Cluster,
    }
}

fn stage_kind(error: &StageError) -> ErrorKind {
    match error {
        StageError::DuplicateLink { .. } | StageError::Link { .. } | StageError::Local { .. } => {
            ErrorKind::Usage
        }
        _ => ErrorKind::Cluster,
    }
}

/// The peer's whole answer, a Java stack trace included, from wherever in a chain of errors it is kept.
pub fn detail<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a str> {
    let mut next = Some(error);
    while let Some(error) = next {
        let own = error
            .downcast_ref::<RpcError>()
            .and_then(RpcError::detail)
            .or_else(|| error.downcast_ref::<YarnError>().and_then(YarnError::detail))
            .or_else(|| error.downcast_ref::<Box<YarnError>>().and_then(|error| error.detail()))
            .or_else(|| error.downcast_ref::<HdfsError>().and_then(HdfsError::detail))
            .or_else(|| error.downcast_ref::<Box<HdfsError>>().and_then(|error| error.detail()));
        // `#[error(transparent)]` skips a level of `source`, so the carriers are asked by name too.
        let carried = || match error.downcast_ref::<ApplicationError>()? {
            ApplicationError::ResourceManager(source) => source.detail(),
            ApplicationError::FileSystem(source) => source.detail(),
            ApplicationError::NotFound { detail, .. } => detail.as_deref(),
            ApplicationError::Operation { failure, .. } | ApplicationError::Program { failure, .. } => {
                Some(failure.detail.as_str())
            }
            ApplicationError::Flink { source, .. } | ApplicationError::Unsure { source, .. } => {
                source.detail()
            }
            _ => None,
        };
        let staged = |stage: &'a StageError| match stage {
            StageError::FileSystem(source) => source.detail(),
            _ => None,
        };
        let prepared = |error: &'a PreflightError| match error {
            PreflightError::ResourceManager(source) => source.detail(),
            PreflightError::Staging(stage) => staged(stage),
            _ => None,
        };
        let submitted = || match error.downcast_ref::<SubmitError>()? {
            SubmitError::Preflight(source) => prepared(source),
            SubmitError::Staging(source) => staged(source),
            _ => None,
        };
        if let Some(found) = own.or_else(carried).or_else(submitted) {
            return Some(found);
        }
        next = error.source();
    }
    None
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

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
        let carriers: [Box<dyn Error>; 5] = [
            Box::new(remote()),
            Box::new(SubmitError::from(remote())),
            Box::new(SubmitError::from(StageError::from(refused()))),
            Box::new(SubmitError::from(PreflightError::from(StageError::from(refused())))),
            Box::new(ApplicationError::from(refused())),
        ];
        for error in carriers {
            assert!(detail(error.as_ref()).is_some_and(|text| text.contains("A.java:1")), "{error:?}");
            assert!(!error.to_string().contains("A.java"), "{error}");
        }
        assert_eq!(detail(&PreflightError::NoFlinkHome), None);
    }

    #[test]
    fn kinds_become_exit_codes_so_they_are_fixed() {
        let queue = PreflightError::NoQueue { queue: "q".to_owned(), known: vec!["default".to_owned()] };
        assert_eq!(queue.kind(), ErrorKind::Cluster);
        assert_eq!(queue.hint().as_deref(), Some("choose one with --queue: default"));
        assert_eq!(PreflightError::NoFlinkHome.kind(), ErrorKind::Usage);
        assert_eq!(SubmitError::Interrupted.kind(), ErrorKind::Interrupted);
        let missing = HdfsError::NotFound { path: "hdfs://nn/x.jar".to_owned() };
        let missing =
            PreflightError::Remote { what: "the jar", path: String::new(), source: Box::new(missing) };
        assert_eq!(missing.kind(), ErrorKind::Usage);
        let application = "application_1_0001".parse().unwrap();
        assert_eq!(ApplicationError::NotFound { application, detail: None }.kind(), ErrorKind::NotFound);
    }
}
