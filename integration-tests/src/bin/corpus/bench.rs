//! One fault at a time: both sides submit the same program with the same options, the same fault is injected into both,
//! and what each of them says is recorded.

mod application;
mod attached;

use std::cell::RefCell;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use integration_tests::binaries::Binaries;
use integration_tests::cluster::java::{self, FLINK_CLI};
use integration_tests::cluster::{Cluster, Process};
use integration_tests::flink::Flink;
use integration_tests::progress;
use serde_json::Value;

pub(crate) use self::application::Application;
use crate::report::{Answer, Row, Verdict, telling};

const LOOK: Duration = Duration::from_millis(200);
/// Time limit for a client to submit.
const SUBMISSION: Duration = Duration::from_secs(90);
/// Time limit for an application's processes to end.
const GONE: Duration = Duration::from_secs(60);
/// Flink's client reports missing resources after a minute.
const PATIENCE: Duration = Duration::from_secs(63);

/// The side that submits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Side {
    Ours,
    Flinks,
}

/// The expected answer.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Expected {
    /// `explain` reports this code.
    Code(&'static str),
    /// The client refuses; its message contains these words.
    Refusal(&'static str),
    /// Our client, attached, prints this and succeeds.
    Note(&'static str),
    /// The job runs again, `explain` finds no problem, and an event of the application contains these words.
    Event(&'static str),
}

/// A fault, and the application into which it is injected.
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
    /// Words that the sentence must contain, besides the code.
    words: &'static str,
}

impl Fault {
    /// A fault in a job that runs forever until then.
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

    /// A fault that the client detects before it submits.
    pub(crate) fn refused(name: &'static str, how: &'static str, words: &'static str) -> Self {
        Self { expected: Expected::Refusal(words), ..Self::new(name, how, "") }
    }

    /// A fault that an application survives.
    pub(crate) fn outlived(name: &'static str, how: &'static str, words: &'static str) -> Self {
        Self { expected: Expected::Event(words), ..Self::new(name, how, "") }
    }

    /// A fault that an attached client survives and mentions.
    pub(crate) fn noted(name: &'static str, how: &'static str, words: &'static str) -> Self {
        Self { expected: Expected::Note(words), ..Self::new(name, how, "") }
    }

    /// A fault with which an application waits forever.
    pub(crate) fn waiting(name: &'static str, how: &'static str, code: &'static str) -> Self {
        Self { waits: true, limit: Duration::from_secs(40), ..Self::new(name, how, code) }
    }

    /// `key=value`, as `-D` for both.
    pub(crate) fn set(mut self, setting: impl Into<String>) -> Self {
        self.options.push(setting.into());
        self
    }

    /// Sets the class (of package `example`) and arguments.
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

    /// Flink's client retries for a long time.
    pub(crate) fn patient(mut self) -> Self {
        self.waits = true;
        self
    }

    pub(crate) fn within(mut self, seconds: u64) -> Self {
        self.limit = Duration::from_secs(seconds);
        self
    }
}

/// No fault besides the program's own.
pub(crate) async fn nothing(_: &Application<'_>) -> Result<()> {
    Ok(())
}

/// The cluster under test, and the results.
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
    /// Whether this fault is requested.
    pub(crate) fn wants(&self, name: &str) -> bool {
        self.only.is_empty() || self.only.iter().any(|part| name.contains(part.as_str()))
    }

    /// Whether any fault of a group is requested.
    pub(crate) fn wants_any(&self, names: &[&str]) -> bool {
        names.iter().any(|name| self.wants(name))
    }

    /// Tries the fault with both sides. `harm` injects it after the submission, `mend` undoes it.
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
            // A fault that cannot be tried does not keep the others from being tried.
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
        // The lines after the first one, and the hint, are part of it.
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
                // What is said about an application that is over does not change any more.
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

    /// The text of an event with these words, once there is one. An application master that has just started has no
    /// events.
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

    /// Kills whatever is still running, and waits until it is gone.
    async fn end(&self, application: &Application<'_>) -> Result<()> {
        let begun = Instant::now();
        // If the fault has left the cluster without nodes or NameNode, this works once that is mended.
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

    /// Adds the arguments that are the same for both sides.
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
