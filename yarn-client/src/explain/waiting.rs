//! Why an application is waiting: for its first container, for its application master, for slots.

use super::evidence::Evidence;
use super::scheduler::{self, Reason, SchedulerText, Stage};
use super::{Cause, CauseCode, ended, is_flink};
use crate::counted;
use crate::yarn::{ApplicationReport, ApplicationState, NodeReport, NodeState, Resource};

/// Maximum number of nodes named in evidence.
const NODES_NAMED: usize = 5;
/// The start of a container is reported as slow from here on, ms: copying Flink's libraries and starting a JVM take seconds.
const LONG_START_MS: i64 = 60_000;

const ASK_LESS: &str = "lower `-jm`, or use a node label with larger nodes";
const AM_SHARE: &str = "wait until another application of the queue ends, choose another queue \
    (`--queue`), lower `-jm`, or have `yarn.scheduler.capacity.<queue>.maximum-am-resource-percent` raised";

/// Whether it is a Flink application, so that its tracking address is worth a request.
pub(super) fn is_ours(report: &ApplicationReport) -> bool {
    is_flink(&report.application_type)
}

/// The cause for an application that is not running yet.
pub(super) fn of_waiting(evidence: &Evidence, now_ms: i64) -> Option<Cause> {
    let report = &evidence.report;
    let cause = match report.state {
        ApplicationState::New | ApplicationState::NewSaving | ApplicationState::Submitted => {
            being_submitted(evidence)
        }
        ApplicationState::Accepted => accepted(evidence, now_ms),
        _ => return None,
    };
    let cause = ended::earlier(evidence).into_iter().fold(cause, Cause::because);
    Some(cause.quoting(report.diagnostics.trim()))
}

fn being_submitted(evidence: &Evidence) -> Cause {
    let state = evidence.report.state;
    Cause::new(
        CauseCode::BeingSubmitted,
        format!("the ResourceManager has not placed it in a queue yet ({state})"),
    )
    .hint(
        "wait, as this usually takes milliseconds; if it persists, see the ResourceManager's log for a \
        slow state store or NameNode",
    )
}

fn accepted(evidence: &Evidence, now_ms: i64) -> Cause {
    let text = scheduler::parse(&evidence.report.diagnostics);
    match text.stage {
        Some(Stage::Recovered) => return rm_restarted(),
        // It has its container: what the queue and the nodes lack now is not what it is waiting for.
        Some(Stage::Launched | Stage::Assigned) => return am_starting(evidence, now_ms),
        _ => {}
    }
    no_live_nodes(evidence, &text)
        .or_else(|| label(evidence, &text))
        .or_else(|| too_large(evidence, &text))
        .or_else(|| limits(evidence, &text))
        .or_else(|| no_room(evidence, &text))
        .unwrap_or_else(|| {
            Cause::new(
                CauseCode::WaitingForContainer,
                "the scheduler has not allocated a container for the application master yet",
            )
            .hint(
                "wait for the next heartbeats of the nodes; if it persists, see the queue's page of \
                    the ResourceManager",
            )
        })
}

fn rm_restarted() -> Cause {
    Cause::new(
        CauseCode::RmRestarted,
        "the ResourceManager restarted and is waiting for the application master of this attempt to \
         register again",
    )
    .because(
        "wait: if the application master was never started, the next attempt begins after \
         `yarn.am.liveness-monitor.expiry-interval-ms` (10 to 15 min by default)",
    )
    .hint(
        "wait a few seconds, in which a living application master re-registers; if it does not, kill it \
        with `yarn-flink kill` and submit again",
    )
}

fn am_starting(evidence: &Evidence, now_ms: i64) -> Cause {
    let Some(container) = evidence.am_container() else {
        return Cause::new(
            CauseCode::AmStarting,
            "the application master's container was launched, but the application master has not registered yet",
        );
    };
    let (host, age_ms) = (&container.node.host, (now_ms - container.created_ms).max(0));
    let seconds = age_ms / 1000;
    let cause = if evidence.am_container_state.as_deref() == Some("LOCALIZING") {
        let text = format!("node {host} has been localizing the application's files for {seconds} s");
        let slow = "wait, as the first container on a node copies all of Flink; if it persists, the file \
            system or network is slow, and the NodeManager's log says which file is being fetched";
        Cause::new(CauseCode::Localizing, text).hint(slow)
    } else {
        let text = format!(
            "the application master is starting on {host}: its container was launched {seconds} s ago, \
             but it has not registered yet"
        );
        let cause = Cause::new(CauseCode::AmStarting, text);
        if age_ms < LONG_START_MS {
            cause
        } else {
            cause.hint(format!("see its logs for what keeps it from registering: {}", container.log_url))
        }
    };
    let state = evidence.am_container_state.as_deref().map(|state| format!(", {state}")).unwrap_or_default();
    cause.because(format!("{} on {}{state}", container.id, container.node))
}

fn running(evidence: &Evidence) -> Option<impl Iterator<Item = &NodeReport>> {
    Some(evidence.nodes.as_ref()?.iter().filter(|node| node.state == NodeState::Running))
}

fn no_live_nodes(evidence: &Evidence, text: &SchedulerText) -> Option<Cause> {
    let nodes = match &evidence.nodes {
        Some(nodes) => nodes,
        None if text.reason == Some(Reason::ClusterEmpty) => {
            return Some(Cause::new(CauseCode::NoLiveNodes, "the scheduler has no node").hint(NO_NODES_HINT));
        }
        None => return None,
    };
    if running(evidence)?.next().is_some() {
        return None;
    }
    let text = if nodes.is_empty() {
        "no NodeManager has registered".to_owned()
    } else {
        let mut counts: Vec<String> = Vec::new();
        for state in NodeState::ALL {
            let count = nodes.iter().filter(|node| node.state == *state).count();
            if count > 0 {
                counts.push(format!("{count} {state}"));
            }
        }
        format!("no NodeManager is running: of {} nodes {}", nodes.len(), counts.join(", "))
    };
    let cause = Cause::new(CauseCode::NoLiveNodes, text).hint(NO_NODES_HINT);
    let told = nodes.iter().take(NODES_NAMED).map(|node| {
        let health = node.health_report.trim();
        let separator = if health.is_empty() { "" } else { ": " };
        format!("{} {}{separator}{health}", node.id, node.state)
    });
    Some(told.fold(cause, Cause::because))
}

const NO_NODES_HINT: &str = "start NodeManagers, or find out why they are gone with `yarn node -list -all` and the NodeManagers' logs";

/// The label of the nodes that the application master's container must run on.
fn wanted_label<'a>(evidence: &'a Evidence, text: &'a SchedulerText) -> Option<&'a str> {
    let report = &evidence.report;
    let told = text.label.as_deref();
    // Amounts in the text refer to a partition: if there is no label, that is the partition of nodes without one.
    let of_report = || report.am_node_label.as_deref().or(report.node_label.as_deref());
    let label = if text.stage.is_some() && (text.asked_mib.is_some() || text.partition_mib.is_some()) {
        told
    } else {
        told.or_else(of_report)
    };
    label.filter(|label| !matches!(*label, "" | "<Not set>" | "<DEFAULT_PARTITION>"))
}

fn label(evidence: &Evidence, text: &SchedulerText) -> Option<Cause> {
    let label = wanted_label(evidence, text)?;
    let hint = "put the label on a node (`yarn rmadmin -replaceLabelsOnNode`), or use another one \
        (`yarn.application.node-label`)";
    let has_nodes = match running(evidence) {
        Some(mut nodes) => nodes.any(|node| node.labels.iter().any(|of_node| of_node == label)),
        None => text.partition_mib != Some(0),
    };
    if !has_nodes {
        let text = format!("no running node has the requested label `{label}`");
        return Some(Cause::new(CauseCode::LabelWithoutNodes, text).hint(hint));
    }
    if text.queue_max_percent == Some(0.0) {
        let queue = &evidence.report.queue;
        let text = format!("queue `{queue}` has no capacity on nodes with the label `{label}`");
        return Some(Cause::new(CauseCode::LabelNotInQueue, text).hint(format!(
            "choose a queue that has some, or have \
             `yarn.scheduler.capacity.{queue}.accessible-node-labels.{label}.capacity` set"
        )));
    }
    None
}

/// Nodes that the container may run on: those with its label, or those without one.
fn candidates<'a>(evidence: &'a Evidence, text: &'a SchedulerText) -> Option<Vec<&'a NodeReport>> {
    let label = wanted_label(evidence, text);
    let fits = move |node: &&NodeReport| match label {
        Some(label) => node.labels.iter().any(|of_node| of_node == label),
        // A node with a label may be shared; it is counted, so that nothing possible is called impossible.
        None => true,
    };
    Some(running(evidence)?.filter(fits).collect())
}

/// Memory of the container that the application is waiting for. The scheduler reports it until the application is activated.
/// After that the web service does, or the queue's backlog if that is one container, which can only be this one.
fn asked_mib(evidence: &Evidence, text: &SchedulerText) -> Option<u64> {
    if text.asked_mib.is_some() || text.stage != Some(Stage::Activated) {
        return text.asked_mib;
    }
    let of_queue = || {
        let queue = evidence.queue.as_ref()?;
        let one = queue.pending_containers == Some(1);
        queue.pending_mib.filter(|mib| one && *mib > 0).and_then(|mib| u64::try_from(mib).ok())
    };
    evidence.asked_mib.or_else(of_queue)
}

fn too_large(evidence: &Evidence, text: &SchedulerText) -> Option<Cause> {
    let asked = asked_mib(evidence, text)?;
    let nodes = candidates(evidence, text)?;
    let largest = nodes.iter().max_by_key(|node| node.capability.memory_mib)?;
    if asked <= largest.capability.memory_mib {
        return None;
    }
    let text = format!(
        "it requests a container of {asked} MiB, but the largest node has {} MiB",
        largest.capability.memory_mib
    );
    let cause = Cause::new(CauseCode::AskLargerThanAnyNode, text).hint(ASK_LESS);
    Some(cause.because(format!("{} of {} running nodes: {}", largest.id, nodes.len(), sizes(largest))))
}

fn sizes(node: &NodeReport) -> String {
    format!("{} of {} in use", brief(&node.used), brief(&node.capability))
}

fn brief(resource: &Resource) -> String {
    format!("{} MiB and {} vcores", resource.memory_mib, resource.vcores)
}

/// Limits that the scheduler itself names.
fn limits(evidence: &Evidence, text: &SchedulerText) -> Option<Cause> {
    let report = &evidence.report;
    let (queue, user) = (&report.queue, &report.user);
    let figure = |mib: Option<u64>| mib.map_or_else(|| "?".to_owned(), |mib| mib.to_string());
    let needs = text.asked_mib.map(|mib| format!(", and this one needs {mib} MiB")).unwrap_or_default();
    Some(match text.reason? {
        Reason::QueueAmLimit => {
            let text = format!(
                "the application masters of queue `{queue}` use {} of their limit of {} MiB{needs}",
                figure(text.queue_am_used_mib),
                figure(text.queue_am_limit_mib)
            );
            Cause::new(CauseCode::QueueAmLimit, text).hint(AM_SHARE)
        }
        Reason::UserAmLimit => {
            let text = format!(
                "the application masters of user `{user}` in queue `{queue}` are limited to {} MiB{needs}",
                figure(text.user_am_limit_mib)
            );
            Cause::new(CauseCode::UserAmLimit, text).hint(AM_SHARE)
        }
        Reason::UserLimit => {
            let text = format!("user `{user}` has reached the user limit of queue `{queue}`");
            Cause::new(CauseCode::UserLimit, text).hint(
                "wait until another of your applications ends, choose another queue (`--queue`), or have \
                 the queue's `user-limit-factor` raised",
            )
        }
        // Nodes have been added or lost since: what is known now does not say why.
        Reason::ClusterEmpty => return None,
    })
}

/// It may request a container, but there is no room: in its queue or on the nodes.
fn no_room(evidence: &Evidence, text: &SchedulerText) -> Option<Cause> {
    if text.stage != Some(Stage::Activated) {
        return None;
    }
    let asked = asked_mib(evidence, text);
    if let (Some(asked), Some(used), Some(maximum)) = (asked, text.queue_used_mib, text.queue_max_mib)
        && used + asked > maximum
    {
        let queue = &evidence.report.queue;
        let text = format!(
            "queue `{queue}` uses {used} of its maximum of {maximum} MiB, and this application needs \
             {asked} MiB"
        );
        return Some(Cause::new(CauseCode::QueueFull, text).hint(QUEUE_FULL_HINT));
    }
    let nodes = candidates(evidence, text)?;
    let free = |node: &&&NodeReport| node.capability.memory_mib.saturating_sub(node.used.memory_mib);
    let roomiest = nodes.iter().max_by_key(free)?;
    let room = free(&roomiest);
    // Without the size, only a cluster without any room is certainly full.
    if room >= asked.unwrap_or(1) {
        return None;
    }
    let needs = asked.map(|mib| format!(" for {mib} MiB")).unwrap_or_default();
    let text = format!(
        "no node has room{needs}: the most that is free on one of {} running nodes is {room} MiB",
        nodes.len()
    );
    let cause = Cause::new(CauseCode::ClusterFull, text).hint(
        "wait until another application ends, or lower `-jm`; `yarn-flink list` shows who uses the \
            cluster",
    );
    let mut named: Vec<_> = nodes.clone();
    named.sort_by_key(|node| {
        std::cmp::Reverse(node.capability.memory_mib.saturating_sub(node.used.memory_mib))
    });
    let lines = named.into_iter().take(NODES_NAMED).map(|node| format!("{}: {}", node.id, sizes(node)));
    Some(lines.fold(cause, Cause::because))
}

/// The cause for a running application whose job lacks slots: from what its master knows about the cluster, from
/// Flink's view or, if Flink does not respond, from its master's message.
pub(super) fn of_running(evidence: &Evidence) -> Option<Cause> {
    let told = evidence.waiting.as_ref();
    let mut session_bound = false;
    let cause = match told {
        Some(told) if told.code.is_some_and(|code| code != CauseCode::JobManagerStarting) => {
            let code = told.code?;
            session_bound = code == CauseCode::NoSlots;
            Cause { hint: told.hint.clone(), ..Cause::new(code, &told.text) }
        }
        None if evidence.flink.is_none() => return unreachable(evidence),
        Some(told) if evidence.flink.is_none() && told.code.is_some() => {
            let text = "its JobManager is starting, or temporarily not responding";
            let cause = Cause { hint: told.hint.clone(), ..Cause::new(CauseCode::JobManagerStarting, text) };
            return Some(cause.quoting(&told.text));
        }
        Some(told) if evidence.flink.is_none() => {
            let text = format!("TaskManagers are missing: {}", told.text.lines().next()?);
            Cause::new(CauseCode::NoSlots, text).hint(NO_SLOTS_HINT)
        }
        _ => no_slots(evidence)?.quoting(told.map_or("", |told| &told.text)),
    };
    if cause.code == CauseCode::NoSlots
        && let Some(text) = nowhere(evidence)
    {
        let line = cause.text;
        let hint = "submit again with another `--placement` (`yarn node -list` shows the nodes), or start \
            a node of that name";
        return Some(
            Cause { code: CauseCode::PlacementWithoutNodes, text, ..cause }.hint(hint).because(line),
        );
    }
    let cause = match queue_full(evidence) {
        Some(text) if cause.code == CauseCode::NoSlots && !session_bound => {
            let line = cause.text;
            Cause { code: CauseCode::QueueFull, text, ..cause }.hint(QUEUE_FULL_HINT).because(line)
        }
        _ => cause,
    };
    let Some(nodes) = running(evidence) else { return Some(cause) };
    let free: Vec<u64> =
        nodes.map(|node| node.capability.memory_mib.saturating_sub(node.used.memory_mib)).collect();
    Some(cause.because(format!(
        "{} running nodes have {} MiB free, at most {} MiB on one of them",
        free.len(),
        free.iter().sum::<u64>(),
        free.iter().max().copied().unwrap_or(0)
    )))
}

/// Why no node can provide what is requested: the requested nodes do not exist.
fn nowhere(evidence: &Evidence) -> Option<String> {
    let named = |node: &NodeReport| evidence.hosts.contains(&node.id.host);
    if evidence.hosts.is_empty() || running(evidence)?.any(named) {
        return None;
    }
    let names = evidence.hosts.join(", ");
    Some(format!("TaskManagers may only run on {names} (`--placement`), and no such node is running"))
}

/// Why a running application gets no containers from its queue: the queue is full. Its figures are shares: the maximum
/// in MiB follows from what is allocated.
fn queue_full(evidence: &Evidence) -> Option<String> {
    let queue = evidence.queue.as_ref()?;
    let share = f64::from(queue.current_capacity * queue.capacity);
    let (used, waits) = (queue.allocated_mib?, queue.pending_containers.filter(|waits| *waits > 0)?);
    let asked = queue.pending_mib.filter(|mib| *mib > 0)? / waits;
    if used <= 0 || share <= 0.0 || !share.is_finite() {
        return None;
    }
    // If no node has room either, the cluster is full.
    let free = |node: &NodeReport| node.capability.memory_mib.saturating_sub(node.used.memory_mib);
    let fits = |node: &NodeReport| i64::try_from(free(node)).is_ok_and(|free| free >= asked);
    if running(evidence).is_some_and(|mut nodes| !nodes.any(fits)) {
        return None;
    }
    #[expect(clippy::cast_precision_loss, clippy::cast_possible_truncation, reason = "a figure for people")]
    let maximum = (used as f64 * f64::from(queue.maximum_capacity) / share).round() as i64;
    (used + asked > maximum).then(|| {
        let name = &evidence.report.queue;
        format!(
            "queue `{name}` uses {used} of its maximum of {maximum} MiB, and a container of {asked} \
            MiB is pending"
        )
    })
}

/// YARN itself notices the loss of an application master only after a while: on a node without power, or behind a
/// broken network, it counts as running until then. Flink is reached through it.
fn unreachable(evidence: &Evidence) -> Option<Cause> {
    let silent = evidence.silent.as_deref()?;
    let report = &evidence.report;
    let text = format!("its application master at {}:{} is not responding", report.host, report.rpc_port);
    let hint = "wait for YARN to start the next attempt after \
        `yarn.am.liveness-monitor.expiry-interval-ms` (10 to 15 min by default); if other hosts can reach \
        it, check the network between this host and it";
    Some(Cause::new(CauseCode::AmUnreachable, text).hint(hint).because(silent))
}

const QUEUE_FULL_HINT: &str = "wait until another application of the queue ends, choose another queue \
    (`--queue`), or have its `maximum-capacity` raised";

const NO_SLOTS_HINT: &str = "wait a few seconds for new TaskManagers; if the cluster has no room, wait \
    until another application ends, lower the parallelism, or use more slots per TaskManager (`-ys`)";

fn no_slots(evidence: &Evidence) -> Option<Cause> {
    let flink = evidence.flink.as_ref()?;
    if flink.overview.slots_available > 0 {
        return None;
    }
    let job = flink.jobs.iter().find(|job| !job.state.is_globally_terminal() && job.tasks.scheduled > 0)?;
    let overview = &flink.overview;
    let text = format!(
        "job {} is waiting for slots: {} of its {} tasks have none; {} with {} registered",
        job.id,
        job.tasks.scheduled,
        job.tasks.total,
        counted(overview.taskmanagers, "TaskManager"),
        counted(overview.slots_total, "slot") + if overview.taskmanagers == 1 { " is" } else { " are" },
    );
    Some(Cause::new(CauseCode::NoSlots, text).hint(NO_SLOTS_HINT))
}
