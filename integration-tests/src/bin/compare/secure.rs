//! Clusters with Kerberos: what a login costs, and what encryption does.

use std::process::Command;

use anyhow::Result;
use integration_tests::cluster::Cluster;
use integration_tests::progress::Step;

use crate::measured::{Usage, usage};
use crate::report::{Must, Report};
use crate::side::Sides;
use crate::{submit, upload};

/// Clusters whose RPC and data have this protection. Encrypted data has AES, as every guide to Hadoop recommends: without,
/// it would be 3DES.
async fn cluster(protection: &str) -> Result<Cluster> {
    let step = Step::begin(format!("boot a cluster with Kerberos and {protection}"));
    let builder = Cluster::builder(&format!("compare-{protection}")).kerberos(protection).node_managers(2);
    let cluster =
        builder.property("dfs.encrypt.data.transfer.cipher.suites", "AES/CTR/NoPadding").boot().await?;
    step.done();
    Ok(cluster)
}

/// Detached submission as `warm` measures it; each command logs in with a keytab.
pub(crate) async fn submit(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let cluster = cluster("authentication").await?;
    let names = ["submit, Kerberos: time", "submit, Kerberos: CPU", "submit, Kerberos: peak memory"];
    submit::cached(&sides.on(&cluster).await?.prepare().await?, runs, report, names).await?;
    cluster.stop()
}

/// The same commands on a cluster that encrypts, and on one that only authenticates.
pub(crate) async fn privacy(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let clusters = [cluster("privacy").await?, cluster("authentication").await?];
    let [mut lists, mut uploads] = [[Vec::new(), Vec::new()], [Vec::new(), Vec::new()]];
    for run in 0..=runs {
        for (at, cluster) in clusters.iter().enumerate() {
            let sides = sides.on(cluster).await?;
            let listed = list(&sides).await?;
            let uploaded = upload::ours(&sides, run).await?;
            if run > 0 {
                lists[at].push(listed);
                uploads[at].push(uploaded);
            }
        }
    }
    let peer = "authentication";
    let mut row = |name, runs: &[Vec<Usage>; 2], figure: fn(&Usage) -> f64| {
        let [ours, theirs] = runs.each_ref().map(|runs| runs.iter().map(figure).collect::<Vec<_>>());
        report.row(name, "s", &ours, Some((peer, &theirs)), Must::Known);
    };
    row("list, privacy: time", &lists, |usage| usage.wall_s);
    row("list, privacy: CPU", &lists, |usage| usage.cpu_s);
    row("upload, privacy: time", &uploads, |usage| usage.wall_s);
    row("upload, privacy: CPU", &uploads, |usage| usage.cpu_s);
    clusters.into_iter().try_for_each(Cluster::stop)
}

async fn list(sides: &Sides<'_>) -> Result<Usage> {
    let mut command: Command = sides.ours(&sides.local("digests"));
    command.args(["list", "--all"]);
    Ok(usage(&command).await?.0)
}
