//! How many slots a cluster's jobs need, according to the REST API.
//!
//! The free slots in `/overview` are no help: slots are reserved by jobs that are still incomplete, so 0 of them can be
//! free while nothing runs. What is needed follows from the jobs alone.

use std::collections::BTreeMap;

use super::rest::{JobDetails, JobOverview, Vertex};

/// How a job is scheduled; determines which numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// All vertices at once.
    Streaming,
    /// Stage by stage.
    Batch,
}

impl JobKind {
    /// The kind that the server reports; before 1.16, batch is recognized by a vertex whose parallelism is still open.
    pub fn of(details: &JobDetails) -> Self {
        match details.job_type.as_deref() {
            Some("BATCH") => Self::Batch,
            Some(_) => Self::Streaming,
            None if details.vertices.iter().any(|v| v.parallelism < 0) => Self::Batch,
            None => Self::Streaming,
        }
    }
}

/// Slots that one job needs now: the largest vertex of each slot sharing group, summed. 0 for a job that has ended.
pub fn slots_needed(overview: &JobOverview, details: &JobDetails) -> u32 {
    if overview.state.is_terminal() {
        return 0;
    }
    let kind = JobKind::of(details);
    // A vertex without a group shares with no other.
    let mut groups: BTreeMap<(Option<&str>, &str), u32> = BTreeMap::new();
    for vertex in &details.vertices {
        let key = match vertex.slot_sharing_group.as_deref() {
            Some(group) => (Some(group), ""),
            None => (None, vertex.id.as_str()),
        };
        let largest = groups.entry(key).or_default();
        *largest = (*largest).max(slots_of(vertex, kind));
    }
    groups.values().fold(0, |sum, n| sum.saturating_add(*n))
}

fn slots_of(vertex: &Vertex, kind: JobKind) -> u32 {
    match kind {
        JobKind::Streaming => u32::try_from(vertex.parallelism).unwrap_or(0),
        JobKind::Batch => {
            let t = &vertex.tasks;
            [t.scheduled, t.deploying, t.initializing, t.running, t.canceling]
                .iter()
                .fold(0, |sum, n| sum.saturating_add(*n))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flink::JobStatus;
    use crate::flink::rest::{JobPlan, TaskCounts};

    fn overview(state: JobStatus) -> JobOverview {
        JobOverview {
            id: "a".repeat(32),
            name: "job".to_owned(),
            state,
            start_ms: 0,
            end_ms: -1,
            tasks: TaskCounts::default(),
            scheduler: None,
        }
    }

    /// Vertices as group, parallelism, scheduled, running, finished.
    fn details(kind: Option<&str>, vertices: &[(&str, i32, u32, u32, u32)]) -> JobDetails {
        let vertex = |(i, &(group, parallelism, scheduled, running, finished)): (usize, &_)| Vertex {
            id: i.to_string(),
            name: String::new(),
            slot_sharing_group: Some(group).filter(|g: &&str| !g.is_empty()).map(str::to_owned),
            parallelism,
            tasks: TaskCounts { scheduled, running, finished, ..TaskCounts::default() },
        };
        JobDetails {
            id: "a".repeat(32),
            name: "job".to_owned(),
            state: JobStatus::Running,
            job_type: kind.map(str::to_owned),
            vertices: vertices.iter().enumerate().map(vertex).collect(),
            plan: JobPlan::default(),
            pending_operators: 0,
        }
    }

    #[test]
    fn the_measured_session_has_these_needs() {
        let jobs = [
            // Streaming, p = 3.
            (
                overview(JobStatus::Running),
                details(Some("STREAMING"), &[("g", 3, 3, 0, 0), ("g", 3, 3, 0, 0)]),
            ),
            // Two groups {src}, {map, sink}, p = 2.
            (
                overview(JobStatus::Running),
                details(Some("STREAMING"), &[("s", 2, 2, 0, 0), ("m", 2, 2, 0, 0), ("m", 2, 2, 0, 0)]),
            ),
            // Batch p = 2: later stages still open.
            (overview(JobStatus::Running), details(Some("BATCH"), &[("1", 2, 2, 0, 0), ("2", -1, 0, 0, 0)])),
            // Batch, default parallelism.
            (overview(JobStatus::Running), details(Some("BATCH"), &[("1", 1, 1, 0, 0), ("2", -1, 0, 0, 0)])),
        ];
        let each: Vec<_> = jobs.iter().map(|(o, d)| slots_needed(o, d)).collect();
        assert_eq!(each, [3, 4, 2, 1]);
    }

    #[test]
    fn the_adaptive_scheduler_shows_no_tasks() {
        let job = details(Some("STREAMING"), &[("g", 3, 0, 0, 0), ("g", 2, 0, 0, 0)]);
        assert_eq!(slots_needed(&overview(JobStatus::Created), &job), 3);
    }

    #[test]
    fn a_batch_job_needs_what_is_at_work() {
        let job = details(Some("BATCH"), &[("1", 4, 0, 1, 3), ("2", 4, 2, 1, 0), ("3", -1, 0, 0, 0)]);
        assert_eq!(slots_needed(&overview(JobStatus::Running), &job), 4);
        let untold = details(None, &[("1", 4, 0, 1, 3), ("2", -1, 0, 0, 0)]);
        assert_eq!(slots_needed(&overview(JobStatus::Running), &untold), 1);
    }

    #[test]
    fn a_job_that_has_ended_needs_nothing() {
        let job = details(Some("STREAMING"), &[("g", 3, 0, 0, 3)]);
        for state in [JobStatus::Finished, JobStatus::Failed, JobStatus::Canceled, JobStatus::Suspended] {
            assert_eq!(slots_needed(&overview(state), &job), 0);
        }
        for state in [JobStatus::Restarting, JobStatus::Initializing, JobStatus::Failing] {
            assert_eq!(slots_needed(&overview(state), &job), 3);
        }
    }

    #[test]
    fn vertices_without_a_group_do_not_share() {
        let job = details(None, &[("", 3, 0, 0, 0), ("", 2, 0, 0, 0)]);
        assert_eq!(slots_needed(&overview(JobStatus::Running), &job), 5);
    }
}
