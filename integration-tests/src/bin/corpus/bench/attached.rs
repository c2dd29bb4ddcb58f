//! Faults that a client survives while it waits for its job.

use std::process::Stdio;
use std::time::Instant;

use anyhow::{Context as _, Result, ensure};
use integration_tests::progress;

use super::{Application, Bench, Expected, Fault, LOOK, SUBMISSION, Side, text};
use crate::report::{Answer, Row, Verdict};

impl Bench<'_> {
    /// Tries a fault that our client, alone and attached, survives: `harm` is called once its application exists, and the
    /// expected text must be on the client's standard error when it has succeeded.
    pub(crate) async fn attached(
        &self,
        fault: Fault,
        harm: impl AsyncFn(&Application<'_>) -> Result<()>,
    ) -> Result<()> {
        if !self.wants(fault.name) {
            return Ok(());
        }
        let fault = Fault { attached: true, ..fault };
        let name = format!("ours-{:08x}", rand::random::<u32>());
        let fault = fault.set(format!("yarn.application.name={name}"));
        let begun = Instant::now();
        let mut client = tokio::process::Command::from(self.our_run(&fault));
        client.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).kill_on_drop(true);
        let client = client.spawn().context("cannot start our client")?;
        let id = loop {
            let known = self.cluster.applications().await?;
            if let Some(found) = known.iter().find(|application| text(application, "name") == name) {
                break text(found, "id").to_owned();
            }
            ensure!(begun.elapsed() < SUBMISSION, "no application '{name}'");
            tokio::time::sleep(LOOK).await;
        };
        let application = Application { cluster: self.cluster, id, side: Side::Ours };
        harm(&application).await?;
        let begun = Instant::now();
        let output = tokio::time::timeout(fault.limit, client.wait_with_output())
            .await
            .context("our client does not end")??;
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        let right = matches!(fault.expected, Expected::Note(words) if output.status.success() && said.contains(words));
        let verdict = if right { Verdict::Right } else { Verdict::Wrong };
        let mut row = Row::new(fault.name, fault.how, fault.expected);
        progress::line(&format!("Ours {verdict:?}  {}: {said}", fault.name));
        row.ours = Some(Answer { verdict, said, code: None, seconds: begun.elapsed().as_secs_f64() });
        self.rows.borrow_mut().push(row);
        self.end(&application).await
    }
}
