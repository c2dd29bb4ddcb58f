//! Runs a shell command in containers of a cluster and waits until they end: YARN's distributed shell in one file.
//!
//! ```sh
//! export HADOOP_CONF_DIR=/etc/hadoop/conf
//! cargo run -p yarn-client --no-default-features --example distributed_shell -- 3 'hostname; date'
//! cargo run -p yarn-client --no-default-features --example read_logs -- application_… stdout
//! ```
//!
//! This program is both the client and, as `distributed_shell application-master …`, the application master: the client
//! uploads the program itself, and the NodeManager of the application's first container starts it. So it must be able to run
//! on the nodes.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::collections::{BTreeMap, HashMap, HashSet};
use std::error::Error;
use std::sync::Arc;
use std::time::Duration;

use yarn_client::conf::{Configuration, Environment};
use yarn_client::hdfs::stage::{Kind, Quiet, Scope, Source, StageItem, StagePlan, Staging, StagingOptions};
use yarn_client::hdfs::{FileSystems, digest::Digests};
use yarn_client::security::{Credentials, User};
use yarn_client::yarn::launch::{quote, quote_env};
use yarn_client::yarn::{
    AM_RM_TOKEN, AllocateRequest, ApplicationMasterClient, ApplicationSubmission, Ask, FinalStatus,
    LaunchContext, NodeManagerClient, Resource, ResourceManager,
};

/// First argument that makes this program the application master.
const MASTER: &str = "application-master";
/// What the application master must know about the cluster. The client passes it on: a node need not have a
/// configuration.
const SETTINGS: &str = "CLUSTER_SETTINGS";
/// Size of every container, in MiB.
const MEMORY: u64 = 256;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        [MASTER, count, command] => run_containers(count.parse()?, command).await,
        [count, command] => submit(count.parse()?, command).await,
        _ => Err("usage: distributed_shell CONTAINERS COMMAND".into()),
    }
}

/// The client: brings this program to the cluster, submits, and waits for the end.
async fn submit(count: u32, command: &str) -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_process();
    let conf = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &conf)?;
    let manager = ResourceManager::new(&conf, &user)?;
    let new = manager.new_application().await?;

    // The cache identifies files by their content: a second run uploads nothing.
    let staging =
        Staging::open(Arc::new(FileSystems::connect(&conf, &user)?), StagingOptions::default()).await?;
    let directory = staging.application_dir(&new.id).await?;
    let program = StageItem {
        source: Source::Local(std::env::current_exe()?),
        link: "shell".to_owned(),
        kind: Kind::File,
        scope: Scope::Cache,
    };
    let plan = StagePlan { items: vec![program] };
    let staged = staging.stage(&plan, &directory, &Digests::new(&environment), &Quiet).await?;

    let settings = conf.flat().into_iter();
    let settings = settings.filter(|(key, _)| key.starts_with("yarn.resourcemanager."));
    let settings: Vec<String> = settings.map(|(key, value)| format!("{key}={value}")).collect();
    let launch = LaunchContext {
        // `<LOG_DIR>` becomes the container's log directory; quoted text arrives unchanged, whatever it contains.
        command: format!("./shell {MASTER} {count} {} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr", quote(command)),
        env: BTreeMap::from([(SETTINGS.to_owned(), quote_env(&settings.join("\n")))]),
        local_resources: staged,
        ..LaunchContext::default()
    };
    let submission = ApplicationSubmission {
        max_attempts: 1,
        ..ApplicationSubmission::new(new.id, "distributed shell", Resource::new(MEMORY, 1), launch)
    };
    manager.submit(&submission).await?;
    println!("{} submitted", new.id);

    let report = loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let report = manager.report(new.id).await?;
        if report.state.is_final() {
            break report;
        }
    };
    directory.discard().await?;
    println!("{} {} {}: {}", new.id, report.state, report.final_status, report.diagnostics.trim());
    if report.final_status == FinalStatus::Succeeded { Ok(()) } else { Err("the command has failed".into()) }
}

/// The application master: requests containers, starts the command in each, and waits until all have ended.
async fn run_containers(count: u32, command: &str) -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_process();
    let settings = environment.get(SETTINGS).unwrap_or_default().lines();
    let pair = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
    let conf = Configuration::from_flat(settings.filter_map(pair));
    // The token that the NodeManager has left there identifies this attempt to the ResourceManager.
    let tokens = environment.get("HADOOP_TOKEN_FILE_LOCATION").ok_or("this is no container")?;
    let credentials = Credentials::read(tokens.as_ref())?;
    let token = credentials.find(AM_RM_TOKEN).ok_or("no token for the ResourceManager")?;
    let manager = ApplicationMasterClient::new(&conf, token.clone())?;
    let nodes = NodeManagerClient::new(&conf)?;

    // Must be the first call. Port and tracking URL are for clients that want to talk to this process.
    manager.register(environment.get("NM_HOST").unwrap_or_default(), None, "").await?;
    let launch = LaunchContext {
        command: format!("/bin/bash -c {} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr", quote(command)),
        ..LaunchContext::default()
    };
    // Absolute numbers: sent once, and again only after the ResourceManager has restarted (`YarnError::is_resync`).
    let ask = Ask { priority: 1, count, resource: Resource::new(MEMORY, 1), ..Ask::default() };
    let mut request = AllocateRequest { asks: vec![ask], ..AllocateRequest::default() };
    let (mut node_tokens, mut running, mut ended, mut failures) =
        (HashMap::new(), HashSet::new(), 0, Vec::new());
    while ended < count {
        let answer = manager.allocate(&request).await?;
        request.asks.clear();
        // Each is sent once, with the first container on a node.
        node_tokens.extend(answer.nm_tokens);
        if let Some(token) = answer.am_rm_token {
            manager.set_token(token);
        }
        for container in answer.allocated {
            let token = node_tokens.get(&container.node).ok_or("no token of a container's node")?;
            nodes.start(&container.node, token, &container.token, &launch).await?;
            running.insert(container.id);
        }
        for status in answer.completed.into_iter().filter(|status| running.remove(&status.id)) {
            ended += 1;
            if status.exit_status != 0 {
                failures.push(format!("{} ended with {}", status.id, status.exit_status));
            }
        }
        request.progress = ended as f32 / count.max(1) as f32;
        // An application master that is silent for ten minutes is considered dead.
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
    let status = if failures.is_empty() { FinalStatus::Succeeded } else { FinalStatus::Failed };
    let text =
        if failures.is_empty() { format!("{count} containers ended well") } else { failures.join(", ") };
    // Until the ResourceManager has stored it; an application master that exits earlier is started again.
    while !manager.finish(status, &text, "").await? {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Ok(())
}
