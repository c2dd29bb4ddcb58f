//! What our wire vocabulary and memory model claim, against Hadoop's and Flink's own classes; and calls to pairs of
//! ResourceManagers and to a cluster that encrypts.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::download::Hadoop;
use integration_tests::cluster::java::RM_ADMIN_CLI;
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::flink::Flink;
use integration_tests::versions::{FLINK_1_20, HADOOP_3_3, HADOOP_3_4, HADOOP_3_5, HadoopVersion};
use integration_tests::{prerequisites, shared};
use prost::Message as _;
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};
use serde_json::Value;
use yarn_client::flink::FlinkConfig;
use yarn_client::flink::memory::{JobManagerMemory, TaskManagerMemory};

use crate::tool::{GONE, LIMIT, Ran, command, end, eventually, finish, run, run_args, text};

/// The outer classes of every `.proto` file on which ours are modelled.
const GENERATED: [&str; 6] = [
    "org.apache.hadoop.ipc.protobuf.RpcHeaderProtos",
    "org.apache.hadoop.ipc.protobuf.IpcConnectionContextProtos",
    "org.apache.hadoop.ipc.protobuf.ProtobufRpcEngine2Protos",
    "org.apache.hadoop.security.proto.SecurityProtos",
    "org.apache.hadoop.yarn.proto.YarnProtos",
    "org.apache.hadoop.yarn.proto.YarnServiceProtos",
];
const SECURITY_TOKENS: &str = "org.apache.hadoop.yarn.proto.YarnSecurityTokenProtos";

/// Messages and enums by full name, including nested ones, each described by one line for every field or value.
type Vocabulary = BTreeMap<String, BTreeSet<String>>;

fn vocabulary(files: &FileDescriptorSet) -> Vocabulary {
    let mut vocabulary = Vocabulary::new();
    for file in files.file.iter().filter(|file| file.package().starts_with("hadoop.")) {
        for message in &file.message_type {
            add_message(&mut vocabulary, file.package(), message);
        }
        for enumeration in &file.enum_type {
            add_enum(&mut vocabulary, file.package(), enumeration);
        }
    }
    vocabulary
}

fn add_message(vocabulary: &mut Vocabulary, scope: &str, message: &DescriptorProto) {
    let name = format!("{scope}.{}", message.name());
    for nested in &message.nested_type {
        add_message(vocabulary, &name, nested);
    }
    for nested in &message.enum_type {
        add_enum(vocabulary, &name, nested);
    }
    vocabulary.insert(name, message.field.iter().map(field).collect());
}

fn add_enum(vocabulary: &mut Vocabulary, scope: &str, enumeration: &EnumDescriptorProto) {
    let values = enumeration.value.iter().map(|value| format!("{} = {}", value.name(), value.number()));
    vocabulary.insert(format!("{scope}.{}", enumeration.name()), values.collect());
}

fn field(field: &FieldDescriptorProto) -> String {
    let mut line = format!("{} = {}: {:?} {:?}", field.name(), field.number(), field.label(), field.r#type());
    if !field.type_name().is_empty() {
        line.push_str(&format!(" {}", field.type_name()));
    }
    if let Some(default) = &field.default_value {
        line.push_str(&format!(" [default = {default}]"));
    }
    // Only numbers can be packed, and only that changes the bytes.
    if field.options.as_ref().is_some_and(|options| options.packed()) {
        line.push_str(" [packed]");
    }
    line
}

/// What Hadoop 3.3 does not know yet. All of these are optional.
const SINCE_3_4: [&str; 18] = [
    "AllocateResponseProto: enhanced_headroom = 19: Optional Message .hadoop.yarn.EnhancedHeadroomProto",
    "ApplicationReportProto: rmClusterId = 29: Optional String",
    "EnhancedHeadroomProto",
    "GetQueueInfoRequestProto: subClusterId = 5: Optional String",
    "QueueInfoProto: maxParallelApps = 16: Optional Int32",
    "QueueInfoProto: maxResourceMemory = 21: Optional Int64",
    "QueueInfoProto: maxResourceVCore = 20: Optional Int32",
    "QueueInfoProto: maxRunningApp = 27: Optional Int32",
    "QueueInfoProto: minResourceMemory = 19: Optional Int64",
    "QueueInfoProto: minResourceVCore = 18: Optional Int32",
    "QueueInfoProto: queuePath = 15: Optional String",
    "QueueInfoProto: reservedResourceMemory = 23: Optional Int64",
    "QueueInfoProto: reservedResourceVCore = 22: Optional Int32",
    "QueueInfoProto: schedulerType = 17: Optional String",
    "QueueInfoProto: steadyFairShareMemory = 25: Optional Int64",
    "QueueInfoProto: steadyFairShareVCore = 24: Optional Int32",
    "QueueInfoProto: subClusterId = 26: Optional String",
    "QueueInfoProto: weight = 14: Optional Float",
];

/// What we do not know yet of Hadoop 3.5; optional as well.
const SINCE_3_5: &str =
    "theirs only: hadoop.common.RpcRequestHeaderProto: authorizationHeader = 10: Optional Bytes";

/// The vocabulary of Hadoop's own generated classes.
async fn of_hadoop(version: HadoopVersion) -> Result<Vocabulary> {
    let hadoop = tokio::task::spawn_blocking(move || Hadoop::download(version)).await??;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/Descriptors.java");
    let output = tokio::process::Command::new(prerequisites::java_tool("java"))
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-classpath"])
        .arg(format!("{}/*", hadoop.jars.display()))
        .arg(source)
        .args(GENERATED)
        .arg(SECURITY_TOKENS)
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Ok(vocabulary(&FileDescriptorSet::decode(&*output.stdout)?))
}

/// All differences between ours and theirs, one line each: what only we have, and what only they have.
fn differences(ours: &Vocabulary, theirs: &Vocabulary) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (name, own) in ours {
        let Some(other) = theirs.get(name) else {
            found.insert(format!("ours only: {name}"));
            continue;
        };
        found.extend(own.difference(other).map(|line| format!("ours only: {name}: {line}")));
        found.extend(other.difference(own).map(|line| format!("theirs only: {name}: {line}")));
    }
    found
}

#[tokio::test]
async fn every_message_matches_hadoops_descriptors() -> Result<()> {
    let _turn = shared::turn().await;
    let ours = vocabulary(&FileDescriptorSet::decode(proto::DESCRIPTORS)?);
    assert!(
        ours.len() > 150 && ours.contains_key("hadoop.yarn.ContainerLaunchContextProto"),
        "{}",
        ours.len()
    );
    let of_3_4: BTreeSet<_> = SINCE_3_4.iter().map(|line| format!("ours only: hadoop.yarn.{line}")).collect();
    let of_3_5 = BTreeSet::from([SINCE_3_5.to_owned()]);
    for (version, expected) in [(HADOOP_3_3, of_3_4), (HADOOP_3_4, BTreeSet::new()), (HADOOP_3_5, of_3_5)] {
        let theirs = of_hadoop(version).await?;
        let found = differences(&ours, &theirs);
        assert!(found == expected, "Hadoop {}:\n{found:#?}", version.version);
    }
    Ok(())
}

/// Sizes as users write them: even and odd ones, with each unit, and absurd ones.
fn random_size(random: &mut StdRng, most_mib: u64) -> String {
    let mib = random.random_range(1..=most_mib);
    match random.random_range(0..10) {
        0..5 => format!("{mib}m"),
        5 => format!("{}g", mib.div_ceil(1024)),
        6 => format!("{}kb", (mib << 10) + random.random_range(0..1024)),
        7 => format!("{mib} mb"),
        8 => format!("{}", (mib << 20) + random.random_range(0..1 << 20)),
        _ => format!("{}b", random.random_range(0..1_u64 << 30)),
    }
}

fn random_fraction(random: &mut StdRng) -> String {
    match random.random_range(0..12) {
        0 => "0".to_owned(),
        1 => "1".to_owned(),
        2 => "1.5".to_owned(),
        _ => format!("{:.3}", random.random_range(0.0..0.6)),
    }
}

/// A configuration of one process's memory. Totals are likely, the rest is occasional; three in four add up.
fn random_memory(random: &mut StdRng, role: &str) -> Vec<(String, String)> {
    let (prefix, totals, parts, ranges): (_, &[&str], &[(&str, u64)], &[&str]) = match role {
        "jm" => (
            "jobmanager",
            &["process.size", "process.size", "flink.size", "heap.size"],
            &[("heap.size", 3000), ("off-heap.size", 600), ("jvm-metaspace.size", 600), ("flink.size", 5000)],
            &["jvm-overhead"],
        ),
        _ => (
            "taskmanager",
            &["process.size", "process.size", "flink.size", "task.heap.size"],
            &[
                ("task.heap.size", 2000),
                ("managed.size", 2000),
                ("framework.heap.size", 300),
                ("framework.off-heap.size", 300),
                ("task.off-heap.size", 500),
                ("jvm-metaspace.size", 600),
                ("flink.size", 5000),
            ],
            &["jvm-overhead", "network"],
        ),
    };
    let mut settings = BTreeMap::new();
    let mut set = |key: &str, value: String| settings.insert(format!("{prefix}.memory.{key}"), value);
    let total = totals.choose(random).copied().unwrap_or("process.size");
    set(total, random_size(random, 12_000));
    if total == "task.heap.size" {
        set("managed.size", random_size(random, 3000));
    }
    for (part, most) in parts {
        if random.random_bool(0.15) {
            set(part, random_size(random, *most));
        }
    }
    for range in ranges {
        if random.random_bool(0.25) {
            set(&format!("{range}.fraction"), random_fraction(random));
        }
        if random.random_bool(0.25) {
            set(&format!("{range}.max"), random_size(random, 2000));
        }
        if random.random_bool(0.2) {
            set(&format!("{range}.min"), random_size(random, 300));
        }
    }
    if role == "tm" {
        if random.random_bool(0.2) {
            set("managed.fraction", random_fraction(random));
        }
        if random.random_bool(0.3) {
            settings
                .insert("taskmanager.numberOfTaskSlots".to_owned(), random.random_range(1..9).to_string());
        }
        if random.random_bool(0.2) {
            let cores = random.random_range(0.1..9.0);
            settings.insert("taskmanager.cpu.cores".to_owned(), format!("{cores:.2}"));
        }
    } else if random.random_bool(0.2) {
        settings.insert("jobmanager.memory.enable-jvm-direct-memory-limit".to_owned(), "true".to_owned());
    }
    // The keys of Flink 1.9, which are still in many a flink-conf.yaml.
    if random.random_bool(0.05) {
        settings.insert(format!("{prefix}.heap.size"), random_size(random, 4000));
    }
    settings.into_iter().collect()
}

/// What we derive, in the format of `MemoryVectors.java`.
fn our_memory(role: &str, settings: &[(String, String)]) -> Result<BTreeMap<&'static str, String>, String> {
    let mut config = FlinkConfig::new();
    for (key, value) in settings {
        config.apply_dynamic(&format!("{key}={value}")).map_err(|error| error.to_string())?;
    }
    let sizes: &[(&'static str, yarn_client::flink::MemorySize)];
    let job_manager;
    let task_manager;
    let mut derived = BTreeMap::new();
    if role == "jm" {
        let m = JobManagerMemory::derive(&config).map_err(|error| error.to_string())?;
        derived.insert("jvm", m.jvm_args().join(" "));
        job_manager = [
            ("heap", m.heap),
            ("off_heap", m.off_heap),
            ("metaspace", m.metaspace),
            ("overhead", m.overhead),
            ("flink", m.flink()),
            ("process", m.process()),
        ];
        sizes = &job_manager;
    } else {
        let m = TaskManagerMemory::derive(&config).map_err(|error| error.to_string())?;
        derived.insert("cpu", format!("{:?}", m.cpu_cores));
        derived.insert("slots", m.slots.to_string());
        task_manager = [
            ("framework_heap", m.framework_heap),
            ("framework_off_heap", m.framework_off_heap),
            ("task_heap", m.task_heap),
            ("task_off_heap", m.task_off_heap),
            ("network", m.network),
            ("managed", m.managed),
            ("metaspace", m.metaspace),
            ("overhead", m.overhead),
            ("flink", m.flink()),
            ("process", m.process()),
        ];
        sizes = &task_manager;
    }
    derived.extend(sizes.iter().map(|(name, size)| (*name, size.bytes().to_string())));
    Ok(derived)
}

#[tokio::test]
async fn memory_matches_flinks_own_to_the_byte() -> Result<()> {
    const EACH: usize = 400;
    let _turn = shared::turn().await;
    let flink = tokio::task::spawn_blocking(|| Flink::download(FLINK_1_20)).await??;
    // A fixed seed: what fails once fails again.
    let mut random = StdRng::seed_from_u64(20_261_122);
    let vectors: Vec<_> = (0..2 * EACH)
        .map(|number| if number % 2 == 0 { "jm" } else { "tm" })
        .map(|role| (role, random_memory(&mut random, role)))
        .collect();
    let mut input = String::new();
    for (role, settings) in &vectors {
        input.push_str(role);
        for (key, value) in settings {
            input.push_str(&format!("\t{key}={value}"));
        }
        input.push('\n');
    }
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("vectors");
    fs::write(&file, input)?;
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("java/MemoryVectors.java");
    let answer = tokio::process::Command::new(prerequisites::java_tool("java"))
        .args(["-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xmx256m", "-classpath"])
        .arg(flink.home().join("lib/*"))
        .arg("-Dlog4j2.level=OFF")
        .arg(source)
        .stdin(File::open(&file)?)
        .kill_on_drop(true)
        .output()
        .await?;
    ensure!(answer.status.success(), "{}", String::from_utf8_lossy(&answer.stderr));
    let answer = String::from_utf8(answer.stdout)?;
    let lines: Vec<_> = answer.lines().filter(|line| line.starts_with('{')).collect();
    ensure!(lines.len() == vectors.len(), "{} answers to {} questions", lines.len(), vectors.len());

    let (mut equal, mut refused, mut wrong) = (0, 0, Vec::new());
    for ((role, settings), line) in vectors.iter().zip(lines) {
        let theirs: Value = serde_json::from_str(line)?;
        match (our_memory(role, settings), theirs.get("error")) {
            (Err(_), Some(_)) => refused += 1,
            (Ok(ours), None)
                if theirs.as_object().is_some_and(|theirs| {
                    theirs.len() == ours.len()
                        && theirs.iter().all(|(name, value)| {
                            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
                            ours.get(name.as_str()).is_some_and(|own| own.trim() == value.trim())
                        })
                }) =>
            {
                equal += 1;
            }
            (ours, _) => wrong.push(format!("{role} {settings:?}\n  ours:   {ours:?}\n  theirs: {theirs}")),
        }
    }
    assert!(wrong.is_empty(), "{} of {} differ:\n{}", wrong.len(), vectors.len(), wrong.join("\n"));
    // Otherwise the generator would test only one side.
    assert!(equal >= 200 && refused >= 100, "{equal} equal, {refused} refused");
    Ok(())
}

/// Which ResourceManager of the pair is active.
pub(crate) async fn active(cluster: &Cluster) -> Result<u8> {
    let output = cluster.java_tool(RM_ADMIN_CLI, &["-getAllServiceState"]).await?;
    let states: Vec<_> = output.stdout.lines().map(|line| line.trim().ends_with("active")).collect();
    let index = states.iter().position(|active| *active).with_context(|| format!("nobody is: {output:?}"))?;
    Ok(u8::try_from(index)? + 1)
}

/// The client's configuration with the pair in this order.
fn in_order(cluster: &Cluster, first: u8) -> Result<PathBuf> {
    let folder = cluster.scratch("conf")?;
    for entry in fs::read_dir(cluster.client_conf_dir())? {
        let entry = entry?;
        let text = fs::read_to_string(entry.path())?;
        let text =
            text.replace("<value>rm1,rm2</value>", &format!("<value>rm{first},rm{}</value>", 3 - first));
        fs::write(folder.join(entry.file_name()), text)?;
    }
    Ok(folder)
}

async fn list(cluster: &Cluster, conf: &Path) -> Result<(Ran, Duration)> {
    let begun = Instant::now();
    let conf = conf.display().to_string();
    let ran =
        finish(command(cluster, &["list", "--all", "-o", "json", "--conf-dir", &conf])?.spawn()?).await?;
    Ok((ran.expect(0)?, begun.elapsed()))
}

/// A pair of ResourceManagers that accepts only encrypted RPC from clients with tokens (`hadoop.rpc.protection` is
/// `privacy`), and keeps its files on `file:///`.
#[tokio::test]
async fn encrypted_connections_fail_over_to_the_other_resource_manager() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("privacy")
        .without_hdfs()
        .high_availability()
        .property("hadoop.rpc.protection", "privacy")
        .boot()
        .await?;
    let staging = cluster.scratch("staging")?;
    let base = format!("yarn.staging-directory=file://{}", staging.display());

    // One job from start to end: the application master speaks auth-conf to ResourceManager and NodeManager.
    let submitted = run(&cluster, &["-d", "-o", "json", "-D", &base], &["OneSecond"]).await?.expect(0)?;
    let id = submitted.application()?;
    let ended = end(&cluster, &id).await?;
    assert_eq!((text(&ended, "state"), text(&ended, "final_status")), ("FINISHED", "SUCCEEDED"), "{ended}");
    eventually("no process is left", GONE, || async { Ok(cluster.processes_of(&id).is_empty()) }).await?;

    // Whichever comes first in the configuration, the standby causes no noticeable delay.
    let first = active(&cluster).await?;
    for order in [first, 3 - first] {
        let (ran, took) = list(&cluster, &in_order(&cluster, order)?).await?;
        assert!(ran.stdout.contains(&id), "{ran:?}");
        assert!(took < Duration::from_secs(3), "{took:?} with rm{order} first, rm{first} active");
    }

    // The active one dies between the two calls of a submission: the id comes from one, and the application goes to the
    // other.
    let args = run_args(&["-d", "-o", "json", "-D", &base], &["OneSecond"])?;
    let child = command(&cluster, &args.iter().map(String::as_str).collect::<Vec<_>>())?.spawn()?;
    let apps = staging.join(".yarn-flink/apps");
    let staged = || async { Ok(fs::read_dir(&apps).is_ok_and(|mut entries| entries.next().is_some())) };
    eventually("the submission stages its files", LIMIT, staged).await?;
    cluster.kill_9(Daemon::ResourceManager(first))?;
    let (ran, took) = list(&cluster, &cluster.client_conf_dir()).await?;
    assert!(ran.stdout.contains(&id) && took < Duration::from_secs(15), "{took:?} {ran:?}");
    let submitted = finish(child).await?.expect(0)?;
    let second = submitted.application()?;
    assert_ne!(second, id);
    let ended = end(&cluster, &second).await?;
    assert_eq!((text(&ended, "state"), text(&ended, "final_status")), ("FINISHED", "SUCCEEDED"), "{ended}");
    Ok(())
}
