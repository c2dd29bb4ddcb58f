use std::ffi::OsString;

use clap::CommandFactory as _;

use super::*;

fn parsed(line: &str) -> Result<Command, String> {
    let arguments = std::iter::once("yarn-flink").chain(line.split_whitespace()).map(OsString::from);
    let arguments = crate::legacy::rewrite(&Cli::command(), arguments.collect())?;
    Cli::try_parse_from(arguments).map(|cli| cli.command).map_err(|error| error.to_string())
}

#[test]
fn job_of_a_session_accepts_no_cluster_options() {
    for option in [
        "--queue q",
        "--name n",
        "--job-manager-memory 1g",
        "--task-manager-memory 1g",
        "--slots 2",
        "--placement spread",
        "--ship f",
        "--classpath http://h/a.jar",
        "--key k",
        "--multi-job",
        "--restart-from-scratch",
        "--open-rest",
        "--wait running",
        "--max-wait 5s",
        "--node-label l",
        "--application-type t",
    ] {
        let error = parsed(&format!("run --session s {option} job.jar")).unwrap_err();
        let name = option.split(' ').next().unwrap_or_default();
        assert!(error.contains("--session") && error.contains(name), "{option}: {error}");
        assert!(parsed(&format!("run {option} job.jar")).is_ok(), "{option}");
    }
    let line =
        "run --session s -d --stop-session-after -c a.B -p 2 -s /p -n -D a=1 --timeout 5s job.jar --queue q";
    let Ok(Command::Run(run)) = parsed(line) else { panic!("{line}") };
    assert_eq!((run.session.as_deref(), run.args.len()), (Some("s"), 2));
    parsed("run --stop-session-after job.jar").unwrap_err();
}

#[test]
fn session_has_a_fixed_size_or_bounds() {
    for wrong in ["--task-managers 1 --min 1", "--task-managers 1 --max 1", "--min x", "--max -1"] {
        parsed(&format!("session start {wrong}")).unwrap_err();
    }
    let Ok(Command::Session(Session::Start(start))) = parsed("session start -d --min 1 --idle-timeout 2h")
    else {
        panic!("session start");
    };
    assert_eq!((start.min, start.max, start.task_managers), (Some(1), None, None));
    assert_eq!(start.idle_timeout, Some(Duration::from_secs(7200)));
}

#[test]
fn savepoint_is_taken_or_disposed_of() {
    for wrong in [
        "savepoint ID JOB --dispose p",
        "savepoint ID -p d --dispose p",
        "savepoint ID --type native --dispose p",
    ] {
        parsed(wrong).unwrap_err();
    }
    assert!(
        parsed("savepoint ID --dispose p").is_ok() && parsed("savepoint ID JOB -p d --type native").is_ok()
    );
    parsed("stop ID --type small").unwrap_err();
    parsed("scale ID -1").unwrap_err();
    parsed("scale ID").unwrap_err();
}
