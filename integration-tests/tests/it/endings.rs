//! Every way a job can end, detached and attached: what is reported to YARN, what the command line prints, and what is
//! left.

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::{http, shared};
use serde_json::Value;

use crate::tool::{
    GONE, LIMIT, Ran, SMALL, command, end, eventually, finish, job_in_state, nothing_left, run, run_args,
    status, text, yarn_flink,
};

/// The keys that programs may rely on in the JSON of an application (design: command line).
const KEYS: [&str; 10] = [
    "application_id",
    "state",
    "final_status",
    "diagnostics",
    "tracking_url",
    "queue",
    "user",
    "name",
    "job_id",
    "job_state",
];

/// The end of an application as `status` and `run` print it.
#[derive(Debug)]
struct End<'a> {
    final_status: &'a str,
    job_state: &'a str,
    /// The code of `cause`; empty if there must be none.
    code: &'a str,
    /// First line of the diagnostics after `Job <id> `, which is also the cause's text.
    first: &'a str,
    /// Part of the hint; empty if any will do.
    hint: &'a str,
}

const FINISHED: End<'_> =
    End { final_status: "SUCCEEDED", job_state: "FINISHED", code: "", first: "FINISHED", hint: "" };

const CANCELED: End<'_> =
    End { final_status: "KILLED", job_state: "CANCELED", code: "job_canceled", first: "CANCELED", hint: "" };

fn failed<'a>(first: &'a str, hint: &'a str) -> End<'a> {
    End { final_status: "FAILED", job_state: "FAILED", code: "job_failed", first, hint }
}

/// Compares what was printed about an ended application with what is expected.
fn check(printed: &Value, job_id: &str, right: &End<'_>) -> Result<()> {
    for key in KEYS {
        ensure!(printed.get(key).is_some_and(Value::is_string), "{key} is missing: {printed}");
    }
    for (key, value) in [
        ("state", "FINISHED"),
        ("final_status", right.final_status),
        ("job_state", right.job_state),
        ("job_id", job_id),
    ] {
        ensure!(text(printed, key) == value, "{key} is not {value}: {printed}");
    }
    let progress = printed.get("progress").and_then(Value::as_f64);
    ensure!(progress == Some(1.0), "progress {progress:?}: {printed}");
    let time = |key: &str| printed.get(key).and_then(Value::as_u64).with_context(|| format!("no {key}"));
    ensure!(time("started_ms")? < time("finished_ms")?, "times: {printed}");
    let first = text(printed, "diagnostics").lines().next().unwrap_or_default();
    ensure!(first == format!("Job {job_id} {}", right.first), "diagnostics: {first}");
    let cause = printed.get("cause").context("no cause")?;
    if right.code.is_empty() {
        ensure!(cause.is_null(), "a cause: {cause}");
        return Ok(());
    }
    ensure!(text(cause, "code") == right.code, "cause: {cause}");
    ensure!(text(cause, "hint").contains(right.hint), "hint: {cause}");
    ensure!(cause.get("evidence").is_some_and(Value::is_array), "evidence: {cause}");
    if let Some(told) = right.first.strip_prefix("FAILED: ") {
        ensure!(text(cause, "text") == told, "cause: {cause}");
    }
    Ok(())
}

/// Checks an attached run with JSON, then `status`, then that nothing is left.
async fn check_attached(cluster: &Cluster, ran: &Ran, right: &End<'_>) -> Result<Value> {
    let id = ran.application()?;
    let result = ran.json()?;
    let job_id = text(&result, "job_id").to_owned();
    check(&result, &job_id, right)?;
    check(&status(cluster, &id).await?, &job_id, right)?;
    nothing_left(cluster, &id, GONE).await?;
    Ok(result)
}

/// Cancels the application's job as a user of Flink's dashboard does, through the ResourceManager's proxy.
async fn cancel(cluster: &Cluster, id: &str, job_id: &str) -> Result<()> {
    let url = format!("{}/proxy/{id}/jobs/{job_id}/yarn-cancel", cluster.rm_web());
    http::get(&url).await?.success()?;
    Ok(())
}

#[tokio::test]
async fn detached_job_finishes() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted =
        run(cluster, &["-d", "-o", "json", "--name", "One second"], &["OneSecond"]).await?.expect(0)?;
    let id = submitted.application()?;
    let printed = submitted.json()?;
    for (key, value) in [("state", "SUBMITTED"), ("name", "One second"), ("user", cluster.user())] {
        ensure!(text(&printed, key) == value, "{key} is not {value}: {printed}");
    }
    ensure!(text(&printed, "queue").ends_with("default"), "{printed}");
    let end = end(cluster, &id).await?;
    check(&end, text(&printed, "job_id"), &FINISHED)?;
    ensure!(text(&end, "name") == "One second" && text(&end, "user") == cluster.user(), "{end}");
    nothing_left(cluster, &id, GONE).await
}

/// Also: `main()` continues after its job and uses the result, and its arguments reach it as they were typed.
#[tokio::test]
async fn attached_job_finishes() -> Result<()> {
    const ARGUMENTS: [&str; 24] = [
        "",
        " ",
        "two words",
        "  spaces   around ",
        "tab\tinside",
        "'single' \"double\" `tick`",
        "back\\slash \\n \\\\",
        "$HOME ${PATH} $(id) $$",
        "{{HOME}} {{PWD}}",
        "<LOG_DIR> <CPS>",
        "%java% %args%",
        "a;b|c&d>e<f(g)*?[h]!~#",
        "key=value,other",
        "umlaut ü, kanji 漢字, emoji 🚀",
        "--host",
        "--",
        "-D",
        "-Dx=y",
        "-d",
        "-o",
        "json",
        "--configDir",
        "--job-classname=x",
        "-",
    ];
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let output = format!("/tmp/endings-{}", std::process::id());
    let url = format!("{}{output}", cluster.default_fs());
    let program: Vec<&str> = ["UsesResult", &url].into_iter().chain(ARGUMENTS).collect();
    let ran = run(cluster, &[], &program).await?.expect(0)?;
    let id = ran.application()?;

    let lines: Vec<&str> = ran.stdout.lines().collect();
    let [application, job, rest @ ..] = lines.as_slice() else { panic!("{ran:?}") };
    assert_eq!(*application, format!("application_id: {id}"));
    let job_id = job.strip_prefix("job_id: ").context("no job id")?;
    assert_eq!(rest, ["state: FINISHED", "final_status: SUCCEEDED", "job_state: FINISHED"]);
    check(&status(cluster, &id).await?, job_id, &FINISHED)?;

    let written = String::from_utf8(hdfs.read(&output).await?.to_vec())?;
    hdfs.delete(&output).await?;
    let mut lines = written.lines();
    for argument in ARGUMENTS {
        assert_eq!(lines.next(), Some(&*format!("argument={argument}")), "{written}");
    }
    assert_eq!(lines.next(), Some("records=100"), "{written}");
    nothing_left(cluster, &id, GONE).await
}

/// `main` may take its time after its job, whether or not Flink's log shows that it does.
#[tokio::test]
async fn work_of_main_after_the_job_is_completed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    for level in ["WARN", "INFO"] {
        let output = format!("/tmp/works-on-{}", std::process::id());
        let url = format!("{}{output}", cluster.default_fs());
        let level = format!("env.log.level={level}");
        let options = ["-o", "json", "-D", &level, "-D", "cluster.thread-dump.stacktrace-max-depth=1000"];
        let ran = run(cluster, &options, &["WorksOn", &url, "8"]).await?.expect(0)?;
        check_attached(cluster, &ran, &FINISHED).await?;
        ensure!(hdfs.read(&output).await? == "done\n", "with {level}, the work after the job was cut off");
        hdfs.delete(&output).await?;
    }
    Ok(())
}

#[tokio::test]
async fn failed_task_ends_a_detached_job_as_failed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted = run(cluster, &["-d", "-o", "json"], &["FailingTask"]).await?.expect(0)?;
    let id = submitted.application()?;
    let end = end(cluster, &id).await?;
    let right =
        failed("FAILED: java.lang.IllegalStateException: this task was asked to fail", "yarn-flink logs");
    check(&end, text(&submitted.json()?, "job_id"), &right)?;
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn failed_task_is_reported_by_an_attached_run() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ran =
        run(cluster, &["-o", "json"], &["FailingTask", "--message", "no such luck"]).await?.expect(1)?;
    let right = failed("FAILED: java.lang.IllegalStateException: no such luck", "yarn-flink logs");
    check_attached(cluster, &ran, &right).await?;
    ensure!(ran.stderr.contains("the job failed: java.lang.IllegalStateException: no such luck"), "{ran:?}");
    Ok(())
}

/// Also: progress of a streaming job, and the tracking URL leads to Flink's dashboard.
#[tokio::test]
async fn cancelled_detached_job_ends_as_killed() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let submitted = run(cluster, &["-d", "-o", "json"], &["Run"]).await?.expect(0)?;
    let id = submitted.application()?;
    let job_id = text(&submitted.json()?, "job_id").to_owned();
    job_in_state(cluster, &id, "RUNNING").await?;
    eventually("nobody knows how much of a stream is done", LIMIT, || async {
        Ok(status(cluster, &id).await?["progress"].is_null())
    })
    .await?;
    let running = status(cluster, &id).await?;
    ensure!(
        text(&running, "state") == "RUNNING" && text(&running, "final_status") == "UNDEFINED",
        "{running}"
    );
    ensure!(running.get("containers").and_then(Value::as_u64) == Some(2), "{running}");
    let page = http::get(text(&running, "tracking_url")).await?.success()?.text();
    ensure!(page.contains("Apache Flink Web Dashboard"), "{page}");

    cancel(cluster, &id, &job_id).await?;
    check(&end(cluster, &id).await?, &job_id, &CANCELED)?;
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn cancelled_attached_job_exits_with_4() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = format!("cancelled-{}", std::process::id());
    let args = run_args(&["-o", "json", "--name", &name], &["Run"])?;
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    let client = command(cluster, &args)?.spawn()?;
    let cancelled = async {
        let id = crate::tool::application_named(cluster, &name).await?;
        job_in_state(cluster, &id, "RUNNING").await?;
        let url = format!("{}/proxy/{id}/jobs/overview", cluster.rm_web());
        let overview = http::get_json(&url).await?;
        let job_id = overview.pointer("/jobs/0/jid").and_then(Value::as_str).context("no job")?;
        cancel(cluster, &id, job_id).await
    };
    let (ran, cancelled) = tokio::join!(finish(client), cancelled);
    cancelled?;
    let ran = ran?.expect(4)?;
    check_attached(cluster, &ran, &CANCELED).await?;
    ensure!(ran.stderr.contains("the job did not finish"), "{ran:?}");
    Ok(())
}

/// Runs a faulty program attached and returns what was printed.
async fn faulty(program: &[&str], right: &End<'_>) -> Result<(Ran, Value)> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ran = run(cluster, &["-o", "json"], program).await?.expect(1)?;
    let printed = check_attached(cluster, &ran, right).await?;
    Ok((ran, printed))
}

/// Only the client that has waited for its end knows its files.
#[tokio::test]
async fn application_master_that_never_starts_leaves_nothing_behind() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let damaged = cluster.scratch("Never-Starts")?.join("damaged.zip");
    std::fs::write(&damaged, "no archive")?;
    let ships = format!("yarn.ship-archives={}", damaged.display());
    let ran = run(cluster, &["-o", "json", "-D", &ships], &["OneSecond"]).await?.expect(1)?;
    let id = text(&ran.json()?, "application_id").to_owned();
    let left = format!("/user/{}/.yarn-flink/apps/{id}", cluster.user());
    ensure!(cluster.hdfs()?.stat(&left).await?.is_none(), "{left} is there: {ran:?}");
    Ok(())
}

#[tokio::test]
async fn exception_in_main_fails_the_job_with_its_cause() -> Result<()> {
    let right = failed("FAILED: java.lang.IllegalStateException: this is the root of it", "yarn-flink logs");
    let (_, printed) = faulty(&["ThrowInMain"], &right).await?;
    let diagnostics = text(&printed, "diagnostics");
    ensure!(
        diagnostics.contains("java.lang.IllegalArgumentException: main() was asked to throw"),
        "{diagnostics}"
    );
    Ok(())
}

#[tokio::test]
async fn exit_in_main_fails_the_job() -> Result<()> {
    let told = "FAILED: the program called `System.exit(3)` before the job had started";
    let hint = "let `main()` return, or wait for the job";
    let (ran, printed) = faulty(&["ExitInMain"], &failed(told, hint)).await?;
    let error: Value = serde_json::from_str(ran.stderr.lines().last().unwrap_or_default())?;
    ensure!(text(&error, "hint").starts_with(hint) && error["exit_code"] == 1, "{ran:?}");
    ensure!(text(&printed, "diagnostics").contains(&format!("hint: {hint}")), "{ran:?}");
    // After its job this is the program's way to report its result.
    let right =
        failed("FAILED: the program called `System.exit(4)` after its job had finished", "yarn-flink logs");
    faulty(&["ExitInMain", "4", "after"], &right).await?;
    let right = failed("FAILED: java.lang.IllegalStateException: it was to fail", "yarn-flink logs");
    faulty(&["ExitInMain", "-1", "after"], &right).await?;
    let _turn = shared::turn().await;
    run(shared::cluster().await?, &[], &["ExitInMain", "0", "after"]).await?.expect(0)?;
    Ok(())
}

/// For a jar that is only on the cluster this is not known earlier.
#[tokio::test]
async fn program_that_cannot_be_loaded_is_explained() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let folder = format!("/user/{}/not-loaded", cluster.user());
    let hdfs = cluster.hdfs()?;
    let whole = std::fs::read(crate::tool::jar()?)?;
    hdfs.put(&format!("{folder}/cut.jar"), whole[..2000].to_vec()).await?;
    hdfs.put(&format!("{folder}/jobs.jar"), whole).await?;
    for (class, jar, why) in [
        ("no.Such", "jobs.jar", "java.lang.ClassNotFoundException: no.Such"),
        ("example.Library", "jobs.jar", "does not have a main(String[]) method"),
        ("example.OneSecond", "cut.jar", "java.lang.ClassNotFoundException: example.OneSecond"),
    ] {
        let jar = format!("{}{folder}/{jar}", cluster.default_fs());
        let args = [&["run", "-o", "json"], &SMALL[..], &["-c", class, &jar]].concat();
        let ended = yarn_flink(cluster, &args).await?.expect(1)?.json()?;
        let cause = &ended["cause"];
        ensure!(text(cause, "code") == "program_not_loaded" && text(cause, "text").contains(why), "{ended}");
        ensure!(text(cause, "hint").contains("check the jar and the class (`-c`)"), "{ended}");
        nothing_left(cluster, text(&ended, "application_id"), GONE).await?;
    }
    ensure!(hdfs.delete(&folder).await?);
    Ok(())
}

/// Flink only runs the first job and reports success: the other one must not be lost silently.
#[tokio::test]
async fn second_execute_fails_without_multi_job() -> Result<()> {
    let right = failed(
        "FAILED: the program executed more than one job: the first one finished, and Flink did not run the others",
        "run it with `--multi-job`",
    );
    faulty(&["TwoExecutes"], &right).await?;
    Ok(())
}

/// Within one environment Flink refuses the second job, after the first one has finished.
#[tokio::test]
async fn second_execute_of_the_same_environment_fails_without_multi_job() -> Result<()> {
    let right = failed(
        "FAILED: the program failed after its job had finished: org.apache.flink.util.FlinkRuntimeException: Cannot \
         have more than one execute() or executeAsync() call in a single environment.",
        "run it with `--multi-job`",
    );
    faulty(&["TwoExecutes", "--same-environment"], &right).await?;
    Ok(())
}

#[tokio::test]
async fn program_without_execute_is_reported() -> Result<()> {
    let right = failed(
        // The exit code is left out, as Flink's is 2 or 239.
        "FAILED: the program failed before the job had started: \
         org.apache.flink.client.deployment.application.ApplicationExecutionException: The application contains no \
         execute() calls.",
        "end `main()` with `StreamExecutionEnvironment.execute()`",
    );
    faulty(&["NoExecute"], &right).await?;
    Ok(())
}

#[tokio::test]
async fn exception_in_main_after_the_job_fails_the_application() -> Result<()> {
    let right = failed(
        "FAILED: the program failed after its job had finished: org.apache.hadoop.fs.UnsupportedFileSystemException: \
         No FileSystem for scheme \"nowhere\"",
        "yarn-flink logs",
    );
    faulty(&["UsesResult", "nowhere://host/file"], &right).await?;
    Ok(())
}
