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
        _: Request<StopAfterJobRequest>,
    ) -> Result<Response<StopAfterJobReply>, Status> {
        Err(Status::unimplemented("replaced on the branch of the machine"))
    }

    async fn shutdown(&self, _: Request<ShutdownRequest>) -> Result<Response<ShutdownReply>, Status> {
        Err(Status::unimplemented("replaced on the branch of the machine"))
    }

    async fn scale(&self, _: Request<ScaleRequest>) -> Result<Response<ScaleReply>, Status> {
        Err(Status::unimplemented("replaced on the branch of the machine"))
    }
}
