//! Upload of Flink's libraries: the staging of `yarn-client` in its own process, and `hdfs dfs -put`. Ours also
//! computes the digests of all files, as if it had never seen them.

use std::path::PathBuf;
use std::process::Command;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use integration_tests::cluster::java::FS_SHELL;
use yarn_client::conf::{Configuration, Environment};
use yarn_client::hdfs::FileSystems;
use yarn_client::hdfs::cache::CacheFile;
use yarn_client::hdfs::digest::Digests;
use yarn_client::hdfs::stage::{Kind, Quiet, Staging, StagingOptions};
use yarn_client::security::User;

use crate::measured::{Usage, usage};
use crate::report::{Must, Report};
use crate::side::Sides;

#[derive(Debug, clap::Args)]
pub(crate) struct Arguments {
    /// The base folder in HDFS; it must exist.
    base: String,
    /// The files.
    files: Vec<PathBuf>,
}

/// `compare upload`.
pub(crate) async fn run(arguments: &Arguments) -> Result<()> {
    let environment = Environment::from_process();
    let configuration = Configuration::load(&environment, None)?;
    let user = User::resolve(&environment, &configuration)?;
    let file_systems = Arc::new(FileSystems::connect(&configuration, &user)?);
    let options = StagingOptions { base: Some(arguments.base.clone()), ..StagingOptions::default() };
    let staging = Staging::open(file_systems, options).await?;
    let files = arguments.files.iter().map(|path| {
        let name = path.file_name().and_then(|name| name.to_str()).context("a file without a name")?;
        Ok(CacheFile { local: path.clone(), link: name.to_owned(), kind: Kind::File })
    });
    let files = files.collect::<Result<Vec<_>>>()?;
    staging.cache().ensure(&files, "compare", &Digests::uncached(), &Quiet).await?;
    Ok(())
}

/// Uploads the libraries once, as `run` of this measure, into a new folder that is then removed.
pub(crate) async fn ours(sides: &Sides<'_>, run: u16) -> Result<Usage> {
    let name = format!("upload-ours-{run}");
    let base = sides.remote_folder(&name).await?;
    let mut command = Command::new(std::env::current_exe().context("cannot find this program")?);
    command.envs(sides.cluster.client_environment()).args(["upload", &base]).args(sides.flink.libraries()?);
    let (our, _) = usage(&command).await?;
    sides.remove_remote(&name).await?;
    Ok(our)
}

pub(crate) async fn measure(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let libraries = sides.flink.libraries()?;
    let (mut own, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let our = ours(sides, run).await?;
        let name = format!("upload-put-{run}");
        let folder = sides.remote_folder(&name).await?;
        let mut command = sides.cluster.hadoop_command(FS_SHELL);
        command.arg("-put").args(&libraries).arg(&folder);
        let (their, _) = usage(&command).await?;
        sides.remove_remote(&name).await?;
        if run > 0 {
            own.push(our);
            theirs.push(their);
        }
    }
    let peer = "hdfs dfs -put";
    let wall = |runs: &[Usage]| runs.iter().map(|usage| usage.wall_s).collect::<Vec<_>>();
    let peak = |runs: &[Usage]| runs.iter().map(|usage| usage.peak_mb).collect::<Vec<_>>();
    report.row("upload: time", "s", &wall(&own), Some((peer, &wall(&theirs))), Must::Times(2.0));
    report.row("upload: peak memory", "MB", &peak(&own), Some((peer, &peak(&theirs))), Must::Most(48.0));
    Ok(())
}
