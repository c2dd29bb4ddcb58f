//! Events and actions as lines for people who follow a simulated or recorded run.

use std::fmt::{self, Display, Formatter};

use yarn_client::yarn::AllocatedContainer;

use super::{
    Action, Answer, BeginFailure, CheckpointsView, Event, Exit, Fence, FlinkView, Found, Heartbeat,
    HeartbeatAnswer, HeartbeatFailure, JobView, Journal, Request,
};

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Register => f.write_str("register with the ResourceManager"),
            Self::Heartbeat(heartbeat) => heartbeat.fmt(f),
            Self::StartContainer(container) => write!(f, "start {} on {}", container.id, container.node),
            Self::StopContainer(id) => write!(f, "stop {id}"),
            Self::Begin => f.write_str("leave the attempt's mark"),
            Self::WriteJournal(journal) => write!(f, "write the journal: {journal}"),
            Self::CheckFence => f.write_str("look for a later attempt"),
            Self::FindCheckpoint { known, .. } => {
                write!(f, "find the newest checkpoint")?;
                known.iter().try_for_each(|known| write!(f, ", {known} or later"))
            }
            Self::StartJobManager { start, new_ports, restore } => {
                write!(f, "start JobManager {start}")?;
                let ports = if *new_ports { " on new ports" } else { "" };
                f.write_str(ports)?;
                restore.iter().try_for_each(|restore| write!(f, " from {restore}"))
            }
            Self::KillJobManager => f.write_str("kill the JobManager"),
            Self::DumpJobManager => f.write_str("dump the JobManager's threads"),
            Self::PollFlink { .. } => f.write_str("look at Flink"),
            Self::FetchResult { job_id, .. } => write!(f, "fetch the result of job {job_id}"),
            Self::CancelJobs(jobs) => write!(f, "cancel {}", jobs.join(", ")),
            Self::WatchProgram => f.write_str("watch the program"),
            Self::DeleteCluster => f.write_str("shut Flink down"),
            Self::InspectCluster => f.write_str("count the cluster's nodes"),
            Self::RemoveStaging { checkpoint, high_availability } => {
                f.write_str("remove the staging directory")?;
                checkpoint.iter().try_for_each(|path| write!(f, ", {path}"))?;
                f.write_str(if *high_availability { ", high-availability data" } else { "" })
            }
            Self::Unregister { status, diagnostics } => {
                write!(f, "unregister as {status}: {}", first(diagnostics))
            }
            Self::Tell(occurrence) => write!(f, "tell: {occurrence}"),
            Self::Exit(code) => write!(f, "exit with {code}"),
        }
    }
}

impl Display for Heartbeat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("heartbeat")?;
        self.ask.iter().try_for_each(|ask| write!(f, ", asks for {ask}"))?;
        list(f, "releases", &self.releases)?;
        list(f, "excludes", &self.exclude)?;
        list(f, "welcomes", &self.welcome)
    }
}

impl Display for Journal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(if self.job_seen { "job seen" } else { "job not seen" })?;
        if let Some(checkpoints) = &self.checkpoints {
            write!(f, ", {checkpoints}")?;
        }
        self.scaled.iter().try_for_each(|scaled| write!(f, ", scaled to {scaled}"))?;
        self.stop_after.iter().try_for_each(|job| write!(f, ", stops after job {job}"))?;
        self.outcome.iter().try_for_each(|outcome| write!(f, ", ended {}", outcome.job))
    }
}

impl Display for CheckpointsView {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Off => f.write_str("no checkpoints"),
            Self::On { completed: false, .. } => f.write_str("no checkpoint yet"),
            Self::On { path: None, .. } => f.write_str("checkpoint in memory"),
            Self::On { path: Some(path), .. } => write!(f, "checkpoint {path}"),
        }
    }
}

impl Display for Event {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Registered { maximum, previous } => {
                write!(f, "registered, containers of up to {} MiB", maximum.memory_mib)?;
                list(f, "previous", previous.iter().map(|container: &AllocatedContainer| container.id))
            }
            Self::RegistrationFailed { cause } => write!(f, "registration refused: {cause}"),
            Self::Heartbeat(answer) => answer.fmt(f),
            Self::HeartbeatFailed(failure) => write!(f, "heartbeat failed: {failure}"),
            Self::ContainerStarted(id) => write!(f, "{id} launched"),
            Self::ContainerStartFailed { id, cause } => write!(f, "{id} not launched: {cause}"),
            Self::Begun(Ok(())) => f.write_str("mark left"),
            Self::Begun(Err(BeginFailure::Gone)) => f.write_str("no mark left: no staging directory"),
            Self::Begun(Err(BeginFailure::Unavailable(cause))) => write!(f, "no mark left: {cause}"),
            Self::JournalWritten { failure: None } => f.write_str("journal written"),
            Self::JournalWritten { failure: Some(cause) } => write!(f, "journal not written: {cause}"),
            Self::FenceChecked(Fence::Newest) => f.write_str("no later attempt"),
            Self::FenceChecked(Fence::Superseded) => f.write_str("a later attempt has begun"),
            Self::FenceChecked(Fence::Unknown(cause)) => write!(f, "no look for a later attempt: {cause}"),
            Self::CheckpointFound(Ok(Found::Newest(path))) => write!(f, "newest checkpoint: {path}"),
            Self::CheckpointFound(Ok(Found::Nothing)) => f.write_str("no checkpoint"),
            Self::CheckpointFound(Ok(Found::Unknown)) => f.write_str("no checkpoint known"),
            Self::CheckpointFound(Err(cause)) => write!(f, "no look for checkpoints: {cause}"),
            Self::JobManagerStarted => f.write_str("JobManager started"),
            Self::JobManagerStartFailed { cause } => write!(f, "JobManager not started: {}", cause.text),
            Self::JobManagerExited { exit, cause, job_finished, .. } => {
                write!(f, "JobManager ended {exit}")?;
                f.write_str(if *job_finished { ", its job had finished" } else { "" })?;
                cause.iter().try_for_each(|cause| write!(f, ": {}", first(cause)))
            }
            Self::Flink { start, answer } => write!(f, "JobManager {start}: {answer}"),
            Self::Used { under_way } => write!(f, "{under_way} requests of clients under way"),
            Self::Asked(request) => write!(f, "a client asks to {request}"),
            Self::ClusterCapacity { task_managers: None, description } => f.write_str(description),
            Self::ClusterCapacity { task_managers: Some(most), description } => {
                write!(f, "{description}, room for {most} TaskManagers")
            }
            Self::StagingRemoved { failure: None } => f.write_str("staging directory removed"),
            Self::StagingRemoved { failure: Some(cause) } => write!(f, "staging directory left: {cause}"),
            Self::Unregistered => f.write_str("unregistered"),
            Self::UnregisterFailed => f.write_str("not unregistered"),
            Self::AttemptOver => f.write_str("the attempt is over for the ResourceManager"),
            Self::Terminate => f.write_str("SIGTERM"),
        }
    }
}

impl Display for HeartbeatAnswer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let placed = |container: &AllocatedContainer| format!("{} on {}", container.id, container.node);
        f.write_str("heartbeat answered")?;
        list(f, "allocated", self.allocated.iter().map(placed))?;
        list(f, "completed", self.completed.iter().map(|it| format!("{} ({})", it.id, it.exit_status)))?;
        list(f, "to be preempted", &self.preempted)?;
        list(f, "previous", self.previous.iter().map(|container: &AllocatedContainer| container.id))
    }
}

impl Display for HeartbeatFailure {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Resync => f.write_str("the ResourceManager has restarted"),
            Self::Shutdown => f.write_str("the attempt is over"),
            Self::Refused { cause, .. } => write!(f, "refused: {cause}"),
            Self::Lost(cause) => write!(f, "no answer: {cause}"),
        }
    }
}

impl Display for Answer {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::View(view) => view.fmt(f),
            Self::Unreachable { cause, .. } => write!(f, "no answer: {cause}"),
            Self::JobResult { cause, checkpoints } => {
                f.write_str("the job failed")?;
                if let Some(checkpoints) = checkpoints {
                    write!(f, ", {checkpoints}")?;
                }
                write!(f, ": {}", cause.as_deref().map_or("cause unknown", first))
            }
            Self::JobsCancelled => f.write_str("jobs cancelled"),
            Self::ProgramEnded { job_passed_over: false } => f.write_str("main has returned"),
            Self::ProgramEnded { job_passed_over: true } => {
                f.write_str("main has returned, a job was skipped")
            }
            Self::ClusterDeleted { accepted: true } => f.write_str("shuts down"),
            Self::ClusterDeleted { accepted: false } => f.write_str("does not shut down"),
        }
    }
}

impl Display for FlinkView {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} TaskManagers", self.task_managers.len())?;
        list(f, "jobs", self.jobs.iter().map(|JobView { id, status, .. }| format!("{id} {status}")))
    }
}

impl Display for Exit {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Code(code) => write!(f, "with exit code {code}"),
            Self::Signal(signal) => write!(f, "by signal {signal}"),
        }
    }
}

impl Display for Request {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scale { task_managers } => write!(f, "scale to {task_managers}"),
            Self::StopAfterJob { job_id } => write!(f, "stop after job {job_id}"),
            Self::Shutdown => f.write_str("shut down"),
        }
    }
}

/// The first line: stack traces and reports have many.
fn first(text: &str) -> &str {
    text.lines().next().unwrap_or_default()
}

/// Writes `, name a, b`, or nothing if the list is empty.
fn list<T: Display>(f: &mut Formatter<'_>, name: &str, items: impl IntoIterator<Item = T>) -> fmt::Result {
    for (nth, item) in items.into_iter().enumerate() {
        if nth == 0 { write!(f, ", {name} {item}")? } else { write!(f, ", {item}")? }
    }
    Ok(())
}
