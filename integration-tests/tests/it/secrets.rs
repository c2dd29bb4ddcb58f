//! Nothing secret gets out: secrets are planted wherever an application may have them, and then looked for wherever others may look.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::kerberos::{ALICE, principal};
use integration_tests::cluster::{Cluster, Daemon};
use integration_tests::http;
use yarn_client::security::Credentials;

use crate::failures::flink;
use crate::token_lives::finds_kdc;
use crate::tool::{GONE, LIMIT, Ran, eventually, job_in_state, run, yarn_flink};

/// Passwords in keys that Flink knows to be secret, and in one that only its owner knows of.
const PLANTED: [(&str, &str); 3] = [
    ("s3.secret-key", "planted-in-flink-s3"),
    ("my.connector.password", "planted-by-dynamic-property"),
    ("flink.hadoop.fs.s3a.secret.key", "planted-for-hadoop"),
];
/// A key of `run --key` is the user's business.
const KEY: &str = "planted order 4711 of customer Miller";
/// Files of a node that hold secrets by design. All others must not.
const HOLDERS: [&str; 5] = ["container_tokens", ".tokens", "config.yaml", "krb5.keytab", "flink-conf.yaml"];

/// What is looked for, and what it is called.
struct Secrets(Vec<(String, Vec<u8>)>);

impl Secrets {
    /// What was planted, and what the application has been given: the keys in its keytab, and the passwords of its tokens.
    fn of(cluster: &Cluster, id: &str) -> Result<Self> {
        let mut all: Vec<_> = PLANTED
            .iter()
            .map(|(key, value)| ((*key).to_owned(), value.as_bytes().to_vec()))
            .chain([("--key".to_owned(), KEY.as_bytes().to_vec())])
            .collect();
        let keytab = fs::read(cluster.keytab(ALICE))?;
        // The end of a keytab is the end of its last key.
        all.push(("keytab".to_owned(), keytab[keytab.len().saturating_sub(20)..].to_vec()));
        for (alias, token) in &credentials_of(cluster, id)?.tokens {
            all.push((format!("token {alias} {}", token.kind), token.password.expose().to_vec()));
        }
        ensure!(all.len() > 7, "AMRM, HDFS and ResourceManager tokens");
        Ok(Self(all))
    }

    /// Which of them are in `bytes`.
    fn in_bytes(&self, bytes: &[u8]) -> Vec<&str> {
        let is_in = |secret: &[u8]| bytes.windows(secret.len()).any(|window| window == secret);
        self.0.iter().filter(|(_, secret)| is_in(secret)).map(|(name, _)| name.as_str()).collect()
    }

    fn check(&self, place: &str, bytes: impl AsRef<[u8]>) -> Result<()> {
        let found = self.in_bytes(bytes.as_ref());
        ensure!(found.is_empty(), "{place} shows {found:?}");
        Ok(())
    }

    fn check_ran(&self, place: &str, ran: &Ran) -> Result<()> {
        self.check(place, &ran.stdout)?;
        self.check(place, &ran.stderr)
    }
}

/// What the application master has been given.
pub(crate) fn credentials_of(cluster: &Cluster, id: &str) -> Result<Credentials> {
    let master = cluster.app_masters(id).into_iter().next().context("no application master")?;
    let environment = fs::read(format!("/proc/{}/environ", master.pid))?;
    let file = environment
        .split(|byte| *byte == 0)
        .find_map(|variable| variable.strip_prefix(b"HADOOP_TOKEN_FILE_LOCATION="))
        .context("no token file")?;
    Ok(Credentials::read(Path::new(&*String::from_utf8_lossy(file)))?)
}

/// All files below a folder.
fn files(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
            match entry.file_type() {
                Ok(kind) if kind.is_dir() => folders.push(entry.path()),
                Ok(kind) if kind.is_file() => found.push(entry.path()),
                _ => {}
            }
        }
    }
    found
}

pub(crate) async fn nothing_gets_out(cluster: &Cluster) -> Result<()> {
    let (keytab, principal) = (cluster.keytab(ALICE).display().to_string(), principal(ALICE));
    let settings: Vec<_> = PLANTED.iter().map(|(key, value)| format!("{key}={value}")).collect();
    let kdc = finds_kdc(cluster);
    let mut options = vec!["-d", "-vv", "--key", KEY, "--keytab", &keytab, "--principal", &principal];
    options.extend(settings.iter().flat_map(|setting| ["-D", setting]));
    options.extend(kdc.iter().map(String::as_str));
    // The application master logs every call. Flink shows at DEBUG what it hides at INFO (docs/security.md).
    options.extend(["-D", "containerized.master.env.RUST_LOG=debug"]);
    let ran = run(cluster, &options, &["Run"]).await?.expect(0)?;
    let id = &ran.application()?;
    job_in_state(cluster, id, "RUNNING").await?;
    let secrets = Secrets::of(cluster, id)?;

    secrets.check_ran("run -vv", &ran)?;
    for args in [
        &["status", "-vv", "-o", "json", id][..],
        &["explain", "-vv", "-o", "json", id],
        &["events", "-o", "json", id],
        &["jobs", "-vv", "-o", "json", id],
        &["list", "-vv", "-o", "json"],
    ] {
        secrets.check_ran(args[0], &yarn_flink(cluster, args).await?.expect(0)?)?;
    }
    let report = cluster.rm_rest(&format!("/ws/v1/cluster/apps/{id}")).await?.to_string();
    secrets.check("the ResourceManager's report", report)?;
    for path in ["/am/", "/am/status", "/am/events", "/am/metrics"] {
        let answer = http::get(&format!("{}/proxy/{id}{path}", cluster.rm_web())).await?;
        secrets.check(path, answer.success()?.body)?;
    }
    secrets.check("Flink's configuration", flink(cluster, id, "/jobmanager/config").await?.to_string())?;

    let processes = cluster.processes_of(id);
    ensure!(processes.len() >= 3, "{processes:?}");
    for process in &processes {
        for file in ["cmdline", "environ"] {
            // One that was only a step of a start may be gone.
            let content = fs::read(format!("/proc/{}/{file}", process.pid)).unwrap_or_default();
            secrets.check(&format!("{file} of {:?}", process.command.first()), content)?;
        }
    }
    of_nodes(cluster, &secrets)?;
    yarn_flink(cluster, &["kill", id]).await?.expect(0)?;
    eventually("no process of the application", GONE, || async { Ok(cluster.processes_of(id).is_empty()) })
        .await?;
    // What the daemons wrote about it, and the logs of all of its containers.
    for file in files(&cluster.directory().join("logs")) {
        secrets.check(&file.display().to_string(), fs::read(&file).unwrap_or_default())?;
    }
    eventually("collected logs", LIMIT, || async {
        let logs = yarn_flink(cluster, &["logs", id]).await?;
        Ok(logs.code == Some(0) && logs.stdout.contains("appmaster"))
    })
    .await?;
    secrets.check_ran("logs", &yarn_flink(cluster, &["logs", id]).await?)
}

/// On the nodes secrets are in files that only their owner can read, and in none that they have no business in.
fn of_nodes(cluster: &Cluster, secrets: &Secrets) -> Result<()> {
    let nodes = cluster.daemons().into_iter().filter(|daemon| matches!(daemon, Daemon::NodeManager(_)));
    let folder = cluster.directory().join("data");
    ensure!(nodes.count() > 0 && folder.is_dir());
    let mut holders = 0;
    for file in files(&folder) {
        let Ok(content) = fs::read(&file) else { continue };
        // Libraries and blocks of HDFS, which are only there once they were checked on their way.
        if content.len() > 1 << 20 {
            continue;
        }
        let found = secrets.in_bytes(&content);
        // The record of a key, which HDFS shows to its owner only.
        if found.is_empty() || (found == ["--key"] && file.starts_with(folder.join("blocks"))) {
            continue;
        }
        let name = file.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let expected = HOLDERS.iter().any(|holder| name.ends_with(holder));
        ensure!(expected, "{} holds {found:?}", file.display());
        let mode = fs::metadata(&file)?.permissions().mode();
        let closed = file
            .ancestors()
            .skip(1)
            .take_while(|folder| folder.starts_with(cluster.directory()))
            .any(|folder| fs::metadata(folder).is_ok_and(|it| it.permissions().mode() & 0o007 == 0));
        ensure!(mode & 0o077 == 0 || closed, "{} is readable by others ({mode:o})", file.display());
        holders += 1;
    }
    ensure!(holders >= 3, "only {holders} files hold secrets: they were not looked for in the right place");
    Ok(())
}
