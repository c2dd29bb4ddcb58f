//! An application into which a fault is injected, whichever side has submitted it.

use std::time::Instant;

use anyhow::{Result, ensure};
use integration_tests::cluster::{Cluster, Process};
use serde_json::Value;

use super::{LOOK, SUBMISSION, Side, text};

/// An application that has been submitted.
#[derive(Debug)]
pub(crate) struct Application<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) id: String,
    pub(crate) side: Side,
}

impl Application<'_> {
    /// The application master's process (for Flink's applications, the JobManager).
    pub(crate) fn master(&self) -> Option<Process> {
        match self.side {
            Side::Ours => self.cluster.app_masters(&self.id).into_iter().next(),
            Side::Flinks => self.jvm("YarnApplicationClusterEntryPoint"),
        }
    }

    pub(crate) fn job_manager(&self) -> Option<Process> {
        match self.side {
            Side::Ours => self.cluster.job_managers(&self.id).into_iter().next(),
            Side::Flinks => self.master(),
        }
    }

    pub(crate) fn task_manager(&self) -> Option<Process> {
        match self.side {
            Side::Ours => self.cluster.task_managers(&self.id).into_iter().next(),
            Side::Flinks => self.jvm("YarnTaskExecutorRunner"),
        }
    }

    fn jvm(&self, class: &str) -> Option<Process> {
        let is = |jvm: &Process| jvm.command.iter().any(|argument| argument.ends_with(class));
        self.cluster.jvms_of(&self.id).into_iter().find(is)
    }

    /// Waits until a process exists.
    pub(crate) async fn appears(&self, process: impl Fn(&Self) -> Option<Process>) -> Result<Process> {
        let begun = Instant::now();
        loop {
            if let Some(process) = process(self) {
                return Ok(process);
            }
            ensure!(begun.elapsed() < SUBMISSION, "no such process of {}", self.id);
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The job's id, if all its tasks are running.
    pub(super) async fn all_run(&self) -> Option<String> {
        let (web, user) = (self.cluster.rm_web(), self.cluster.user());
        let url = format!("{web}/proxy/{}/jobs/overview?user.name={user}", self.id);
        let overview = integration_tests::http::get_json(&url).await.ok()?;
        let count = |key: &str| overview.pointer(&format!("/jobs/0/tasks/{key}")).and_then(Value::as_u64);
        let all = count("running").is_some_and(|running| running > 0) && count("running") == count("total");
        all.then(|| overview.pointer("/jobs/0/jid")?.as_str().map(str::to_owned)).flatten()
    }

    /// Waits until all tasks of the job are running, and returns the job's id.
    pub(crate) async fn runs(&self) -> Result<String> {
        let begun = Instant::now();
        loop {
            if let Some(job) = self.all_run().await {
                return Ok(job);
            }
            ensure!(
                begun.elapsed() < SUBMISSION,
                "the job of {} does not run: {}",
                self.id,
                text(&self.report().await?, "diagnostics")
            );
            tokio::time::sleep(LOOK).await;
        }
    }

    pub(crate) async fn report(&self) -> Result<Value> {
        self.cluster.application(&self.id).await
    }

    pub(super) async fn has_ended(&self) -> Result<bool> {
        Ok(matches!(text(&self.report().await?, "state"), "FINISHED" | "FAILED" | "KILLED"))
    }
}
