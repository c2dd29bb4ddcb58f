//! An application master that runs here, in this process, and not in a container: it takes one container of the cluster, runs
//! a shell command in it, and reports where it ran and how it ended. No part of this program is sent to the cluster.
//!
//! ```sh
//! export HADOOP_CONF_DIR=/etc/hadoop/conf
//! cargo run -p yarn-client --no-default-features --example unmanaged_application_master -- 'hostname; date'
//! ```
//!
//! Handy for a notebook or a service that borrows containers, and for stepping through an application master with a debugger.
//! If this process dies the application fails, as nothing starts it again.
#![expect(clippy::print_stdout, reason = "a program for a terminal")]

use std::collections::HashMap;
use std::error::Error;
use std::time::Duration;

use yarn_client::conf::{Configuration, Environment};
use yarn_client::ids::ApplicationId;
use yarn_client::security::{Token, User};
use yarn_client::yarn::launch::quote;
use yarn_client::yarn::{
    AllocateRequest, ApplicationMasterClient, ApplicationSubmission, Ask, ContainerStatus, FinalStatus,
    LaunchContext, NodeManagerClient, Resource, ResourceManager,
};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let command = std::env::args().nth(1).ok_or("usage: unmanaged_application_master COMMAND")?;
    let environment = Environment::from_process();
    let conf = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &conf)?;
    let client = ResourceManager::new(&conf, &user)?;
    let new = client.new_application().await?;
    // YARN starts nothing, so neither the launch context nor the size matters.
    let submission = ApplicationSubmission {
        unmanaged: true,
        ..ApplicationSubmission::new(new.id, "unmanaged", Resource::default(), LaunchContext::default())
    };
    client.submit(&submission).await?;
    println!("{} submitted", new.id);

    let token = token(&client, new.id).await?;
    let manager = ApplicationMasterClient::new(&conf, token)?;
    let registered = manager.register("localhost", None, "").await?;
    println!(
        "registered in queue {}; no container can be larger than {}",
        registered.queue, registered.maximum
    );

    let ended = run_in_container(&conf, &manager, &command).await;
    let (status, text) = match &ended {
        Ok(ended) if ended.exit_status == 0 => (FinalStatus::Succeeded, String::new()),
        Ok(ended) => (FinalStatus::Failed, format!("{} ended with {}", ended.id, ended.exit_status)),
        Err(error) => (FinalStatus::Failed, error.to_string()),
    };
    while !manager.finish(status, &text, "").await? {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    println!("{} {status} {text}", new.id);
    if ended?.exit_status == 0 { Ok(()) } else { Err("the command has failed".into()) }
}

/// The token that a NodeManager would have given to the application master. The ResourceManager returns it to the owner as
/// soon as its scheduler has accepted the attempt.
async fn token(client: &ResourceManager, id: ApplicationId) -> Result<Token, Box<dyn Error>> {
    loop {
        let report = client.report(id).await?;
        if let Some(token) = report.am_rm_token {
            return Ok(token);
        }
        if report.state.is_final() {
            return Err(format!("{id} {}: {}", report.state, report.diagnostics.trim()).into());
        }
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// Requests one container, runs the command in it and waits until it ends.
async fn run_in_container(
    conf: &Configuration,
    manager: &ApplicationMasterClient,
    command: &str,
) -> Result<ContainerStatus, Box<dyn Error>> {
    let nodes = NodeManagerClient::new(conf)?;
    let launch = LaunchContext {
        command: format!("/bin/bash -c {} 1><LOG_DIR>/stdout 2><LOG_DIR>/stderr", quote(command)),
        ..LaunchContext::default()
    };
    let ask = Ask { count: 1, resource: Resource::new(256, 1), ..Ask::default() };
    let mut request = AllocateRequest { asks: vec![ask], ..AllocateRequest::default() };
    let mut node_tokens = HashMap::new();
    loop {
        // The heartbeat: requests go out; granted and completed containers come back.
        let answer = manager.allocate(&request).await?;
        request.asks.clear();
        node_tokens.extend(answer.nm_tokens);
        if let Some(token) = answer.am_rm_token {
            manager.set_token(token);
        }
        for container in answer.allocated {
            let token = node_tokens.get(&container.node).ok_or("no token of a container's node")?;
            nodes.start(&container.node, token, &container.token, &launch).await?;
            println!("{} on {}", container.id, container.node);
        }
        if let Some(ended) = answer.completed.into_iter().next() {
            return Ok(ended);
        }
        tokio::time::sleep(Duration::from_millis(500)).await;
    }
}
