//! Registration, heartbeats and the final report.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use proto::ids::NodeId;
use proto::launch::{LaunchSpec, Placement};
use tokio::time::{Instant, sleep, timeout_at};
use yarn_client::conf::Configuration;
use yarn_client::security::{Token, User};
use yarn_client::yarn::{
    AllocateRequest, ApplicationMasterClient, Ask, FinalStatus, NodeState, Place, Resource, ResourceManager,
    YarnError,
};

use crate::machine::{Event, Heartbeat, HeartbeatAnswer, HeartbeatFailure};
use crate::warnings::Warnings;

/// All TaskManagers of an application are alike: one priority and one request id for them.
const PRIORITY: i32 = 1;
const REQUEST_ID: i64 = 1;
/// `NetworkTopology.DEFAULT_RACK`.
const DEFAULT_RACK: &str = "/default-rack";
/// `finishApplicationMaster` answers "not yet" until the ResourceManager has stored the end: the first pause, and the
/// longest.
const FINISH_PAUSE: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));
/// How long to wait for it before reporting it to the machine.
const FINISH_PATIENCE: Duration = Duration::from_secs(60);
/// Pauses between two attempts to register: the first, and the longest.
const REGISTER_PAUSE: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(10));
/// A call that takes longer than this is logged: the client keeps trying for a quarter of an hour.
const LONG: Duration = Duration::from_secs(30);

/// The application master's client of the ResourceManager (Hadoop's `AMRMClient`). Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct AmRmClient {
    client: Arc<ApplicationMasterClient>,
    host: String,
    control_port: Option<u16>,
    tracking_url: Arc<Mutex<String>>,
    node_tokens: Arc<Mutex<Vec<(NodeId, Token)>>>,
    warnings: Calls,
    task_manager: Resource,
    node_label: Option<String>,
    placement: Placement,
    /// The hosts and racks of [`Self::placement`], once the racks are known.
    places: Arc<Mutex<Option<Vec<Place>>>>,
    conf: Arc<Configuration>,
    user: User,
}

/// Warnings for each kind of call.
#[derive(Debug, Clone)]
struct Calls {
    registration: Warnings,
    heartbeat: Warnings,
    end: Warnings,
}

impl AmRmClient {
    /// Creates a client; nothing is connected yet.
    ///
    /// # Errors
    /// No ResourceManager is configured.
    pub(super) fn new(
        conf: &Configuration,
        token: Token,
        spec: &LaunchSpec,
        host: &str,
        control_port: Option<u16>,
    ) -> Result<Self, YarnError> {
        let task_manager = spec.task_manager.clone().unwrap_or_default();
        Ok(Self {
            client: Arc::new(ApplicationMasterClient::new(conf, token)?),
            host: host.to_owned(),
            control_port,
            tracking_url: Arc::default(),
            node_tokens: Arc::default(),
            warnings: Calls {
                registration: Warnings::of("registering with the ResourceManager"),
                heartbeat: Warnings::of("heartbeat to the ResourceManager"),
                end: Warnings::of("telling the ResourceManager of the end"),
            },
            task_manager: Resource {
                memory_mib: task_manager.memory_mib,
                vcores: task_manager.vcores,
                others: task_manager.external_resources.into_iter().collect(),
            },
            node_label: task_manager.node_label,
            placement: spec.placement.clone().unwrap_or_default(),
            places: Arc::default(),
            conf: Arc::new(conf.clone()),
            user: User::new(spec.user.clone()),
        })
    }

    /// Sets where the ResourceManager's proxy should lead.
    pub(super) fn set_tracking_url(&self, url: String) {
        *lock(&self.tracking_url) = url;
    }

    /// The newest token for a node; the ResourceManager sends each only once.
    pub(super) fn node_token(&self, node: &NodeId) -> Option<Token> {
        lock(&self.node_tokens).iter().rev().find(|(id, _)| id == node).map(|(_, token)| token.clone())
    }

    fn remember_tokens(&self, tokens: Vec<(NodeId, Token)>) {
        let mut known = lock(&self.node_tokens);
        for (node, token) in tokens {
            known.retain(|(id, _)| *id != node);
            known.push((node, token));
        }
    }

    /// Calls `registerApplicationMaster` until the ResourceManager accepts or finally refuses it. There is no other
    /// limit: the ResourceManager itself ends an attempt that it has not heard from for too long.
    pub(super) async fn register(&self) -> Event {
        let url = lock(&self.tracking_url).clone();
        let warnings = &self.warnings.registration;
        let mut pause = REGISTER_PAUSE.0;
        loop {
            match telling(warnings, self.client.register(&self.host, self.control_port, &url)).await {
                Ok(registered) => {
                    warnings.worked();
                    self.remember_tokens(registered.nm_tokens);
                    return Event::Registered {
                        maximum: registered.maximum,
                        previous: registered.previous_containers,
                    };
                }
                // The answer to an earlier attempt was lost, and with it the maximum, which the client has already
                // checked.
                Err(error) if error.is_already_registered() => {
                    warnings.worked();
                    let maximum = Resource::new(u64::MAX, u32::MAX);
                    return Event::Registered { maximum, previous: Vec::new() };
                }
                Err(error) if error.is_shutdown() => {
                    tracing::warn!("registering with the ResourceManager: {error}");
                    return Event::AttemptOver;
                }
                Err(error) if error.is_registration_refused() => {
                    return Event::RegistrationFailed { cause: error.to_string() };
                }
                Err(error) => warnings.failed(&error),
            }
            sleep(pause).await;
            pause = (pause * 2).min(REGISTER_PAUSE.1);
        }
    }

    /// The scheduler looks for a host only below its rack, so the racks have to be known; and a rack is requested by its
    /// hosts as well, because the CapacityScheduler never served one that was requested alone (seen with 3.4.1). If they
    /// cannot be looked up (on a secure cluster), there is one rack.
    async fn find_places(&self) {
        let Placement { hosts, racks, .. } = &self.placement;
        if lock(&self.places).is_some() || (hosts.is_empty() && racks.is_empty()) {
            return;
        }
        let known =
            async { ResourceManager::new(&self.conf, &self.user)?.nodes(&[NodeState::Running]).await };
        let nodes = known.await.unwrap_or_else(|error| {
            tracing::warn!("asking for the racks of the nodes: {error}");
            Vec::new()
        });
        let host = |name: &str, rack: &str| Place::Host { name: name.to_owned(), rack: rack.to_owned() };
        let rack_of = |name: &String| {
            let node = nodes.iter().find(|node| node.id.host == *name);
            node.map_or(DEFAULT_RACK, |node| node.rack.as_str())
        };
        let in_racks = nodes.iter().filter(|node| racks.contains(&node.rack));
        let places = hosts
            .iter()
            .map(|name| host(name, rack_of(name)))
            .chain(in_racks.map(|node| host(&node.id.host, &node.rack)))
            .chain(racks.iter().cloned().map(Place::Rack))
            .collect();
        *lock(&self.places) = Some(places);
    }

    /// `allocate`.
    pub(super) async fn heartbeat(&self, heartbeat: Heartbeat) -> Event {
        self.find_places().await;
        let asks = heartbeat
            .ask
            .map(|count| Ask {
                allocation_request_id: REQUEST_ID,
                priority: PRIORITY,
                count,
                resource: self.task_manager.clone(),
                node_label: self.node_label.clone(),
                places: lock(&self.places).clone().unwrap_or_default(),
            })
            .into_iter()
            .collect();
        let request = AllocateRequest {
            progress: heartbeat.progress,
            asks,
            releases: heartbeat.releases,
            blacklist_additions: heartbeat.exclude,
            blacklist_removals: heartbeat.welcome,
            tracking_url: Some(lock(&self.tracking_url).clone()),
        };
        let warnings = &self.warnings.heartbeat;
        match telling(warnings, self.client.allocate(&request)).await {
            Ok(response) => {
                warnings.worked();
                if let Some(token) = response.am_rm_token {
                    self.client.set_token(token);
                }
                self.remember_tokens(response.nm_tokens);
                Event::Heartbeat(HeartbeatAnswer {
                    allocated: response.allocated,
                    completed: response.completed,
                    preempted: response.preempted,
                    cluster_nodes: response.cluster_nodes,
                    previous: response.previous_containers,
                })
            }
            Err(error) if error.is_resync() => {
                warnings.worked();
                Event::HeartbeatFailed(HeartbeatFailure::Resync)
            }
            Err(error) if error.is_shutdown() => Event::HeartbeatFailed(HeartbeatFailure::Shutdown),
            Err(error) if error.is_invalid_ask() => {
                let for_good = error.is_invalid_label();
                Event::HeartbeatFailed(HeartbeatFailure::Refused { cause: error.to_string(), for_good })
            }
            Err(error) => {
                warnings.failed(&error);
                Event::HeartbeatFailed(HeartbeatFailure::Lost(error.to_string()))
            }
        }
    }

    /// Calls `finishApplicationMaster` until the ResourceManager has stored the end or a minute has passed; after that
    /// the machine requests it again.
    pub(super) async fn unregister(&self, status: FinalStatus, diagnostics: &str) -> Event {
        let warnings = &self.warnings.end;
        let begun = Instant::now();
        let mut pause = FINISH_PAUSE.0;
        loop {
            match telling(warnings, self.client.finish(status, diagnostics, "")).await {
                Ok(true) => {
                    warnings.worked();
                    return Event::Unregistered;
                }
                Ok(false) if begun.elapsed() < FINISH_PATIENCE => {}
                Ok(false) => {
                    warnings.failed(&"it has not stored it yet");
                    return Event::UnregisterFailed;
                }
                // The ResourceManager restarted in between.
                Err(error) if error.is_resync() && begun.elapsed() < FINISH_PATIENCE => {
                    match self.register().await {
                        Event::Registered { .. } => {}
                        Event::RegistrationFailed { cause } => {
                            tracing::warn!("registering again, to tell the end: {cause}");
                            return Event::AttemptOver;
                        }
                        over => return over,
                    }
                }
                Err(error) if error.is_shutdown() => {
                    tracing::warn!("telling the ResourceManager of the end: {error}");
                    return Event::AttemptOver;
                }
                Err(error) => {
                    warnings.failed(&error);
                    return Event::UnregisterFailed;
                }
            }
            sleep(pause).await;
            pause = (pause * 2).min(FINISH_PAUSE.1);
        }
    }
}

/// Makes a call, and logs now and then that it has not been answered yet.
async fn telling<T>(warnings: &Warnings, call: impl Future<Output = T>) -> T {
    let begun = Instant::now();
    let mut patience = LONG;
    let mut call = std::pin::pin!(call);
    loop {
        if let Ok(answer) = timeout_at(begun + patience, &mut call).await {
            return answer;
        }
        warnings.still(patience);
        patience *= 2;
    }
}

/// How many TaskManagers the empty cluster could hold beside this application master. On a secure cluster the application
/// master asks with the token of its submission.
pub(super) async fn cluster_capacity(
    conf: &Configuration,
    user: &User,
    spec: &LaunchSpec,
    own: &NodeId,
) -> Event {
    let unknown = |description: String| Event::ClusterCapacity { task_managers: None, description };
    let nodes = async { ResourceManager::new(conf, user)?.nodes(&[NodeState::Running]).await };
    match nodes.await {
        Ok(nodes) => {
            let wanted = spec.task_manager.as_ref().map_or(1, |tm| tm.memory_mib.max(1));
            let fitting = |capacity: u64, used_by_us: u64| capacity.saturating_sub(used_by_us) / wanted;
            let own_mib = spec.job_manager_mib;
            let most: u64 = nodes
                .iter()
                .map(|node| fitting(node.capability.memory_mib, if node.id == *own { own_mib } else { 0 }))
                .sum();
            let sizes: Vec<_> =
                nodes.iter().map(|node| format!("{} MiB", node.capability.memory_mib)).collect();
            let things = if nodes.len() == 1 { "node" } else { "nodes" };
            Event::ClusterCapacity {
                task_managers: u32::try_from(most).ok(),
                description: format!("{} {things}: {}", nodes.len(), summary(&sizes)),
            }
        }
        Err(error) => unknown(error.to_string()),
    }
}

/// The first few items of a list.
fn summary(items: &[String]) -> String {
    const SHOWN: usize = 4;
    let mut text = items.iter().take(SHOWN).cloned().collect::<Vec<_>>().join(", ");
    if items.len() > SHOWN {
        text.push_str(", …");
    }
    text
}

/// Locks despite a panic elsewhere: the content is always replaced as a whole, never left half-written.
fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
