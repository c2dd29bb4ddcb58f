//! The fixture itself: what it boots is real, and nothing outlives it.

use std::collections::BTreeSet;
use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::java::{APPLICATION_CLI, FLINK_CLI, FS_SHELL, RM_ADMIN_CLI, output};
use integration_tests::cluster::{Cluster, Daemon, Process, timers};
use integration_tests::flink::Flink;
use integration_tests::versions::{FLINK_1_20, FLINK_2_1, HADOOP_3_3, HADOOP_3_5};
use integration_tests::{http, jobs, prerequisites, shared};
use serde_json::Value;

/// Polls until `condition` holds.
async fn eventually(what: &str, limit: Duration, mut condition: impl FnMut() -> bool) -> Result<()> {
    let begun = Instant::now();
    while !condition() {
        ensure!(begun.elapsed() < limit, "not within {} s: {what}", limit.as_secs());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

fn hosts(nodes: &[Value]) -> BTreeSet<&str> {
    nodes.iter().filter_map(|node| node.get("nodeHostName").and_then(Value::as_str)).collect()
}

#[tokio::test]
async fn shared_cluster_has_two_separate_nodes() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    assert_eq!(cluster.daemons().len(), 5);
    for daemon in cluster.daemons() {
        assert!(cluster.pid(daemon).is_some(), "{daemon} is down");
    }
    let nodes = cluster.running_nodes().await?;
    assert_eq!(hosts(&nodes), BTreeSet::from(["127.0.0.2", "127.0.0.3"]));
    let home = cluster.hdfs()?.stat(&format!("/user/{}", cluster.user())).await?.context("no home")?;
    assert!(home.directory && home.owner == cluster.user());
    Ok(())
}

#[tokio::test]
async fn hadoop_tools_and_webhdfs_see_the_same_files() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let local = cluster.scratch("put")?.join("beginning.txt");
    fs::write(&local, "in the beginning\n")?;
    let folder = "/tmp/fixture put";
    hdfs.mkdirs(folder).await?;
    let target = format!("{folder}/a b.txt");
    cluster.java_tool(FS_SHELL, &["-put", &local.display().to_string(), &target]).await?.success()?;
    assert_eq!(hdfs.read(&target).await?, "in the beginning\n");
    hdfs.put(&target, "was the word\n").await?;
    let cat = cluster.java_tool(FS_SHELL, &["-cat", &target]).await?.success()?;
    assert_eq!(cat.stdout, "was the word\n");
    let files = hdfs.files(folder).await?;
    assert_eq!(files.len(), 1);
    assert_eq!((files[0].0.as_str(), files[0].1.length), (target.as_str(), 13));
    assert!(hdfs.delete(folder).await? && !hdfs.delete(folder).await?);
    assert_eq!(hdfs.stat(folder).await?, None);

    let missing = cluster.java_tool(FS_SHELL, &["-cat", "/no/such/file"]).await?;
    assert!(!missing.status.success() && missing.stderr.contains("No such file"), "{missing:?}");
    Ok(())
}

#[tokio::test]
async fn processes_of_an_application_are_found_and_end_with_a_kill() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let id = cluster.submit_command(cluster.user(), "default", "sleeps", "sleep 1000").await?;
    eventually("the command runs", Duration::from_secs(30), || {
        cluster.processes_of(&id).iter().any(|process| process.command == ["sleep", "1000"])
    })
    .await?;
    assert!(cluster.jvms_of(&id).is_empty());
    cluster.wait_for_state(&id, "ACCEPTED", Duration::from_secs(5)).await?;
    let list = cluster.java_tool(APPLICATION_CLI, &["application", "-list"]).await?.success()?;
    assert!(list.stdout.contains(&id) && list.stdout.contains("sleeps"), "{}", list.stdout);
    cluster.kill_application(&id).await?;
    let end = cluster.wait_for_end(&id, Duration::from_secs(10)).await?;
    assert_eq!(end.get("state").and_then(Value::as_str), Some("KILLED"));
    eventually("its processes end", Duration::from_secs(10), || cluster.processes_of(&id).is_empty()).await
}

#[tokio::test]
async fn killed_resource_manager_is_restarted_and_nothing_survives_the_cluster() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("recovery").without_hdfs().recovery().boot().await?;
    assert_eq!(cluster.default_fs(), "file:///");
    let id = cluster.submit_command(cluster.user(), "default", "survives", "sleep 1000").await?;
    let sleeper = |cluster: &Cluster| {
        let processes = cluster.processes_of(&id);
        processes.iter().find(|process| process.command == ["sleep", "1000"]).map(|process| process.pid)
    };
    eventually("the command runs", Duration::from_secs(30), || sleeper(&cluster).is_some()).await?;
    let before = sleeper(&cluster);

    let address = cluster.resource_manager(1);
    cluster.kill_9(Daemon::ResourceManager(1))?;
    assert_eq!(cluster.pid(Daemon::ResourceManager(1)), None);
    assert!(cluster.rm_rest("/ws/v1/cluster/info").await.is_err());
    cluster.restart(Daemon::ResourceManager(1)).await?;
    assert_eq!(cluster.resource_manager(1), address);
    cluster.wait_for_state(&id, "ACCEPTED", Duration::from_secs(10)).await?;

    // A NodeManager with recovery leaves its containers alone and takes them over again.
    let node = cluster.running_nodes().await?[0]["id"].clone();
    cluster.kill_9(Daemon::NodeManager(1))?;
    assert_eq!(sleeper(&cluster), before);
    cluster.restart(Daemon::NodeManager(1)).await?;
    assert_eq!(cluster.running_nodes().await?[0]["id"], node);
    assert_eq!(sleeper(&cluster), before);

    let processes = cluster.processes();
    assert!(processes.len() >= 3, "{processes:?}");
    let directory = cluster.directory().to_owned();
    cluster.stop()?;
    assert!(!directory.exists());
    for process in processes {
        assert!(!process.lives(), "{process:?} lives on");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn two_clusters_run_side_by_side() -> Result<()> {
    let _turn = shared::turn().await;
    let boot = |name: &'static str| Cluster::builder(name).without_hdfs().node_size(1024, 2).boot();
    let (left, right) = futures::try_join!(boot("left"), boot("right"))?;
    assert_ne!(left.resource_manager(1), right.resource_manager(1));
    let id = left.submit_command(left.user(), "default", "left", "sleep 1000").await?;
    eventually("the command runs", Duration::from_secs(30), || !left.container_processes().is_empty())
        .await?;
    assert!(right.container_processes().is_empty() && right.applications().await?.is_empty());
    assert!(right.application(&id).await.is_err());
    for cluster in [&left, &right] {
        assert_eq!(cluster.running_nodes().await?.len(), 1);
    }
    drop(left);
    assert_eq!(right.running_nodes().await?.len(), 1);
    Ok(())
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn queues_labels_and_access_control_take_effect() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("queues")
        .without_hdfs()
        .node_managers(2)
        .node_labels()
        .access_control()
        .queues(&[("open", 60), ("closed", 40)])
        .scheduler_property("root.acl_submit_applications", " ")
        .scheduler_property("root.acl_administer_queue", " ")
        .scheduler_property("root.open.acl_submit_applications", "*")
        .property("yarn.resourcemanager.am.max-attempts", "7")
        .boot()
        .await?;
    cluster.submit_command("alice", "open", "may", "true").await?;
    let refused = cluster.submit_command("alice", "closed", "may not", "true").await.unwrap_err();
    assert!(format!("{refused:#}").contains("does not have permission"), "{refused:#}");
    cluster.java_tool(RM_ADMIN_CLI, &["-addToClusterNodeLabels", "gpu(exclusive=true)"]).await?.success()?;
    cluster.java_tool(RM_ADMIN_CLI, &["-replaceLabelsOnNode", "127.0.0.3=gpu"]).await?.success()?;
    let nodes = cluster.running_nodes().await?;
    let labelled =
        nodes.iter().filter(|node| node.get("nodeLabels").is_some_and(|labels| labels[0] == "gpu"));
    assert_eq!(labelled.filter_map(|node| node["nodeHostName"].as_str()).collect::<Vec<_>>(), ["127.0.0.3"]);
    let site = fs::read_to_string(cluster.client_conf_dir().join("yarn-site.xml"))?;
    assert!(site.contains("<name>yarn.resourcemanager.am.max-attempts</name><value>7</value>"), "{site}");
    Ok(())
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn standby_resource_manager_takes_over() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("pair").without_hdfs().high_availability().boot().await?;
    let states = async || -> Result<Vec<(u8, String)>> {
        let mut states = Vec::new();
        let output = cluster.java_tool(RM_ADMIN_CLI, &["-getAllServiceState"]).await?;
        for (line, number) in output.stdout.lines().zip(1..) {
            states.push((number, line.split_whitespace().last().unwrap_or_default().to_owned()));
        }
        Ok(states)
    };
    let before = states().await?;
    let active = |states: &[(u8, String)]| {
        states.iter().filter(|(_, state)| state == "active").map(|(number, _)| *number).collect::<Vec<_>>()
    };
    let first = active(&before);
    assert_eq!((before.len(), first.len()), (2, 1), "{before:?}");
    cluster.kill_9(Daemon::ResourceManager(first[0]))?;
    let begun = Instant::now();
    while cluster.running_nodes().await.map_or(0, |nodes| nodes.len()) != 1 {
        ensure!(begun.elapsed() < Duration::from_secs(40), "nobody took over: {:?}", states().await?);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    cluster.restart(Daemon::ResourceManager(first[0])).await?;
    let after = active(&states().await?);
    assert_eq!(after, [3 - first[0]]);
    Ok(())
}

#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn oldest_and_newest_hadoop_boot() -> Result<()> {
    let _turn = shared::turn().await;
    for version in [HADOOP_3_3, HADOOP_3_5] {
        let name = format!("hadoop-{}", version.version);
        let cluster = Cluster::builder(&name).hadoop(version).boot().await?;
        let info = cluster.rm_rest("/ws/v1/cluster/info").await?;
        assert_eq!(info["clusterInfo"]["hadoopVersion"], version.version);
        let hdfs = cluster.hdfs()?;
        hdfs.put("/tmp/file", version.version).await?;
        assert_eq!(hdfs.read("/tmp/file").await?, version.version);
    }
    Ok(())
}

/// The daemon itself is asked: what none of our site files sets must be Hadoop's own default.
#[tokio::test]
#[ignore = "takes minutes; CONTRIBUTING.md says when"]
async fn default_timers_are_those_of_hadoop() -> Result<()> {
    let _turn = shared::turn().await;
    let of = async |cluster: &Cluster| -> Result<Vec<(String, bool)>> {
        let mut found = Vec::new();
        for timer in timers::SHORTENED {
            let url = format!("{}/conf?name={}", cluster.rm_web(), timer.key);
            let json = [("Accept", "application/json")];
            let answer = http::request("GET", &url, &json, Default::default()).await?;
            // Some defaults exist only in Hadoop's code, and the page does not know them.
            let known = answer.status != 404;
            let property = if known { answer.json()?["property"].take() } else { Value::Null };
            let own = !property["resource"].as_str().is_some_and(|file| file.ends_with("-site.xml"));
            let right = property["value"] == *if own { timer.default } else { timer.ours };
            ensure!(right || !known, "{}: {property}", timer.key);
            found.push((timer.key.to_owned(), own));
        }
        Ok(found)
    };
    let cluster =
        Cluster::builder("default-timers").without_hdfs().recovery().default_timers().boot().await?;
    let own = of(&cluster).await?;
    ensure!(own.iter().all(|(_, own)| *own), "shortened: {own:?}");
    cluster.stop()?;

    let cluster = Cluster::builder("our-timers").without_hdfs().recovery().boot().await?;
    let of_pairs = own.iter().filter(|(key, _)| key.contains("zk")).count();
    let shortened = of(&cluster).await?.iter().filter(|(_, own)| !own).count();
    ensure!(shortened + of_pairs == own.len(), "{shortened} of {}", own.len());
    cluster.stop()
}

/// What one container sends to another is lost, and what it sends to all others is not.
#[tokio::test]
async fn two_containers_can_be_cut_off_from_each_other() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("cut").without_hdfs().cuttable().boot().await?;
    let folder = cluster.scratch("said")?;
    let script = folder.join("talks.py");
    fs::write(&script, TALKS)?;
    let start = async |name: &str| {
        let command = format!("python3 {} {name} {}", script.display(), folder.display());
        cluster.submit_command(cluster.user(), "default", name, &command).await
    };
    let python = |id: &str| {
        let own = |process: &Process| process.command.first().is_some_and(|program| program == "python3");
        cluster.processes_of(id).into_iter().find(own)
    };
    let limit = Duration::from_secs(60);
    let heard = |by: &str| fs::read_to_string(folder.join(by)).ok()?.parse::<u64>().ok();
    let hears = async |by: &str| {
        let before = heard(by).unwrap_or_default();
        eventually(&format!("{by} hears something"), limit, || heard(by) > Some(before)).await
    };
    let one = start("one").await?;
    eventually("one listens", limit, || folder.join("one.port").exists()).await?;
    let (other, third) = (start("other").await?, start("third").await?);
    for name in ["other", "third"] {
        hears(name).await?;
    }
    let (one, other) = (python(&one).context("one is gone")?, python(&other).context("other is gone")?);
    cluster.cut_off(&other, &one)?;
    // What was on its way still arrives.
    for _ in 0..3 {
        hears("third").await?;
    }
    let last = heard("other");
    for _ in 0..20 {
        hears("third").await?;
    }
    ensure!(heard("other") == last, "it is cut off, and has heard {:?} after {last:?}", heard("other"));
    assert!(other.lives() && one.lives() && python(&third).is_some());
    cluster.connect_again(&other)?;
    hears("other").await?;
    cluster.stop()
}

/// `one` echoes what it receives; the others count what arrives.
const TALKS: &str = r#"
import os, pathlib, socket, sys, threading, time
name, folder = sys.argv[1], pathlib.Path(sys.argv[2])
def write(path, text):
    new = path.with_name(path.name + ".new")
    new.write_text(text)
    os.replace(new, path)
def repeat(connection):
    while True:
        connection.sendall(connection.recv(1))
if name == "one":
    server = socket.create_server(("127.0.0.1", 0))
    write(folder / "one.port", str(server.getsockname()[1]))
    while True:
        threading.Thread(target=repeat, args=(server.accept()[0],)).start()
else:
    connection = socket.create_connection(("127.0.0.1", int((folder / "one.port").read_text())))
    connection.settimeout(0.5)
    heard = 0
    while True:
        connection.send(b"x")
        try:
            heard += len(connection.recv(1))
            write(folder / name, str(heard))
        except TimeoutError:
            pass
        time.sleep(0.02)
"#;

/// The hard case of cleaning up: SIGKILL of the booting process while it boots.
#[tokio::test]
async fn killed_fixture_process_leaves_nothing_behind() -> Result<()> {
    let _turn = shared::turn().await;
    let temporary = tempfile::tempdir()?;
    let said = temporary.path().join("said");
    let mut booting = Command::new(env!("CARGO_BIN_EXE_quickstart"))
        .env("TMPDIR", temporary.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(&said)?)
        .spawn()?;
    let mark = format!("YARN_FLINK_TEST_CLUSTER={}", temporary.path().canonicalize()?.display());
    let marked = || -> usize {
        let Ok(entries) = fs::read_dir("/proc") else { return 0 };
        let environments = entries.flatten().filter_map(|entry| fs::read(entry.path().join("environ")).ok());
        environments.filter(|environment| String::from_utf8_lossy(environment).contains(&mark)).count()
    };
    let mut ended = None;
    let started = eventually("the daemons start", Duration::from_secs(120), || {
        ended = booting.try_wait().ok().flatten();
        ended.is_some() || marked() >= 4
    });
    let started = started.await;
    booting.kill()?;
    booting.wait()?;
    assert_eq!(ended, None, "quickstart ended too early: {}", fs::read_to_string(&said)?);
    started?;
    eventually("all daemons are gone", Duration::from_secs(15), || marked() == 0).await?;
    let folders = || -> usize {
        let entries = fs::read_dir(temporary.path()).into_iter().flatten().flatten();
        entries.filter(|entry| entry.file_name().to_string_lossy().starts_with("yarn-flink-")).count()
    };
    eventually("the folder is gone", Duration::from_secs(15), || folders() == 0).await
}

#[tokio::test]
async fn example_jobs_compile_for_flink_1_and_2() -> Result<()> {
    let _turn = shared::turn().await;
    for version in [FLINK_1_20, FLINK_2_1] {
        let flink = tokio::task::spawn_blocking(move || Flink::download(version)).await??;
        let jar = jobs::jar(&flink)?;
        assert_eq!(jar, jobs::jar(&flink)?);
        let list = output({
            let mut command = Command::new(prerequisites::java_tool("jar"));
            command.arg("--list").arg("--file").arg(&jar);
            command
        });
        let list = list.await?.success()?.stdout;
        for class in ["WordCount", "Run", "UsesResult", "ReadsShipped"] {
            assert!(list.contains(&format!("example/{class}.class")), "{list}");
        }
    }
    Ok(())
}

/// Flink's own YARN client on the same cluster: proof that the cluster is one Flink can use, independent of our code.
#[tokio::test]
async fn flinks_own_client_runs_the_word_count() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let flink = tokio::task::spawn_blocking(|| Flink::download(FLINK_1_20)).await??;
    let hdfs = cluster.hdfs()?;
    hdfs.put("/tmp/peer/in.txt", "to be, or not to be\n").await?;
    let mut command = flink.command(FLINK_CLI, &[cluster.client_conf_dir(), cluster.hadoop_jars().join("*")]);
    command.envs(cluster.flink_environment().await?);
    command.args(["run-application", "-t", "yarn-application", "-Dyarn.application.name=peer"]);
    command.arg(jobs::jar(&flink)?);
    command.args(["--input", &format!("{}/tmp/peer/in.txt", cluster.default_fs())]);
    command.args(["--output", &format!("{}/tmp/peer/out", cluster.default_fs())]);
    output(command).await?.success()?;
    let applications = cluster.applications().await?;
    let peer = applications.iter().find(|app| app["name"] == "peer").context("no such application")?;
    let id = peer["id"].as_str().context("no id")?;
    let end = cluster.wait_for_end(id, Duration::from_secs(180)).await?;
    assert_eq!(end["finalStatus"], "SUCCEEDED", "{}", end["diagnostics"]);
    let mut lines = Vec::new();
    for (path, _) in hdfs.files("/tmp/peer/out").await? {
        let text = hdfs.read(&path).await?;
        lines.extend(String::from_utf8(text.to_vec())?.lines().map(str::to_owned));
    }
    lines.sort();
    assert_eq!(lines, ["be 2", "not 1", "or 1", "to 2"]);
    eventually("no container is left", Duration::from_secs(15), || cluster.processes_of(id).is_empty()).await
}
