//! What is refused: by the ResourceManager, or by the client before it submits.

use anyhow::Result;
use integration_tests::cluster::java::RM_ADMIN_CLI;

use crate::bench::{Bench, Fault, nothing};
use crate::fillers::Fillers;

async fn fine() -> Result<()> {
    Ok(())
}

pub(crate) async fn by_the_resource_manager(bench: &Bench<'_>) -> Result<()> {
    let queue = |name: &str| format!("yarn.application.queue={name}");
    let fault = Fault::refused("queue stopped", "the queue's state is STOPPED", "it is STOPPED")
        .set(queue("stopped"));
    bench.tries(fault, nothing, fine).await?;
    let fault = Fault::refused("no such queue", "a queue that is not configured", "does not exist")
        .set(queue("nowhere"));
    bench.tries(fault, nothing, fine).await?;
    let fault = Fault::refused("queue of queues", "a queue that has queues below it", "is not a leaf queue")
        .set(queue("parent"));
    bench.tries(fault, nothing, fine).await?;
    let fault =
        Fault::refused("no right to the queue", "acl_submit_applications is empty", "permission to submit")
            .set(queue("closed"))
            .user("guest");
    bench.tries(fault, nothing, fine).await?;
    let fault = Fault::refused(
        "no right to the label",
        "the queue has no accessible-node-labels",
        "leave out the node label",
    )
    .set(queue("masters"))
    .set("yarn.application.node-label=gpu");
    bench.tries(fault, nothing, fine).await?;
    let name = "queue has its applications";
    if bench.wants(name) {
        let fillers = Fillers::new(bench.cluster);
        fillers.fill("few", 128).await?;
        let fault = Fault::new(name, "maximum-applications is 1, and one runs", "queue_application_limit");
        bench.tries(fault.set(queue("few")), nothing, fine).await?;
        fillers.empty().await?;
    }
    Ok(())
}

pub(crate) async fn by_the_client(bench: &Bench<'_>) -> Result<()> {
    let fault = Fault::refused(
        "TaskManager beyond the maximum",
        "taskmanager.memory.process.size is larger than the largest container",
        "containers of the cluster have at most",
    );
    bench.tries(fault.set("taskmanager.memory.process.size=9g"), nothing, fine).await?;
    let fault = Fault::refused(
        "JobManager beyond the maximum",
        "jobmanager.memory.process.size is larger than any node",
        "containers of the cluster have at most",
    );
    bench.tries(fault.set("jobmanager.memory.process.size=5000m"), nothing, fine).await?;
    let fault =
        Fault::refused("no such class", "-c names a class that is not in the jar", "NoSuchClass` is not in");
    bench.tries(fault.runs(&["NoSuchClass"]), nothing, fine).await?;
    let fault = Fault::refused(
        "no such savepoint",
        "execution.savepoint.path is not there",
        "no/such/savepoint does not exist",
    );
    let path = format!("execution.savepoint.path={}/no/such/savepoint", bench.cluster.default_fs());
    bench.tries(fault.set(path), nothing, fine).await?;
    let fault = Fault::refused(
        "memory that does not add up",
        "taskmanager.memory.process.size is smaller than its parts",
        "taskmanager.memory",
    );
    bench.tries(fault.set("taskmanager.memory.process.size=200m"), nothing, fine).await?;
    let fault = Fault::refused("no such jar", "the program's jar is not there", "no-such.jar");
    bench.tries(fault.jar("/no/such/no-such.jar".into()), nothing, fine).await?;
    let fault = Fault::refused(
        "home directory of somebody else",
        "/user/stranger belongs to root, mode 700",
        "/user/stranger",
    );
    bench.tries(fault.user("stranger").set("yarn.application.queue=wide"), nothing, fine).await
}

/// Prepares what the faults of this group need.
pub(crate) async fn prepare(bench: &Bench<'_>) -> Result<()> {
    bench
        .cluster
        .java_tool(RM_ADMIN_CLI, &["-addToClusterNodeLabels", "gpu(exclusive=true)"])
        .await?
        .success()?;
    let hdfs = bench.cluster.hdfs()?;
    hdfs.mkdirs("/user/guest").await?;
    hdfs.set_owner("/user/guest", "guest", "guest").await?;
    hdfs.mkdirs("/user/stranger").await?;
    hdfs.set_permission("/user/stranger", "700").await
}
