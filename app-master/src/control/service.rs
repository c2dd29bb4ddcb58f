//! The calls of the control plane.

use std::pin::Pin;

use futures::Stream;
use futures::stream;
use proto::control::control_server::Control;
use proto::control::{
    ScaleReply, ScaleRequest, ShutdownReply, ShutdownRequest, StatusReply, StatusRequest, StopAfterJobReply,
    StopAfterJobRequest, WatchReply, WatchRequest,
};
use tokio::sync::{mpsc, oneshot};
use tonic::{Request, Response, Status};

use super::Question;
use super::events::Events;
use crate::machine::{self, Refusal, Reply};

/// Answers calls.
#[derive(Debug, Clone)]
pub(super) struct Service {
    events: Events,
    questions: mpsc::Sender<Question>,
}

impl Service {
    pub(super) fn new(events: Events, questions: mpsc::Sender<Question>) -> Self {
        Self { events, questions }
    }
}

impl Service {
    async fn ask(&self, request: machine::Request) -> Result<Reply, Status> {
        let (answer, reply) = oneshot::channel();
        self.questions.send(Question::Request(request, answer)).await.map_err(|_| over())?;
        reply.await.map_err(|_| over())?.map_err(|refusal| refused(&refusal))
    }
}

fn over() -> Status {
    Status::unavailable("the application master is about to exit")
}

#[tonic::async_trait]
impl Control for Service {
    async fn status(&self, _: Request<StatusRequest>) -> Result<Response<StatusReply>, Status> {
        let (answer, status) = oneshot::channel();
        self.questions.send(Question::Status(answer)).await.map_err(|_| over())?;
        Ok(Response::new(status.await.map_err(|_| over())?))
    }

    type WatchStream = Pin<Box<dyn Stream<Item = Result<WatchReply, Status>> + Send>>;

    async fn watch(&self, request: Request<WatchRequest>) -> Result<Response<Self::WatchStream>, Status> {
        let WatchRequest { after, follow } = request.into_inner();
        let watcher = self.events.watch(after.as_ref(), follow);
        let replies = stream::unfold(watcher, |mut watcher| async move {
            let reply = watcher.next().await?;
            Some((Ok(reply), watcher))
        });
        Ok(Response::new(Box::pin(replies)))
    }

    async fn stop_after_job(
        &self,
        request: Request<StopAfterJobRequest>,
    ) -> Result<Response<StopAfterJobReply>, Status> {
        let StopAfterJobRequest { job_id } = request.into_inner();
        let reply = self.ask(machine::Request::StopAfterJob { job_id }).await?;
        Ok(Response::new(StopAfterJobReply { other_jobs: cancelled(reply) }))
    }

    async fn shutdown(&self, _: Request<ShutdownRequest>) -> Result<Response<ShutdownReply>, Status> {
        let reply = self.ask(machine::Request::Shutdown).await?;
        Ok(Response::new(ShutdownReply { jobs: cancelled(reply) }))
    }

    async fn scale(&self, request: Request<ScaleRequest>) -> Result<Response<ScaleReply>, Status> {
        let ScaleRequest { task_managers } = request.into_inner();
        let reply = self.ask(machine::Request::Scale { task_managers }).await?;
        let (previous, wanted) = match reply {
            Reply::Scaled { previous, wanted } => (previous, wanted),
            Reply::Cancels(_) => (0, task_managers),
        };
        Ok(Response::new(ScaleReply { previous, task_managers: wanted }))
    }
}

fn cancelled(reply: Reply) -> Vec<String> {
    match reply {
        Reply::Cancels(jobs) => jobs,
        Reply::Scaled { .. } => Vec::new(),
    }
}

fn refused(refusal: &Refusal) -> Status {
    match refusal {
        Refusal::NoSuchJob(_) => Status::not_found(refusal.to_string()),
        Refusal::Ending | Refusal::Starting => Status::unavailable(refusal.to_string()),
        _ => Status::failed_precondition(refusal.to_string()),
    }
}
