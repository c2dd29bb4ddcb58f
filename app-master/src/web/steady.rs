//! A body whose sender must not stop in the middle.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use hyper::body::{Body, Frame, SizeHint};
use tokio::time::{Sleep, sleep};

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The sender stopped.
#[derive(Debug, thiserror::Error)]
#[error("nothing more of the request came for {} s", .0.as_secs())]
pub(super) struct Stopped(Duration);

/// Fails as soon as somebody waits for its next part for longer than a limit. While nobody asks for one, as the receiver of what
/// came before is slow, no time passes.
pub(super) struct Steady<B> {
    body: B,
    limit: Duration,
    waiting: Option<Pin<Box<Sleep>>>,
}

impl<B> Steady<B> {
    pub(super) fn new(body: B, limit: Duration) -> Self {
        Self { body, limit, waiting: None }
    }
}

impl<B> Body for Steady<B>
where
    B: Body<Data = Bytes, Error: Into<BoxError>> + Unpin,
{
    type Data = Bytes;
    type Error = BoxError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BoxError>>> {
        let this = &mut *self;
        if let Poll::Ready(frame) = Pin::new(&mut this.body).poll_frame(context) {
            this.waiting = None;
            return Poll::Ready(frame.map(|frame| frame.map_err(Into::into)));
        }
        let limit = this.limit;
        ready!(this.waiting.get_or_insert_with(|| Box::pin(sleep(limit))).as_mut().poll(context));
        Poll::Ready(Some(Err(Box::new(Stopped(limit)))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
