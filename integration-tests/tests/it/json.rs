//! `-o json`: what `docs/json.md` says about commands that no other test runs with `-o json`, and about errors. The output in all other
//! tests is checked against that page by [`crate::tool`].

use anyhow::{Result, ensure};
use integration_tests::shared;
use serde_json::Value;

use crate::tool::{GONE, SMALL, end, jar, job_in_state, nothing_left, run, text, yarn_flink};

/// For one running job: its logs, a savepoint, and what is refused.
#[tokio::test]
async fn logs_and_savepoints_print_documented_json() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = run(cluster, &["-d"], &["Run"]).await?.expect(0)?.application()?;
    job_in_state(cluster, &id, "RUNNING").await?;
    let logs = async |options: &[&str]| {
        let args = [&["logs", "-o", "json", &id], options].concat();
        anyhow::Ok(yarn_flink(cluster, &args).await?.expect(0)?.stdout)
    };
    let said = logs(&["--am", "jobmanager.log", "--tail", "3"]).await?;
    let lines: Vec<Value> = said.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
    ensure!(lines.len() == 3 && lines.iter().all(|line| text(line, "file") == "jobmanager.log"), "{said}");
    ensure!(lines.iter().all(|line| line["complete"] == true && !text(line, "text").is_empty()), "{said}");
    // The same as the text output.
    let all = logs(&["taskmanager.log"]).await?;
    let first: Value = serde_json::from_str(all.lines().next().unwrap_or_default())?;
    let plain = yarn_flink(cluster, &["logs", &id, "taskmanager.log"]).await?.expect(0)?.stdout;
    ensure!(plain.contains(&format!("LogContents:\n{}\n", text(&first, "text"))), "{first}\n{plain}");
    let directory = cluster.scratch("json-logs")?.display().to_string();
    let written: Value = serde_json::from_str(&logs(&["--out", &directory]).await?)?;
    let files = written["files"].as_array().cloned().unwrap_or_default();
    let exists = |file: &Value| file.as_str().is_some_and(|path| std::path::Path::new(path).is_file());
    ensure!(!files.is_empty() && files.iter().all(exists), "{written}");

    let target = format!("{}/user/{}/json-savepoints", cluster.default_fs(), cluster.user());
    let made =
        yarn_flink(cluster, &["savepoint", "-o", "json", &id, "-p", &target]).await?.expect(0)?.json()?;
    let path = text(&made, "savepoint").to_owned();
    ensure!(path.starts_with(&target) && made["disposed"] == false && made["job_id"].is_string(), "{made}");
    let gone = yarn_flink(cluster, &["savepoint", "-o", "json", &id, "--dispose", &path]).await?.expect(0)?;
    let gone = gone.json()?;
    ensure!(gone["disposed"] == true && gone["job_id"].is_null(), "{gone}");
    yarn_flink(cluster, &["cancel", "-o", "json", &id]).await?.expect(0)?;
    end(cluster, &id).await?;
    nothing_left(cluster, &id, GONE).await
}

/// Errors of every kind are one object: about the command line, about what it names, about the cluster.
#[tokio::test]
async fn errors_are_json_objects() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let jar = jar()?.display().to_string();
    let submit =
        [&["run", "-o", "json"], &SMALL[..], &["--queue", "no-such", "-c", "example.OneSecond", &jar]]
            .concat();
    let commands = [
        "run",
        "list",
        "status",
        "explain",
        "logs",
        "events",
        "session start",
        "session list",
        "session stop",
        "scale",
        "jobs",
        "cancel",
        "stop",
        "savepoint",
        "kill",
        "gc",
        "simulate",
        "completions",
    ];
    let misspelt: Vec<Vec<&str>> = commands
        .iter()
        .map(|command| command.split(' ').chain(["--no-such-option", "--output=json"]).collect())
        .collect();
    let mut cases: Vec<(&[&str], i32)> = misspelt.iter().map(|args| (args.as_slice(), 2)).collect();
    cases.extend([
        (&["-o", "json"][..], 2),
        (&["-o", "json", "flink"], 2),
        (&["run", "-yq", "-o", "json", "x.jar"], 2),
        (&["run", "--output", "json", "/no/such.jar"], 2),
        (&submit, 3),
        (&["status", "-ojson", "application_1_0001"], 5),
        (&["jobs", "-o", "json", "nobody"], 5),
        (&["simulate", "-o", "json", "--faults", "no-such"], 2),
        (&["simulate", "-o", "json", "--trace"], 2),
    ]);
    for (args, code) in cases {
        let ran = yarn_flink(cluster, args).await?.expect(code)?;
        let errors: Vec<Value> =
            ran.stderr.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
        ensure!(errors.len() == 1 && ran.stdout.is_empty(), "{args:?}: {ran:?}");
        ensure!(
            errors[0]["exit_code"] == code && !text(&errors[0], "error").contains("\u{1b}"),
            "{args:?}: {ran:?}"
        );
        ensure!(!text(&errors[0], "error").starts_with("error: "), "{args:?}: {ran:?}");
        ensure!(args.contains(&"run") || !ran.stderr.contains("error: "), "{args:?}: {ran:?}");
    }
    let played = yarn_flink(cluster, &["simulate", "-o", "json", "--lives", "2"]).await?.expect(0)?.json()?;
    ensure!(played["lives"] == 2, "{played}");
    Ok(())
}
