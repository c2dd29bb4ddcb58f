//! `yarn-flink gc`

use serde::Serialize;
use yarn_client::deploy::{Gateway, gc};

use super::{Context, Failure};
use crate::args::Gc;
use crate::exit::ExitStatus;

#[derive(Serialize)]
struct View {
    /// Nothing has been removed, only listed.
    dry_run: bool,
    removed: Vec<RemovedView>,
    /// Things that stay.
    kept: usize,
    failed: Vec<FailedView>,
}

#[derive(Serialize)]
struct RemovedView {
    path: String,
    /// `staging`, `key`, `cache` or `upload`.
    kind: &'static str,
    /// Null for what applications share.
    application_id: Option<String>,
    /// `ended`, `forgotten`, `unknown`, `expired`, `unused` or `abandoned`.
    reason: &'static str,
}

#[derive(Serialize)]
struct FailedView {
    path: String,
    error: String,
}

/// One line for each thing that was removed; the exit code is 3 when something could not be.
pub(super) async fn run(context: &Context, args: Gc) -> Result<ExitStatus, Failure> {
    let gateway = Gateway::open(&context.environment, context.global.conf_dir.as_deref())?;
    let bases = super::staging_bases(context);
    let options = gc::Options {
        dry_run: args.dry_run,
        all_users: args.all_users,
        unknown: args.unknown,
        keep_keys: args.keep_keys,
        keep_cache: args.keep_cache,
    };
    let collected = gc::collect(&gateway, &bases, &options, super::now_ms()).await?;
    let printer = &context.printer;
    let status = if collected.failed.is_empty() { ExitStatus::Success } else { ExitStatus::Cluster };
    let removed: Vec<_> = collected.removed.iter().map(view).collect();
    if printer.is_json() {
        let failed = collected.failed.into_iter().map(|(path, error)| FailedView { path, error }).collect();
        printer.json(&View { dry_run: args.dry_run, removed, kept: collected.kept, failed })?;
        return Ok(status);
    }
    let verb = if args.dry_run { "would remove" } else { "removed" };
    for RemovedView { path, application_id, reason, .. } in &removed {
        let owner = application_id.as_ref().map_or_else(String::new, |id| format!("{id} "));
        printer.data(&format!("{verb} {path} ({owner}{})", words(reason)))?;
    }
    for (path, error) in &collected.failed {
        printer.warning(&format!("{path}: {error}"));
    }
    printer.note(&format!("{} {verb}, {} kept", removed.len(), collected.kept));
    Ok(status)
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

fn words(reason: &str) -> &'static str {
    match reason {
        "ended" => "has ended",
        "forgotten" => "ended so long ago that YARN has forgotten it",
        "unknown" => "is not known to this ResourceManager",
        "unused" => "has not been used for long enough",
        "abandoned" => "an upload that was cut off",
        _ => "has ended, and its key has been kept for long enough",
    }
}
