//! Queues, node labels, access control lists and attempts, as the ResourceManager receives them.

use std::time::Duration;

use anyhow::{Result, ensure};
use bytes::Bytes;
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::RM_ADMIN_CLI;
use integration_tests::cluster::processes::Process;
use integration_tests::{http, shared};
use serde_json::Value;

use crate::options::{TASK_MANAGER, application_master, dynamic, environment, process, run};
use crate::tool::{GONE, LIMIT, eventually, jar, job_in_state, text};

/// Queue, priority, labels, vcores, resource types, access, attempts: what only shows on a ResourceManager configured
/// for them. Staging is on `file:///`.
#[tokio::test]
async fn queues_labels_acls_and_attempts_reach_the_resource_manager() -> Result<()> {
    let _turn = shared::turn().await;
    let mut builder = Cluster::builder("scheduling")
        .without_hdfs()
        .node_managers(2)
        .node_size(4096, 8)
        .node_labels()
        .access_control()
        .queues(&[("etl", 50), ("other", 50)])
        .scheduler_property("root.acl_administer_queue", " ")
        .scheduler_property(
            "resource-calculator",
            "org.apache.hadoop.yarn.util.resource.DominantResourceCalculator",
        )
        .property("yarn.cluster.max-application-priority", "10")
        .property("yarn.resource-types", "example.com/token")
        .property("yarn.nodemanager.resource-type.example.com/token", "4");
    for label in ["masters", "workers"] {
        builder = builder.scheduler_property(&format!("root.accessible-node-labels.{label}.capacity"), "100");
        for queue in ["etl", "other"] {
            let key = format!("root.{queue}.accessible-node-labels.{label}.capacity");
            builder = builder.scheduler_property(&key, "50");
            let key = format!("root.{queue}.accessible-node-labels.{label}.maximum-capacity");
            builder = builder.scheduler_property(&key, "100");
        }
    }
    let cluster = builder.boot().await?;
    cluster.java_tool(RM_ADMIN_CLI, &["-addToClusterNodeLabels", "masters,workers"]).await?.success()?;
    let labels = "127.0.0.2=masters 127.0.0.3=workers";
    cluster.java_tool(RM_ADMIN_CLI, &["-replaceLabelsOnNode", labels]).await?.success()?;

    let settings = dynamic(&[
        "yarn.application.queue=etl",
        "yarn.application.priority=7",
        "yarn.application.node-label=masters",
        "yarn.taskmanager.node-label=workers",
        "yarn.appmaster.vcores=2",
        "yarn.containers.vcores=3",
        "external-resources=token",
        "external-resource.token.amount=2",
        "external-resource.token.yarn.config-key=example.com/token",
        "yarn.view.acls=bob",
        "yarn.modify.acls=carol",
        "yarn.application-attempts=1",
    ]);
    let program = jar()?.display().to_string();
    let end = ["-d", "-c", "example.Run", program.as_str()];
    let args: Vec<&str> = settings.into_iter().chain(end).collect();
    let submit = || async { run(&cluster, &[], &args).await?.expect(0)?.application() };
    let id = submit().await?;
    job_in_state(&cluster, &id, "RUNNING").await?;

    let application = cluster.application(&id).await?;
    assert_eq!(text(&application, "queue"), "root.etl", "{application}");
    assert_eq!(application["priority"], 7, "{application}");
    assert_eq!(application["allocatedVCores"], 5, "{application}");
    assert_eq!(used(&application, "workers", "example.com/token"), Some(2), "{application}");
    assert_eq!(used(&application, "masters", "vcores"), Some(2), "{application}");
    assert_eq!(used(&application, "workers", "vcores"), Some(3), "{application}");
    let host = |process: Process| Ok::<_, anyhow::Error>(environment(&process)?.remove("NM_HOST"));
    let master = process(&cluster, &id, application_master)?;
    assert_eq!(host(master)?.as_deref(), Some("127.0.0.2"));
    let worker = process(&cluster, &id, |process| process.runs(TASK_MANAGER))?;
    assert_eq!(host(worker)?.as_deref(), Some("127.0.0.3"));

    proxied_requests_need_rights(&cluster, &id).await?;
    // 700 and 800 MiB, each rounded up to a multiple of the minimum allocation.
    let memory = Some(1536);
    // bob may view it, eve may not; carol may kill it, eve may not.
    let url = format!("{}/ws/v1/cluster/apps/{id}", cluster.rm_web());
    let seen = |user: &'static str| {
        let url = format!("{url}?user.name={user}");
        async move { Ok::<_, anyhow::Error>(http::get_json(&url).await?["app"]["allocatedMB"].as_i64()) }
    };
    assert_eq!(seen("bob").await?, memory);
    assert_ne!(seen("eve").await?, memory);
    let kill = |user: &'static str| {
        let url = format!("{url}/state?user.name={user}");
        let json = [("content-type", "application/json")];
        async move { http::request("PUT", &url, &json, "{\"state\":\"KILLED\"}".into()).await }
    };
    assert_eq!(kill("eve").await?.status, 403);
    assert_eq!(cluster.application(&id).await?["state"], "RUNNING");
    kill("carol").await?.success()?;
    cluster.wait_for_state(&id, "KILLED", GONE).await?;

    // A limit of one attempt means one attempt.
    let id = submit().await?;
    cluster.wait_for_state(&id, "RUNNING", LIMIT).await?;
    process(&cluster, &id, application_master)?.kill_9();
    cluster.wait_for_state(&id, "FAILED", Duration::from_secs(60)).await?;
    let attempts = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}/appattempts")).await?;
    let attempts = attempts.pointer("/appAttempts/appAttempt").and_then(Value::as_array).map(Vec::len);
    assert_eq!(attempts, Some(1));
    eventually("no process of the application", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) })
        .await
}

/// bob may look and change nothing, carol may change what she does not see, eve neither.
async fn proxied_requests_need_rights(cluster: &Cluster, id: &str) -> Result<()> {
    let proxy = format!("{}/proxy/{id}", cluster.rm_web());
    // No job has this id: whoever may cancel jobs learns that from Flink.
    let job = "0".repeat(32);
    for (user, views, modifies) in
        [(cluster.user(), true, true), ("bob", true, false), ("carol", false, true), ("eve", false, false)]
    {
        for (method, path, may) in [
            ("GET", "am/status".to_owned(), views),
            ("GET", "overview".to_owned(), views),
            ("GET", format!("jobs/{job}/yarn-cancel"), modifies),
            ("PUT", format!("jobs/{job}"), modifies),
        ] {
            let url = format!("{proxy}/{path}?user.name={user}");
            let answer = http::request(method, &url, &[], Bytes::new()).await?;
            let denied = answer.status == 403 && answer.text().contains(&format!("`{user}` may not"));
            ensure!(denied != may, "{method} {url}: {} {}", answer.status, answer.text());
        }
    }
    // Whom the ResourceManager names where nobody has said who they are, unless it is configured.
    let answer = http::get(&format!("{proxy}/am/status?user.name=dr.who")).await?;
    ensure!(answer.status == 403 && answer.text().contains("hint: "), "{} {}", answer.status, answer.text());
    Ok(())
}

/// The amount of a resource that the application has on the nodes with this label.
fn used(application: &Value, label: &str, resource: &str) -> Option<u64> {
    let named = |list: &Value, key: &str, name: &str| {
        list.as_array()?.iter().find(|entry| text(entry, key) == name).cloned()
    };
    let partitions = &application["resourceInfo"]["resourceUsagesByPartition"];
    let partition = named(partitions, "partitionName", label)?;
    let list = &partition["used"]["resourceInformations"]["resourceInformation"];
    named(list, "name", resource)?["value"].as_u64()
}
