//! The ResourceManager's REST pages.

use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail};
use serde_json::Value;

use super::hdfs::WebHdfs;
use super::java::APPLICATION_CLI;
use super::{Cluster, Daemon};
use crate::http;

/// Time between two looks at a page.
const POLL: Duration = Duration::from_millis(100);

/// States of an application that has ended.
const ENDED: [&str; 3] = ["FINISHED", "FAILED", "KILLED"];

/// Headers of a request with a JSON body.
const JSON: [(&str, &str); 1] = [("content-type", "application/json")];

impl Cluster {
    /// `http://host:port` of the first live ResourceManager; the standby of a pair redirects to the active one.
    pub fn rm_web(&self) -> String {
        let alive = |number: &usize| {
            u8::try_from(*number).is_ok_and(|number| self.pid(Daemon::ResourceManager(number)).is_some())
        };
        let ports = &self.layout.resource_managers;
        let index = (1..=ports.len()).find(alive).unwrap_or(1) - 1;
        format!("http://localhost:{}", ports[index].web)
    }

    /// GET on the ResourceManager, for instance `/ws/v1/cluster/info`.
    ///
    /// # Errors
    /// No ResourceManager answers, or not with 2xx and JSON.
    pub async fn rm_rest(&self, path: &str) -> Result<Value> {
        http::get_json(&format!("{}{path}", self.rm_web())).await
    }

    /// The `app` object of one application.
    ///
    /// # Errors
    /// The same as for [`Cluster::rm_rest`]; also if the application is unknown.
    pub async fn application(&self, id: &str) -> Result<Value> {
        let mut answer = self.rm_rest(&format!("/ws/v1/cluster/apps/{id}")).await?;
        answer.get_mut("app").map(Value::take).with_context(|| format!("no app in the answer for {id}"))
    }

    /// All applications, in the ResourceManager's order.
    ///
    /// # Errors
    /// As [`Cluster::rm_rest`].
    pub async fn applications(&self) -> Result<Vec<Value>> {
        Ok(array(self.rm_rest("/ws/v1/cluster/apps").await?, "/apps/app"))
    }

    /// Waits until the application is FINISHED, FAILED or KILLED and returns its `app` object.
    ///
    /// # Errors
    /// It is not after `limit`; the last state seen is in the error.
    pub async fn wait_for_end(&self, id: &str, limit: Duration) -> Result<Value> {
        self.wait_for(id, &ENDED, limit).await
    }

    /// Waits until the application's `state` is `state` and returns its `app` object.
    ///
    /// # Errors
    /// It is not after `limit`, or the application has ended otherwise.
    pub async fn wait_for_state(&self, id: &str, state: &str, limit: Duration) -> Result<Value> {
        self.wait_for(id, &[state], limit).await
    }

    async fn wait_for(&self, id: &str, wanted: &[&str], limit: Duration) -> Result<Value> {
        let begun = Instant::now();
        loop {
            let application = self.application(id).await?;
            let state = application.get("state").and_then(Value::as_str).unwrap_or_default();
            if wanted.contains(&state) {
                return Ok(application);
            }
            let diagnostics = application.get("diagnostics").and_then(Value::as_str).unwrap_or_default();
            if ENDED.contains(&state) {
                bail!("{id} ended as {state}, not {}: {diagnostics}", wanted.join(" or "));
            }
            if begun.elapsed() > limit {
                let seconds = limit.as_secs_f64();
                bail!("{id} is {state}, not {} after {seconds} s: {diagnostics}", wanted.join(" or "));
            }
            tokio::time::sleep(POLL).await;
        }
    }

    /// Nodes in state RUNNING.
    ///
    /// # Errors
    /// As [`Cluster::rm_rest`].
    pub async fn running_nodes(&self) -> Result<Vec<Value>> {
        Ok(array(self.rm_rest("/ws/v1/cluster/nodes?states=running").await?, "/nodes/node"))
    }

    /// Submits a shell command as an application's master through the ResourceManager's own REST page, as `user`, and
    /// returns the application id. The command never registers, so the application stays ACCEPTED while it runs.
    ///
    /// # Errors
    /// The ResourceManager refuses; its text is in the error.
    pub async fn submit_command(&self, user: &str, queue: &str, name: &str, command: &str) -> Result<String> {
        self.submit_with(user, queue, name, command, &Value::Null).await
    }

    /// As [`Cluster::submit_command`]; the fields of `more`, an object, replace those of the submission.
    ///
    /// # Errors
    /// As [`Cluster::submit_command`].
    pub async fn submit_with(
        &self,
        user: &str,
        queue: &str,
        name: &str,
        command: &str,
        more: &Value,
    ) -> Result<String> {
        let new = format!("{}/ws/v1/cluster/apps/new-application?user.name={user}", self.rm_web());
        let answer = http::request("POST", &new, &JSON, "{}".into()).await?.json()?;
        let id = answer.get("application-id").and_then(Value::as_str).context("no application-id")?;
        let mut submission = serde_json::json!({
            "application-id": id,
            "application-name": name,
            "queue": queue,
            "max-app-attempts": 1,
            "application-type": "TEST",
            "resource": {"memory": 128, "vCores": 1},
            "am-container-spec": {"commands": {"command": command}, "environment": {"entry": []}},
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            submission[key.as_str()] = value.clone();
        }
        let url = format!("{}/ws/v1/cluster/apps?user.name={user}", self.rm_web());
        http::request("POST", &url, &JSON, submission.to_string().into()).await?.success()?;
        Ok(id.to_owned())
    }

    /// Kills an application through the ResourceManager's own REST page, as the cluster's user; on a secure cluster as
    /// `yarn application -kill`, as that page would want a ticket.
    ///
    /// # Errors
    /// The ResourceManager refuses.
    pub async fn kill_application(&self, id: &str) -> Result<()> {
        if self.layout.kerberos.is_some() {
            self.java_tool(APPLICATION_CLI, &["application", "-kill", id]).await?.success()?;
            return Ok(());
        }
        let url = format!("{}/ws/v1/cluster/apps/{id}/state?user.name={}", self.rm_web(), self.layout.user);
        http::request("PUT", &url, &JSON, "{\"state\":\"KILLED\"}".into()).await?.success()?;
        Ok(())
    }

    /// WebHDFS as the cluster's user.
    ///
    /// # Errors
    /// The cluster has no HDFS.
    pub fn hdfs(&self) -> Result<WebHdfs> {
        let ports = self.layout.name_node.as_ref().context("this cluster has no HDFS")?;
        let token = self.layout.kerberos.as_ref().map(|_| self.hdfs_token()).transpose()?;
        Ok(WebHdfs::new(&format!("localhost:{}", ports.web), &self.layout.user, token))
    }
}

/// The array at `pointer`; the ResourceManager omits it or sends null if there is nothing.
fn array(mut answer: Value, pointer: &str) -> Vec<Value> {
    match answer.pointer_mut(pointer).map(Value::take) {
        Some(Value::Array(values)) => values,
        _ => Vec::new(),
    }
}
