//! The list of applications.

use anyhow::Result;
use integration_tests::cluster::java::APPLICATION_CLI;

use crate::measured::usage;
use crate::report::{Must, Report};
use crate::side::Sides;

pub(crate) async fn measure(sides: &Sides<'_>, runs: u16, report: &mut Report) -> Result<()> {
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for run in 0..=runs {
        let mut command = sides.ours(&sides.local("digests"));
        command.arg("list");
        let (our, _) = usage(&command).await?;
        let mut command = sides.cluster.hadoop_command(APPLICATION_CLI);
        command.args(["application", "-list"]);
        let (their, _) = usage(&command).await?;
        if run > 0 {
            ours.push(our.wall_s);
            theirs.push(their.wall_s);
        }
    }
    report.row("list: time", "s", &ours, Some(("yarn application -list", &theirs)), Must::Times(30.0));
    Ok(())
}
