//! The processes of an application by their part in it.

use std::path::Path;

use serde_json::Value;

use super::{Cluster, Process};
use crate::http;

/// Main class of a JobManager's JVM.
const JOB_MANAGER: &str = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint";
/// Main class of a TaskManager's JVM.
const TASK_MANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";

impl Cluster {
    /// JVMs of JobManagers.
    pub fn job_managers(&self, id: &str) -> Vec<Process> {
        self.jvms_of(id).into_iter().filter(|jvm| jvm.runs(JOB_MANAGER)).collect()
    }

    /// JVMs of TaskManagers.
    pub fn task_managers(&self, id: &str) -> Vec<Process> {
        self.jvms_of(id).into_iter().filter(|jvm| jvm.runs(TASK_MANAGER)).collect()
    }

    /// The application master's own process, not the shells around it nor the launcher of the JobManager.
    pub fn app_masters(&self, id: &str) -> Vec<Process> {
        let own = |process: &Process| {
            let program = process.command.first().map(Path::new).and_then(Path::file_name);
            program.is_some_and(|name| name == "flink-app-master") && process.command.len() == 1
        };
        self.processes_of(id).into_iter().filter(own).collect()
    }

    /// GET on Flink's REST server, on the JobManager's own port (a pair of ResourceManagers has no proxy). Nothing while
    /// it does not answer.
    pub async fn flink(&self, id: &str, path: &str) -> Option<Value> {
        let job_manager = self.job_managers(id).into_iter().next()?;
        let option = |key: &str| job_manager.command.iter().find_map(|argument| argument.strip_prefix(key));
        let address = format!("{}:{}", option("rest.address=")?, option("rest.bind-port=")?);
        http::get_json(&format!("http://{address}{path}")).await.ok()
    }

    /// The checkpoints of the application's only job.
    pub async fn checkpoints(&self, id: &str) -> Option<Value> {
        let jobs = self.flink(id, "/jobs/overview").await?;
        let job = jobs.pointer("/jobs/0/jid")?.as_str()?.to_owned();
        self.flink(id, &format!("/jobs/{job}/checkpoints")).await
    }
}
