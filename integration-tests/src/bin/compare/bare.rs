//! The limit: the same job on Flink without YARN. One JobManager and one TaskManager of the same distribution are
//! started together, with the sizes of the same configuration and the options of a stock installation; only
//! `cluster.registration.error-delay` is short, or a TaskManager that is ready first would wait for 10 s.

use std::fs::File;
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use integration_tests::cluster::reaper::MARKER;
use integration_tests::flink::JAVA_OPTIONS;
use integration_tests::{http, prerequisites};
use yarn_client::flink::memory::{JobManagerMemory, TaskManagerMemory};
use yarn_client::flink::{FlinkConfig, Version};

use crate::side::{Sides, text};

const JOB_MANAGER: &str = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint";
const TASK_MANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
const JOB_ID: &str = "00000000000000000000000000000001";
const LIMIT: Duration = Duration::from_secs(120);
const POLL: Duration = Duration::from_millis(50);

/// Ends the process when dropped.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // The process may already be gone, which is fine.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// The JVM flags of the two processes, for the report.
pub(crate) fn flags(sides: &Sides<'_>) -> Result<String> {
    let (manager, worker) = memory(sides)?;
    Ok(format!(
        "Bare limit: JobManager {} ; TaskManager {} ; both with the --add-opens of Flink's stock configuration, no other \
         flags; cluster.registration.error-delay 200 ms; until its REST interface says FINISHED.",
        manager.jvm_args().join(" "),
        worker.jvm_args().join(" ")
    ))
}

fn memory(sides: &Sides<'_>) -> Result<(JobManagerMemory, TaskManagerMemory)> {
    let version = Version::parse(sides.flink.version())?;
    let config = FlinkConfig::load(&sides.flink.conf_dir(), &version)?;
    Ok((JobManagerMemory::derive(&config)?, TaskManagerMemory::derive(&config)?))
}

/// Seconds from the start of both processes until the job is FINISHED.
pub(crate) async fn run(sides: &Sides<'_>, name: &str) -> Result<f64> {
    let (manager, worker) = memory(sides)?;
    let (rpc, rest) = ports()?;
    let folder = sides.local(name);
    std::fs::create_dir_all(&folder).with_context(|| format!("cannot create {}", folder.display()))?;
    let common = [
        format!("jobmanager.rpc.port={rpc}"),
        format!("rest.port={rest}"),
        "cluster.registration.error-delay=200 ms".to_owned(),
        format!("io.tmp.dirs={}", folder.display()),
    ];
    let job_manager = |properties: Vec<String>| {
        let args = manager.jvm_args();
        let own = ["--job-classname", "example.OneSecond", "--job-id", JOB_ID].map(str::to_owned);
        (JOB_MANAGER, "jobmanager", args, own.into_iter().chain(properties).collect::<Vec<_>>())
    };
    let mut of_manager = manager.dynamic_properties();
    of_manager.push("execution.shutdown-on-application-finish=false".to_owned());
    let begun = Instant::now();
    let starts = [
        job_manager(properties(common.iter().chain(&of_manager))),
        (
            TASK_MANAGER,
            "taskmanager",
            worker.jvm_args(),
            properties(common.iter().chain(&worker.dynamic_properties())),
        ),
    ];
    let mut processes = Vec::new();
    for (class, role, jvm, args) in starts {
        processes.push(start(sides, &folder, class, role, &jvm, &args)?);
    }
    let url = format!("http://localhost:{rest}/jobs/{JOB_ID}/status");
    loop {
        // There is no answer while Flink is starting.
        if let Ok(status) = http::get_json(&url).await {
            match text(&status, "status") {
                "FINISHED" => return Ok(begun.elapsed().as_secs_f64()),
                state @ ("FAILED" | "CANCELED") => {
                    bail!("the bare job is {state}; logs in {}", folder.display())
                }
                _ => {}
            }
        }
        ensure!(begun.elapsed() < LIMIT, "the bare job did not end; logs in {}", folder.display());
        tokio::time::sleep(POLL).await;
    }
}

fn start(
    sides: &Sides<'_>,
    folder: &std::path::Path,
    class: &str,
    role: &str,
    jvm: &[String],
    args: &[String],
) -> Result<Ended> {
    let mut classpath = sides.flink.libraries()?;
    classpath.insert(0, sides.jar.clone());
    let classpath: Vec<_> = classpath.iter().map(|path| path.display().to_string()).collect();
    let conf = sides.flink.conf_dir();
    let output = File::create(folder.join(format!("{role}.out"))).context("cannot make a log")?;
    let child = Command::new(prerequisites::java_tool("java"))
        // Lets the cluster's reaper find it if this program is killed.
        .env(MARKER, format!("{}/", sides.cluster.directory().display()))
        .args(jvm)
        .args(JAVA_OPTIONS.split_whitespace())
        .arg(format!("-Dlog.file={}", folder.join(format!("{role}.log")).display()))
        .arg(format!("-Dlog4j.configurationFile=file:{}", conf.join("log4j.properties").display()))
        .args(["-cp", &classpath.join(":"), class, "--configDir"])
        .arg(&conf)
        .args(args)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stdout(output.try_clone().context("cannot share a log")?)
        .stderr(output)
        .spawn()
        .context("cannot run java")?;
    Ok(Ended(child))
}

fn properties<'p>(properties: impl Iterator<Item = &'p String>) -> Vec<String> {
    properties.flat_map(|property| ["-D".to_owned(), property.clone()]).collect()
}

/// Two ports that were free a moment ago.
fn ports() -> Result<(u16, u16)> {
    let bind = || TcpListener::bind(("127.0.0.1", 0)).context("no free port");
    let (first, second) = (bind()?, bind()?);
    Ok((first.local_addr()?.port(), second.local_addr()?.port()))
}
