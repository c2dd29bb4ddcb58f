mod page;

use clap::{CommandFactory, Parser};

use super::rewrite;
use crate::args::{Cli, Command, Output, Run, Session, Wait};

fn parse(line: &str) -> Result<Cli, String> {
    let arguments = line.split_whitespace().map(Into::into).collect();
    let arguments = rewrite(&Cli::command(), arguments)?;
    Cli::try_parse_from(arguments).map_err(|error| error.to_string())
}

fn run(line: &str) -> Run {
    match parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).command {
        Command::Run(run) => *run,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn command_definition_is_consistent() {
    Cli::command().debug_assert();
}

#[test]
fn two_letter_options_are_accepted() {
    for line in [
        "yarn-flink run -jm 1g -tm 2g -ys 2 -nm word-count -qu etl job.jar",
        "yarn-flink run -yjm 1g -ytm 2g -ys 2 -ynm word-count -yqu etl job.jar",
        "yarn-flink run -jm=1g -tm=2g -ys=2 -nm=word-count -qu=etl job.jar",
        "yarn-flink run --jobManagerMemory 1g --taskManagerMemory 2g --slots 2 --name word-count --queue etl job.jar",
        "yarn-flink run --yarnjobManagerMemory 1g --yarntaskManagerMemory 2g --yarnslots 2 --yarnname word-count \
         --yarnqueue etl job.jar",
    ] {
        let run = run(line);
        assert_eq!(run.cluster.job_manager_memory.as_deref(), Some("1g"), "{line}");
        assert_eq!(run.cluster.task_manager_memory.as_deref(), Some("2g"), "{line}");
        assert_eq!(run.cluster.slots, Some(2), "{line}");
        assert_eq!(run.cluster.name.as_deref(), Some("word-count"), "{line}");
        assert_eq!(run.cluster.queue.as_deref(), Some("etl"), "{line}");
        assert_eq!(run.jar, "job.jar", "{line}");
        assert!(run.args.is_empty(), "{line}");
    }
}

#[test]
fn y_options_are_accepted() {
    let run =
        run("yarn-flink run -m yarn-cluster -yd -yat Batch -ynl ssd -yt a.txt -yt b -yz ns -p 4 job.jar");
    assert!(run.waiting.detached);
    assert_eq!(run.master.as_deref(), Some("yarn-cluster"));
    assert_eq!(run.cluster.application_type.as_deref(), Some("Batch"));
    assert_eq!(run.cluster.node_label.as_deref(), Some("ssd"));
    assert_eq!(run.cluster.ship, ["a.txt", "b"]);
    assert_eq!(run.cluster.zookeeper_namespace.as_deref(), Some("ns"));
    assert_eq!(run.parallelism, Some(4));
}

#[test]
fn dynamic_properties_are_accepted_in_every_spelling() {
    let run = run("yarn-flink run -D a=1 -Db=2 -yD c=3 -yDd=4=5 -t yarn-application job.jar");
    assert_eq!(run.cluster.dynamic, ["a=1", "b=2", "c=3", "d=4=5"]);
    assert_eq!(run.target.as_deref(), Some("yarn-application"));
}

#[test]
fn everything_after_the_jar_belongs_to_the_program() {
    for (line, args) in [
        ("yarn-flink run job.jar -d -jm 5g --input in", vec!["-d", "-jm", "5g", "--input", "in"]),
        ("yarn-flink run -d job.jar --help", vec!["--help"]),
        ("yarn-flink run job.jar -- x", vec!["--", "x"]),
        ("yarn-flink run -- job.jar -p 7", vec!["-p", "7"]),
        ("yarn-flink run -c com.example.Main job.jar -c other", vec!["-c", "other"]),
        ("yarn-flink run -dp 3 job.jar run", vec!["run"]),
        ("yarn-flink run --class=com.example.Main job.jar -o json", vec!["-o", "json"]),
        ("yarn-flink run job.jar", vec![]),
    ] {
        let run = run(line);
        assert_eq!(run.jar, "job.jar", "{line}");
        assert_eq!(run.args, args, "{line}");
    }
}

#[test]
fn short_options_are_accepted() {
    let run = run("yarn-flink run -d -c M -C http://a/x.jar -C file:///y.jar -p 8 -s hdfs:///sp -n job.jar");
    assert!(run.waiting.detached && run.allow_non_restored_state);
    assert_eq!(run.class.as_deref(), Some("M"));
    assert_eq!(run.classpath, ["http://a/x.jar", "file:///y.jar"]);
    assert_eq!(run.parallelism, Some(8));
    assert_eq!(run.from_savepoint.as_deref(), Some("hdfs:///sp"));
}

#[test]
fn global_options_stand_before_or_after_the_command() {
    for line in [
        "yarn-flink -o json -vv --conf-dir /c --flink-home /f run job.jar",
        "yarn-flink run -o json -v -v --conf-dir /c --flink-home=/f job.jar",
        "yarn-flink -ojson --conf-dir=/c run -vv --flink-home /f job.jar",
    ] {
        let global = parse(line).unwrap().global;
        assert_eq!(global.output, Output::Json, "{line}");
        assert_eq!(global.verbose, 2, "{line}");
        assert_eq!(global.conf_dir.as_deref(), Some("/c".as_ref()), "{line}");
        assert_eq!(global.flink_home.as_deref(), Some("/f".as_ref()), "{line}");
    }
}

#[test]
fn wait_levels_and_timeouts_are_parsed() {
    let run_ = run("yarn-flink run --wait accepted --timeout 90s job.jar");
    assert_eq!(run_.waiting.wait, Some(Wait::Accepted));
    assert_eq!(run_.waiting.timeout.unwrap().as_secs(), 90);
    for (text, millis) in
        [("250ms", 250), ("7", 7_000), ("2min", 120_000), ("1h", 3_600_000), ("1d", 86_400_000)]
    {
        let line = format!("yarn-flink run --timeout {text} job.jar");
        assert_eq!(run(&line).waiting.timeout.unwrap().as_millis(), millis, "{text}");
    }
    for bad in ["x", "5parsecs", "-1", "99999999999999999999d", "18446744073709551615d"] {
        assert!(parse(&format!("yarn-flink run --timeout={bad} job.jar")).is_err(), "{bad}");
    }
}

#[test]
fn refused_options_say_why() {
    for (line, reason) in [
        ("yarn-flink run -yid application_1_1 -yqu etl job.jar", "cannot be used with"),
        ("yarn-flink run -py word.py", "Python"),
        ("yarn-flink run -sae job.jar", "does not depend on this client"),
    ] {
        let error = parse(line).unwrap_err();
        assert!(error.contains(reason), "{line}: {error}");
    }
}

#[test]
fn session_options_of_flink_are_accepted() {
    for line in [
        "yarn-flink run -yid application_1_0001 -d job.jar",
        "yarn-flink run -m yarn-cluster -yid application_1_0001 -d job.jar",
        "yarn-flink run -t yarn-session --session application_1_0001 -d job.jar",
        "yarn-flink run --applicationId application_1_0001 -d job.jar",
        "yarn-flink run --session application_1_0001 -d job.jar",
    ] {
        let run = run(line);
        assert_eq!(run.session.as_deref(), Some("application_1_0001"), "{line}");
        assert!(run.waiting.detached, "{line}");
    }
}

#[test]
fn usage_errors_are_reported() {
    for line in [
        "yarn-flink",
        "yarn-flink run",
        "yarn-flink run -d --wait running job.jar",
        "yarn-flink run -p many job.jar",
        "yarn-flink run --no-such job.jar",
        "yarn-flink status",
        "yarn-flink kill",
        "yarn-flink list --all extra",
        "yarn-flink run -jm",
        "yarn-flink run --session s --queue q job.jar",
        "yarn-flink run --session s --key k job.jar",
        "yarn-flink run --stop-session-after job.jar",
        "yarn-flink session start --task-managers 2 --max 3",
        "yarn-flink session stop",
        "yarn-flink savepoint application_1_0001 --dispose p --type native",
        "yarn-flink scale application_1_0001 many",
    ] {
        assert!(parse(line).is_err(), "{line}");
    }
}

#[test]
fn other_commands_are_not_rewritten() {
    let cli = parse("yarn-flink kill application_1_0001 application_1_0002 -q").unwrap();
    assert!(cli.global.quiet);
    match cli.command {
        Command::Kill(kill) => assert_eq!(kill.ids, ["application_1_0001", "application_1_0002"]),
        other => panic!("{other:?}"),
    }
}

#[test]
fn options_of_yarn_session_sh_are_accepted() {
    for line in [
        "yarn-flink session start -jm 1g -tm 2g -s 2 -nm etl -qu q -D a=b -d -at Batch -nl ssd -z ns -t lib",
        "yarn-flink -o json session start -d --jobManagerMemory 1g -tm=2g --slots 2 --name etl --queue q -Da=b -at Batch \
         -nl ssd -z ns --ship lib",
    ] {
        let Command::Session(Session::Start(start)) = parse(line).unwrap().command else { panic!("{line}") };
        assert!(start.waiting.detached, "{line}");
        let cluster = start.cluster;
        assert_eq!(cluster.job_manager_memory.as_deref(), Some("1g"), "{line}");
        assert_eq!(cluster.task_manager_memory.as_deref(), Some("2g"), "{line}");
        assert_eq!((cluster.slots, cluster.name.as_deref()), (Some(2), Some("etl")), "{line}");
        assert_eq!(
            (cluster.queue.as_deref(), cluster.application_type.as_deref()),
            (Some("q"), Some("Batch"))
        );
        assert_eq!((cluster.dynamic, cluster.ship), (vec!["a=b".to_owned()], vec!["lib".to_owned()]));
        assert_eq!(
            (cluster.node_label.as_deref(), cluster.zookeeper_namespace.as_deref()),
            (Some("ssd"), Some("ns"))
        );
    }
    for (line, reason) in [
        ("yarn-flink session start -n 4", "`--min` and `--max`"),
        ("yarn-flink session start -id application_1_0001", "run --session ID"),
    ] {
        assert!(parse(line).unwrap_err().contains(reason), "{line}");
    }
}

#[test]
fn flinks_job_commands_are_accepted() {
    let same = |flinks: &str, ours: &str| {
        let of = |line: &str| {
            format!("{:?}", parse(line).unwrap_or_else(|error| panic!("{line}: {error}")).command)
        };
        assert_eq!(of(&format!("yarn-flink {flinks}")), of(&format!("yarn-flink {ours}")));
    };
    let id = "application_1_0001";
    same(&format!("cancel -yid {id} abc"), &format!("cancel {id} abc"));
    same(&format!("cancel -m yarn-cluster abc -yid {id}"), &format!("cancel {id} abc"));
    same(&format!("cancel -t yarn-application -Dyarn.application.id={id} abc"), &format!("cancel {id} abc"));
    same(&format!("stop -p hdfs:///sp -d -yid {id} abc"), &format!("stop {id} abc -p hdfs:///sp --drain"));
    same(
        &format!("savepoint -type NATIVE -D yarn.application.id={id} abc"),
        &format!("savepoint {id} abc --type NATIVE"),
    );
    same(&format!("savepoint -yid {id} -d hdfs:///sp"), &format!("savepoint {id} --dispose hdfs:///sp"));
    same(&format!("list -r -yid {id}"), &format!("jobs {id}"));
    same(&format!("savepoint {id} abc hdfs:///sp"), &format!("savepoint {id} abc -p hdfs:///sp"));
    let target = format!("-t yarn-session -Dyarn.application.id={id}");
    same(&format!("run {target} j.jar"), &format!("run -t yarn-session --session {id} j.jar"));
    same("run-application -d -yd j.jar", "run -d j.jar");
    same("run --restoreMode=CLAIM j.jar", "run -D execution.state-recovery.claim-mode=CLAIM j.jar");
    same("run -jarfile j.jar -class M -- in", "run -c M j.jar in");
    same("list -a", "list --all");
    same("run-application -t yarn-application j.jar -d x", "run -d -t yarn-application j.jar -d x");
    for (line, reason) in [
        ("yarn-flink cancel -s hdfs:///sp -yid application_1_0001 abc", "yarn-flink stop"),
        ("yarn-flink cancel -m localhost:8081 abc", "name the application by its id"),
        ("yarn-flink cancel -t kubernetes-session abc", "runs on YARN"),
        ("yarn-flink stop -D execution.target=local abc", "runs on YARN"),
        (
            "yarn-flink stop 0123456789abcdef0123456789abcdef",
            "`yarn-flink stop ID 0123456789abcdef0123456789abcdef`",
        ),
        ("yarn-flink list -r", "yarn-flink jobs ID"),
        ("yarn-flink info job.jar", "Flink's own client"),
    ] {
        assert!(parse(line).unwrap_err().contains(reason), "{line}");
    }
}

#[test]
fn settings_of_flinks_commands_for_jobs_are_kept() {
    let rewritten = |line: &str| {
        let arguments = line.split_whitespace().map(std::ffi::OsString::from).collect();
        let rewritten = rewrite(&crate::args::command(), arguments).unwrap();
        rewritten.into_iter().map(|it| it.into_string().unwrap()).collect::<Vec<_>>().join(" ")
    };
    let id = "application_1_0001";
    assert_eq!(
        rewritten(&format!("yarn-flink cancel -D yarn.application.id={id} -D flink.hadoop.a=b -Dc=d JOB")),
        format!("yarn-flink cancel {id} JOB -D flink.hadoop.a=b -D c=d")
    );
}
