//! Staging on real file systems: what a file system must do, uploads that collide or are cut off, and memory.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use integration_tests::cluster::Cluster;
use integration_tests::cluster::hdfs::WebHdfs;
use integration_tests::shared;
use proto::ids::ApplicationId;
use rand::Rng as _;
use yarn_client::conf::{Configuration, Environment};
use yarn_client::hdfs::digest::{Digest, Digests};
use yarn_client::hdfs::stage::{Kind, Quiet, Scope, Source, StageItem, StagePlan, Staging, StagingOptions};
use yarn_client::hdfs::{FileSystems, LocalFs, conformance};
use yarn_client::security::User;
use yarn_client::yarn::launch::Visibility;

use crate::tool::{LIMIT, command, eventually, finish, job_in_state, run_args, yarn_flink};

const MIB: u64 = 1 << 20;

/// The cluster's file systems for `user`.
pub(crate) fn file_systems(cluster: &Cluster, user: &str) -> Result<Arc<FileSystems>> {
    let configuration = Configuration::load(&Environment::default(), Some(&cluster.client_conf_dir()))?;
    Ok(Arc::new(FileSystems::connect(&configuration, &User::new(user))?))
}

/// A file of this length that has never been uploaded: sixteen random bytes, followed by zeros.
async fn new_file(path: &Path, len: u64) -> Result<Digest> {
    let mut file = File::create(path)?;
    file.write_all(&rand::rng().random::<[u8; 16]>())?;
    file.set_len(len)?;
    drop(file);
    Ok(Digests::uncached().of(path).await?)
}

#[tokio::test]
async fn hdfs_and_local_file_system_conform_to_what_staging_needs() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let base = format!("/user/{}/conformance {}", cluster.user(), std::process::id());
    hdfs.mkdirs(&base).await?;
    let file_systems = file_systems(cluster, cluster.user())?;
    conformance::run(Arc::clone(file_systems.default_fs()), &base).await;
    hdfs.delete(&base).await?;
    let folder = tempfile::tempdir()?;
    let base = folder.path().display().to_string();
    conformance::run(Arc::new(LocalFs::new(cluster.user(), base.clone())), &base).await;
    Ok(())
}

/// An ordinary mount table: directories of a NameNode under other names, and nothing for the rest. The cluster's nodes do
/// not know it.
#[tokio::test]
async fn job_runs_from_a_host_with_a_viewfs_mount_table() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let (hdfs, root) = (cluster.hdfs()?, cluster.default_fs());
    let real = format!("/mounted-{}", std::process::id());
    let home = format!("{real}/{}", cluster.user());
    hdfs.mkdirs(&home).await?;
    let conf = cluster.scratch("mounts")?;
    for entry in fs::read_dir(cluster.client_conf_dir())? {
        let entry = entry?;
        fs::copy(entry.path(), conf.join(entry.file_name()))?;
    }
    let table = [
        ("link./people", format!("{root}{real}")),
        ("link./far", "s3a://bucket/far".to_owned()),
        ("homedir", "/people".to_owned()),
    ];
    let property = |(key, value): &(&str, String)| {
        format!("<property><name>fs.viewfs.mounttable.CL.{key}</name><value>{value}</value></property>")
    };
    let site = fs::read_to_string(conf.join("core-site.xml"))?;
    let value = format!("<value>{root}</value>");
    ensure!(site.contains(&value), "{site}");
    let site = site
        .replace(&value, "<value>viewfs://CL</value>")
        .replace("</configuration>", &(table.iter().map(property).collect::<String>() + "</configuration>"));
    fs::write(conf.join("core-site.xml"), site)?;

    let configuration = Configuration::load(&Environment::default(), Some(&conf))?;
    let view = FileSystems::connect(&configuration, &User::new(cluster.user()))?;
    hdfs.mkdirs(&format!("{real}/conformance")).await?;
    conformance::run(Arc::clone(view.default_fs()), "/people/conformance").await;

    let through = async |args: &[&str]| {
        finish(command(cluster, args)?.env("HADOOP_CONF_DIR", &conf).spawn()?).await?.expect(0)
    };
    let args = run_args(&["-d"], &["Run"])?;
    let id = through(&args.iter().map(String::as_str).collect::<Vec<_>>()).await?.application()?;
    ensure!(hdfs.stat(&format!("{home}/.yarn-flink/apps/{id}")).await?.is_some(), "it is staged elsewhere");
    job_in_state(cluster, &id, "RUNNING").await?;
    through(&["jobs", &id]).await?;
    let killed = through(&["kill", &id]).await?;
    ensure!(killed.stderr.contains(&format!("{home}/.yarn-flink/apps/{id}")), "{killed:?}");
    ensure!(hdfs.stat(&format!("{home}/.yarn-flink/apps/{id}")).await?.is_none(), "it is still there");
    hdfs.delete(&real).await?;
    Ok(())
}

#[tokio::test]
async fn concurrent_uploads_of_the_same_content_agree() -> Result<()> {
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let base = format!("/user/{}/staging-{}", cluster.user(), std::process::id());
    hdfs.mkdirs(&base).await?;
    let folder = cluster.scratch("same")?;
    let file = folder.join("same.bin");
    let digest = new_file(&file, 24 * MIB).await?;
    let stage = async |number: u32| -> Result<_> {
        // Each with its own connections, like two processes.
        let options = StagingOptions { base: Some(base.clone()), ..StagingOptions::default() };
        let staging = Staging::open(file_systems(cluster, cluster.user())?, options).await?;
        let directory =
            staging.application_dir(&format!("application_1_{number:04}").parse::<ApplicationId>()?).await?;
        let item = |link: &str, scope| StageItem {
            source: Source::Local(file.clone()),
            link: link.to_owned(),
            kind: Kind::File,
            scope,
        };
        let plan = StagePlan { items: vec![item("shared", Scope::Cache), item("own", Scope::Application)] };
        Ok(staging.stage(&plan, &directory, &Digests::uncached(), &Quiet).await?)
    };
    let (one, other) = futures::try_join!(stage(1), stage(2))?;
    for resource in one.iter().chain(&other) {
        let path = resource.url.strip_prefix(cluster.default_fs()).context("a foreign URL")?;
        let status = hdfs.stat(path).await?.with_context(|| format!("{path} is not there"))?;
        assert_eq!((resource.size, resource.timestamp_ms), (status.length, status.modified_ms), "{path}");
        let whole = hdfs.read(path).await?;
        assert!(Digest::of_bytes(&whole) == digest, "{path}");
        let shared = resource.link == "shared";
        let visibility = if shared { Visibility::Private } else { Visibility::Application };
        // A home directory that everyone may read makes the cache PUBLIC: localised once for all users.
        assert!(
            resource.visibility == visibility || (shared && resource.visibility == Visibility::Public),
            "{resource:?}"
        );
    }
    assert_eq!(one[0], other[0]);
    let cached: Vec<_> = hdfs.files(&format!("{base}/.yarn-flink/cache")).await?;
    assert_eq!(cached.len(), 1, "one entry and no temporary: {cached:?}");
    assert!(cached[0].0.ends_with(&format!("/{digest}/same.bin")), "{cached:?}");
    hdfs.delete(&base).await?;
    Ok(())
}

/// The peak resident memory in bytes so far, while the process is alive.
fn peak(pid: u32) -> Option<u64> {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    Some(line.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok()? << 10)
}

/// Submits a job that ships `file`, and returns the peak memory; the application is killed.
async fn ship(cluster: &Cluster, file: &Path) -> Result<u64> {
    let child = shipping(cluster, file)?;
    let pid = child.id().context("it has ended")?;
    let mut most = 0;
    let watch = async {
        loop {
            most = most.max(peak(pid).unwrap_or_default());
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let ran = tokio::select! {
        ran = finish(child) => ran?.expect(0)?,
        () = watch => unreachable!("it watches for ever"),
    };
    yarn_flink(cluster, &["kill", &ran.application()?]).await?.expect(0)?;
    Ok(most)
}

fn shipping(cluster: &Cluster, file: &Path) -> Result<tokio::process::Child> {
    let file = file.display().to_string();
    let args = run_args(&["-d", "-o", "json", "--ship", &file], &["OneSecond"])?;
    Ok(command(cluster, &args.iter().map(String::as_str).collect::<Vec<_>>())?.spawn()?)
}

async fn entry(hdfs: &WebHdfs, cluster: &Cluster, digest: &Digest, file: &Path) -> Result<Option<u64>> {
    let name = file.file_name().and_then(|name| name.to_str()).context("no name")?;
    let path = format!("/user/{}/.yarn-flink/cache/{digest}/{name}", cluster.user());
    Ok(hdfs.stat(&path).await?.map(|entry| entry.length))
}

#[tokio::test]
async fn interrupted_upload_is_never_used_and_memory_stays_bounded() -> Result<()> {
    const SMALL: u64 = 32 * MIB;
    const LARGE: u64 = 512 * MIB;
    let _turn = shared::turn().await;
    let cluster = shared::cluster().await?;
    let hdfs = cluster.hdfs()?;
    let folder = cluster.scratch("ship")?;
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let (small, large) = (file("small.bin"), file("large.bin"));
    let digests = [new_file(&small, SMALL).await?, new_file(&large, LARGE).await?];
    let with_small = ship(cluster, &small).await?;

    // SIGKILL in the middle of the upload.
    let uploading = format!("/user/{}/.yarn-flink/cache/.uploading", cluster.user());
    let temporary = async || -> Result<Option<String>> {
        let entries = hdfs.list(&uploading).await?;
        Ok(entries.into_iter().find(|entry| entry.name.ends_with(&digests[1].to_string())).map(|e| e.name))
    };
    let mut child = shipping(cluster, &large)?;
    eventually("the upload begins", LIMIT, || async { Ok(temporary().await?.is_some()) }).await?;
    child.start_kill()?;
    ensure!(child.wait().await?.code().is_none(), "the upload was over before it was cut off");
    assert_eq!(entry(&hdfs, cluster, &digests[1], &large).await?, None);
    let left = temporary().await?.context("the cut-off upload left nothing behind")?;

    let with_large = ship(cluster, &large).await?;
    assert_eq!(entry(&hdfs, cluster, &digests[1], &large).await?, Some(LARGE));
    assert_eq!(temporary().await?.as_ref(), Some(&left), "a day passes before it is swept");
    assert!(with_large < 64 * MIB, "{} MiB at the peak", with_large / MIB);
    assert!(
        with_large < with_small + 8 * MIB,
        "{} MiB with {} MiB to ship, {} MiB with {} MiB",
        with_large / MIB,
        LARGE / MIB,
        with_small / MIB,
        SMALL / MIB
    );
    hdfs.delete(&format!("{uploading}/{left}")).await?;
    for digest in digests {
        hdfs.delete(&format!("/user/{}/.yarn-flink/cache/{digest}", cluster.user())).await?;
    }
    Ok(())
}
