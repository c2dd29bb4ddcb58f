//! What an application carries that tells of it to whoever has its report: its tags, and its type.

use crate::yarn::ApplicationReport;

/// The tag every session carries, beside its owner's: YARN's list tells sessions from jobs by it.
pub const SESSION: &str = "flink-session";
/// What follows is the URI of the base directory of what is staged; see [`place`](super::place).
pub(super) const STAGING: &str = "yarn-flink-staging:";
/// What follows are the digests of a key and of what it stands for.
pub(crate) const KEY: &str = "yarn-flink-key:";
/// What follows is the id of its only job.
const JOB: &str = "flink-job:";

/// Whether an application is a session.
pub fn is_session(report: &ApplicationReport) -> bool {
    report.tags.iter().any(|tag| tag == SESSION)
}

/// Whether the application is one of Flink's, as far as its type tells: hints name Flink's options only then.
pub fn is_flink(application_type: &str) -> bool {
    application_type.to_ascii_lowercase().contains("flink")
}

/// The tag that says which job an application runs, for who does not ask the application itself.
pub(crate) fn job_tag(job_id: &str) -> String {
    format!("{JOB}{job_id}")
}

/// The job that the tags of an application name.
pub(crate) fn job_of(tags: &[String]) -> Option<String> {
    tags.iter().find_map(|tag| tag.strip_prefix(JOB)).map(str::to_owned)
}
