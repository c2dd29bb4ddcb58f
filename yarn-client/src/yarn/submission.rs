//! What a client asks the ResourceManager to run.

use std::time::Duration;

use proto::hadoop::yarn::ApplicationSubmissionContextProto;
use proto::ids::ApplicationId;

use super::{LaunchContext, Resource};

/// An application to run (`ApplicationSubmissionContext`).
#[derive(Debug, Clone, PartialEq)]
pub struct ApplicationSubmission {
    /// From [`new_application`](super::ResourceManager::new_application).
    pub id: ApplicationId,
    /// Name for people.
    pub name: String,
    /// Type; the ResourceManager keeps 20 characters.
    pub application_type: String,
    /// Queue; `None` leaves the choice to the ResourceManager (`default`, or its placement rules).
    pub queue: Option<String>,
    /// Priority within the queue: higher goes first.
    pub priority: Option<i32>,
    /// At most ten tags of at most 100 ASCII characters; sent in lower case.
    pub tags: Vec<String>,
    /// Attempts in all; 0 takes the cluster's setting, which is also the upper limit.
    pub max_attempts: u32,
    /// Failures older than this do not count; `None`: all count.
    pub attempt_failures_validity: Option<Duration>,
    /// Containers outlive a failed attempt and are handed to the next.
    pub keep_containers: bool,
    /// Size of the application master's container.
    pub resource: Resource,
    /// Node label expression of all containers that name none themselves.
    pub node_label: Option<String>,
    /// Node label expression of the application master's container.
    pub am_node_label: Option<String>,
    /// How the application master is started.
    pub launch: LaunchContext,
    /// Which of its logs are collected; `None`: all, at the end.
    pub log_aggregation: Option<LogAggregationContext>,
    /// The ResourceManager kills the application when it is this old.
    pub lifetime: Option<Duration>,
    /// The ResourceManager cancels the tokens it renews when the application ends.
    pub cancel_tokens_when_complete: bool,
}

/// Which log files are collected (`LogAggregationContext`). Patterns are Java regular expressions, searched in file
/// names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogAggregationContext {
    /// Collected at the end; `None`: all.
    pub include: Option<String>,
    /// Not collected at the end.
    pub exclude: Option<String>,
    /// Collected while the application runs; `None`: none.
    pub rolled_include: Option<String>,
    /// Not collected while it runs.
    pub rolled_exclude: Option<String>,
}

/// Which of YARN's rules a submission breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// More tags than YARN takes (`YarnConfiguration.APPLICATION_MAX_TAGS`).
    #[error("{0} application tags; YARN takes at most 10")]
    TooManyTags(usize),
    /// A tag is too long (`APPLICATION_MAX_TAG_LENGTH`).
    #[error("the application tag '{0}' is longer than 100 characters")]
    LongTag(String),
    /// A tag is not ASCII.
    #[error("the application tag '{0}' has characters outside of ASCII")]
    NotAscii(String),
    /// A number does not fit YARN's field.
    #[error("{field} is too large for YARN: {value}")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// The value.
        value: u128,
    },
    /// A local resource has an address that is no URI.
    #[error("the local resource '{link}' has an unusable address: {url}")]
    BadUrl {
        /// Name of the link.
        link: String,
        /// The address.
        url: String,
    },
}

impl ApplicationSubmission {
    /// A submission with YARN's defaults.
    pub fn new(
        id: ApplicationId,
        name: impl Into<String>,
        resource: Resource,
        launch: LaunchContext,
    ) -> Self {
        Self {
            id,
            name: name.into(),
            application_type: "YARN".to_owned(),
            queue: None,
            priority: None,
            tags: Vec::new(),
            max_attempts: 0,
            attempt_failures_validity: None,
            keep_containers: false,
            resource,
            node_label: None,
            am_node_label: None,
            launch,
            log_aggregation: None,
            lifetime: None,
            cancel_tokens_when_complete: true,
        }
    }

    /// The message on the wire.
    ///
    /// # Errors
    /// [`SubmissionError`] for what the ResourceManager would refuse or misread.
    pub fn to_proto(&self) -> Result<ApplicationSubmissionContextProto, SubmissionError> {
        todo!()
    }
}
