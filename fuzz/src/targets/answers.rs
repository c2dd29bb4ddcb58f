//! What ResourceManagers, NodeManagers and Flink answer.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use serde::de::DeserializeOwned;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, duplex};
use yarn_client::explain;
use yarn_client::flink::demand::{JobKind, slots_needed};
use yarn_client::flink::rest::{
    ApplicationOverview, CheckpointConfig, Checkpoints, Client, ConfigEntry, Connect, Connecting, Connection,
    ExecutionResult, JarRun, JobDetails, JobExceptions, JobOverview, Operation, Options, Overview,
    TaskManager, ThreadDump, VertexTaskManager,
};
use yarn_client::flink::results;
use yarn_client::fuzz;

use super::conversation;

/// A message of YARN's, by the first byte; the report of an application is explained.
pub fn yarn_messages(data: &[u8]) {
    let Some((kind, data)) = data.split_first() else { return };
    let Some(evidence) = fuzz::yarn_message(*kind, data) else { return };
    for now_ms in [0, 1_700_000_000_000, i64::MAX, i64::MIN] {
        drop(explain::decide(&evidence, now_ms));
    }
}

/// The web services of YARN.
pub fn yarn_web(data: &[u8]) {
    let (whole, pieces) = (fuzz::web_answer(data, usize::MAX), fuzz::web_answer(data, 1));
    // A longer head is given up as soon as that is seen.
    assert!(whole == pieces || data.len() > 16 << 10, "a log depends on how it comes: {whole}, {pieces}");
}

/// Everything that Flink's REST server answers.
pub fn flink_json(data: &[u8]) {
    read::<Overview>(data);
    read::<ExecutionResult>(data);
    read::<JobExceptions>(data);
    read::<TaskManager>(data);
    read::<VertexTaskManager>(data);
    read::<ApplicationOverview>(data);
    read::<Vec<ConfigEntry>>(data);
    read::<Operation>(data);
    read::<JarRun>(data);
    read::<Checkpoints>(data);
    if let Some(config) = read::<CheckpointConfig>(data) {
        let _ = (config.is_periodic(), config.is_kept());
    }
    if let Some(dump) = read::<ThreadDump>(data) {
        dump.may_run_main();
    }
    let details = read::<JobDetails>(data);
    if let (Some(overview), Some(details)) = (read::<JobOverview>(data), &details) {
        slots_needed(&overview, details);
    }
    if let Some(details) = details {
        drop((JobKind::of(&details), results::wanted(&details)));
    }
}

fn read<T: DeserializeOwned>(data: &[u8]) -> Option<T> {
    serde_json::from_slice(data).ok()
}

/// A whole response over HTTP.
pub fn http_answer(data: &[u8]) {
    conversation(async {
        let options = Options { timeout: Duration::from_secs(3600), max_body: 1 << 20, ..Options::default() };
        let client = Client::over(Arc::new(Answers(data.to_vec())), options);
        drop(client.overview().await.map_err(|error| error.to_string()));
        drop(client.job_manager_log().await.map_err(|error| error.to_string()));
    });
}

/// A server that answers whatever it is asked with the same bytes.
#[derive(Debug)]
struct Answers(Vec<u8>);

impl Connect for Answers {
    fn address(&self) -> String {
        "server:1".to_owned()
    }

    fn connect(&self) -> Connecting<'_> {
        Box::pin(async {
            let (near, mut far) = duplex(1 << 20);
            let answer = self.0.clone();
            tokio::spawn(async move {
                // A request first: an answer before it is none.
                let mut request = [0];
                far.read_exact(&mut request).await?;
                far.write_all(&answer).await?;
                far.shutdown().await?;
                tokio::io::copy(&mut far, &mut tokio::io::sink()).await?;
                io::Result::Ok(())
            });
            Ok(Box::new(near) as Box<dyn Connection>)
        })
    }
}
