//! What a client asks the ResourceManager to run.

use std::time::Duration;

use proto::hadoop::yarn as wire;
use proto::hadoop::yarn::ApplicationSubmissionContextProto;
use proto::ids::ApplicationId;

use super::{LaunchContext, Resource};

/// Maximum number of tags of an application (`YarnConfiguration.APPLICATION_MAX_TAGS`).
pub const MAX_TAGS: usize = 10;
/// Maximum length of a tag (`YarnConfiguration.APPLICATION_MAX_TAG_LENGTH`).
pub const MAX_TAG_LENGTH: usize = 100;

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
    /// Priority within the queue: a higher one is served first.
    pub priority: Option<i32>,
    /// At most ten tags of at most 100 ASCII characters; sent in lower case.
    pub tags: Vec<String>,
    /// Maximum number of attempts; 0 uses the cluster's setting, which is also the upper limit.
    pub max_attempts: u32,
    /// Failures older than this do not count; `None`: all count.
    pub attempt_failures_validity: Option<Duration>,
    /// Whether containers outlive a failed attempt and are passed on to the next.
    pub keep_containers: bool,
    /// Size of the application master's container.
    pub resource: Resource,
    /// Node label expression of all containers that name none themselves.
    pub node_label: Option<String>,
    /// Node label expression of the application master's container.
    pub am_node_label: Option<String>,
    /// How the application master is started.
    pub launch: LaunchContext,
    /// Which of its logs are aggregated; `None`: all, at the end.
    pub log_aggregation: Option<LogAggregationContext>,
    /// The age at which the ResourceManager kills the application.
    pub lifetime: Option<Duration>,
    /// Whether the ResourceManager cancels the tokens that it renews when the application ends.
    pub cancel_tokens_when_complete: bool,
    /// The application master runs wherever its owner starts it, not in a container: [`Self::launch`] and
    /// [`Self::resource`] are not used. It finds its token in [`am_rm_token`](super::ApplicationReport::am_rm_token) of
    /// the application's report. There is only one attempt.
    pub unmanaged: bool,
}

/// Which log files are aggregated (`LogAggregationContext`). Patterns are Java regular expressions, searched for in
/// file names.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogAggregationContext {
    /// Aggregated at the end; `None`: all.
    pub include: Option<String>,
    /// Not aggregated at the end.
    pub exclude: Option<String>,
    /// Aggregated while the application runs; `None`: none.
    pub rolled_include: Option<String>,
    /// Not aggregated while it runs.
    pub rolled_exclude: Option<String>,
}

/// Which of YARN's rules a submission breaks.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SubmissionError {
    /// More tags than YARN allows (`YarnConfiguration.APPLICATION_MAX_TAGS`).
    #[error("{0} application tags; YARN accepts at most 10")]
    TooManyTags(usize),
    /// A tag is too long (`APPLICATION_MAX_TAG_LENGTH`).
    #[error("the application tag `{0}` is longer than 100 characters")]
    LongTag(String),
    /// A tag is not ASCII.
    #[error("the application tag `{0}` contains non-ASCII characters")]
    NotAscii(String),
    /// A number does not fit YARN's field.
    #[error("{field} is too large for YARN: {value}")]
    TooLarge {
        /// The field.
        field: &'static str,
        /// The value.
        value: u128,
    },
    /// The address of a local resource is not a URI.
    #[error("the local resource `{link}` has an invalid address: {url}")]
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
            unmanaged: false,
        }
    }

    /// The protobuf message.
    ///
    /// # Errors
    /// [`SubmissionError`] for what the ResourceManager would reject or misinterpret.
    pub(super) fn to_proto(&self) -> Result<ApplicationSubmissionContextProto, SubmissionError> {
        let timeout = |lifetime: Duration| wire::ApplicationTimeoutMapProto {
            application_timeout_type: Some(wire::ApplicationTimeoutTypeProto::AppTimeoutLifetime.into()),
            // In seconds, unlike every other time in these messages; a fraction of a second is rounded up.
            timeout: Some(saturated(lifetime.as_millis().div_ceil(1000))),
        };
        // The application master's own label can only be specified with a full request for its container, which then
        // replaces `resource`.
        let am_request = self.am_node_label.as_ref().map(|label| wire::ResourceRequestProto {
            priority: Some(wire::PriorityProto { priority: Some(0) }),
            resource_name: Some("*".to_owned()),
            capability: Some(self.resource.to_wire()),
            num_containers: Some(1),
            relax_locality: Some(true),
            node_label_expression: Some(label.clone()),
            allocation_request_id: Some(0),
            ..Default::default()
        });
        Ok(ApplicationSubmissionContextProto {
            application_id: Some(self.id.into()),
            application_name: Some(self.name.clone()),
            queue: self.queue.clone(),
            priority: self.priority.map(|priority| wire::PriorityProto { priority: Some(priority) }),
            am_container_spec: Some(self.launch.to_proto()?),
            cancel_tokens_when_complete: Some(self.cancel_tokens_when_complete),
            unmanaged_am: self.unmanaged.then_some(true),
            max_app_attempts: Some(i32::try_from(self.max_attempts).map_err(|_| {
                SubmissionError::TooLarge { field: "the number of attempts", value: self.max_attempts.into() }
            })?),
            resource: Some(self.resource.to_wire()),
            application_type: Some(self.application_type.clone()),
            keep_containers_across_application_attempts: Some(self.keep_containers),
            application_tags: self.checked_tags()?,
            attempt_failures_validity_interval: self
                .attempt_failures_validity
                .map(|d| saturated(d.as_millis())),
            log_aggregation_context: self.log_aggregation.as_ref().map(LogAggregationContext::to_proto),
            node_label_expression: self.node_label.clone(),
            am_container_resource_request: am_request.into_iter().collect(),
            application_timeouts: self.lifetime.map(timeout).into_iter().collect(),
            ..Default::default()
        })
    }

    fn checked_tags(&self) -> Result<Vec<String>, SubmissionError> {
        let mut tags: Vec<String> = self.tags.iter().map(|tag| tag.trim().to_lowercase()).collect();
        tags.retain(|tag| !tag.is_empty());
        tags.sort_unstable();
        tags.dedup();
        if tags.len() > MAX_TAGS {
            return Err(SubmissionError::TooManyTags(tags.len()));
        }
        for tag in &tags {
            if !tag.is_ascii() {
                return Err(SubmissionError::NotAscii(tag.clone()));
            }
            if tag.len() > MAX_TAG_LENGTH {
                return Err(SubmissionError::LongTag(tag.clone()));
            }
        }
        Ok(tags)
    }
}

impl LogAggregationContext {
    fn to_proto(&self) -> wire::LogAggregationContextProto {
        // An absent field takes the default of the .proto, which is what `None` means here.
        wire::LogAggregationContextProto {
            include_pattern: self.include.clone(),
            exclude_pattern: self.exclude.clone(),
            rolled_logs_include_pattern: self.rolled_include.clone(),
            rolled_logs_exclude_pattern: self.rolled_exclude.clone(),
            ..Default::default()
        }
    }
}

fn saturated(value: u128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn submission() -> ApplicationSubmission {
        let id = ApplicationId { cluster_timestamp: 1_700_000_000_000, id: 7 };
        ApplicationSubmission::new(id, "word count", Resource::new(1024, 1), LaunchContext::default())
    }

    #[test]
    fn units_match_yarns() {
        let submission = ApplicationSubmission {
            attempt_failures_validity: Some(Duration::from_secs(10)),
            lifetime: Some(Duration::from_millis(1500)),
            max_attempts: 2,
            ..submission()
        };
        let message = submission.to_proto().unwrap();
        assert_eq!(message.attempt_failures_validity_interval, Some(10_000));
        assert_eq!(message.application_timeouts[0].timeout, Some(2));
        assert_eq!(message.max_app_attempts, Some(2));
        assert_eq!(message.resource.unwrap().memory, Some(1024));
        // No queue given: the ResourceManager's placement rules decide.
        assert_eq!(message.queue, None);
        assert!(message.am_container_resource_request.is_empty());
    }

    #[test]
    fn a_label_for_the_master_asks_for_its_container_in_full() {
        let labelled = ApplicationSubmission { am_node_label: Some("ssd".to_owned()), ..submission() };
        let message = labelled.to_proto().unwrap();
        let [request] = &message.am_container_resource_request[..] else { panic!("one request") };
        assert_eq!(request.node_label_expression(), "ssd");
        assert_eq!((request.resource_name(), request.num_containers()), ("*", 1));
        assert_eq!(request.capability, message.resource);
    }

    #[test]
    fn tags_are_lowered_and_limited() {
        let tagged = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            ApplicationSubmission { tags, ..submission() }.to_proto().map(|message| message.application_tags)
        };
        assert_eq!(tagged(&["Flink", " etl ", "", "flink"]).unwrap(), ["etl", "flink"]);
        assert_eq!(tagged(&["grün"]), Err(SubmissionError::NotAscii("grün".to_owned())));
        let long = "x".repeat(101);
        assert_eq!(tagged(&[&long]), Err(SubmissionError::LongTag(long.clone())));
        let many: Vec<String> = (0..11).map(|i| i.to_string()).collect();
        let many: Vec<&str> = many.iter().map(String::as_str).collect();
        assert_eq!(tagged(&many), Err(SubmissionError::TooManyTags(11)));
    }
}
