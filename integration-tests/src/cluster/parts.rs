//! The processes of an application by their roles.

use std::path::Path;

use serde_json::Value;
use yarn_client::flink::rest::Plain;
use yarn_client::flink::tls::rest::RestTls;
use yarn_client::flink::{FlinkConfig, Version};

use super::{Cluster, Process};
use crate::http;

/// Main classes of a JobManager's JVM: for one job, and for a session.
const JOB_MANAGER: [&str; 2] = [
    "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint",
    "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
];
/// Main class of a TaskManager's JVM.
const TASK_MANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";

impl Cluster {
    /// The JVMs of JobManagers.
    pub fn job_managers(&self, id: &str) -> Vec<Process> {
        self.jvms_of(id).into_iter().filter(|jvm| JOB_MANAGER.iter().any(|class| jvm.runs(class))).collect()
    }

    /// The JVMs of TaskManagers.
    pub fn task_managers(&self, id: &str) -> Vec<Process> {
        self.jvms_of(id).into_iter().filter(|jvm| jvm.runs(TASK_MANAGER)).collect()
    }

    /// The application master's own process, neither the shells around it nor the launcher of the JobManager.
    pub fn app_masters(&self, id: &str) -> Vec<Process> {
        let own = |process: &Process| {
            let program = process.command.first().map(Path::new).and_then(Path::file_name);
            program.is_some_and(|name| name == "flink-app-master") && process.command.len() == 1
        };
        self.processes_of(id).into_iter().filter(own).collect()
    }

    /// GET on Flink's REST server, on the JobManager's own port (a pair of ResourceManagers has no proxy), with the keys
    /// of the application master. `None` while it does not answer.
    pub async fn flink(&self, id: &str, path: &str) -> Option<Value> {
        let (host, port) = self.rest_address(id)?;
        let port = port.parse().ok()?;
        let directory = self.job_managers(id).first()?.directory();
        let conf = directory.join("conf");
        // Versions that read the newer file are told from others by it; nothing else depends on them here.
        let version = if conf.join("config.yaml").exists() { "2.0.0" } else { "1.17.0" };
        let version = Version::parse(version).ok()?;
        let config = FlinkConfig::load(&conf, &version).ok()?;
        let answer = match RestTls::of(&config, &version, &directory).ok()? {
            Some(tls) => http::get_over(&tls.at(&host, port), path).await,
            None => http::get_over(&Plain { host, port }, path).await,
        };
        answer.ok()?.json().ok()
    }

    /// Host and port of Flink's REST server, as the JobManager was told.
    pub fn rest_address(&self, id: &str) -> Option<(String, String)> {
        let job_manager = self.job_managers(id).into_iter().next()?;
        let option = |key: &str| job_manager.command.iter().find_map(|argument| argument.strip_prefix(key));
        Some((option("rest.address=")?.to_owned(), option("rest.bind-port=")?.to_owned()))
    }

    /// The checkpoints of the application's only job.
    pub async fn checkpoints(&self, id: &str) -> Option<Value> {
        let jobs = self.flink(id, "/jobs/overview").await?;
        let job = jobs.pointer("/jobs/0/jid")?.as_str()?.to_owned();
        self.flink(id, &format!("/jobs/{job}/checkpoints")).await
    }
}
