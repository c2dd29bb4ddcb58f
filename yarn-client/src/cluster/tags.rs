//! What an application's report says about it: its tags, and its type.

use crate::yarn::ApplicationReport;

/// The tag that every session carries, besides its owner's: it distinguishes sessions from jobs in YARN's list.
pub const SESSION: &str = "flink-session";
/// Prefix of the URI of the base directory of staged files; see [`place`](super::place).
pub(super) const STAGING: &str = "yarn-flink-staging:";
/// Prefix of the digests of a key and of what it stands for.
pub(crate) const KEY: &str = "yarn-flink-key:";
/// Prefix of the id of its only job.
const JOB: &str = "flink-job:";

/// Whether an application is a session.
pub fn is_session(report: &ApplicationReport) -> bool {
    report.tags.iter().any(|tag| tag == SESSION)
}

/// Whether the application runs Flink, judging by its type: only then hints name Flink's options.
pub fn is_flink(application_type: &str) -> bool {
    application_type.to_ascii_lowercase().contains("flink")
}

/// The tag that says which job an application runs, for clients that do not ask the application itself.
pub(crate) fn job_tag(job_id: &str) -> String {
    format!("{JOB}{job_id}")
}

/// The job that the tags of an application name.
pub(crate) fn job_of(tags: &[String]) -> Option<String> {
    tags.iter().find_map(|tag| tag.strip_prefix(JOB)).map(str::to_owned)
}
