//! The life of the client: killed, interrupted, impatient, quiet, cut off; and the verbs about applications.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries::binaries;
use integration_tests::cluster::Cluster;
use integration_tests::flink::Flink;
use integration_tests::shared;
use integration_tests::versions::FLINK_1_20;
use rustix::process::Signal;
use serde_json::Value;
use tokio::process::{Child, Command};

use crate::terminal::Terminal;
use crate::tool::{
    GONE, LIMIT, Ran, application_named, command, end, eventually, finish, jar, job_in_state, nothing_left,
    run, run_args, send, status, text, yarn_flink,
};

/// A well-formed id that no ResourceManager of these tests has issued.
const UNKNOWN: &str = "application_1000000000000_0001";

/// A name for one application.
fn unique(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

/// Starts `run` in the background.
fn start(cluster: &Cluster, options: &[&str], program: &[&str]) -> Result<Child> {
    let args = run_args(options, program)?;
    Ok(command(cluster, &args.iter().map(String::as_str).collect::<Vec<_>>())?.spawn()?)
}

fn interrupt(child: &Child) -> Result<()> {
    send(child, Signal::INT)
}

/// Values of `key: value` lines, with exactly these keys.
fn fields<'a>(ran: &'a Ran, keys: &[&str]) -> Result<BTreeMap<&'a str, &'a str>> {
    let lines: Option<Vec<_>> = ran.stdout.lines().map(|line| line.split_once(": ")).collect();
    let lines = lines.with_context(|| format!("not only key: value lines: {ran:?}"))?;
    let found: Vec<_> = lines.iter().map(|(key, _)| *key).collect();
    ensure!(found == keys, "{found:?} instead of {keys:?}");
    Ok(lines.into_iter().collect())
}

#[tokio::test]
async fn detached_job_survives_a_client_killed_at_submission() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = unique("orphan-detached");
    let mut client = start(cluster, &["-d", "--name", &name], &["OneSecond"])?;
    let id = application_named(cluster, &name).await?;
    client.kill().await?;
    let end = end(cluster, &id).await?;
    ensure!(text(&end, "final_status") == "SUCCEEDED", "{end}");
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn attached_job_survives_a_killed_client() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = unique("orphan-attached");
    let mut client = start(cluster, &["--name", &name], &["OneSecond"])?;
    let id = application_named(cluster, &name).await?;
    cluster.wait_for_state(&id, "RUNNING", LIMIT).await?;
    ensure!(client.try_wait()?.is_none(), "the client did not wait for the end");
    client.kill().await?;
    let end = end(cluster, &id).await?;
    ensure!(text(&end, "final_status") == "SUCCEEDED", "{end}");
    nothing_left(cluster, &id, GONE).await
}

/// Everything has to be uploaded to a separate staging directory, which takes seconds; the signal comes when the first
/// upload has started.
#[tokio::test]
async fn interrupt_before_submission_leaves_only_complete_cache_entries() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let base = format!("/tmp/{}", unique("interrupted"));
    hdfs.mkdirs(&base).await?;
    hdfs.set_permission(&base, "755").await?;
    let name = unique("interrupted");
    let staging = format!("yarn.staging-directory={}{base}", cluster.default_fs());
    let client = start(cluster, &["-d", "--name", &name, "-D", &staging], &["OneSecond"])?;
    eventually("an upload", LIMIT, || async {
        let files = hdfs.files(&base).await?;
        Ok(files.iter().any(|(path, _)| path.contains("/.uploading/")))
    })
    .await?;
    interrupt(&client)?;
    let ran = finish(client).await?.expect(130)?;
    ensure!(ran.stdout.is_empty() && ran.stderr.contains("interrupted"), "{ran:?}");

    let apps = hdfs.list(&format!("{base}/.yarn-flink/apps")).await?;
    ensure!(apps.is_empty(), "directories of applications are left: {apps:?}");
    let lengths = local_lengths()?;
    for (path, entry) in hdfs.files(&base).await? {
        let parts: Vec<_> = path.trim_start_matches(&base).split('/').collect();
        let ["", ".yarn-flink", "cache", digest, name] = parts.as_slice() else { panic!("{path} is left") };
        let whole = lengths.get(*name).is_some_and(|lengths| lengths.contains(&entry.length));
        ensure!(digest.len() == 64 && whole, "{path} with {} bytes is no whole cache entry", entry.length);
    }
    hdfs.delete(&base).await?;
    let applications = cluster.applications().await?;
    ensure!(
        !applications.iter().any(|application| text(application, "name") == name),
        "{name} was submitted"
    );
    Ok(())
}

/// Lengths of all local files that a submission may upload, by name.
fn local_lengths() -> Result<BTreeMap<String, Vec<u64>>> {
    let mut lengths: BTreeMap<String, Vec<u64>> = BTreeMap::new();
    let home = Flink::download(FLINK_1_20)?.home().to_owned();
    let mut open = vec![home, jar()?, binaries()?.app_master.clone()];
    while let Some(path) = open.pop() {
        if path.is_dir() {
            for entry in std::fs::read_dir(&path)? {
                open.push(entry?.path());
            }
        } else {
            let name = path.file_name().context("no name")?.to_string_lossy().into_owned();
            lengths.entry(name).or_default().push(path.metadata()?.len());
        }
    }
    Ok(lengths)
}

/// One endless job for all commands: its client goes away, it is listed, shown and killed.
#[tokio::test]
async fn interrupted_client_detaches_from_its_job() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let name = unique("verbs");
    let client = start(cluster, &["--name", &name], &["Run"])?;
    let id = application_named(cluster, &name).await?;
    job_in_state(cluster, &id, "RUNNING").await?;
    interrupt(&client)?;
    let ran = finish(client).await?.expect(130)?;
    let printed = fields(&ran, &["application_id", "job_id"])?;
    ensure!(printed.get("application_id") == Some(&&*id), "{ran:?}");
    ensure!(ran.stderr.contains(&format!("To end it: `yarn-flink kill {id}`")), "{ran:?}");

    let listed = yarn_flink(cluster, &["list"]).await?.expect(0)?;
    let line = listed.stdout.lines().find(|line| line.starts_with(&id)).context("not listed")?;
    ensure!(line.contains("RUNNING") && line.contains(&name), "{line}");
    ensure!(listed.stdout.starts_with("APPLICATION ") && listed.stderr.is_empty(), "{listed:?}");
    ensure!(in_list(cluster, &["--queue", "default"], &id).await?, "not in its queue");
    let nowhere = yarn_flink(cluster, &["list", "--queue", "nowhere", "-o", "json"]).await?.expect(0)?;
    ensure!(nowhere.json()? == serde_json::json!({"applications": []}), "{nowhere:?}");
    let nowhere = yarn_flink(cluster, &["list", "--queue", "nowhere"]).await?.expect(0)?;
    ensure!(nowhere.stdout.is_empty() && nowhere.stderr == "no applications\n", "{nowhere:?}");

    let shown = yarn_flink(cluster, &["status", &id]).await?.expect(0)?;
    for line in [format!("application_id: {id}"), format!("name: {name}"), "state: RUNNING".to_owned()] {
        ensure!(shown.stdout.lines().any(|shown| shown == line), "{line}: {shown:?}");
    }

    // A running one and an unknown one: the former is killed nevertheless.
    let killed = yarn_flink(cluster, &["kill", UNKNOWN, &id]).await?.expect(5)?;
    ensure!(killed.stdout == format!("{id} killed\n") && killed.stderr.contains(UNKNOWN), "{killed:?}");
    nothing_left(cluster, &id, GONE).await?;
    let end = status(cluster, &id).await?;
    ensure!(text(&end, "state") == "KILLED" && text(&end, "final_status") == "KILLED", "{end}");
    ensure!(end.pointer("/cause/code") == Some(&Value::from("application_killed")), "{end}");

    ensure!(!in_list(cluster, &[], &id).await?, "an application that has ended is listed");
    ensure!(in_list(cluster, &["--all"], &id).await?, "list --all misses an application that has ended");
    let again = yarn_flink(cluster, &["kill", "-o", "json", &id]).await?.expect(0)?;
    ensure!(
        again.json()?.pointer("/applications/0/outcome") == Some(&"already_finished".into()),
        "{again:?}"
    );
    let again = yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    ensure!(again.stdout == format!("{id} has already ended: KILLED\n"), "{again:?}");
    Ok(())
}

/// Ctrl-C on a terminal asks, but only once; SIGTERM never does.
#[tokio::test]
async fn ctrl_c_on_a_terminal_asks_what_to_do() -> Result<()> {
    const QUESTION: &str = "[d]etach, [k]ill it now, or keep [w]aiting? [d] ";
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let on_terminal = |name: &str| -> Result<_> {
        let args = run_args(&["--name", name], &["Run"])?;
        Terminal::start(command(cluster, &args.iter().map(String::as_str).collect::<Vec<_>>())?)
    };

    let name = unique("asked");
    let (mut terminal, mut client) = on_terminal(&name)?;
    let id = application_named(cluster, &name).await?;
    terminal.shows(&format!("{id} RUNNING"), 1).await?;
    // A single line shows the state, until there is something to answer.
    terminal.shows("RUNNING, job RUNNING, tasks: 2 running", 1).await?;
    interrupt(&client)?;
    terminal.shows(QUESTION, 1).await?;
    let shown = terminal.text();
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(terminal.text() == shown && shown.ends_with(QUESTION), "{:?}", terminal.text());
    terminal.answer("w\n")?;
    // It keeps waiting, and does not ask again.
    tokio::time::sleep(Duration::from_millis(500)).await;
    ensure!(client.try_wait()?.is_none(), "{}", terminal.text());
    interrupt(&client)?;
    let ran = finish(client).await?.expect(130)?;
    ensure!(ran.stdout.starts_with(&format!("application_id: {id}\n")), "{ran:?}");
    terminal.shows(&format!("detached; the job keeps running. To end it: `yarn-flink kill {id}`"), 1).await?;
    ensure!(terminal.text().matches(QUESTION).count() == 1, "{}", terminal.text());
    ensure!(
        text(&status(cluster, &id).await?, "state") == "RUNNING",
        "the application ended with its client"
    );
    yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    nothing_left(cluster, &id, GONE).await?;

    let name = unique("answered");
    let (mut terminal, client) = on_terminal(&name)?;
    let id = application_named(cluster, &name).await?;
    terminal.shows(&format!("{id} ACCEPTED"), 1).await?;
    interrupt(&client)?;
    terminal.shows(QUESTION, 1).await?;
    terminal.answer("k\n")?;
    finish(client).await?.expect(4)?;
    terminal.shows(&format!("{id} killed"), 1).await?;
    nothing_left(cluster, &id, GONE).await?;

    let name = unique("terminated");
    let (terminal, client) = on_terminal(&name)?;
    let id = application_named(cluster, &name).await?;
    terminal.shows(&id, 1).await?;
    send(&client, Signal::TERM)?;
    finish(client).await?.expect(130)?;
    ensure!(!terminal.text().contains(QUESTION), "{}", terminal.text());
    yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    nothing_left(cluster, &id, GONE).await
}

/// Whether the JSON of `list` with these options contains the application.
async fn in_list(cluster: &Cluster, options: &[&str], id: &str) -> Result<bool> {
    let args: Vec<_> = ["list", "-o", "json"].iter().chain(options).copied().collect();
    let listed = yarn_flink(cluster, &args).await?.expect(0)?.json()?;
    let listed = listed.get("applications").and_then(Value::as_array).context("no applications")?;
    Ok(listed.iter().any(|application| text(application, "application_id") == id))
}

#[tokio::test]
async fn unknown_applications_are_reported_as_not_found() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let shown = yarn_flink(cluster, &["status", UNKNOWN]).await?.expect(5)?;
    ensure!(shown.stdout.is_empty() && shown.stderr.contains(UNKNOWN), "{shown:?}");
    let killed = yarn_flink(cluster, &["kill", "-o", "json", UNKNOWN]).await?.expect(5)?;
    let printed = killed.json()?;
    ensure!(printed.pointer("/applications/0/outcome") == Some(&"not_found".into()), "{printed}");
    ensure!(printed.pointer("/applications/0/application_id") == Some(&UNKNOWN.into()), "{printed}");
    Ok(())
}

/// Levels of waiting; the applications are killed once the client has returned, several with one command.
#[tokio::test]
async fn wait_levels_and_timeouts_are_respected() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;

    let detached = run(cluster, &["-d"], &["Run"]).await?.expect(0)?;
    let first = fields(&detached, &["application_id", "job_id"])?;
    ensure!(first["job_id"].len() == 32, "{detached:?}");
    let quiet = run(cluster, &["-q", "--wait", "submitted"], &["Run"]).await?.expect(0)?;
    let second = fields(&quiet, &["application_id", "job_id"])?;
    ensure!(quiet.stderr.is_empty(), "{quiet:?}");
    let ids = [first["application_id"], second["application_id"]];
    let killed = yarn_flink(cluster, &["-q", "kill", ids[0], ids[1]]).await?.expect(0)?;
    ensure!(killed.stdout == format!("{} killed\n{} killed\n", ids[0], ids[1]), "{killed:?}");
    ensure!(killed.stderr.is_empty(), "{killed:?}");

    let accepted = run(cluster, &["-o", "json", "--wait", "accepted"], &["Run"]).await?.expect(0)?;
    let state = accepted.json()?;
    ensure!(matches!(text(&state, "state"), "ACCEPTED" | "RUNNING"), "{state}");
    ensure!(text(&state, "job_id").len() == 32, "{state}");

    let begun = std::time::Instant::now();
    let impatient = run(cluster, &["--timeout", "1500ms"], &["Run"]).await?.expect(124)?;
    ensure!(begun.elapsed() >= Duration::from_millis(1500), "{:?}", begun.elapsed());
    let third = fields(&impatient, &["application_id", "job_id"])?["application_id"];
    ensure!(impatient.stderr.contains("keeps running"), "{impatient:?}");
    // It does.
    cluster.wait_for_state(third, "RUNNING", LIMIT).await?;
    let fourth = accepted.application()?;
    let killed = yarn_flink(cluster, &["kill", "-o", "json", third, &fourth]).await?.expect(0)?.json()?;
    for (at, id) in [(0, third), (1, &*fourth)] {
        let one = killed.pointer(&format!("/applications/{at}")).context("an application is missing")?;
        ensure!(text(one, "application_id") == id && text(one, "outcome") == "killed", "{one}");
        ensure!(text(one, "state") == "KILLED", "{one}");
    }

    let running = run(cluster, &["--wait", "running", "--timeout", "3min"], &["Run"]).await?.expect(0)?;
    let printed = fields(&running, &["application_id", "job_id", "state", "job_state", "tracking_url"])?;
    ensure!(printed["job_state"] == "RUNNING", "{running:?}");
    let fifth = printed["application_id"];
    ensure!(printed["state"] == "RUNNING" && printed["tracking_url"].contains(fifth), "{running:?}");
    yarn_flink(cluster, &["kill", fifth]).await?.expect(0)?;
    for id in [ids[0], ids[1], third, &fourth, fifth] {
        nothing_left(cluster, id, GONE).await?;
    }
    Ok(())
}

/// Exit code 2, nothing on standard output, and a text that names the culprit.
#[tokio::test]
async fn usage_errors_exit_with_2_and_name_the_culprit() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let jar = jar()?.display().to_string();
    for (args, culprit) in [
        (&["fly"][..], "fly"),
        (&["run"], "JAR"),
        (&["run", "-d", "--wait", "running", &jar], "--wait"),
        (&["run", "--wait", "forever", &jar], "forever"),
        (&["run", "--timeout", "soon", &jar], "soon"),
        (&["run", "-p", "many", &jar], "many"),
        (&["run", "-p", "0", &jar], "parallelism"),
        (&["run", "-D", "key-without-value", &jar], "key-without-value"),
        (&["run", "--no-such-option", &jar], "--no-such-option"),
        (&["list", "-o", "xml"], "xml"),
        (&["kill"], "ID"),
        (&["kill", UNKNOWN, "application_1"], "application_1"),
        (&["status", "application_x"], "application_x"),
        (&["completions", "klingon"], "klingon"),
    ] {
        let ran = yarn_flink(cluster, args).await?.expect(2).with_context(|| format!("{args:?}"))?;
        ensure!(ran.stdout.is_empty() && ran.stderr.contains(culprit), "{args:?}: {ran:?}");
        ensure!(ran.stderr.starts_with("error: "), "{args:?}: {ran:?}");
    }
    // An empty command line is a question, and the help is the answer.
    let ran = yarn_flink(cluster, &[]).await?.expect(2)?;
    ensure!(ran.stderr.contains("Usage: yarn-flink"), "{ran:?}");
    Ok(())
}

/// As with `| head -1`: a closed pipe is not an error.
#[tokio::test]
async fn closed_standard_output_is_not_an_error() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    for args in
        [&["completions", "bash"][..], &["list", "--all", "-o", "json"], &["--help"], &["run", "--help"]]
    {
        let (reader, writer) = std::io::pipe()?;
        drop(reader);
        let mut command = command(cluster, args)?;
        let ran = finish(command.stdout(writer).spawn()?).await?.expect(0)?;
        ensure!(ran.stderr.is_empty(), "{args:?}: {ran:?}");
    }
    Ok(())
}

#[tokio::test]
async fn bash_accepts_the_completion_script() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let script = yarn_flink(cluster, &["completions", "bash"]).await?.expect(0)?;
    ensure!(script.stderr.is_empty(), "{script:?}");
    let file = cluster.scratch(&unique("completions"))?.join("script");
    std::fs::write(&file, &script.stdout)?;
    // What bash does on TAB after `yarn-flink k`: it calls the function registered by the script.
    let typed = format!(
        "source '{}'; registered=($(complete -p yarn-flink)); COMP_WORDS=(yarn-flink k); COMP_CWORD=1; \
         for i in \"${{!registered[@]}}\"; do [ \"${{registered[i]}}\" = -F ] && function=${{registered[i+1]}}; done; \
         $function yarn-flink k yarn-flink; echo \"${{COMPREPLY[@]}}\"",
        file.display()
    );
    let output = Command::new("bash").args(["--norc", "-c", &typed]).output().await?;
    ensure!(output.status.success() && output.stdout == b"kill\n", "{output:?}");
    Ok(())
}
