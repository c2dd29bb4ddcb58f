//! Shows what a cluster consists of: its nodes and their capacity, and its queues and their usage.
//!
//! ```sh
//! export HADOOP_CONF_DIR=/etc/hadoop/conf
//! cargo run -p yarn-client --no-default-features --example cluster_report
//! ```

use std::error::Error;
use std::io::{self, Write};

use yarn_client::conf::{Configuration, Environment};
use yarn_client::security::User;
use yarn_client::yarn::{NodeReport, QueueInfo, ResourceManager};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let environment = Environment::from_process();
    let conf = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &conf)?;
    let manager = ResourceManager::new(&conf, &user)?;
    // Both requests use one connection, and neither waits for the other's response.
    let (nodes, root) = tokio::try_join!(
        // No state given: all nodes, including lost and decommissioned ones.
        manager.nodes(&[]),
        // The queue and everything below it.
        manager.queue("root"),
    )?;

    let mut out = io::stdout().lock();
    for node in &nodes {
        show_node(&mut out, node)?;
    }
    if let Some(root) = root {
        show_queue(&mut out, &root, 0)?;
    }
    Ok(())
}

fn show_node(out: &mut impl Write, node: &NodeReport) -> io::Result<()> {
    writeln!(
        out,
        "node {}  {}  {} of {}  {} containers  {}",
        node.id, node.state, node.used, node.capability, node.containers, node.rack
    )?;
    // What the node's health check complains about.
    if !node.health_report.is_empty() {
        writeln!(out, "  {}", node.health_report)?;
    }
    Ok(())
}

fn show_queue(out: &mut impl Write, queue: &QueueInfo, depth: usize) -> io::Result<()> {
    writeln!(
        out,
        "{:indent$}queue {}  {}  guaranteed {:.0} %, in use {:.0} % of that, {} applications run and {} wait",
        "",
        queue.path.as_ref().unwrap_or(&queue.name),
        queue.state,
        queue.capacity * 100.0,
        queue.current_capacity * 100.0,
        or_unknown(queue.running_applications),
        or_unknown(queue.pending_applications),
        indent = 2 * depth,
    )?;
    queue.children.iter().try_for_each(|child| show_queue(out, child, depth + 1))
}

/// Not every scheduler counts these.
fn or_unknown(count: Option<i64>) -> String {
    count.map_or_else(|| "?".to_owned(), |count| count.to_string())
}
