//! Applications that only take up room.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use integration_tests::cluster::Cluster;
use serde_json::json;

use crate::bench::text;

#[derive(Debug)]
pub(crate) struct Fillers<'a> {
    cluster: &'a Cluster,
    ids: RefCell<Vec<String>>,
}

impl<'a> Fillers<'a> {
    pub(crate) fn new(cluster: &'a Cluster) -> Self {
        Self { cluster, ids: RefCell::default() }
    }

    /// Takes `mib` of the queue in one container; returns when it has started.
    pub(crate) async fn fill(&self, queue: &str, mib: u32) -> Result<()> {
        let more = json!({"resource": {"memory": mib, "vCores": 1}});
        let id = self.cluster.submit_with(self.cluster.user(), queue, "filler", "sleep 3000", &more).await?;
        self.ids.borrow_mut().push(id.clone());
        let begun = Instant::now();
        while text(&self.cluster.application(&id).await?, "amHostHttpAddress").is_empty() {
            ensure!(
                begun.elapsed() < Duration::from_secs(30),
                "no room for a filler of {mib} MiB in {queue}"
            );
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(())
    }

    /// Takes over an application, to be ended with the others.
    pub(crate) fn adopt(&self, id: String) {
        self.ids.borrow_mut().push(id);
    }

    /// Takes everything except for `mib` of one node.
    pub(crate) async fn all_but(&self, mib: u32) -> Result<()> {
        // No limit holds back the first application master of a queue.
        self.fill("other", crate::NODE_MIB).await?;
        self.fill("masters", crate::NODE_MIB - mib).await
    }

    /// Gives everything back.
    pub(crate) async fn empty(&self) -> Result<()> {
        for id in self.ids.take() {
            self.cluster.kill_application(&id).await?;
            self.cluster.wait_for_end(&id, Duration::from_secs(30)).await?;
        }
        Ok(())
    }
}
