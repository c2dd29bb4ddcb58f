//! The configuration keys of flink-yarn, many in one application if they do not interfere; the witnesses are the
//! ResourceManager's and Flink's REST pages, the containers' processes and HDFS.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::java::{FS_SHELL, output};
use integration_tests::cluster::processes::Process;
use integration_tests::flink::Flink;
use integration_tests::versions::FLINK_1_20;
use integration_tests::{http, prerequisites, shared};
use serde_json::Value;

use crate::tool::{
    GONE, LIMIT, Ran, command, end, eventually, finish, has_staging, jar, job_in_state, nothing_left, status,
    text, yarn_flink,
};

const JOB_MANAGER: &str = "org.apache.flink.container.entrypoint.StandaloneApplicationClusterEntryPoint";
pub(crate) const TASK_MANAGER: &str = "org.apache.flink.runtime.taskexecutor.TaskManagerRunner";
/// Every process has 800 MiB or less, as in `tool::run`.
const SMALL: [&str; 6] = ["-jm", "700m", "-tm", "800m", "-D", "taskmanager.memory.managed.size=16m"];

/// Runs `run` with small containers in an environment with these variables; an empty value removes one.
pub(crate) async fn run(cluster: &Cluster, env: &[(&str, &str)], args: &[&str]) -> Result<Ran> {
    let all: Vec<&str> = ["run"].iter().chain(&SMALL).chain(args).copied().collect();
    let mut command = command(cluster, &all)?;
    for (name, value) in env {
        if value.is_empty() {
            command.env_remove(name)
        } else {
            command.env(name, value)
        };
    }
    finish(command.spawn()?).await
}

/// Arguments of `-D` for settings.
pub(crate) fn dynamic<'a>(settings: &[&'a str]) -> Vec<&'a str> {
    settings.iter().flat_map(|setting| ["-D", *setting]).collect()
}

/// A jar in `folder` with the example classes whose simple names start with `classes`, and this main class in its
/// manifest.
fn part(folder: &Path, name: &str, classes: &str, main: Option<&str>) -> Result<PathBuf> {
    let all = folder.join("classes");
    let tool = || Command::new(prerequisites::java_tool("jar"));
    if !all.exists() {
        fs::create_dir(&all)?;
        let status = tool().arg("--extract").arg("--file").arg(jar()?).current_dir(&all).status()?;
        ensure!(status.success(), "jar --extract: {status}");
    }
    let path = folder.join(name);
    let mut create = tool();
    create.arg("--create").arg("--file").arg(&path);
    if let Some(main) = main {
        create.args(["--main-class", main]);
    }
    for entry in fs::read_dir(all.join("example"))? {
        let class = entry?.file_name().to_string_lossy().into_owned();
        if class.starts_with(classes) {
            create.arg("-C").arg(&all).arg(format!("example/{class}"));
        }
    }
    let status = create.status()?;
    ensure!(status.success(), "jar --create {name}: {status}");
    Ok(path)
}

/// Flink's REST through the ResourceManager's proxy.
async fn flink(cluster: &Cluster, id: &str, path: &str) -> Result<Value> {
    http::get_json(&format!("{}/proxy/{id}{path}", cluster.rm_web())).await
}

/// The JobManager's effective configuration.
async fn effective(cluster: &Cluster, id: &str) -> Result<BTreeMap<String, String>> {
    let answer = flink(cluster, id, "/jobmanager/config").await?;
    let entries = answer.as_array().context("no list")?;
    Ok(entries.iter().map(|entry| (text(entry, "key").to_owned(), text(entry, "value").to_owned())).collect())
}

/// Environment of a process.
pub(crate) fn environment(process: &Process) -> Result<BTreeMap<String, String>> {
    let bytes = fs::read(format!("/proc/{}/environ", process.pid))?;
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let pairs = text.split('\0').filter_map(|pair| pair.split_once('='));
    Ok(pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

pub(crate) fn process(cluster: &Cluster, id: &str, is: impl Fn(&Process) -> bool) -> Result<Process> {
    cluster.processes_of(id).into_iter().find(is).with_context(|| format!("a process of {id} is missing"))
}

pub(crate) fn application_master(process: &Process) -> bool {
    process.command.first().is_some_and(|program| program.ends_with("flink-app-master"))
}

fn in_range(port: Option<&String>, range: std::ops::Range<u16>) -> bool {
    port.and_then(|port| port.parse().ok()).is_some_and(|port| range.contains(&port))
}

fn has(process: &Process, argument: &str) -> bool {
    process.command.iter().any(|given| given == argument)
}

/// The log file of this name in the process's container, wherever the NodeManagers keep it.
fn log_of(process: &Process, name: &str) -> Result<String> {
    let env = environment(process)?;
    let dirs = env.get("LOG_DIRS").context("no LOG_DIRS")?;
    let path = Path::new(dirs.split(',').next().unwrap_or_default()).join(name);
    fs::read_to_string(&path).with_context(|| format!("cannot read {}", path.display()))
}

/// Memory, slots, ports, environments, JVM options, logs, `config.yaml`, and what takes precedence.
#[tokio::test]
async fn settings_of_file_and_command_line_take_effect() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let folder = cluster.scratch("options")?;
    let conf = folder.join("conf");
    fs::create_dir(&conf)?;
    fs::write(
        conf.join("config.yaml"),
        "yarn:\n  tags: Nightly, etl\n  application:\n    name: of the file\n    type: of the file\n\
         taskmanager:\n  numberOfTaskSlots: 1\n  host: gateway\nrest:\n  bind-address: localhost\n\
         env.log.level: INFO\nenv.java.opts.all: -Dall=1\nparallelism.default: 3\n\
         metrics.scope.jm: <host>.file\nmetrics.scope.tm: <host>.file\n",
    )?;
    let program = part(&folder, "run.jar", "Run", None)?;
    let classes = format!("file://{}", part(&folder, "words.jar", "WordCount", None)?.display());
    let conf = conf.display().to_string();
    let program = program.display().to_string();
    let settings = dynamic(&[
        "yarn.application.type=Options",
        "metrics.scope.tm=<host>.d",
        "rest.bind-port=24100-24199",
        "jobmanager.rpc.port=24200-24299",
        "blob.server.port=24300-24399",
        r#"containerized.master.env.ONLY_MASTER={"k":"a b"}"#,
        "containerized.taskmanager.env.ONLY_TASKS=$CONTAINER_ID/x",
        "env.java.opts.jobmanager=-Dmaster=$CONTAINER_ID -Dlogs=<LOG_DIR>",
        "env.java.opts.taskmanager=-Dtasks=\"t t\"",
        "env.java.default-opts.all=-Ddefault=1",
        "env.log.level=WARN",
        "env.log.max=3",
        "flink.hadoop.dfs.client.socket-timeout=54321",
        "flink.yarn.client.marker=1",
        // It would cancel the job for lack of a client's heartbeats, and hide its RPC behind a port that is not mapped.
        "execution.shutdown-on-attached-exit=true",
        "client.heartbeat.interval=500",
        "client.heartbeat.timeout=1000",
        "jobmanager.rpc.bind-port=24999",
    ]);
    let flags = ["-d", "--name", "of the flag", "-ys", "2", "-p", "8", "-C", &classes, "-c", "example.Run"];
    let args: Vec<&str> = settings.into_iter().chain(flags).chain([program.as_str()]).collect();
    let id = run(cluster, &[("FLINK_CONF_DIR", &conf)], &args).await?.expect(0)?.application()?;
    job_in_state(cluster, &id, "RUNNING").await?;

    let application = cluster.application(&id).await?;
    assert_eq!(text(&application, "name"), "of the flag");
    // -D beats the file.
    assert_eq!(text(&application, "applicationType"), "Options");
    let job = text(&status(cluster, &id).await?, "job_id").to_owned();
    assert_eq!(text(&application, "applicationTags"), format!("etl,flink-job:{job},nightly"));

    // Four TaskManagers with two slots each.
    let managers = flink(cluster, &id, "/taskmanagers").await?;
    let managers = managers["taskmanagers"].as_array().cloned().unwrap_or_default();
    assert_eq!(managers.len(), 4, "{managers:?}");
    assert!(managers.iter().all(|manager| manager["slotsNumber"] == 2), "{managers:?}");
    let detail = flink(cluster, &id, &format!("/taskmanagers/{}", text(&managers[0], "id"))).await?;
    let memory = &detail["memoryConfiguration"];
    let mib = |name: &str| memory[name].as_u64().map(|bytes| bytes as f64 / 1_048_576.0);
    // 800 - 256 (metaspace) - 192 (overhead) - 16 (managed) - 64 (network) - 2 x 128 (framework)
    for (name, expected) in [
        ("frameworkHeap", 128.0),
        ("taskHeap", 16.0),
        ("frameworkOffHeap", 128.0),
        ("taskOffHeap", 0.0),
        ("networkMemory", 64.0),
        ("managedMemory", 16.0),
        ("jvmMetaspace", 256.0),
        ("jvmOverhead", 192.0),
        ("totalFlinkMemory", 352.0),
        ("totalProcessMemory", 800.0),
    ] {
        assert_eq!(mib(name), Some(expected), "{name} in {memory}");
    }
    let task_manager = process(cluster, &id, |process| process.runs(TASK_MANAGER))?;
    assert!(has(&task_manager, "-Xmx150994944"), "{:?}", task_manager.command);
    assert!(has(&task_manager, "-XX:MaxDirectMemorySize=201326592"), "{:?}", task_manager.command);
    let job_manager = process(cluster, &id, |process| process.runs(JOB_MANAGER))?;
    assert!(has(&job_manager, "-Xmx130023424"), "{:?}", job_manager.command);

    // JVM options: for all, and for one; variables are the container's.
    let container = |process: &Process| process.container.clone().unwrap_or_default();
    for process in [&job_manager, &task_manager] {
        assert!(has(process, "-Dall=1") && has(process, "-Ddefault=1"), "{:?}", process.command);
    }
    assert!(has(&job_manager, &format!("-Dmaster={}", container(&job_manager))), "{:?}", job_manager.command);
    let log_dirs = environment(&job_manager)?.remove("LOG_DIRS").context("no LOG_DIRS")?;
    assert!(has(&job_manager, &format!("-Dlogs={log_dirs}")), "{:?}", job_manager.command);
    assert!(has(&task_manager, "-Dtasks=t t") && !has(&job_manager, "-Dtasks=t t"), "{task_manager:?}");

    // Environments.
    let master = environment(&process(cluster, &id, application_master)?)?;
    let tasks = environment(&task_manager)?;
    assert_eq!(master.get("ONLY_MASTER").map(String::as_str), Some(r#"{"k":"a b"}"#));
    assert_eq!(tasks.get("ONLY_TASKS"), Some(&format!("{}/x", container(&task_manager))));
    assert!(!master.contains_key("ONLY_TASKS") && !tasks.contains_key("ONLY_MASTER"));
    assert_eq!(environment(&job_manager)?.get("ONLY_MASTER").map(String::as_str), Some(r#"{"k":"a b"}"#));
    for env in [&master, &tasks] {
        assert_eq!(env.get("ROOT_LOG_LEVEL").map(String::as_str), Some("WARN"));
        assert_eq!(env.get("MAX_LOG_FILE_NUMBER").map(String::as_str), Some("3"));
    }
    // The shipped log configuration is obeyed: at INFO, Flink would have logged much by now.
    let log = log_of(&task_manager, "taskmanager.log")?;
    assert!(!log.contains("INFO  org.apache.flink"), "{log}");

    // What the JobManager runs with.
    let config = effective(cluster, &id).await?;
    let of = |key: &str| config.get(key).map(String::as_str);
    assert_eq!(of("parallelism.default"), Some("8"));
    assert_eq!((of("metrics.scope.jm"), of("metrics.scope.tm")), (Some("<host>.file"), Some("<host>.d")));
    assert_eq!(of("flink.hadoop.dfs.client.socket-timeout"), Some("54321"));
    assert_eq!(of("rest.bind-address"), Some("127.0.0.1"), "nobody else reaches Flink's REST server");
    assert!(in_range(config.get("rest.bind-port"), 24100..24200), "{config:?}");
    assert!(in_range(config.get("jobmanager.rpc.port"), 24200..24300), "{config:?}");
    assert!(in_range(config.get("blob.server.port"), 24300..24400), "{config:?}");
    assert!(text(&application, "trackingUrl").contains("/proxy/"), "{application}");
    assert_eq!(of("execution.shutdown-on-attached-exit"), Some("false"));
    assert_eq!(of("jobmanager.rpc.bind-port"), None);
    job_in_state(cluster, &id, "RUNNING").await?;

    yarn_flink(cluster, &["kill", &id]).await?.expect(0)?;
    cluster.wait_for_state(&id, "KILLED", LIMIT).await?;
    nothing_left(cluster, &id, GONE).await
}

/// A host without a Flink distribution: everything is on the cluster, including the job's jar. Files and archives are
/// shipped.
#[tokio::test]
async fn files_on_the_cluster_are_used_in_place_and_others_are_shipped() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let folder = cluster.scratch("ship")?;
    let base = format!("/tmp/{}", folder.file_name().unwrap_or_default().to_string_lossy());
    for made in ["dist", "usrlib", "staging"] {
        hdfs.mkdirs(&format!("{base}/{made}")).await?;
    }
    let home = Flink::download(FLINK_1_20)?.home().to_owned();
    let [lib, plugins] = ["lib", "plugins"].map(|name| home.join(name).display().to_string());
    cluster.java_tool(FS_SHELL, &["-put", &lib, &plugins, &format!("{base}/dist")]).await?.success()?;
    // Only the helper classes, and the program with its main class in the manifest.
    let helpers = part(&folder, "words.jar", "WordCount", None)?;
    let program = part(&folder, "reads.jar", "ReadsShipped", Some("example.ReadsShipped"))?;
    hdfs.put(&format!("{base}/usrlib/words.jar"), fs::read(helpers)?).await?;
    hdfs.put(&format!("{base}/usrlib/reads.jar"), fs::read(program)?).await?;

    // One file by flag, a folder by key, a file of the cluster, an archive.
    fs::write(folder.join("a.txt"), "alpha\n")?;
    fs::create_dir_all(folder.join("extra/deep"))?;
    fs::write(folder.join("extra/deep/b.txt"), "beta\n")?;
    hdfs.put(&format!("{base}/c.txt"), "gamma\n").await?;
    fs::write(folder.join("d.txt"), "delta\n")?;
    let mut zip = Command::new(prerequisites::java_tool("jar"));
    zip.args(["--create", "--no-manifest", "--file", "data.zip", "d.txt"]).current_dir(&folder);
    output(zip).await?.success()?;

    let fs_name = cluster.default_fs();
    let at = |name: &str| folder.join(name).display().to_string();
    let settings = [
        format!("yarn.provided.lib.dirs={fs_name}{base}/dist/lib;{fs_name}{base}/dist/plugins"),
        format!("yarn.provided.usrlib.dir={fs_name}{base}/usrlib"),
        format!("yarn.staging-directory={fs_name}{base}/staging"),
        format!("yarn.ship-files={};{fs_name}{base}/c.txt", at("extra")),
        format!("yarn.ship-archives={}", at("data.zip")),
        "yarn.file-replication=2".to_owned(),
    ];
    let program = format!("{fs_name}{base}/usrlib/reads.jar");
    let target = format!("{fs_name}{base}/out");
    let ship = at("a.txt");
    let mut args = dynamic(&settings.each_ref().map(String::as_str));
    args.extend(["--ship", ship.as_str(), "-d", program.as_str()]);
    args.extend(["--files", "a.txt,extra/deep/b.txt,c.txt,data.zip/d.txt", "--output", &target]);
    let id = run(cluster, &[("FLINK_HOME", "")], &args).await?.expect(0)?.application()?;
    let own = format!("{base}/staging/.yarn-flink/apps/{id}");
    assert!(hdfs.stat(&own).await?.is_some(), "no {own}");
    let status = end(cluster, &id).await?;
    assert_eq!(text(&status, "final_status"), "SUCCEEDED", "{status}");

    let mut lines: Vec<String> = Vec::new();
    for (path, _) in hdfs.files(&format!("{base}/out")).await? {
        lines.extend(String::from_utf8_lossy(&hdfs.read(&path).await?).lines().map(str::to_owned));
    }
    lines.sort();
    assert_eq!(lines, ["a.txt=alpha", "c.txt=gamma", "data.zip/d.txt=delta", "extra/deep/b.txt=beta"]);

    eventually("no staging directory", GONE, || async { Ok(hdfs.stat(&own).await?.is_none()) }).await?;
    // Nothing of Flink was uploaded; this host's small files are stored twice.
    let staged = hdfs.files(&format!("{base}/staging")).await?;
    let mut names: Vec<&str> = staged.iter().map(|(_, entry)| entry.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["a.txt", "b.txt", "data.zip", "flink-app-master"]);
    assert!(staged.iter().all(|(_, entry)| entry.replication == 2), "{staged:?}");
    assert!(!has_staging(cluster, &id).await?);
    assert!(hdfs.delete(&base).await?);
    nothing_left(cluster, &id, GONE).await
}

/// Both configuration files (the legacy one wins), the user's jar on the class path, another dist jar, the template of
/// the command and the older name of the port range.
#[tokio::test]
async fn class_path_command_template_and_legacy_file_take_effect() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let folder = cluster.scratch("legacy")?;
    let conf = folder.join("conf");
    fs::create_dir(&conf)?;
    fs::write(conf.join("config.yaml"), "yarn.tags: modern\nyarn.application.name: modern\n")?;
    fs::write(
        conf.join("flink-conf.yaml"),
        "# as Flink 1.18 reads it\nyarn.tags: legacy\nyarn.classpath.include-user-jar: FIRST\n\
         yarn.application-master.port: 24400-24499\njobmanager.rpc.port: 6123\n\
         yarn.container-start-command-template: nice -n 3 %java% %jvmmem% %jvmopts% -Dof=$CONTAINER_ID %logging% \
         %class% %args% %redirects%\n",
    )?;
    let dist = fs::read_dir(Flink::download(FLINK_1_20)?.home().join("lib"))?
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("flink-dist")))
        .context("no flink-dist")?;
    let mine = folder.join("flink-dist-mine.jar");
    fs::copy(dist, &mine)?;
    let mine = format!("yarn.flink-dist-jar={}", mine.display());
    let program = jar()?.display().to_string();
    let conf = conf.display().to_string();
    let args = ["-d", "-D", &mine, "-c", "example.Sleep", &program, "--seconds", "6"];
    let id = run(cluster, &[("FLINK_CONF_DIR", &conf)], &args).await?.expect(0)?.application()?;
    job_in_state(cluster, &id, "RUNNING").await?;

    let application = cluster.application(&id).await?;
    assert!(text(&application, "applicationTags").ends_with(",legacy"), "{application}");
    assert_eq!(text(&application, "name"), "Sleep");
    for class in [JOB_MANAGER, TASK_MANAGER] {
        let process = process(cluster, &id, |process| process.is_jvm() && process.runs(class))?;
        let container = process.container.clone().unwrap_or_default();
        assert!(has(&process, &format!("-Dof={container}")), "{:?}", process.command);
        // The NodeManager has our niceness, which is that of the user who runs the tests.
        assert_eq!(niceness(process.pid)?, (niceness(std::process::id())? + 3).min(19), "{class}");
        let env = environment(&process)?;
        let entries: Vec<&str> = env["CLASSPATH"].split(':').collect();
        assert_eq!(entries.first(), Some(&"userjar/example-jobs.jar"), "{entries:?}");
        let dists = entries.iter().filter(|entry| entry.contains("flink-dist")).collect::<Vec<_>>();
        assert_eq!(dists, [&"lib/flink-dist-mine.jar"]);
    }
    let config = effective(cluster, &id).await?;
    assert!(in_range(config.get("jobmanager.rpc.port"), 24400..24500), "{config:?}");

    let status = end(cluster, &id).await?;
    assert_eq!(text(&status, "final_status"), "SUCCEEDED", "{status}");
    nothing_left(cluster, &id, GONE).await
}

/// Field 19 of `/proc/<pid>/stat`.
fn niceness(pid: u32) -> Result<i64> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat"))?;
    let after = stat.rsplit(')').next().unwrap_or_default();
    Ok(after.split_whitespace().nth(16).context("a short line")?.parse()?)
}

#[tokio::test]
async fn missing_savepoint_fails_the_job_with_its_path() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    // On the node's own disk, which the client cannot see.
    let savepoint = "file:///tmp/no/such/savepoint-1";
    let program = jar()?.display().to_string();
    let refused =
        run(cluster, &[], &["-s", savepoint, "-c", "example.OneSecond", &program]).await?.expect(2)?;
    ensure!(refused.stderr.contains("is on the local disk of the node"), "{refused:?}");
    let allowed = ["-D", "yarn-flink.allow-local-state=true"];
    let args = ["-o", "json", "-s", savepoint, "-n", "-c", "example.OneSecond", &program];
    let args = [&allowed[..], &args].concat();
    let ran = run(cluster, &[], &args).await?.expect(1)?;
    let result = ran.json()?;
    assert_eq!((text(&result, "final_status"), text(&result, "job_state")), ("FAILED", "FAILED"), "{result}");
    assert!(text(&result, "diagnostics").contains("/tmp/no/such/savepoint-1"), "{result}");
    nothing_left(cluster, &ran.application()?, GONE).await
}

/// Keys that are not supported yet are refused before anything happens.
#[tokio::test]
async fn unsupported_keys_are_refused_with_a_reason() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let program = jar()?.display().to_string();
    for (setting, reason) in [
        ("python.files=a.py", "not supported yet"),
        ("yarn.container-start-command-template=ulimit -c 0; %java%", "needs a shell"),
    ] {
        let ran = run(cluster, &[], &["-d", "-D", setting, &program]).await?.expect(2)?;
        assert!(ran.stderr.contains(reason), "{setting}: {ran:?}");
        assert!(ran.stderr.contains(setting.split('=').next().unwrap_or_default()), "{setting}: {ran:?}");
        assert_eq!(ran.stdout, "", "{setting}");
    }
    Ok(())
}
