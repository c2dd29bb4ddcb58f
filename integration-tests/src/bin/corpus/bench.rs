//! One fault at a time: both sides submit the same program with the same options, the same harm is done to both, and
//! what each of them says is written down.

mod attached;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::Binaries;
use integration_tests::cluster::java::{self, FLINK_CLI};
use integration_tests::cluster::{Cluster, Process};
use integration_tests::flink::Flink;
use integration_tests::progress;
use serde_json::Value;

use crate::report::{Answer, Row, Verdict, telling};

const LOOK: Duration = Duration::from_millis(200);
/// Longest time for a client to submit.
const SUBMISSION: Duration = Duration::from_secs(90);
/// Longest time for an application's processes to go.
const GONE: Duration = Duration::from_secs(60);
/// Flink's client speaks of missing resources after a minute.
const PATIENCE: Duration = Duration::from_secs(63);

/// Who submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Flinks,
}

/// What is right to say.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// `explain` says this code.
    Code(&'static str),
    /// The client refuses; its message holds these words.
    Refusal(&'static str),
    /// Our client, attached, says this and ends well.
    Note(&'static str),
    /// The job runs again, `explain` has nothing against it, and an event of the application holds these words.
    Event(&'static str),
}

/// A fault, and the application it happens to.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    pub(crate) name: &'static str,
    pub(crate) how: &'static str,
    expected: Expected,
    options: Vec<String>,
    program: Vec<String>,
    jar: Option<PathBuf>,
    user: Option<String>,
    limit: Duration,
    waits: bool,
    attached: bool,
    /// In the sentence, beside the code.
    words: &'static str,
}

impl Fault {
    /// A job that runs for ever, until the fault.
    pub(crate) fn new(name: &'static str, how: &'static str, code: &'static str) -> Self {
        Self {
            name,
            how,
            expected: Expected::Code(code),
            options: Vec::new(),
            program: vec!["Run".to_owned()],
            jar: None,
            user: None,
            limit: Duration::from_secs(90),
            waits: false,
            attached: false,
            words: "",
        }
    }

    /// One that the client sees before it submits.
    pub(crate) fn refused(name: &'static str, how: &'static str, words: &'static str) -> Self {
        Self { expected: Expected::Refusal(words), ..Self::new(name, how, "") }
    }

    /// One that an application outlives.
    pub(crate) fn outlived(name: &'static str, how: &'static str, words: &'static str) -> Self {
        Self { expected: Expected::Event(words), ..Self::new(name, how, "") }
    }

    /// One that an attached client outlives, and says so.
    pub(crate) fn noted(name: &'static str, how: &'static str, words: &'static str) -> Self {
        Self { expected: Expected::Note(words), ..Self::new(name, how, "") }
    }

    /// One that an application waits for ever with.
    pub(crate) fn waiting(name: &'static str, how: &'static str, code: &'static str) -> Self {
        Self { waits: true, limit: Duration::from_secs(40), ..Self::new(name, how, code) }
    }

    /// `key=value`, as `-D` for both.
    pub(crate) fn set(mut self, setting: impl Into<String>) -> Self {
        self.options.push(setting.into());
        self
    }

    /// Class (of package `example`) and arguments.
    pub(crate) fn runs(mut self, program: &[&str]) -> Self {
        self.program = program.iter().map(|argument| (*argument).to_owned()).collect();
        self
    }

    pub(crate) fn jar(mut self, jar: PathBuf) -> Self {
        self.jar = Some(jar);
        self
    }

    pub(crate) fn user(mut self, user: &str) -> Self {
        self.user = Some(user.to_owned());
        self
    }

    pub(crate) fn says(mut self, words: &'static str) -> Self {
        self.words = words;
        self
    }

    /// Flink's client tries again for long.
    pub(crate) fn patient(mut self) -> Self {
        self.waits = true;
        self
    }

    pub(crate) fn within(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }
}

/// An application that has been submitted.
#[derive(Debug)]
pub(crate) struct Application<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) id: String,
    pub(crate) side: Side,
}

impl Application<'_> {
    /// The application master's process (at Flink's, the JobManager is it).
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

    /// Waits until a process is there.
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

    /// The job's id, if all its tasks run.
    async fn all_run(&self) -> Option<String> {
        let url = format!("{}/proxy/{}/jobs/overview", self.cluster.rm_web(), self.id);
        let overview = integration_tests::http::get_json(&url).await.ok()?;
        let count = |key: &str| overview.pointer(&format!("/jobs/0/tasks/{key}")).and_then(Value::as_u64);
        let all = count("running").is_some_and(|running| running > 0) && count("running") == count("total");
        all.then(|| overview.pointer("/jobs/0/jid")?.as_str().map(str::to_owned)).flatten()
    }

    /// Waits until all tasks of the job run, and returns the job's id.
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

    async fn has_ended(&self) -> Result<bool> {
        Ok(matches!(text(&self.report().await?, "state"), "FINISHED" | "FAILED" | "KILLED"))
    }
}

/// No harm beside the program's own.
pub(crate) async fn nothing(_: &Application<'_>) -> Result<()> {
    Ok(())
}

/// The cluster under test, and what has come out.
#[derive(Debug)]
pub(crate) struct Bench<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) flink: &'a Flink,
    pub(crate) binaries: &'a Binaries,
    pub(crate) jar: PathBuf,
    pub(crate) only: &'a [String],
    pub(crate) sides: &'a [Side],
    /// Folders of Flink's distribution on the cluster.
    pub(crate) provided: String,
    pub(crate) rows: &'a RefCell<Vec<Row>>,
}

impl Bench<'_> {
    /// Whether this fault is asked for.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether any of a group is.
    pub(crate) fn wants_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.wants(name))
    }

    /// Tries the fault with both sides. `harm` is done after the submission, `mend` undoes it.
    pub(crate) async fn tries(
        &self,
        fault: Fault,
        harm: impl AsyncFn(&Application<'_>) -> Result<()>,
        mend: impl AsyncFn() -> Result<()>,
    ) -> Result<()> {
        if !self.wants(fault.name) {
            return Ok(());
        }
        let mut row = Row::new(fault.name, fault.how, fault.expected);
        for side in self.sides {
            let answer = match side {
                Side::Ours => self.ours(&fault, &harm).await,
                Side::Flinks => self.flinks(&fault, &harm).await,
            };
            mend().await.with_context(|| format!("mending '{}'", fault.name))?;
            // One that cannot be tried is none that is answered; the others can be.
            let answer = answer.unwrap_or_else(|error| Answer::broken(&error));
            progress::line(&format!(
                "{side:?} {:?} {:5.1} s  {}: {}",
                answer.verdict, answer.seconds, fault.name, answer.said
            ));
            match side {
                Side::Ours => row.ours = Some(answer),
                Side::Flinks => row.flinks = Some(answer),
            }
        }
        self.rows.borrow_mut().push(row);
        Ok(())
    }

    async fn ours(
        &self,
        fault: &Fault,
        harm: impl AsyncFn(&Application<'_>) -> Result<()>,
    ) -> Result<Answer> {
        let begun = Instant::now();
        let submitted = java::output(self.our_run(fault)).await?;
        let error = submitted.stderr.trim();
        let from = error.find("error: ").unwrap_or_default();
        // The lines after the first one and the hint belong to it.
        let refusal = error.get(from..).unwrap_or(error).replace('\n', " ");
        let id = [&submitted.stdout, &submitted.stderr].into_iter().find_map(|text| application_id(text));
        let (Some(id), Expected::Code(_) | Expected::Event(_)) = (id, fault.expected) else {
            let right = matches!(fault.expected, Expected::Refusal(words) if refusal.contains(words));
            let verdict = if right { Verdict::Right } else { Verdict::Wrong };
            return Ok(Answer { verdict, said: refusal, code: None, seconds: begun.elapsed().as_secs_f64() });
        };
        let application = Application { cluster: self.cluster, id, side: Side::Ours };
        let harmed = harm(&application).await;
        let begun = Instant::now();
        let answer = async {
            harmed?;
            loop {
                let ended = application.has_ended().await?;
                let printed = self.explain(&application.id).await?;
                let mut said = text(&printed, "text").to_owned();
                let found = printed.pointer("/cause/code").and_then(Value::as_str).map(str::to_owned);
                let verdict = match fault.expected {
                    Expected::Event(_) if ended => Verdict::Wrong,
                    Expected::Event(words) => match self.event(&application, words).await? {
                        Some(told) if found.is_none() && application.all_run().await.is_some() => {
                            said = format!("(event) {told}; then: {said}");
                            Verdict::Right
                        }
                        _ => Verdict::Unknown,
                    },
                    Expected::Code(code) => match Verdict::of(found.as_deref(), code) {
                        Verdict::Right if !said.contains(fault.words) => Verdict::Unknown,
                        verdict => verdict,
                    },
                    Expected::Refusal(_) | Expected::Note(_) => Verdict::Wrong,
                };
                // What is said of a life that is over does not change any more.
                if verdict == Verdict::Right || ended || begun.elapsed() > fault.limit {
                    let seconds = begun.elapsed().as_secs_f64();
                    return Ok(Answer { verdict, said, code: found, seconds });
                }
                tokio::time::sleep(LOOK).await;
            }
        };
        let answer = answer.await;
        self.end(&application).await?;
        answer
    }

    async fn explain(&self, id: &str) -> Result<Value> {
        let mut command = Command::new(&self.binaries.yarn_flink);
        command.envs(self.cluster.client_environment()).args(["explain", "-o", "json", id]);
        let output = java::output(command).await?.success()?;
        serde_json::from_str(&output.stdout).context("no JSON from explain")
    }

    /// What an event says with these words, once one does. An application master that has just begun tells nothing.
    async fn event(&self, application: &Application<'_>, words: &str) -> Result<Option<String>> {
        let mut command = Command::new(&self.binaries.yarn_flink);
        command.envs(self.cluster.client_environment()).args(["events", "-o", "json", &application.id]);
        let output = java::output(command).await?;
        let events = output.stdout.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let mut causes = events.map(|event| text(&event, "text").to_owned());
        Ok(causes.find(|cause| cause.contains(words)))
    }

    async fn flinks(
        &self,
        fault: &Fault,
        harm: impl AsyncFn(&Application<'_>) -> Result<()>,
    ) -> Result<Answer> {
        let name = format!("theirs-{:08x}", rand::random::<u32>());
        let mut client = tokio::process::Command::from(self.their_run(fault, &name));
        client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let begun = Instant::now();
        let client = client.spawn().context("cannot start Flink's client")?;
        let pid = client.id();
        let client = tokio::spawn(client.wait_with_output());
        let application = loop {
            // A ResourceManager that is down is one of the faults.
            let known = self.cluster.applications().await.unwrap_or_default();
            if let Some(found) = known.iter().find(|application| text(application, "name") == name) {
                let id = text(found, "id").to_owned();
                break Some(Application { cluster: self.cluster, id, side: Side::Flinks });
            }
            if client.is_finished() || begun.elapsed() > SUBMISSION {
                break None;
            }
            tokio::time::sleep(LOOK).await;
        };
        let harmed = match &application {
            Some(application) => harm(application).await,
            None => Ok(()),
        };
        let begun = if application.is_some() { Instant::now() } else { begun };
        let limit = if fault.waits { PATIENCE } else { fault.limit };
        while begun.elapsed() < limit {
            let over = match &application {
                Some(application) if !fault.waits => application.has_ended().await.unwrap_or(false),
                _ => true,
            };
            if over && client.is_finished() {
                break;
            }
            tokio::time::sleep(LOOK).await;
        }
        let seconds = begun.elapsed().as_secs_f64();
        let gave_up = !client.is_finished();
        if let Some(pid) = pid.filter(|_| gave_up) {
            Process { pid, command: Vec::new(), container: None, resident: 0 }.kill_9();
        }
        let output = client.await.context("Flink's client")??;
        let [out, err] =
            [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        let mut said = match output.status.code() {
            Some(0) => "(submitted)".to_owned(),
            _ if gave_up => format!("(waits) {}", telling(&out, &err)),
            _ => telling(&out, &err),
        };
        if let Some(application) = &application {
            let report = application.report().await.unwrap_or_default();
            let diagnostics =
                text(&report, "diagnostics").lines().map(str::trim).find(|line| !line.is_empty());
            if output.status.success() || gave_up {
                said = format!("{said} YARN: {} {}", text(&report, "state"), diagnostics.unwrap_or_default());
            }
            self.end(application).await?;
        }
        harmed?;
        Ok(Answer { verdict: Verdict::Noted, said, code: None, seconds })
    }

    /// Kills what still runs, and waits until it is gone.
    async fn end(&self, application: &Application<'_>) -> Result<()> {
        let begun = Instant::now();
        // Of a cluster that the fault has left without nodes or NameNode, once that is mended.
        if !application.has_ended().await.unwrap_or(true) {
            self.cluster.kill_application(&application.id).await?;
        }
        while !self.cluster.processes_of(&application.id).is_empty() {
            if begun.elapsed() > GONE {
                for process in self.cluster.processes_of(&application.id) {
                    process.kill_9();
                }
            }
            tokio::time::sleep(LOOK).await;
        }
        Ok(())
    }

    fn our_run(&self, fault: &Fault) -> Command {
        let mut command = Command::new(&self.binaries.yarn_flink);
        command
            .envs(self.environment(fault))
            .env("FLINK_HOME", self.flink.home())
            .arg("run")
            .arg("--app-master")
            .arg(&self.binaries.app_master);
        if !fault.attached {
            command.arg("-d");
        }
        self.arguments(&mut command, fault);
        command
    }

    fn their_run(&self, fault: &Fault, name: &str) -> Command {
        let jars = self.cluster.hadoop_jars().join("*");
        let mut command = self.flink.command(FLINK_CLI, &[self.cluster.client_conf_dir(), jars]);
        command
            .envs(self.environment(fault))
            .args(["run-application", "-t", "yarn-application"])
            .arg(format!("-Dyarn.application.name={name}"))
            .arg(format!("-Dyarn.provided.lib.dirs={}", self.provided));
        self.arguments(&mut command, fault);
        command
    }

    fn environment(&self, fault: &Fault) -> Vec<(String, String)> {
        let mut environment = self.cluster.client_environment();
        let user = fault.user.as_ref().map(|user| ("HADOOP_USER_NAME".to_owned(), user.clone()));
        environment.extend(user);
        environment
    }

    /// The same for both.
    fn arguments(&self, command: &mut Command, fault: &Fault) {
        // Small JVMs on small nodes.
        let small = [
            "jobmanager.memory.process.size=700m",
            "taskmanager.memory.process.size=800m",
            "taskmanager.memory.managed.size=16m",
            "yarn.application.queue=wide",
        ];
        let own = |setting: &&str| {
            let key = setting.split('=').next().unwrap_or_default();
            !fault.options.iter().any(|option| option.split('=').next() == Some(key))
        };
        for setting in small.into_iter().filter(own).chain(fault.options.iter().map(String::as_str)) {
            command.arg(format!("-D{setting}"));
        }
        let (class, arguments) =
            fault.program.split_first().map_or(("", &[][..]), |(class, rest)| (class, rest));
        let jar = fault.jar.as_ref().unwrap_or(&self.jar);
        command.arg("-c").arg(format!("example.{class}")).arg(jar).args(arguments);
    }
}

/// The first application id in a text.
fn application_id(text: &str) -> Option<String> {
    text.split("application_").skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '_').unwrap_or(rest.len());
        let number = rest.get(..end)?;
        number.contains('_').then(|| format!("application_{number}"))
    })
}

/// A text field of a JSON object.
pub(crate) fn text<'v>(object: &'v Value, key: &str) -> &'v str {
    object.get(key).and_then(Value::as_str).unwrap_or_default()
}
