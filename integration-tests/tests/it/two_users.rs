//! Two users of a secure cluster with access control: what one of them gets of the other's application.

use anyhow::{Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::{FS_SHELL, output};
use integration_tests::cluster::kerberos::ALICE;
use integration_tests::shared;

use crate::kerberos::ciphers;
use crate::token_lives::finds_kdc;
use crate::tool::{GONE, as_other, eventually, every, jar, job_in_state, run, yarn_flink};

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn another_user_gets_nothing_of_an_application() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("two-users")
        .kerberos("authentication,integrity,privacy")
        .log_aggregation()
        .access_control()
        .scheduler_property("root.acl_administer_queue", " ");
    let cluster = cluster.property("dfs.data.transfer.protection", "integrity").boot().await?;
    let kdc = finds_kdc(&cluster);
    let options: Vec<_> =
        ["-d", "--key", "of-alice"].into_iter().chain(kdc.iter().map(String::as_str)).collect();
    let id = &run(&cluster, &options, &["Run"]).await?.expect(0)?.application()?;
    job_in_state(&cluster, id, "RUNNING").await?;
    let (users, ciphers) = tokio::join!(attempts(&cluster, id), ciphers(&cluster, id));
    every([users, ciphers])?;
    yarn_flink(&cluster, &["kill", id]).await?.expect(0)?;
    let gone = || async { Ok(cluster.processes_of(id).is_empty()) };
    eventually("no process of the application", GONE, gone).await?;
    cluster.stop()
}

/// All that `bob` tries with an application of `alice`.
async fn attempts(cluster: &Cluster, id: &str) -> Result<()> {
    let base = format!("yarn.staging-directory={}/user/{ALICE}", cluster.default_fs());
    let jar = jar()?.display().to_string();
    let master = format!("{id} belongs to {ALICE}; the ResourceManager does not show it");
    let session = ["run", "-d", "--session", id, "-c", "example.OneSecond", &jar];
    // What is refused says so, and nothing is left of it.
    let attempts: [(&[&str], i32, &str); 12] = [
        (&["explain", id], 0, "users who may not view it"),
        (&["status", id], 0, "user: alice"),
        (&["events", id], 3, &master),
        (&["logs", id], 3, "bob is not permitted to read"),
        (&["jobs", id], 3, &master),
        (&["savepoint", id], 3, &master),
        (&["stop", id], 3, &master),
        (&["cancel", id], 3, &master),
        (&["scale", id, "2"], 3, &master),
        (&session, 2, "is not a session"),
        (&["kill", id], 3, "User bob cannot perform operation MODIFY_APP"),
        (&["gc", "-D", &base], 3, "bob may not list"),
    ];
    for (args, code, says) in attempts {
        let ran = as_other(cluster, args).await?.expect(code)?;
        let place = if code == 0 { &ran.stdout } else { &ran.stderr };
        ensure!(place.contains(says), "{args:?}: {ran:?}");
        let shows = ["http://127", "--key"].iter().any(|word| ran.stdout.contains(word));
        ensure!(!shows && (code == 0 || ran.stdout.is_empty()), "{args:?}: {ran:?}");
    }
    // What is in HDFS is closed to others, and nobody else can put anything there.
    let directory = format!("/user/{ALICE}/.yarn-flink");
    for command in [
        &["-ls", &*format!("{directory}/apps/{id}")][..],
        &["-rm", "-r", &directory],
        &["-touchz", &format!("{directory}/x")],
    ] {
        let mut shell = cluster.hadoop_command(FS_SHELL);
        shell.envs(cluster.others_environment()).args(command);
        let output = output(shell).await?;
        ensure!(
            !output.status.success() && output.stderr.contains("Permission denied"),
            "{command:?}: {output:?}"
        );
    }
    let told = yarn_flink(cluster, &["status", id]).await?.expect(0)?;
    ensure!(told.stdout.contains("state: RUNNING"), "{told:?}");
    Ok(())
}
