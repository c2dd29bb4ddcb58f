//! Launches and stops TaskManager containers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use proto::ids::{ContainerId, NodeId};
use proto::launch::LaunchSpec;
use tokio::sync::Mutex;
use yarn_client::flink::command;
use yarn_client::flink::options::IO_TMP_DIRS;
use yarn_client::security::Token;
use yarn_client::submit::plan::APP_MASTER;
use yarn_client::yarn::{AllocatedContainer, LaunchContext, NodeManagerClient, launch};

use super::ports::Ports;
use super::tokens::Held;
use super::{files, job_manager};
use crate::machine::Event;

/// A container whose NodeManager cannot be reached dies with its node: the end does not wait for it.
const STOP_TIMEOUT: Duration = Duration::from_secs(5);
/// The client keeps trying for 180 s, but the last attempt, and the query about the outcome of one, may each take as
/// long again. The ResourceManager takes a container back that is not launched within 10 minutes.
const START_TIMEOUT: Duration = Duration::from_secs(240);

/// Where a launched container runs.
#[derive(Debug, Clone)]
struct Launched {
    node: NodeId,
    token: Token,
}

/// The NodeManagers that run our containers. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct NodeManagers {
    client: Arc<NodeManagerClient>,
    spec: Arc<LaunchSpec>,
    credentials: Held,
    host: String,
    launched: Arc<Mutex<BTreeMap<ContainerId, Launched>>>,
}

impl NodeManagers {
    /// `credentials` are those of launched containers; `host` is where the JobManager listens.
    pub(super) fn new(
        client: NodeManagerClient,
        spec: Arc<LaunchSpec>,
        credentials: Held,
        host: &str,
    ) -> Self {
        Self { client: Arc::new(client), spec, credentials, host: host.to_owned(), launched: Arc::default() }
    }

    /// `startContainers`.
    pub(super) async fn start(
        &self,
        container: AllocatedContainer,
        token: Option<Token>,
        ports: Ports,
    ) -> Event {
        let id = container.id;
        let Some(token) = token else {
            let cause = format!("the ResourceManager sent no token for node {}", container.node);
            return Event::ContainerStartFailed { id, cause };
        };
        let launched = Launched { node: container.node.clone(), token: token.clone() };
        self.launched.lock().await.insert(id, launched);
        let context = self.context(&container, ports);
        let start = self.client.start(&container.node, &token, &container.token, &context);
        match tokio::time::timeout(START_TIMEOUT, start).await {
            Ok(Ok(())) => Event::ContainerStarted(id),
            Ok(Err(error)) => Event::ContainerStartFailed { id, cause: error.to_string() },
            Err(_) => {
                let (node, limit) = (&container.node, START_TIMEOUT.as_secs());
                let cause = format!("node {node} did not confirm within {limit} s that it has started it");
                Event::ContainerStartFailed { id, cause }
            }
        }
    }

    /// Forgets containers that have ended, and the connections to nodes without any others.
    pub(super) async fn forget(&self, ids: &[ContainerId]) {
        let mut launched = self.launched.lock().await;
        for id in ids {
            let Some(ended) = launched.remove(id) else { continue };
            if launched.values().all(|other| other.node != ended.node) {
                self.client.forget(&ended.node);
            }
        }
    }

    /// `stopContainers`; a container that was never launched is only released, which the heartbeat does.
    pub(super) async fn stop(&self, id: ContainerId) {
        let Some(Launched { node, token }) = self.launched.lock().await.remove(&id) else { return };
        match tokio::time::timeout(STOP_TIMEOUT, self.client.stop(&node, &token, id)).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::info!(container = %id, "stopping: {error}"),
            Err(_) => tracing::info!(container = %id, %node, "no answer to the request to stop it"),
        }
    }

    fn context(&self, container: &AllocatedContainer, ports: Ports) -> LaunchContext {
        let spec = &self.spec;
        let task_manager = spec.task_manager.clone().unwrap_or_default();
        let env = task_manager.env.into_iter().collect();

        let mut properties = task_manager.dynamic_properties;
        properties.extend([
            format!("jobmanager.rpc.address={}", self.host),
            format!("jobmanager.rpc.port={}", ports.rpc),
            format!("taskmanager.host={}", container.node.host),
            // The id in Flink's own lists and logs is the container's.
            format!("taskmanager.resource-id={}", container.id),
        ]);
        if !job_manager::is_set(spec, &IO_TMP_DIRS) {
            properties.push("io.tmp.dirs=$LOCAL_DIRS".to_owned());
        }
        let line = command::task_manager(
            "$JAVA_HOME/bin/java",
            &task_manager.jvm_args,
            &job_manager::logging(spec, "<LOG_DIR>/taskmanager.log".to_owned()),
            &spec.conf_dir,
            &properties,
        );
        let template = Some(task_manager.command_template.as_str()).filter(|template| !template.is_empty());
        // NodeManagers put the end of a file with `stderr` in its name into the diagnostics of a container that fails
        // (`yarn.nodemanager.container.stderr.pattern`); flink-yarn's `taskmanager.err` misses that.
        let redirects = "1><LOG_DIR>/taskmanager.out 2><LOG_DIR>/taskmanager.stderr";
        // Quoted with expansion: for the paths of this container, and `<LOG_DIR>` in the user's JVM options.
        let java = line.render(template, &launch::quote_expanding, redirects);
        let command = format!("./{APP_MASTER} {} 2><LOG_DIR>/taskmanager.stderr && {java}", files::UNPACKER);
        LaunchContext {
            command,
            env,
            local_resources: task_manager.local_resources.into_iter().map(local_resource).collect(),
            credentials: Some(self.credentials.get()),
            view_acls: spec.view_acls.clone(),
            modify_acls: spec.modify_acls.clone(),
        }
    }
}

/// A resource as the launch specification carries it.
fn local_resource(resource: proto::launch::LocalResource) -> launch::LocalResource {
    use proto::launch::local_resource as carried;
    let kind = match resource.kind() {
        carried::Kind::File => launch::Kind::File,
        carried::Kind::Archive => launch::Kind::Archive,
    };
    let visibility = match resource.visibility() {
        carried::Visibility::Application => launch::Visibility::Application,
        carried::Visibility::Private => launch::Visibility::Private,
        carried::Visibility::Public => launch::Visibility::Public,
    };
    let proto::launch::LocalResource { link, url, size, timestamp_ms, .. } = resource;
    launch::LocalResource { link, url, size, timestamp_ms, kind, visibility }
}

#[cfg(test)]
mod tests {
    use proto::ids::{ApplicationAttemptId, ApplicationId};
    use yarn_client::conf::Configuration;
    use yarn_client::security::Credentials;

    use super::*;

    #[tokio::test]
    async fn ended_container_is_forgotten() {
        let client = NodeManagerClient::new(&Configuration::from_flat(Vec::new())).expect("a client");
        let spec = Arc::new(LaunchSpec::default());
        let nodes = NodeManagers::new(client, spec, Held::new(Credentials::default()), "localhost");
        let application = ApplicationId { cluster_timestamp: 1, id: 1 };
        let attempt = ApplicationAttemptId { application, attempt: 1 };
        let ids = [1, 2, 3].map(|id| ContainerId { attempt, id });
        let node = NodeId { host: "localhost".to_owned(), port: 1 };
        for id in ids {
            let launched = Launched { node: node.clone(), token: Token::default() };
            nodes.launched.lock().await.insert(id, launched);
        }
        nodes.forget(&ids[..2]).await;
        assert_eq!(nodes.launched.lock().await.keys().collect::<Vec<_>>(), [&ids[2]]);
        nodes.forget(&ids).await;
        assert!(nodes.launched.lock().await.is_empty());
    }
}
