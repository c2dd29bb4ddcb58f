//! Every error a user may meet, tried through the real command line: what it says, how it ends, what it leaves.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::shared;

use crate::tool::{LIMIT, command, eventually, finish, has_staging, jar, text};

/// Time limit until a user learns that nothing answers.
const QUICK: Duration = Duration::from_secs(8);

/// One thing that is wrong, and what must be said about it.
struct Case<'a> {
    args: Vec<&'a str>,
    /// Environment, over that of [`command`]; an empty value removes the variable.
    env: Vec<(&'a str, &'a str)>,
    code: i32,
    /// Texts that must be in the message or the hint.
    says: Vec<&'a str>,
    limit: Duration,
}

fn case<'a>(args: &[&'a str], code: i32, says: &[&'a str]) -> Case<'a> {
    Case { args: args.to_vec(), env: Vec::new(), code, says: says.to_vec(), limit: QUICK }
}

impl<'a> Case<'a> {
    fn env(mut self, name: &'a str, value: &'a str) -> Self {
        self.env.push((name, value));
        self
    }

    /// Allows time for uploading the libraries first.
    fn with_upload(mut self) -> Self {
        self.limit = LIMIT;
        self
    }

    /// Runs it and returns standard error.
    async fn run(&self, cluster: &Cluster) -> Result<String> {
        let mut command = command(cluster, &self.args)?;
        for (name, value) in &self.env {
            if value.is_empty() {
                command.env_remove(name);
            } else {
                command.env(name, value);
            }
        }
        let begun = Instant::now();
        let ran = finish(command.spawn()?).await?;
        let took = begun.elapsed();
        let context = format!("{:?} {:?} ({took:.1?})\n{}", self.env, self.args, ran.stderr);
        assert_eq!((ran.code, ran.stdout.as_str()), (Some(self.code), ""), "{context}");
        assert!(took < self.limit, "{context}");
        let first = ran.stderr.lines().find(|line| line.starts_with("error: ")).context("no error")?;
        assert!(!first.ends_with('.'), "{context}");
        let last = ran.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with("hint: ") && last.len() > 10, "no hint\n{context}");
        for word in &self.says {
            assert!(ran.stderr.contains(word), "'{word}' is not said\n{context}");
        }
        let chatty = self.args.contains(&"-v");
        for word in ["\tat ", "panicked"] {
            assert!(chatty || !ran.stderr.contains(word), "{word}\n{context}");
        }
        Ok(ran.stderr)
    }
}

async fn all(cluster: &Cluster, cases: &[Case<'_>]) -> Result<()> {
    for case in cases {
        case.run(cluster).await?;
    }
    Ok(())
}

/// `run -d` with small containers, `options`, and the example jobs; HADOOP_USER_NAME is left alone.
fn submit<'a>(options: &[&'a str], jar: &'a str) -> Vec<&'a str> {
    let small = ["run", "-d", "-D", "jobmanager.memory.process.size=700m"];
    small.iter().chain(options).copied().chain([jar]).collect()
}

fn replaced_configuration(cluster: &Cluster, file: &str, from: &str, to: &str) -> Result<String> {
    let folder = cluster.scratch("conf")?;
    for entry in fs::read_dir(cluster.client_conf_dir())? {
        let entry = entry?;
        fs::copy(entry.path(), folder.join(entry.file_name()))?;
    }
    let path = folder.join(file);
    let text = fs::read_to_string(&path)?;
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to))?;
    Ok(folder.display().to_string())
}

/// An HDFS user for one test, whose home directory shows what the test has left.
async fn new_user(cluster: &Cluster, purpose: &str) -> Result<String> {
    let user = format!("{purpose}{}", std::process::id());
    let hdfs = cluster.hdfs()?;
    hdfs.mkdirs(&format!("/user/{user}")).await?;
    hdfs.set_owner(&format!("/user/{user}"), &user, "users").await?;
    Ok(user)
}

#[tokio::test]
async fn errors_on_this_host_have_messages_and_hints() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let jar = jar()?.display().to_string();
    let folder = cluster.scratch("errors")?;
    let path = |name: &str| folder.join(name).display().to_string();
    let (empty, text, without_main) = (path("empty"), path("notes.jar"), path("library.jar"));
    fs::create_dir(&empty)?;
    fs::write(&text, "not a zip archive, though long enough to hold the end of one\n")?;
    fs::write(&without_main, EMPTY_ZIP)?;
    let (no_lib, no_dist) = (path("flink"), path("flink-without-dist"));
    fs::create_dir(&no_lib)?;
    fs::create_dir_all(Path::new(&no_dist).join("lib"))?;
    let malformed = replaced_configuration(cluster, "core-site.xml", "</configuration>", "</configuratio>")?;
    let unset = replaced_configuration(cluster, "yarn-site.xml", "yarn.resourcemanager.", "no.longer.")?;
    let run = |options: &[&'static str]| submit(options, &jar);
    let cases = [
        // Hadoop's configuration: never 0.0.0.0:8032.
        case(&["list"], 2, &["no Hadoop configuration found", "HADOOP_CONF_DIR", "--conf-dir"])
            .env("HADOOP_CONF_DIR", ""),
        case(&["list"], 2, &[&empty, "from `HADOOP_CONF_DIR`", "core-site.xml"])
            .env("HADOOP_CONF_DIR", &empty),
        case(&["list", "--conf-dir", "/no/such"], 2, &["/no/such (from `--conf-dir`)", "does not exist"]),
        case(&["list", "--conf-dir", &malformed], 2, &["core-site.xml:", "configuratio"]),
        case(&["list", "--conf-dir", &unset], 2, &["the ResourceManager is not configured", "yarn-site.xml"]),
        // Flink.
        case(&run(&[]), 2, &["`FLINK_HOME` is not set", "--flink-home"]).env("FLINK_HOME", ""),
        case(&run(&[]), 2, &["/no/flink is not a Flink distribution", "FLINK_HOME"])
            .env("FLINK_HOME", "/no/flink"),
        case(&run(&[]), 2, &[&no_lib, "no `lib` directory"]).env("FLINK_HOME", &no_lib),
        case(&run(&[]), 2, &[&no_dist, "no `flink-dist"]).env("FLINK_HOME", &no_dist),
        case(&run(&["--app-master", "/no/such"]), 2, &["/no/such does not exist", "--app-master"]),
        // The jar.
        case(&submit(&[], "/no/such.jar"), 2, &["the jar /no/such.jar does not exist", "hdfs://"]),
        case(&submit(&[], &text), 2, &[&text, "is not a jar"]),
        case(&submit(&[], &empty), 2, &[&empty, "is not a jar: it is a directory"]),
        case(&submit(&[], &without_main), 2, &["does not name a main class", "-c"]),
        case(&run(&["-c", "example.Nope"]), 2, &["class `example.Nope` is not in", &jar]),
        case(&run(&["-c", "OneSecond"]), 2, &["class `OneSecond` is not in", "example.OneSecond"]),
        // Settings.
        case(&run(&["-D", "parallelism"]), 2, &["-D parallelism", "key=value"]),
        case(
            &run(&["-D", "taskmanager.memory.proces.size=1g"]),
            2,
            &[
                "`taskmanager.memory.proces.size` is not a Flink option",
                "did you mean `taskmanager.memory.process.size`?",
            ],
        ),
        case(&run(&["-p", "100000"]), 2, &["`parallelism.default`: `100000` is not between 1 and 32768"]),
        case(&run(&["-C", "/opt/x.jar"]), 2, &["`-C`: `/opt/x.jar` is not a URL; write `file:///opt/x.jar`"]),
        case(&run(&[]), 2, &["FLINK_CONF_DIR = /nope: it does not exist", "unset it"])
            .env("FLINK_CONF_DIR", "/nope"),
        case(&run(&["-tm", "1.5g"]), 2, &["-tm `1.5g`", "not a whole number", "1600m"]),
        case(
            &run(&["-D", "parallelism.default=x"]),
            2,
            &["`parallelism.default`: `x` is not a whole number"],
        ),
        case(&run(&["-D", "rest.bind-port=90-80"]), 2, &["rest.bind-port", "90-80", "50100-50200"]),
        case(&run(&["-D", "blob.server.port=65536"]), 2, &["blob.server.port", "65535"]),
        case(&run(&["-p", "0"]), 2, &["`--parallelism` must be at least 1"]),
        case(&run(&["-tm", "12x"]), 2, &["-tm", "12x", "1600m"]),
        case(&run(&["-D", "taskmanager.memory.process.size=12x"]), 2, &["process.size`: `12x`"]),
        case(
            &run(&["-tm", "300m"]),
            2,
            &["the memory of the TaskManagers is inconsistent", "300.000mb", "raise", "(`-tm`)"],
        ),
        case(
            &run(&["-D", "jobmanager.memory.heap.size=1g"]),
            2,
            &["the memory of the JobManager is inconsistent", "`jobmanager.memory.process.size` (`-jm`)"],
        ),
        case(
            &run(&["--keytab", "/no/such.keytab", "--principal", "ada"]),
            2,
            &["`security.kerberos.login.keytab`", "/no/such.keytab", "cannot be read"],
        ),
        case(
            &run(&[
                "--keytab",
                "/no/such.keytab",
                "--principal",
                "ada",
                "-D",
                "yarn.security.kerberos.localized-keytab-path=/etc/krb5.keytab",
            ]),
            2,
            &["`yarn.security.kerberos.localized-keytab-path`", "yarn.security.kerberos.ship-local-keytab"],
        ),
        // Names a session, as with Flink's own client.
        case(
            &run(&["-D", "yarn.application.id=application_1_1"]),
            2,
            &["`jobmanager.memory.process.size` is a cluster setting; it cannot be changed"],
        ),
        case(&run(&["-t", "yarn-session"]), 2, &["yarn-session", "--session ID|NAME"]),
        case(&run(&["-m", "localhost:8081"]), 2, &["localhost:8081", "leave out `-t` and `-m`"]),
        case(&run(&["--placement", "foo"]), 2, &["`--placement`: `foo` is not a placement", "run --help"]),
        case(&run(&["-s", "rep/sp"]), 2, &["the savepoint: rep/sp is relative", "hdfs://"]),
        case(
            &run(&["-D", "execution.checkpointing.dir=file:///ck"]),
            2,
            &["file:///ck is on the local disk of the node", "yarn-flink.allow-local-state"],
        ),
        case(
            &run(&["-D", "security.ssl.algorithms=TLS_RSA_WITH_AES_128_CBC_SHA"]),
            2,
            &[
                "`security.ssl.algorithms`",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "`yarn-flink.internal-tls`",
            ],
        ),
        case(&run(&["-D", "execution.state-recovery.claim-mode=CLAIM"]), 2, &["NO_CLAIM", "run --session"]),
        case(&run(&["-cm", "claim"]), 2, &["NO_CLAIM", "run --session"]),
        case(&run(&["-D", "yarn.tags=ü"]), 2, &["`yarn.tags`: `ü` is not plain ASCII"]),
        case(&run(&["--ship", "/no/such"]), 2, &["`yarn.ship-files`: /no/such does not exist"]),
        case(&run(&["-n"]), 2, &["--allow-non-restored-state", "-s PATH"]),
        // Ids.
        case(&["status", "application_1"], 2, &["`application_1` is not an", "yarn-flink list --all"]),
        // Anything else is taken as the name of a session.
        case(&["status", "app_1"], 5, &["has no running session named `app_1`", "yarn-flink list --all"]),
        case(
            &["logs", "application_1_0001", "--container", "container_1"],
            2,
            &["`container_1` is not a container id", "logs ID --list"],
        ),
        case(&["kill", "application_x_1"], 2, &["`application_x_1` is not an application id"]),
    ];
    all(cluster, &cases).await
}

/// The end of central directory of an archive without entries.
const EMPTY_ZIP: [u8; 22] = *b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

#[tokio::test]
async fn errors_about_missing_things_on_the_cluster_have_messages_and_hints() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let user = new_user(cluster, "errors").await?;
    let jar = jar()?.display().to_string();
    let web = cluster.rm_web().replace("http://", "");
    let (resource_manager, name_node) = (
        cluster.resource_manager(1).context("no ResourceManager")?,
        cluster.name_node().context("no NameNode")?,
    );
    let rm = |address: &str| format!("-Dflink.yarn.resourcemanager.address={address}");
    let fs = |address: &str| format!("-Dflink.hadoop.fs.defaultFS=hdfs://{address}");
    let (rm_closed, rm_web, rm_name_node) = (rm("localhost:1"), rm(&web), rm(&name_node));
    let (fs_closed, fs_web, fs_rm) = (fs("localhost:1"), fs(&web), fs(&resource_manager));
    let conf =
        replaced_configuration(cluster, "yarn-site.xml", &format!(">{resource_manager}<"), ">localhost:1<")?;
    let savepoint = format!("/user/{user}/not-a-savepoint");
    hdfs.mkdirs(&savepoint).await?;
    let (savepoint, gone) =
        (format!("{}{savepoint}", cluster.default_fs()), format!("{}/no/savepoint", cluster.default_fs()));
    let gone_jar = format!("{}/no/such.jar", cluster.default_fs());
    let lib = format!("-Dyarn.provided.lib.dirs={}/no/lib", cluster.default_fs());
    let locked = format!("-Dyarn.staging-directory=/user/{}", cluster.user());
    let label = ["-D", "yarn.application.node-label=gpu"];
    let unknown = "application_1_0001";
    let run =
        |options: &[&str]| -> Vec<String> { submit(options, &jar).into_iter().map(str::to_owned).collect() };
    let no_rm =
        ["no ResourceManager answers at localhost:1", "yarn.resourcemanager.address", "yarn-site.xml"];
    let no_nn = ["no NameNode answers at localhost:1", "`fs.defaultFS` in `core-site.xml`"];
    let refused: [(Vec<String>, i32, &[&str]); 14] = [
        (run(&[&rm_closed]), 3, &no_rm),
        (run(&[&rm_web]), 3, &[&web, "HTTP", "web page"]),
        (run(&[&rm_name_node]), 3, &[&name_node, "the service there is not a ResourceManager"]),
        (run(&[&fs_closed]), 3, &no_nn),
        (run(&[&fs_web]), 3, &["no NameNode answers at", &web, "web pages"]),
        (run(&[&fs_rm]), 3, &[&resource_manager, "the service there is not a NameNode"]),
        (run(&["--queue", "defaults"]), 3, &["queue `defaults` does not exist", "`--queue`: default"]),
        (run(&["-tm", "9g"]), 3, &["9216 MiB", "at most 8192", "(`-tm`)", "maximum-allocation"]),
        (run(&["-D", "yarn.appmaster.vcores=9"]), 3, &["9 vcores", "at most 8", "yarn.appmaster.vcores"]),
        (run(&[&locked]), 3, &[&user, "is not permitted to create a directory in it", "chown"]),
        (run(&["-s", &gone]), 2, &[&gone, "does not exist", "hdfs dfs -ls"]),
        (run(&["-s", &savepoint]), 2, &[&savepoint, "no `_metadata`"]),
        (run(&[&lib]), 2, &["yarn.provided.lib.dirs", "/no/lib does not exist"]),
        (submit(&[], &gone_jar).into_iter().map(str::to_owned).collect(), 2, &[&gone_jar, "does not exist"]),
    ];
    for (args, code, says) in &refused {
        let args: Vec<_> = args.iter().map(String::as_str).collect();
        case(&args, *code, says).env("HADOOP_USER_NAME", &user).run(cluster).await?;
    }
    all(
        cluster,
        &[
            case(&["list", "--conf-dir", &conf], 3, &no_rm),
            case(&["kill", unknown, "--conf-dir", &conf], 3, &no_rm),
            case(&["status", unknown], 5, &["does not know application_1_0001", "list --all"]),
            case(&submit(&[], &jar), 3, &["the home directory", "/user/nobody-knows", "hdfs dfs -mkdir"])
                .env("HADOOP_USER_NAME", "nobody-knows"),
        ],
    )
    .await?;
    let killed = finish(command(cluster, &["kill", unknown])?.spawn()?).await?.expect(5)?;
    assert!(killed.stderr.contains("does not know application_1_0001"), "{}", killed.stderr);

    // With -v the whole Java stack trace is shown.
    let told = case(&["status", "-v", unknown], 5, &["doesn't exist in RM"]).run(cluster).await?;
    assert!(told.contains("\tat org.apache.hadoop.yarn.server.resourcemanager."), "{told}");
    // What only the submission itself reveals comes after the upload.
    for verbose in [false, true] {
        let options = [&label[..], if verbose { &["-v"] } else { &[] }].concat();
        let args = submit(&options, &jar);
        let told = case(&args, 3, &["did not accept application_", "leave out the node label"]);
        let told = told.with_upload().run(cluster).await?;
        assert_eq!(told.contains("\tat org.apache.hadoop.yarn.server.resourcemanager."), verbose, "{told}");
        let id = told.split_whitespace().find(|word| word.starts_with("application_")).context("no id")?;
        assert!(!has_staging(cluster, id.trim_end_matches(':')).await?, "{told}");
    }

    // Nothing else is left.
    let home = format!("/user/{user}");
    assert_eq!(hdfs.files(&home).await?, []);
    let applications = cluster.applications().await?;
    assert!(!applications.iter().any(|app| app["user"] == user.as_str()), "{applications:?}");
    hdfs.delete(&home).await?;
    Ok(())
}

/// Queues that are stopped or closed to the user, and daemons that are down, on a cluster without HDFS.
#[tokio::test]
async fn refusals_of_the_cluster_have_messages_and_hints() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = Cluster::builder("refusals")
        .without_hdfs()
        .access_control()
        .queues(&[("open", 60), ("closed", 20), ("stopped", 10), ("made", 10)])
        .scheduler_property("root.acl_submit_applications", " ")
        .scheduler_property("root.acl_administer_queue", " ")
        .scheduler_property("root.open.acl_submit_applications", "*")
        .scheduler_property("root.stopped.acl_submit_applications", "*")
        .scheduler_property("root.stopped.state", "STOPPED")
        .scheduler_property("root.made.acl_submit_applications", "*")
        .scheduler_property("root.made.auto-create-child-queue.enabled", "true")
        .scheduler_property("root.made.leaf-queue-template.capacity", "50")
        .scheduler_property("queue-mappings", "u:%user:root.made.%user")
        .boot()
        .await?;
    let jar = jar()?.display().to_string();
    let staging = cluster.scratch("staging")?;
    let base = format!("-Dyarn.staging-directory=file://{}", staging.display());
    let queue = |name: &'static str| submit(&[&base, "--queue", name], &jar);
    let theirs = cluster.submit_command(cluster.user(), "open", "not alice's", "sleep 1000").await?;
    let cases = [
        case(&queue("opne"), 3, &["queue `opne` does not exist", "`--queue`: open"]),
        case(&queue("root"), 3, &["queue `root` is not a leaf queue", "open"]),
        case(&queue("stopped"), 3, &["queue `stopped` does not accept applications: it is STOPPED", "open"]),
        case(&queue("closed"), 3, &["alice", "closed", "permission to submit"]).with_upload(),
        case(&["kill", &theirs], 3, &["alice", &theirs, "ask the cluster's administrators"]),
    ];
    for case in cases {
        case.env("HADOOP_USER_NAME", "alice").run(&cluster).await?;
    }
    // Only the refusal by the queue's list comes after the upload, and complete entries of the cache may stay.
    let apps = staging.join(".yarn-flink/apps");
    assert!(fs::read_dir(&apps).map_or(0, Iterator::count) == 0, "{apps:?}");
    // A refused submission is on the ResourceManager's list, as FAILED; nothing of it may be running.
    eventually("no application of alice lives", Duration::from_secs(10), || async {
        let applications = cluster.applications().await?;
        Ok(applications.iter().all(|app| app["user"] != "alice" || app["state"] == "FAILED"))
    })
    .await?;

    // A missing queue may be created by its parent; only the ResourceManager knows for whom.
    let made = command(&cluster, &queue("root.made.alice"))?.env("HADOOP_USER_NAME", "alice").spawn()?;
    let made = finish(made).await?.expect(0)?.application()?;
    let created = async || {
        let applications = cluster.applications().await?;
        let application = applications.into_iter().find(|app| app["id"] == made.as_str());
        anyhow::Ok(application.context("it is not on the list")?)
    };
    eventually("it is in a queue", Duration::from_secs(10), || async {
        let state = created().await?["state"].clone();
        Ok(["ACCEPTED", "RUNNING", "FAILED", "FINISHED"].iter().any(|known| state == *known))
    })
    .await?;
    let application = created().await?;
    let judged = application["state"] != "FAILED"
        || text(&application, "diagnostics").contains("Verify automatic queue mapping");
    assert!(application["queue"] == "root.made.alice" && judged, "{application}");

    cluster.kill_9(Daemon::ResourceManager(1))?;
    let down = cluster.resource_manager(1).context("no ResourceManager")?;
    let answers = format!("no ResourceManager answers at {down}");
    all(
        &cluster,
        &[
            case(&queue("open"), 3, &[&answers, "connection refused"]),
            case(&["list"], 3, &[&answers, "check that the ResourceManager is running"]),
        ],
    )
    .await
}
