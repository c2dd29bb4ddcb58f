//! The same jobs on another Flink and on another Hadoop.

use anyhow::Result;
use integration_tests::cluster::Cluster;
use integration_tests::flink::Flink;
use integration_tests::versions::{FLINK_2_1, HADOOP_3_3};
use integration_tests::{jobs, shared};

use crate::tool::{GONE, Ran, SMALL, command, end, finish, nothing_left, run, text};

/// `run` with Flink 2.1 and the jobs compiled for it.
async fn run_2_1(cluster: &Cluster, options: &[&str], program: &[&str]) -> Result<Ran> {
    let flink = Flink::download(FLINK_2_1)?;
    let jar = jobs::jar(&flink)?.display().to_string();
    let args: Vec<&str> = ["run"].iter().chain(&SMALL).chain(options).chain(&["-c"]).copied().collect();
    let (class, arguments) = program.split_first().unwrap_or((&"", &[]));
    let class = format!("example.{class}");
    let all: Vec<&str> =
        args.into_iter().chain([class.as_str(), &jar]).chain(arguments.iter().copied()).collect();
    let mut command = command(cluster, &all)?;
    command.env("FLINK_HOME", flink.home());
    finish(command.spawn()?).await
}

#[tokio::test]
async fn flink_2_1_runs_a_detached_job_whose_program_uses_its_result() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let folder = cluster.scratch("flink-2-1")?;
    let path = format!("/tmp/{}", folder.file_name().unwrap_or_default().to_string_lossy());
    let target = format!("{}{path}", cluster.default_fs());
    let program = ["UsesResult", target.as_str(), "--two words", "-D"];
    let id = run_2_1(cluster, &["-d"], &program).await?.expect(0)?.application()?;
    let status = end(cluster, &id).await?;
    assert_eq!(
        (text(&status, "state"), text(&status, "final_status")),
        ("FINISHED", "SUCCEEDED"),
        "{status}"
    );
    let lines = String::from_utf8_lossy(&hdfs.read(&path).await?).into_owned();
    assert!(lines.starts_with("argument=--two words\nargument=-D\nrecords=100\nruntime-ms="), "{lines}");
    hdfs.delete(&path).await?;
    nothing_left(cluster, &id, GONE).await
}

#[tokio::test]
async fn flink_2_1_failures_have_their_cause() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    for (program, cause) in [
        (&["FailingTask", "--message", "no such luck"][..], "no such luck"),
        (&["ThrowInMain"][..], "this is the root of it"),
    ] {
        let ran = run_2_1(cluster, &["-o", "json"], program).await?.expect(1)?;
        let result = ran.json()?;
        assert_eq!(
            (text(&result, "state"), text(&result, "final_status")),
            ("FINISHED", "FAILED"),
            "{result}"
        );
        assert!(text(&result, "diagnostics").contains(cause), "{result}");
        nothing_left(cluster, &ran.application()?, GONE).await?;
    }
    Ok(())
}

#[tokio::test]
async fn hadoop_3_3_runs_a_detached_job() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("hadoop-3-3").hadoop(HADOOP_3_3).node_size(2048, 4).boot().await?;
    let id = run(&cluster, &["-d"], &["OneSecond"]).await?.expect(0)?.application()?;
    let status = end(&cluster, &id).await?;
    assert_eq!(
        (text(&status, "state"), text(&status, "final_status")),
        ("FINISHED", "SUCCEEDED"),
        "{status}"
    );
    nothing_left(&cluster, &id, GONE).await
}
