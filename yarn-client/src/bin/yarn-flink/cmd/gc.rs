//! `yarn-flink gc`

use proto::ids::ApplicationId;
use serde::Serialize;
use yarn_client::running::gc;

use super::{Context, Failure};
use crate::args::Gc;
use crate::exit::ExitStatus;
use crate::printer::Printer;

#[derive(Serialize)]
struct View {
    /// Nothing has been removed, only listed.
    dry_run: bool,
    removed: Vec<RemovedView>,
    /// With `--dry-run`; `removed` is then empty.
    would_remove: Vec<RemovedView>,
    /// Number of things that are kept.
    kept: usize,
    /// Of these, high availability state of applications whose end was not intended.
    kept_state: Vec<KeptStateView>,
    failed: Vec<FailedView>,
}

#[derive(Serialize)]
struct RemovedView {
    path: String,
    /// `staging`, `key`, `cache` or `upload`.
    kind: &'static str,
    /// `null` for what applications share.
    application_id: Option<String>,
    /// `ended`, `forgotten`, `unknown`, `expired`, `unused` or `abandoned`.
    reason: &'static str,
    /// The latest checkpoint of the job, according to the removed files.
    checkpoint: Option<String>,
}

#[derive(Serialize)]
struct KeptStateView {
    application_id: String,
    /// Staging directory with the record of the rest.
    path: String,
    zookeeper_quorum: String,
    zookeeper_node: String,
    storage: Vec<String>,
    /// How to remove it manually.
    removal: String,
}

#[derive(Serialize)]
struct FailedView {
    path: String,
    error: String,
}

/// Prints one line for each thing that was removed; the exit code is 3 if something could not be removed.
pub(super) async fn run(context: &Context, args: Gc) -> Result<ExitStatus, Failure> {
    let gateway = context.gateway()?;
    let bases = context.staging_bases();
    let options = gc::Options {
        dry_run: args.dry_run,
        all_users: args.all_users,
        unknown: args.unknown,
        keep_keys: args.keep_keys,
        keep_cache: args.keep_cache,
    };
    let printer = &context.printer;
    // Immediately, before the only record of it is removed.
    let mut told = |application: ApplicationId, checkpoint: &str| {
        let line = format!("{application} checkpoint: {checkpoint}");
        printer.either(|| printer.note(&line), || printer.data(&line));
    };
    let collected = gc::collect(&gateway, &bases, &options, super::now_ms(), &mut told).await?;
    let status = if collected.failed.is_empty() { ExitStatus::Success } else { ExitStatus::Cluster };
    printer.either(
        || printer.sum_up(&View::new(&collected, args.dry_run)),
        || tell(printer, &collected, args.dry_run),
    );
    Ok(status)
}

impl View {
    fn new(collected: &gc::Collected, dry_run: bool) -> Self {
        let removed = collected.removed.iter().map(view).collect();
        let (removed, would_remove) = if dry_run { (Vec::new(), removed) } else { (removed, Vec::new()) };
        let failed =
            |(path, error): &(String, String)| FailedView { path: path.clone(), error: error.clone() };
        Self {
            dry_run,
            removed,
            would_remove,
            kept: collected.kept,
            kept_state: collected.kept_state.iter().map(kept_view).collect(),
            failed: collected.failed.iter().map(failed).collect(),
        }
    }
}

/// Prints one line per thing.
fn tell(printer: &Printer, collected: &gc::Collected, dry_run: bool) {
    let verb = if dry_run { "would remove" } else { "removed" };
    for RemovedView { path, application_id, reason, .. } in collected.removed.iter().map(view) {
        let owner = application_id.map_or_else(String::new, |id| format!("{id} "));
        printer.data(&format!("{verb} {path} ({owner}{})", words(reason)));
    }
    for kept in &collected.kept_state {
        printer.data(&format!(
            "kept {} ({}: needed to find the state of Flink's high availability, {} in ZooKeeper at {}; \
             to remove it: `{}`)",
            kept.directory,
            kept.application,
            kept.storage.iter().fold(kept.node.clone(), |all, storage| format!("{storage}, {all}")),
            kept.quorum,
            kept.removal(),
        ));
    }
    for (path, error) in &collected.failed {
        printer.warning(&format!("{path}: {error}"));
    }
    printer.note(&format!("{} {verb}, {} kept", collected.removed.len(), collected.kept));
}

fn view(removed: &gc::Removed) -> RemovedView {
    RemovedView {
        path: removed.uri.clone(),
        kind: match removed.kind {
            gc::Kind::Staging => "staging",
            gc::Kind::Key => "key",
            gc::Kind::Cache => "cache",
            gc::Kind::Upload => "upload",
        },
        application_id: removed.application.map(|id| id.to_string()),
        checkpoint: removed.checkpoint.clone(),
        reason: match removed.reason {
            gc::Reason::Ended => "ended",
            gc::Reason::Forgotten => "forgotten",
            gc::Reason::Unknown => "unknown",
            gc::Reason::Expired => "expired",
            gc::Reason::Unused => "unused",
            gc::Reason::Abandoned => "abandoned",
        },
    }
}

fn kept_view(kept: &gc::KeptState) -> KeptStateView {
    KeptStateView {
        application_id: kept.application.to_string(),
        path: kept.directory.clone(),
        zookeeper_quorum: kept.quorum.clone(),
        zookeeper_node: kept.node.clone(),
        storage: kept.storage.clone(),
        removal: kept.removal(),
    }
}

fn words(reason: &str) -> &'static str {
    match reason {
        "ended" => "has ended",
        "forgotten" => "ended so long ago that YARN no longer remembers it",
        "unknown" => "is not known to this ResourceManager",
        "unused" => "unused for longer than `--keep-cache`",
        "abandoned" => "an incomplete upload",
        _ => "ended longer than `--keep-keys` ago",
    }
}

#[cfg(test)]
mod tests {
    use yarn_client::schema::Schema;

    use super::*;

    #[test]
    fn gc_output_is_documented() {
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/json.md");
        let schema = Schema::parse(&std::fs::read_to_string(path).expect("the page")).expect("whole");
        let removed = || RemovedView {
            path: "hdfs://nn/x".to_owned(),
            kind: "staging",
            application_id: None,
            reason: "ended",
            checkpoint: None,
        };
        let kept = KeptStateView {
            application_id: "application_1_0001".to_owned(),
            path: "hdfs://nn/y".to_owned(),
            zookeeper_quorum: "zk:2181".to_owned(),
            zookeeper_node: "/flink".to_owned(),
            storage: Vec::new(),
            removal: "rm".to_owned(),
        };
        let view = View {
            dry_run: true,
            removed: vec![removed()],
            would_remove: vec![removed()],
            kept: 1,
            kept_state: vec![kept],
            failed: vec![FailedView { path: "z".to_owned(), error: "e".to_owned() }],
        };
        schema.check("removal", &serde_json::to_value(view).expect("JSON")).expect("documented");
    }
}
