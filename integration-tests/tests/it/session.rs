//! Sessions: clusters for many jobs, from start to end.

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::flink::SHORT_LIVED;
use integration_tests::shared;
use rustix::process::Signal;
use serde_json::Value;

use crate::terminal::Terminal;
use crate::tool::{
    GONE, LIMIT, Ran, application_named, command, end, eventually, every, finish, jar, nothing_left, send,
    status, text, yarn_flink,
};

/// A session for one test, which ends with it.
pub(crate) struct Session<'a> {
    pub(crate) cluster: &'a Cluster,
    pub(crate) id: String,
    pub(crate) name: String,
}

/// Small JVMs, and a TaskManager without tasks is removed after two seconds.
pub(crate) const SMALL: [&str; 12] = [
    "-D",
    SHORT_LIVED,
    "-D",
    "jobmanager.memory.process.size=700m",
    "-D",
    "taskmanager.memory.process.size=800m",
    "-D",
    "taskmanager.memory.managed.size=16m",
    "-D",
    "resourcemanager.taskmanager-timeout=2s",
    "-D",
    "yarn.heartbeat.interval=1",
];

impl<'a> Session<'a> {
    pub(crate) async fn start(cluster: &'a Cluster, name: &str, options: &[&str]) -> Result<Self> {
        let name = format!("{name}-{}", std::process::id());
        let begin = ["session", "start", "-d", "--name", &name];
        let started = yarn_flink(cluster, &[&begin[..], &SMALL, options].concat()).await?.expect(0)?;
        let id = started.application()?;
        ensure!(!started.stdout.contains("job_id"), "{started:?}");
        Ok(Self { cluster, id, name })
    }

    /// `run --session` with a class of the example jobs and its arguments.
    pub(crate) async fn run(&self, options: &[&str], program: &[&str]) -> Result<Ran> {
        run_in(self.cluster, &self.id, options, program).await
    }

    /// Submits a job and returns its id.
    pub(crate) async fn submit(&self, program: &[&str]) -> Result<String> {
        self.submit_with(&[], program).await
    }

    pub(crate) async fn submit_with(&self, options: &[&str], program: &[&str]) -> Result<String> {
        let options = [&["-d", "-o", "json"], options].concat();
        let ran = self.run(&options, program).await?.expect(0)?.json()?;
        ensure!(text(&ran, "application_id") == self.id, "{ran}");
        Ok(text(&ran, "job_id").to_owned())
    }

    /// The state of a job, as reported by `jobs`; empty if it is not listed.
    pub(crate) async fn state(&self, job: &str) -> Result<String> {
        let jobs = yarn_flink(self.cluster, &["jobs", "--all", "-o", "json", &self.id]).await?;
        let jobs = jobs.expect(0)?.json()?;
        let jobs = jobs.get("jobs").and_then(Value::as_array).context("no jobs")?;
        let state = jobs.iter().find(|it| text(it, "job_id") == job).map(|it| text(it, "job_state"));
        Ok(state.unwrap_or_default().to_owned())
    }

    pub(crate) async fn runs(&self, job: &str) -> Result<()> {
        eventually("all tasks of the job run", LIMIT, || async {
            let jobs =
                yarn_flink(self.cluster, &["jobs", "-o", "json", &self.id]).await?.expect(0)?.json()?;
            let jobs = jobs.get("jobs").and_then(Value::as_array).cloned().unwrap_or_default();
            let number = |job: &Value, key: &str| job.get(key).and_then(Value::as_u64).unwrap_or_default();
            Ok(jobs.iter().any(|it| {
                text(it, "job_id") == job
                    && number(it, "tasks_total") > 0
                    && number(it, "tasks_running") == number(it, "tasks_total")
            }))
        })
        .await
    }

    pub(crate) async fn has_task_managers(&self, count: usize) -> Result<()> {
        eventually(&format!("{count} TaskManagers"), LIMIT, || async {
            Ok(self.cluster.task_managers(&self.id).len() == count)
        })
        .await
    }

    /// Ends it, and checks what is left.
    pub(crate) async fn stop(self) -> Result<Value> {
        let stopped = yarn_flink(self.cluster, &["session", "stop", "-o", "json", &self.id]).await?;
        let stopped = stopped.expect(0)?.json()?;
        ensure!(text(&stopped, "state") == "FINISHED", "{stopped}");
        ensure!(text(&stopped, "final_status") == "SUCCEEDED", "{stopped}");
        nothing_left(self.cluster, &self.id, GONE).await?;
        Ok(stopped)
    }
}

/// `run --session` with a class of the example jobs and its arguments.
pub(crate) async fn run_in(
    cluster: &Cluster,
    session: &str,
    options: &[&str],
    program: &[&str],
) -> Result<Ran> {
    let (class, arguments) = program.split_first().context("no class")?;
    let (jar, class) = (jar()?.display().to_string(), format!("example.{class}"));
    let begin = ["run", "--session", session];
    let all = [&begin[..], options, &["-c", &class, &jar], arguments].concat();
    yarn_flink(cluster, &all).await
}

#[tokio::test]
async fn session_survives_finished_failed_and_cancelled_jobs() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "three", &["-D", "taskmanager.numberOfTaskSlots=2"]).await?;
    // Nothing runs until there is a job.
    let cancelled = session.submit(&["Run"]).await?;
    let failed = session.run(&[], &["FailingTask"]).await?.expect(1)?;
    ensure!(failed.stdout.contains("job_state: FAILED"), "{failed:?}");
    ensure!(
        failed.stderr.contains("the job failed: ") && failed.stderr.contains("this task was asked to fail"),
        "{failed:?}"
    );
    let finished = session.run(&["-o", "json"], &["OneSecond"]).await?.expect(0)?.json()?;
    ensure!(text(&finished, "job_state") == "FINISHED", "{finished}");
    ensure!(session.state(&cancelled).await? == "RUNNING");

    // The only running one does not have to be named.
    let ended = yarn_flink(cluster, &["cancel", "-o", "json", &session.name]).await?.expect(0)?.json()?;
    ensure!(text(&ended, "job_id") == cancelled && text(&ended, "job_state") == "CANCELED", "{ended}");
    let none = yarn_flink(cluster, &["cancel", &session.id]).await?.expect(2)?;
    ensure!(none.stderr.contains("has no running job"), "{none:?}");
    let unknown = yarn_flink(cluster, &["cancel", &session.id, "0123"]).await?.expect(5)?;
    ensure!(unknown.stderr.contains("has no job 0123"), "{unknown:?}");

    let seen = status(cluster, &session.id).await?;
    ensure!(text(&seen, "state") == "RUNNING" && text(&seen, "final_status") == "UNDEFINED", "{seen}");
    session.has_task_managers(0).await?;
    session.stop().await?;
    Ok(())
}

#[tokio::test]
async fn jobs_run_in_the_session_they_are_sent_to() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let first = Session::start(cluster, "twin", &[]).await?;
    let same = ["session", "start", "-d", "--name", &first.name];
    let refused = yarn_flink(cluster, &[&same[..], &SMALL].concat()).await?.expect(2)?;
    ensure!(refused.stderr.contains(&first.id), "{refused:?}");
    let second = Session::start(cluster, "other", &[]).await?;
    let listed = yarn_flink(cluster, &["session", "list", "-o", "json"]).await?.expect(0)?.json()?;
    let listed = listed.to_string();
    ensure!(listed.contains(&first.id) && listed.contains(&second.id), "{listed}");

    let by_name = run_in(cluster, &first.name, &["-d", "-o", "json"], &["Run"]).await?.expect(0)?.json()?;
    ensure!(text(&by_name, "application_id") == first.id, "{by_name}");
    let by_id = second.submit(&["Run"]).await?;
    let job = text(&by_name, "job_id");
    ensure!(!first.state(job).await?.is_empty() && second.state(job).await?.is_empty());
    ensure!(!second.state(&by_id).await?.is_empty() && first.state(&by_id).await?.is_empty());

    // The name is as good as the id everywhere.
    first.runs(job).await?;
    for verb in ["status", "explain", "events", "logs"] {
        let said = yarn_flink(cluster, &[verb, "-o", "json", &first.name]).await?.expect(0)?;
        ensure!(!said.stdout.contains(&second.id), "{verb}: {said:?}");
        ensure!(verb == "events" || said.stdout.contains(&first.id), "{verb}: {said:?}");
        let unknown = yarn_flink(cluster, &[verb, &first.name[1..]]).await?.expect(5)?;
        ensure!(unknown.stderr.contains("has no running session named"), "{verb}: {unknown:?}");
    }
    // A name is free again once its session is killed, and then means the new one.
    let unknown = yarn_flink(cluster, &["kill", &first.name, "nobody"]).await?.expect(5)?;
    ensure!(unknown.stderr.contains("`nobody`") && !first.state(job).await?.is_empty(), "{unknown:?}");
    yarn_flink(cluster, &["kill", &first.name]).await?.expect(0)?;
    nothing_left(cluster, &first.id, GONE).await?;
    let gone = run_in(cluster, &first.name, &["-d"], &["Run"]).await?.expect(5)?;
    ensure!(gone.stderr.contains("has no running session named"), "{gone:?}");
    let third = Session::start(cluster, "twin", &[]).await?;
    ensure!(third.name == first.name && third.id != first.id);
    let again = run_in(cluster, &first.name, &["-d", "-o", "json"], &["Run"]).await?.expect(0)?.json()?;
    ensure!(text(&again, "application_id") == third.id, "{again}");
    let dead = run_in(cluster, &first.id, &["-d"], &["Run"]).await?.expect(3)?;
    ensure!(dead.stderr.contains("KILLED"), "{dead:?}");
    third.stop().await?;
    second.stop().await?;
    Ok(())
}

#[tokio::test]
async fn session_has_as_many_task_managers_as_its_jobs_need() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "elastic", &["--max", "3"]).await?;
    let two = session.submit_with(&["-p", "2"], &["Run", "--parallelism", "2"]).await?;
    session.runs(&two).await?;
    session.has_task_managers(2).await?;
    // More than the maximum: it waits, and says why.
    let wide = session.submit_with(&["-p", "2"], &["Run", "--parallelism", "2"]).await?;
    eventually("the shortage is explained", LIMIT, || async {
        let seen = status(cluster, &session.id).await?;
        Ok(text(&seen, "waiting").contains("4 TaskManagers, but the session may have 3"))
    })
    .await?;
    yarn_flink(cluster, &["cancel", &session.id, &two]).await?.expect(0)?;
    session.runs(&wide).await?;
    yarn_flink(cluster, &["cancel", &session.id, &wide]).await?.expect(0)?;
    session.has_task_managers(0).await?;

    let beyond = yarn_flink(cluster, &["scale", &session.id, "4"]).await?.expect(2)?;
    ensure!(
        beyond.stderr.contains("has at most 3 TaskManagers") && beyond.stderr.contains("--max"),
        "{beyond:?}"
    );
    let scaled = yarn_flink(cluster, &["scale", "-o", "json", &session.id, "1"]).await?.expect(0)?.json()?;
    ensure!(scaled["previous_task_managers"] == 0 && scaled["task_managers"] == 1, "{scaled}");
    session.has_task_managers(1).await?;
    let third = session.submit(&["OneSecond"]).await?;
    eventually("it finishes", LIMIT, || async { Ok(session.state(&third).await? == "FINISHED") }).await?;
    let events = yarn_flink(cluster, &["events", "-o", "json", &session.id]).await?.expect(0)?.stdout;
    ensure!(events.contains("\"submitted\"") && events.contains("\"scaled\""), "{events}");
    session.stop().await?;
    Ok(())
}

#[tokio::test]
async fn session_stops_after_the_given_job() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "last", &["-D", "taskmanager.numberOfTaskSlots=2"]).await?;
    let other = session.submit(&["Run"]).await?;
    session.runs(&other).await?;
    let ran = session.run(&["--stop-session-after"], &["OneSecond"]).await?.expect(0)?;
    ensure!(ran.stderr.contains(&other) && ran.stderr.contains("cancelled"), "{ran:?}");
    let ended = end(cluster, &session.id).await?;
    ensure!(text(&ended, "final_status") == "SUCCEEDED", "{ended}");
    let diagnostics = text(&ended, "diagnostics");
    ensure!(diagnostics.contains("FINISHED") && diagnostics.contains(&other), "{ended}");
    nothing_left(cluster, &session.id, GONE).await
}

#[tokio::test]
async fn session_stopped_after_a_failed_job_reports_its_cause() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "failing", &[]).await?;
    // In a session a program cannot wait for its job, and this one wants its result: the job it has started is named.
    let ran = session.run(&[], &["UsesResult", "/uses-result"]).await?.expect(1)?;
    ensure!(ran.stderr.contains("leave out `--session`"), "{ran:?}");
    let (before, _) = ran.stderr.split_once(" keeps running").context("no job is named")?;
    let begun = before.rsplit(' ').next().unwrap_or_default();
    yarn_flink(cluster, &["cancel", &session.id, begun]).await?.expect(0)?;
    let ran = session.run(&["--stop-session-after", "-o", "json"], &["FailingTask"]).await?.expect(1)?;
    ensure!(text(&ran.json()?, "job_state") == "FAILED", "{ran:?}");
    let ended = end(cluster, &session.id).await?;
    ensure!(text(&ended, "final_status") == "FAILED", "{ended}");
    ensure!(text(&ended, "diagnostics").contains("this task was asked to fail"), "{ended}");
    nothing_left(cluster, &session.id, GONE).await
}

#[tokio::test]
async fn idle_session_stops_by_itself() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let session = Session::start(cluster, "lease", &["--idle-timeout", "3s"]).await?;
    let ended = end(cluster, &session.id).await?;
    ensure!(text(&ended, "final_status") == "SUCCEEDED", "{ended}");
    ensure!(text(&ended, "diagnostics").contains("no job has run for 3 s"), "{ended}");
    ensure!(ended["job_state"].is_null(), "{ended}");
    nothing_left(cluster, &session.id, GONE).await
}

/// Its client waits, and loses its terminal.
#[tokio::test]
async fn session_survives_a_client_that_hangs_up() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = format!("attached-{}", std::process::id());
    let begin = ["session", "start", "--name", &name];
    let client = command(cluster, &[&begin[..], &SMALL].concat())?.spawn()?;
    let id = application_named(cluster, &name).await?;
    eventually("the session runs", LIMIT, || async {
        Ok(text(&cluster.application(&id).await?, "state") == "RUNNING")
    })
    .await?;
    send(&client, Signal::HUP)?;
    let ended = finish(client).await?.expect(130)?;
    ensure!(ended.stderr.contains("detached"), "{ended:?}");
    let session = Session { cluster, id, name };
    let ran = session.run(&[], &["OneSecond"]).await?.expect(0)?;
    ensure!(ran.stdout.contains("job_state: FINISHED"), "{ran:?}");
    session.stop().await?;
    Ok(())
}

/// Ctrl-C on the terminal where a session was started.
#[tokio::test]
async fn ctrl_c_on_a_terminal_asks_what_to_do_with_the_session() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = format!("session-asked-{}", std::process::id());
    let begin = ["session", "start", "--name", &name];
    let (mut terminal, client) = Terminal::start(command(cluster, &[&begin[..], &SMALL].concat())?)?;
    let id = application_named(cluster, &name).await?;
    terminal.shows(&format!("{id} RUNNING"), 1).await?;
    let session = Session { cluster, id, name };
    let job = session.submit(&["Run"]).await?;
    // Its master knows about it: it has requested the TaskManager.
    session.runs(&job).await?;
    send(&client, Signal::INT)?;
    terminal.shows("[d]etach, [s]top it and its jobs now, or keep [w]aiting? [d] ", 1).await?;
    terminal.answer("s\n")?;
    finish(client).await?.expect(0)?;
    terminal.shows(&format!("cancelling job {job}"), 1).await?;
    ensure!(text(&status(cluster, &session.id).await?, "final_status") == "SUCCEEDED");
    nothing_left(cluster, &session.id, GONE).await
}

#[tokio::test]
async fn session_refuses_invalid_sizes_names_and_settings() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let sizes =
        yarn_flink(cluster, &["session", "start", "-d", "--min", "3", "--max", "2"]).await?.expect(2)?;
    ensure!(sizes.stderr.contains("a minimum of 3 and a maximum of 2"), "{sizes:?}");
    let none = yarn_flink(cluster, &["session", "start", "-d", "--task-managers", "0"]).await?.expect(2)?;
    ensure!(none.stderr.contains("`--task-managers` must be at least 1"), "{none:?}");
    let unknown = yarn_flink(cluster, &["session", "stop", "nobody"]).await?.expect(5)?;
    ensure!(unknown.stderr.contains("has no running session named"), "{unknown:?}");
    let session = Session::start(cluster, "refuses", &[]).await?;
    let class = session.run(&[], &["NoSuchClass"]).await?.expect(2)?;
    ensure!(class.stderr.contains("NoSuchClass") && class.stderr.contains("hint: "), "{class:?}");
    ensure!(!class.stderr.contains("\tat "), "{class:?}");
    let main = session.run(&[], &["ThrowInMain"]).await?.expect(1)?;
    ensure!(main.stderr.contains("the program failed: "), "{main:?}");
    let jar = yarn_flink(cluster, &["run", "--session", &session.id, "/nowhere/job.jar"]).await?.expect(2)?;
    ensure!(jar.stderr.contains("/nowhere/job.jar"), "{jar:?}");
    let queue = session.run(&["--queue", "q"], &["OneSecond"]).await?.expect(2)?;
    ensure!(queue.stderr.contains("--queue"), "{queue:?}");
    session.stop().await?;
    Ok(())
}

/// A client waits for a job while its session ends, gracefully and by force.
#[tokio::test]
async fn client_waiting_for_a_job_is_told_of_the_end_of_its_session() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let waited = async |by_force: bool| {
        let name = if by_force { "waited-killed" } else { "waited-stopped" };
        let session = Session::start(cluster, name, &[]).await?;
        let jar = jar()?.display().to_string();
        let attached = ["run", "--session", &session.id, "-o", "json", "-c", "example.Run", &jar];
        let client = command(cluster, &attached)?.spawn()?;
        eventually("the job runs", LIMIT, || async {
            let jobs = yarn_flink(cluster, &["jobs", "-o", "json", &session.id]).await?.expect(0)?.json()?;
            Ok(jobs.pointer("/jobs/0/tasks_running").and_then(Value::as_u64) > Some(0))
        })
        .await?;
        let listed = yarn_flink(cluster, &["session", "list", "-o", "json"]).await?.expect(0)?.json()?;
        let listed = listed["sessions"].as_array().cloned().unwrap_or_default();
        let mine = listed.iter().find(|it| text(it, "application_id") == session.id).context("not listed")?;
        ensure!(
            mine["unfinished_jobs"] == 1 && mine["task_managers"] == 1 && mine["slots_total"] == 1,
            "{mine}"
        );
        if by_force {
            yarn_flink(cluster, &["kill", &session.id]).await?.expect(0)?;
            nothing_left(cluster, &session.id, GONE).await?;
        } else {
            let stopped = session.stop().await?;
            ensure!(stopped["cancelled_jobs"].as_array().map(Vec::len) == Some(1), "{stopped}");
        }
        let ended = finish(client).await?.expect(4)?;
        ensure!(text(&ended.json()?, "job_state") == "CANCELED", "{ended:?}");
        Ok(())
    };
    let (stopped, killed) = tokio::join!(waited(false), waited(true));
    every([stopped, killed])
}

/// A jar on the cluster, settings of the job, and settings that only a new cluster could apply.
#[tokio::test]
async fn job_settings_arguments_and_savepoint_reach_the_session() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id_like =
        yarn_flink(cluster, &["session", "start", "-d", "--name", "application_1_0001"]).await?.expect(2)?;
    ensure!(id_like.stderr.contains("taken for an application id"), "{id_like:?}");
    let session = Session::start(cluster, "brings", &[]).await?;
    let named = format!("yarn.application.name={}", session.name);
    let same = ["session", "start", "-d", "-D", &named];
    let refused = yarn_flink(cluster, &[&same[..], &SMALL].concat()).await?.expect(2)?;
    ensure!(refused.stderr.contains(&session.id), "{refused:?}");

    let jar = std::fs::read(jar()?)?;
    let path = format!("/user/{}/{}.bin", cluster.user(), session.name);
    cluster.hdfs()?.put(&path, jar).await?;
    let remote = format!("{}{path}", cluster.default_fs());
    let run = [
        "run",
        "--session",
        &session.id,
        "-D",
        "execution.checkpointing.interval=700ms",
        "-c",
        "example.OneSecond",
        &remote,
    ];
    let ran = yarn_flink(cluster, &run).await?.expect(0)?;
    ensure!(ran.stdout.contains("job_state: FINISHED"), "{ran:?}");
    let jobs = yarn_flink(cluster, &["jobs", "--all", "-o", "json", &session.id]).await?.expect(0)?.json()?;
    let job = jobs.pointer("/jobs/0/job_id").and_then(Value::as_str).context("no job")?;
    let config = cluster.flink(&session.id, &format!("/jobs/{job}/checkpoints/config")).await;
    ensure!(config.as_ref().is_some_and(|it| it["interval"] == 700), "{config:?}");
    // The jar is gone, and was where the NodeManager cleans up.
    let jars = cluster.flink(&session.id, "/jars").await.context("no jars")?;
    ensure!(jars["files"].as_array().map(Vec::len) == Some(0), "{jars}");
    ensure!(text(&jars, "address").starts_with("http"), "{jars}");
    let config = cluster.flink(&session.id, "/jobmanager/config").await.context("no configuration")?;
    let entries = config.as_array().cloned().unwrap_or_default();
    let folder = entries.iter().find(|it| text(it, "key") == "web.tmpdir").context("no web.tmpdir")?;
    ensure!(text(folder, "value").contains(&session.id), "{folder}");

    let cluster_key = ["-d", "-D", "taskmanager.numberOfTaskSlots=4"];
    let refused = session.run(&cluster_key, &["OneSecond"]).await?.expect(2)?;
    ensure!(refused.stderr.contains("taskmanager.numberOfTaskSlots"), "{refused:?}");
    ensure!(refused.stdout.is_empty(), "{refused:?}");
    session.stop().await?;
    Ok(())
}
