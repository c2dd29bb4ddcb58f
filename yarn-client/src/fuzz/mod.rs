//! What the fuzz targets (`fuzz/`) reach of this crate and nobody else does: parsers below its public interface. No part of that
//! interface.

use std::path::Path;

use prost::Message as _;
use proto::hadoop::yarn as wire;

use crate::cluster::journal;
use crate::conf::xml;
use crate::explain::Evidence;
use crate::flink::FlinkConfig;
use crate::flink::config::text;
use crate::hdfs::FileRead;
use crate::logs::events::Lines;
use crate::logs::{LogsError, Seen, Sink, Wanted, indexed, java, tfile};
use crate::security::Token;
use crate::security::sasl::{DigestMd5, Mechanism as _, Protection};
use crate::tls;
use crate::yarn::container_logs::{self, Content};
use crate::yarn::web::Scheduler;
use crate::yarn::{
    AllocateResponse, ApplicationReport, AttemptReport, ContainerReport, ContainerStatus, NodeReport,
    QueueInfo,
};

/// A server's challenge of DIGEST-MD5, and what it says at the end. `knowing`: with the right proof in front of that.
pub fn digest_md5(token: &Token, protection: Protection, challenge: &[u8], knowing: bool, last: &[u8]) {
    let mut mechanism = DigestMd5::with_cnonce(token, &[protection], "cnonce".to_owned());
    if mechanism.start("", "default", Some(challenge)).is_err() {
        return;
    }
    let proof = match mechanism.expected_proof() {
        Some(proof) if knowing => format!("rspauth={proof},").into_bytes(),
        _ => Vec::new(),
    };
    if mechanism.evaluate(&[&proof, last].concat()).is_err() {
        return;
    }
    if let Some(mut layer) = mechanism.layer() {
        if let Ok(sealed) = layer.seal.seal(last) {
            drop(layer.open.open(&sealed));
        }
        drop(layer.open.open(last));
    }
}

/// An aggregated file of either format.
///
/// # Errors
/// [`LogsError`].
pub async fn aggregated(file: &dyn FileRead, sink: &mut dyn Sink) -> Result<(), LogsError> {
    let (wanted, mut seen) = (Wanted::default(), Seen::default());
    if file.read_at(0, tfile::MAGIC.len()).await?.as_ref() == tfile::MAGIC {
        tfile::read(file, "file", "node", 0, &wanted, &mut seen, sink).await
    } else {
        indexed::read(file, "file", "node", None, &wanted, &mut seen, sink).await
    }
}

/// A stream of Java objects, and as the index of logs; the number of files in it.
pub fn java(bytes: &[u8]) -> usize {
    drop(java::read(bytes));
    indexed::index(bytes).map_or(0, |index| index.pieces.len())
}

/// The file beside a rolled indexed one.
pub fn checksum(bytes: &[u8]) -> Option<(String, u64)> {
    indexed::checksum(bytes).ok()
}

/// Recorded events, in pieces of `step` bytes; how many there are.
pub fn events(bytes: &[u8], step: usize) -> usize {
    let mut lines = Lines::default();
    for piece in bytes.chunks(step) {
        drop(lines.content(piece));
    }
    lines.events.len()
}

/// A file of Hadoop's configuration; the number of properties in it.
pub fn hadoop_xml(bytes: &[u8]) -> usize {
    let mut entries = Vec::new();
    // There are no files to include.
    drop(xml::parse(Path::new("/nonexistent/core-site.xml"), bytes, 0, &mut entries));
    entries.len()
}

/// A file of Flink's configuration in its newer format.
///
/// # Errors
/// What is wrong with it.
pub fn flink_yaml(content: &str) -> Result<FlinkConfig, String> {
    text::parse_yaml(content).map(FlinkConfig::from_flat)
}

/// And in its older one.
pub fn flink_legacy(content: &str) -> FlinkConfig {
    FlinkConfig::from_flat(text::parse_legacy(content))
}

/// The checkpoint that the journal of an application master names.
pub fn noted_checkpoint(bytes: &[u8]) -> Option<String> {
    journal::noted(bytes).ok().flatten()
}

/// What a ResourceManager or NodeManager answers: one of its messages, by `kind`. The report of an application becomes evidence.
pub fn yarn_message(kind: u8, bytes: &[u8]) -> Option<Evidence> {
    match kind % 7 {
        0 => {
            let report = ApplicationReport::from_wire(wire::ApplicationReportProto::decode(bytes).ok()?);
            return Some(Evidence::of(report));
        }
        1 => drop(AllocateResponse::from_wire(wire::AllocateResponseProto::decode(bytes).ok()?)),
        2 => drop(AttemptReport::from_wire(wire::ApplicationAttemptReportProto::decode(bytes).ok()?)),
        3 => drop(NodeReport::from_wire(wire::NodeReportProto::decode(bytes).ok()?)),
        4 => drop(QueueInfo::from_wire(wire::QueueInfoProto::decode(bytes).ok()?)),
        5 => drop(ContainerReport::from_wire(wire::ContainerReportProto::decode(bytes).ok()?)),
        _ => drop(ContainerStatus::from_wire(&wire::ContainerStatusProto::decode(bytes).ok()?)),
    }
    None
}

/// What a node or the ResourceManager answers over HTTP: the scheduler, lists of logs, and a log in pieces of `step` bytes.
pub fn web_answer(bytes: &[u8], step: usize) -> u64 {
    if let Ok(mut answer) = serde_json::from_slice(bytes)
        && let Some(scheduler) = Scheduler::of(&mut answer)
    {
        scheduler.may_take("root.a.b.c");
    }
    drop(serde_json::from_slice(bytes).map(container_logs::local));
    let mut content = Content::new(u64::MAX);
    let parts = bytes.chunks(step).map_while(|part| content.take(part).ok());
    parts.flatten().map(|part| part.len() as u64).sum()
}

/// The certificates of a truststore; how many there are.
pub fn truststore(bytes: &[u8]) -> usize {
    tls::certificates(bytes, "changeit").map_or(0, |found| found.len())
}
