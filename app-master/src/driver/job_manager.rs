//! The JobManager's JVM, a child of this process.
//!
//! It is started through this binary again, as `flink-app-master exec-job-manager PARENT JAVA ARG…`, which ties its
//! life to ours (`PR_SET_PDEATHSIG`) and then becomes the JVM: a NodeManager that sees only the application master die
//! does not look for processes it has left behind.

use std::fs::File;
use std::io;
use std::os::unix::process::{CommandExt as _, ExitStatusExt as _};
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};

use proto::launch::{LaunchSpec, Session, Workload};
use rustix::process::{Pid, Signal};
use tokio::process::Command;
use yarn_client::cause::{Cause, CauseCode};
use yarn_client::flink::command::{self, Logging};
use yarn_client::flink::dist::LogFramework;
use yarn_client::flink::failure;
use yarn_client::flink::options::{IO_TMP_DIRS, JAVA_HOME, Opt, REST_BIND_ADDRESS, WEB_TMP_DIR};

use super::container::Container;
use super::ports::{Addresses, Ports};
use super::program;
use crate::machine::{Exit, SystemExit};

/// First argument that makes the binary the JobManager's launcher.
pub const LAUNCHER: &str = "exec-job-manager";
/// Flink's REST server has no authentication: everyone who can reach it can run programs.
const LOOPBACK: &str = "127.0.0.1";
/// Lines of `jobmanager.err` shown when the log says nothing.
const ERROR_LINES: usize = 8;
/// Becomes the program in its arguments, protected from SIGTERM. A JVM leaves a signal alone that was ignored before it
/// started (`JVM_RegisterSignal`).
///
/// The NodeManager ends a container by SIGTERM to all of its processes, and a JobManager that receives it suspends its jobs
/// and removes their checkpoints. This process receives it too, and kills the JobManager, which then removes nothing.
const WITHOUT_SIGTERM: &str = "trap '' TERM; exec \"$@\"";

/// The JobManager could not be started.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(super) enum StartError {
    /// Neither `JAVA_HOME` nor `PATH` leads to a JVM.
    #[error("Java was not found on node {host}: {looked_for}")]
    NoJava {
        /// The node.
        host: String,
        /// The user's key that sets its location.
        set_by: Option<&'static str>,
        /// What was searched for.
        looked_for: String,
    },
    /// A log file could not be created.
    #[error("cannot create {}", path.display())]
    Log {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The process could not be created.
    #[error("cannot start the JobManager: {0}")]
    Spawn(#[source] io::Error),
}

impl From<StartError> for Cause {
    fn from(error: StartError) -> Self {
        let text = error.to_string();
        match error {
            StartError::NoJava { set_by, .. } => {
                Self::new(CauseCode::JavaMissing, text).hint(java_hint(set_by))
            }
            StartError::Log { source, .. } => {
                Self::new(CauseCode::JobManagerFailed, format!("{text}: {source}"))
            }
            StartError::Spawn(_) => Self::new(CauseCode::JobManagerFailed, text),
        }
    }
}

/// How a JobManager ended, with what its logs say.
#[derive(Debug)]
pub(super) struct Ended {
    /// Its exit code or signal.
    pub exit: Exit,
    /// From `jobmanager.log`, otherwise from `jobmanager.err`.
    pub cause: Option<String>,
    /// It ended because it found no program in what it was given.
    pub not_loaded: bool,
    /// It could not bind a port.
    pub port_taken: bool,
    /// The job had finished before that.
    pub job_finished: bool,
    /// The program has ended it.
    pub system_exit: Option<SystemExit>,
}

/// A running JobManager.
#[derive(Debug)]
pub(super) struct JobManager {
    child: tokio::process::Child,
    log_dir: PathBuf,
    job_id: String,
}

impl JobManager {
    /// Starts the JVM; the job resumes from `restore` instead of the savepoint it was submitted with.
    ///
    /// # Errors
    /// No Java on this node, or the operating system refuses the process.
    pub(super) fn start(
        spec: &LaunchSpec,
        container: &Container,
        ports: Ports,
        restore: Option<String>,
    ) -> Result<Self, StartError> {
        let java = find_java(container, java_key(spec))?;
        let argv = argv(spec, container, ports, &java, restore);
        let log = |name: &str| {
            let path = container.log_dir.join(name);
            File::options()
                .create(true)
                .append(true)
                .open(&path)
                .map_err(|source| StartError::Log { path, source })
        };
        let child = Command::new(std::env::current_exe().map_err(StartError::Spawn)?)
            .arg(LAUNCHER)
            .arg(std::process::id().to_string())
            .args(&argv)
            .stdin(Stdio::null())
            .stdout(log("jobmanager.out")?)
            .stderr(log("jobmanager.err")?)
            .kill_on_drop(true)
            .spawn()
            .map_err(StartError::Spawn)?;
        let job_id = spec.workload.as_ref().and_then(Workload::job_id).unwrap_or_default().to_owned();
        Ok(Self { child, log_dir: container.log_dir.clone(), job_id })
    }

    /// The process, for [`stop`].
    pub(super) fn pid(&self) -> Option<Pid> {
        self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?))
    }

    /// Waits for the process to end.
    pub(super) async fn wait(mut self) -> Ended {
        let exit = match self.child.wait().await {
            Ok(status) => exit_of(status),
            Err(_) => Exit::Code(-1),
        };
        let log = program::tail(&self.log_dir.join(program::LOG));
        let errors = program::tail(&self.log_dir.join("jobmanager.err"));
        let no_program = failure::not_loaded_in_log(&log).map(|failure| failure.summary);
        let not_loaded = no_program.is_some();
        let fatal = || failure::fatal_error_in_log(&log).map(|failure| failure.summary);
        let cause = no_program.or_else(fatal).or_else(|| last_lines(&errors));
        let port_taken = exit == Exit::Code(1)
            && (log.contains("java.net.BindException") || log.contains("Address already in use"));
        let job_finished = program::job_finished(&log, &self.job_id);
        // This may be an earlier JobManager's log, but a logged `System.exit` cannot be an earlier one's: it ends the
        // application.
        let system_exit =
            failure::system_exit_in_log(&log).map(|code| program::system_exit(code, &log, &self.job_id));
        Ended { exit, cause, not_loaded, port_taken, job_finished, system_exit }
    }
}

/// Sends the signal. A process that has already exited is ignored.
pub(super) fn signal(pid: Pid, signal: Signal) {
    if let Err(error) = rustix::process::kill_process(pid, signal) {
        tracing::debug!("cannot signal the JobManager: {error}");
    }
}

/// Becomes the JVM. Returns only when that fails.
pub fn exec(mut args: impl Iterator<Item = std::ffi::OsString>) -> io::Error {
    let parent = args.next().and_then(|text| text.to_str()?.parse::<i32>().ok());
    let Some(java) = args.next() else {
        return io::Error::new(io::ErrorKind::InvalidInput, "no command to run");
    };
    if let Err(error) = rustix::process::set_parent_process_death_signal(Some(Signal::KILL)) {
        return error.into();
    }
    // The parent may have died before the line above took effect.
    if rustix::process::getppid().map(Pid::as_raw_pid) != parent {
        return io::Error::other("the application master has exited");
    }
    std::process::Command::new("/bin/sh").args(["-c", WITHOUT_SIGTERM, LAUNCHER]).arg(java).args(args).exec()
}

/// Where its servers will listen: RPC and blob server on all addresses, unless the user names one; REST where [`argv`] says.
pub(super) fn addresses<'a>(spec: &'a LaunchSpec, container: &'a Container) -> Addresses<'a> {
    let named = |key: &str| spec.flink_conf.get(key).map(String::as_str);
    Addresses {
        host: &container.host,
        rpc: named("jobmanager.bind-host").unwrap_or("0.0.0.0"),
        rest: if spec.open_rest { rest_address(spec).unwrap_or("0.0.0.0") } else { LOOPBACK },
    }
}

/// `rest.bind-address`, also under its older names.
fn rest_address(spec: &LaunchSpec) -> Option<&str> {
    let mut names = std::iter::once(&REST_BIND_ADDRESS.key).chain(REST_BIND_ADDRESS.deprecated);
    names.find_map(|key| spec.flink_conf.get(*key)).map(String::as_str)
}

/// Where this process reaches its REST server.
pub(super) fn rest_host<'a>(spec: &LaunchSpec, container: &'a Container) -> &'a str {
    if spec.open_rest { &container.host } else { LOOPBACK }
}

/// Whether the user has set an option, under any name that Flink reads.
pub(super) fn is_set(spec: &LaunchSpec, option: &Opt) -> bool {
    let names = std::iter::once(&option.key).chain(option.deprecated);
    names.into_iter().any(|key| spec.flink_conf.contains_key(*key))
}

fn argv(
    spec: &LaunchSpec,
    container: &Container,
    ports: Ports,
    java: &Path,
    restore: Option<String>,
) -> Vec<String> {
    let manager = spec.job_manager.clone().unwrap_or_default();
    let mut workload = spec.workload.clone().unwrap_or_else(|| Workload::Session(Session::default()));
    if let (Some(program), Some(restore)) = (workload.program_mut(), restore) {
        program.savepoint_path = Some(restore);
    }
    let user_set = |option: &Opt| is_set(spec, option);
    let mut properties = manager.dynamic_properties;
    properties.extend([
        format!("jobmanager.rpc.address={}", container.host),
        format!("jobmanager.rpc.port={}", ports.rpc),
        format!("rest.address={}", rest_host(spec, container)),
        format!("rest.bind-port={}", ports.rest),
        format!("blob.server.port={}", ports.blob),
    ]);
    if !spec.open_rest || !user_set(&REST_BIND_ADDRESS) {
        properties.push(format!("rest.bind-address={}", addresses(spec, container).rest));
    }
    // For uploaded jars and the web page's files: a killed JVM leaves them where the NodeManager cleans up.
    if !user_set(&WEB_TMP_DIR)
        && let Some(first) = container.local_dirs.split(',').find(|directory| !directory.is_empty())
    {
        properties.push(format!("web.tmpdir={first}"));
    }
    if !user_set(&IO_TMP_DIRS) {
        properties.push(format!("io.tmp.dirs={}", container.local_dirs));
    }
    let logging = logging(spec, container.log_dir.join(program::LOG).display().to_string());
    let mut line = command::job_manager(
        &java.display().to_string(),
        &manager.jvm_args,
        &logging,
        &spec.conf_dir,
        &properties,
        &workload,
    );
    // As the NodeManager and its shell do for a TaskManager's command.
    let log_dir = container.log_dir.display().to_string();
    let variable = |name: &str| container.environment.get(name).map(str::to_owned);
    line.expand(&variable, &log_dir);
    let template = spec.flink_conf.get("yarn.container-start-command-template");
    let template = template.map(|template| command::expand(template, &variable, &log_dir));
    line.argv_by_template(template.as_deref())
}

/// Log settings of a process that writes to `file`.
pub(super) fn logging(spec: &LaunchSpec, file: String) -> Logging {
    // The client ships exactly one of the two.
    let has_logback = spec
        .task_manager
        .iter()
        .flat_map(|task_manager| &task_manager.local_resources)
        .any(|resource| resource.link.ends_with("logback.xml"));
    let (framework, name) = if has_logback {
        (LogFramework::Logback, "logback.xml")
    } else {
        (LogFramework::Log4j, "log4j.properties")
    };
    Logging { framework, configuration: format!("{}/{name}", spec.conf_dir), file }
}

const MASTER_JAVA_HOME: &str = "containerized.master.env.JAVA_HOME";

/// Which of the user's settings determines `JAVA_HOME`; `None` if the NodeManager's is used.
fn java_key(spec: &LaunchSpec) -> Option<&'static str> {
    [MASTER_JAVA_HOME, JAVA_HOME.key].into_iter().find(|key| spec.flink_conf.contains_key(*key))
}

fn java_hint(set_by: Option<&str>) -> String {
    match set_by {
        Some(key) => format!(
            "set `{key}` to a directory that exists on every node, or remove it to use the `JAVA_HOME` of the NodeManagers"
        ),
        None => format!("set JAVA_HOME for the NodeManagers, or {} for this application", JAVA_HOME.key),
    }
}

fn find_java(container: &Container, set_by: Option<&'static str>) -> Result<PathBuf, StartError> {
    let no_java =
        |looked_for: String| StartError::NoJava { host: container.host.clone(), set_by, looked_for };
    match &container.java_home {
        Some(home) => {
            let java = home.join("bin/java");
            if java.is_file() { Ok(java) } else { Err(no_java(format!("{} does not exist", java.display()))) }
        }
        None => std::env::split_paths(&container.path)
            .map(|directory| directory.join("java"))
            .find(|java| java.is_file())
            .ok_or_else(|| {
                no_java("`JAVA_HOME` is not set, and there is no `java` on the `PATH`".to_owned())
            }),
    }
}

fn exit_of(status: ExitStatus) -> Exit {
    status.signal().map_or_else(|| Exit::Code(status.code().unwrap_or(-1)), Exit::Signal)
}

fn last_lines(text: &str) -> Option<String> {
    let says = |line: &&str| !line.trim().is_empty() && !failure::is_chatter(line);
    let lines: Vec<_> = text.lines().filter(says).collect();
    let start = lines.len().saturating_sub(ERROR_LINES);
    (!lines.is_empty()).then(|| lines[start..].join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spec(settings: &[(&str, &str)]) -> LaunchSpec {
        let flink_conf =
            settings.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect();
        LaunchSpec { flink_conf, ..LaunchSpec::default() }
    }

    #[test]
    fn missing_java_names_the_key_that_set_it() {
        let text = |settings: &[(&str, &str)]| {
            let set_by = java_key(&spec(settings));
            let looked_for = "/nowhere/bin/java does not exist".to_owned();
            Cause::from(StartError::NoJava { host: "n".to_owned(), set_by, looked_for })
                .hint
                .unwrap_or_default()
        };
        let beside = ("containerized.master.env.JAVA_HOME", "/nowhere");
        assert!(text(&[("env.java.home", "/nowhere")]).contains("set `env.java.home` to a directory"));
        // It overrides the other one.
        assert!(
            text(&[("env.java.home", "/java"), beside])
                .contains(&format!("set `{}` to a directory", beside.0))
        );
        assert!(
            text(&[]).ends_with("set JAVA_HOME for the NodeManagers, or env.java.home for this application")
        );
    }

    #[test]
    fn an_option_is_set_by_its_older_names_too() {
        assert!(is_set(&spec(&[("taskmanager.tmp.dirs", "/data")]), &IO_TMP_DIRS));
        assert!(is_set(&spec(&[("io.tmp.dirs", "/data")]), &IO_TMP_DIRS));
        assert!(!is_set(&spec(&[("web.tmpdir", "/data")]), &IO_TMP_DIRS));
        assert_eq!(rest_address(&spec(&[("web.address", "10.0.0.1")])), Some("10.0.0.1"));
    }

    #[test]
    fn tail_returns_the_last_lines() {
        let text: String = (0..20).map(|n| format!("line {n}\n\n")).collect();
        let shown = last_lines(&text).expect("lines");
        assert!(shown.starts_with("line 12\n") && shown.ends_with("line 19"), "{shown}");
        assert_eq!(last_lines(" \n"), None);
        assert_eq!(last_lines("SLF4J: Found binding in [jar:file:/a.jar]\nSLF4J(W): another\n"), None);
    }
}
