//! How many slots a cluster's jobs need, from what REST says.

use super::rest::{JobDetails, JobOverview};

/// How a job is scheduled; decides which numbers count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobKind {
    /// All vertices at once.
    Streaming,
    /// Stage by stage.
    Batch,
}

/// Slots one job needs now: per slot sharing group the largest vertex, summed. 0 for a job that has ended.
pub fn slots_needed(overview: &JobOverview, details: &JobDetails) -> u32 {
    let _ = (overview, details);
    todo!()
}

/// Slots all jobs need.
pub fn total_slots<'a>(jobs: impl IntoIterator<Item = (&'a JobOverview, &'a JobDetails)>) -> u32 {
    let _ = jobs.into_iter();
    todo!()
}

/// TaskManagers to start: `ceil(missing / slots per TaskManager)`, where what is registered and what is already on
/// its way is subtracted.
pub fn task_managers_missing(
    needed: u32,
    slots_total: u32,
    slots_requested: u32,
    slots_per_task_manager: u32,
) -> u32 {
    let _ = (needed, slots_total, slots_requested, slots_per_task_manager);
    todo!()
}
