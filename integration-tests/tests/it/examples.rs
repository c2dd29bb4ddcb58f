//! The examples of `yarn-client`, as a reader of its documentation would run them: without Flink, and with nothing but Hadoop's
//! configuration in their environment.

use std::process::Stdio;

use anyhow::{Context as _, Result, ensure};
use integration_tests::binaries;
use integration_tests::cluster::Cluster;
use integration_tests::shared;
use tokio::process::Command;

use crate::tool::{GONE, LIMIT, Ran, eventually, every, finish, has_staging, text};

/// Runs an example to its end.
async fn example(cluster: &Cluster, name: &str, args: &[&str]) -> Result<Ran> {
    let mut command = Command::new(binaries::example(name)?);
    command
        .env_clear()
        .envs(std::env::vars().filter(|(name, _)| matches!(name.as_str(), "PATH" | "HOME" | "USER" | "LANG")))
        .envs(cluster.client_environment())
        .args(args)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    finish(command.spawn()?).await
}

/// The id in `application_… submitted`.
fn submitted(ran: &Ran) -> Result<&str> {
    let line = ran.stdout.lines().next().and_then(|line| line.strip_suffix(" submitted"));
    line.with_context(|| format!("no application: {ran:?}"))
}

#[tokio::test]
async fn the_distributed_shell_runs_a_command_whose_logs_are_read() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let command = r#"echo "I am $CONTAINER_ID, and \"{{quoted}}\"""#;
    let ran = example(cluster, "distributed_shell", &["2", command]).await?.expect(0)?;
    let id = submitted(&ran)?;
    ensure!(ran.stdout.contains(&format!("{id} FINISHED SUCCEEDED: 2 containers ended well\n")), "{ran:?}");
    ensure!(!has_staging(cluster, id).await?, "its directory is left");
    let (listed, read) = tokio::join!(is_listed(cluster, id), are_read(cluster, id));
    every([listed, read])
}

/// Checks that the application is listed as one that has ended.
async fn is_listed(cluster: &Cluster, id: &str) -> Result<()> {
    let all = example(cluster, "list_applications", &["--all"]).await?.expect(0)?;
    let line = all.stdout.lines().find(|line| line.starts_with(id)).with_context(|| format!("{all:?}"))?;
    let fields: Vec<_> = line.split_whitespace().collect();
    let expected =
        [id, "FINISHED", "SUCCEEDED", "100", "%", cluster.user(), "default", "distributed", "shell"];
    // A queue is named by its path, or by its last part.
    let queue = fields.get(6).is_some_and(|queue| queue.rsplit('.').next() == Some("default"));
    ensure!(
        queue && fields.len() == 9 && fields[..6] == expected[..6] && fields[7..] == expected[7..],
        "{line}"
    );
    let running = example(cluster, "list_applications", &[]).await?.expect(0)?;
    ensure!(!running.stdout.contains(id), "{running:?}");
    Ok(())
}

/// Checks that the output of each of its containers can be read.
async fn are_read(cluster: &Cluster, id: &str) -> Result<()> {
    eventually("the logs of both containers", LIMIT, || async {
        let read = example(cluster, "read_logs", &[id, "stdout"]).await?;
        let said: Vec<_> = read.stdout.lines().filter(|line| line.starts_with("I am ")).collect();
        let one = id.replace("application", "container");
        let of = |number: u8| format!("I am {one}_01_{number:06}, and \"{{{{quoted}}}}\"");
        Ok(said.len() == 2 && (2..=3).all(|number| said.contains(&of(number).as_str())))
    })
    .await
}

#[tokio::test]
async fn the_distributed_shell_tells_of_a_command_that_fails() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ran = example(cluster, "distributed_shell", &["1", "exit 3"]).await?.expect(1)?;
    let id = submitted(&ran)?;
    let container = format!("{}_01_000002", id.replace("application", "container"));
    ensure!(ran.stdout.ends_with(&format!("{id} FINISHED FAILED: {container} ended with 3\n")), "{ran:?}");
    ensure!(!has_staging(cluster, id).await?, "its directory is left");
    Ok(())
}

#[tokio::test]
async fn an_unmanaged_application_master_runs_a_command_from_here() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ran = example(cluster, "unmanaged_application_master", &["exit 0"]).await?.expect(0)?;
    let id = submitted(&ran)?;
    // There is no container for an application master, so the command runs in the first one.
    let container = format!("{}_01_000001 on ", id.replace("application", "container"));
    ensure!(ran.stdout.lines().any(|line| line.starts_with(&container)), "{ran:?}");
    ensure!(ran.stdout.contains("registered in queue "), "{ran:?}");
    eventually("the end of the application", GONE, || async {
        let applications = cluster.applications().await?;
        let known = applications.iter().find(|known| text(known, "id") == id).context("not known")?;
        ensure!(known.get("unmanagedApplication").is_some_and(|it| it == true), "{known}");
        Ok(text(known, "state") == "FINISHED" && text(known, "finalStatus") == "SUCCEEDED")
    })
    .await?;
    let ran = example(cluster, "unmanaged_application_master", &["exit 4"]).await?.expect(1)?;
    ensure!(ran.stdout.contains(" FAILED container_") && ran.stdout.ends_with(" ended with 4\n"), "{ran:?}");
    Ok(())
}

#[tokio::test]
async fn a_cluster_report_shows_nodes_and_queues() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let ran = example(cluster, "cluster_report", &[]).await?.expect(0)?;
    let nodes: Vec<_> = ran.stdout.lines().filter(|line| line.starts_with("node ")).collect();
    ensure!(nodes.len() == 2, "{ran:?}");
    let whole = |line: &&str| line.contains("  RUNNING  ") && line.contains(" of <memory:8192, vCores:8> ");
    ensure!(nodes.iter().all(whole), "{nodes:?}");
    ensure!(ran.stdout.contains("\nqueue root  RUNNING  guaranteed 100 %"), "{ran:?}");
    let below = ran
        .stdout
        .lines()
        .any(|line| line.starts_with("  queue ") && line.contains("default  RUNNING  guaranteed 100 %"));
    ensure!(below, "{ran:?}");
    Ok(())
}
