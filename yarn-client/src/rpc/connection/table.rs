//! The calls in flight on one connection.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::{Notify, oneshot, watch};
use tokio::time::Instant;

use super::{CallError, ConnectionError};
use crate::rpc::frame::{Reply, Status};

/// Shared by the callers, the reader and the writer.
#[derive(Debug)]
pub(super) struct Table {
    state: Mutex<State>,
    /// A call came or went: the reader's timers are to be looked at again.
    changed: Notify,
    /// True once poisoned.
    over: watch::Sender<bool>,
}

#[derive(Debug)]
enum State {
    Active(Active),
    Poisoned(Arc<ConnectionError>),
}

#[derive(Debug)]
struct Active {
    calls: HashMap<i32, Entry>,
    next_id: i32,
    /// Ids below this one have been given out since the connection began, unless the counter has wrapped.
    wrapped: bool,
    /// When a call was last started or answered.
    touched: Instant,
}

#[derive(Debug)]
struct Entry {
    answer: oneshot::Sender<Result<Bytes, CallError>>,
    written: bool,
}

/// What the reader must do when nothing is heard until then.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    Ping(Instant),
    Close(Instant),
    Nothing,
}

impl Due {
    pub(super) fn at(self) -> Option<Instant> {
        match self {
            Self::Ping(at) | Self::Close(at) => Some(at),
            Self::Nothing => None,
        }
    }
}

impl Table {
    pub(super) fn new(now: Instant) -> Self {
        let active = Active { calls: HashMap::new(), next_id: 0, wrapped: false, touched: now };
        Self {
            state: Mutex::new(State::Active(active)),
            changed: Notify::new(),
            over: watch::Sender::new(false),
        }
    }

    /// Nothing that could panic runs under the lock, so a poisoned lock still guards whole data.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Begins a call.
    pub(super) fn enter(&self, now: Instant) -> Result<Waiting<'_>, CallError> {
        let (answer, receiver) = oneshot::channel();
        let mut state = self.lock();
        let active = match &mut *state {
            State::Active(active) => active,
            State::Poisoned(cause) => {
                return Err(CallError::Lost { cause: Arc::clone(cause), written: false });
            }
        };
        let id = active.next_id;
        active.next_id = id.checked_add(1).unwrap_or_else(|| {
            active.wrapped = true;
            0
        });
        active.touched = now;
        active.calls.insert(id, Entry { answer, written: false });
        drop(state);
        self.changed.notify_one();
        Ok(Waiting { table: self, id, receiver })
    }

    /// Notes that a call's request is on its way; `false` if its caller has given up.
    pub(super) fn about_to_write(&self, id: i32) -> bool {
        let mut state = self.lock();
        let State::Active(active) = &mut *state else { return false };
        let Some(entry) = active.calls.get_mut(&id) else { return false };
        entry.written = true;
        true
    }

    /// Hands a reply to its caller.
    pub(super) fn deliver(&self, reply: Reply, now: Instant) -> Result<(), ConnectionError> {
        let answer = match reply.status {
            Status::Success(payload) => Ok(payload),
            Status::Error(remote) => Err(CallError::Remote(remote)),
            Status::Fatal(remote) => return Err(ConnectionError::Fatal(remote)),
        };
        let mut state = self.lock();
        let State::Active(active) = &mut *state else { return Ok(()) };
        active.touched = now;
        match active.calls.remove(&reply.call_id) {
            // A caller that has just given up is not an error.
            Some(entry) => drop(entry.answer.send(answer)),
            None if reply.call_id >= 0 && (active.wrapped || reply.call_id < active.next_id) => {}
            None => return Err(ConnectionError::UnknownCall(reply.call_id)),
        }
        Ok(())
    }

    /// Ends the connection: every waiter gets the same cause. Only the first cause counts.
    pub(super) fn poison(&self, cause: ConnectionError) {
        let mut state = self.lock();
        if matches!(*state, State::Poisoned(_)) {
            return;
        }
        let cause = Arc::new(cause);
        let before = std::mem::replace(&mut *state, State::Poisoned(Arc::clone(&cause)));
        drop(state);
        if let State::Active(active) = before {
            for entry in active.calls.into_values() {
                let lost = CallError::Lost { cause: Arc::clone(&cause), written: entry.written };
                let _ = entry.answer.send(Err(lost));
            }
        }
        self.over.send_replace(true);
    }

    /// Ends the connection unless a call has come in between; says whether it is over.
    pub(super) fn poison_if_idle(&self) -> bool {
        let mut state = self.lock();
        match &*state {
            State::Active(active) if !active.calls.is_empty() => return false,
            State::Active(_) => *state = State::Poisoned(Arc::new(ConnectionError::Idle)),
            State::Poisoned(_) => {}
        }
        drop(state);
        self.over.send_replace(true);
        true
    }

    pub(super) fn is_active(&self) -> bool {
        matches!(*self.lock(), State::Active(_))
    }

    /// What is to be done if the server, last heard at `heard`, stays silent.
    pub(super) fn due(&self, heard: Instant, ping_interval: Option<Duration>, max_idle: Duration) -> Due {
        let state = self.lock();
        let State::Active(active) = &*state else { return Due::Nothing };
        let at = |from: Instant, after: Duration| from.checked_add(after);
        if active.calls.is_empty() {
            return at(active.touched, max_idle).map_or(Due::Nothing, Due::Close);
        }
        let silent = heard.max(active.touched);
        ping_interval.and_then(|interval| at(silent, interval)).map_or(Due::Nothing, Due::Ping)
    }

    /// Waits until a call has come or gone.
    pub(super) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Waits for the end of the connection.
    pub(super) async fn poisoned(&self) {
        // Fails only when the sender is gone, which is in `self`.
        let _ = self.over.subscribe().wait_for(|over| *over).await;
    }

    #[cfg(test)]
    pub(super) fn begin_call_ids_at(&self, id: i32) {
        if let State::Active(active) = &mut *self.lock() {
            active.next_id = id;
        }
    }

    fn forget(&self, id: i32) {
        if let State::Active(active) = &mut *self.lock() {
            active.calls.remove(&id);
        }
        self.changed.notify_one();
    }
}

/// A call in flight; forgotten when dropped.
#[derive(Debug)]
pub(super) struct Waiting<'a> {
    table: &'a Table,
    id: i32,
    receiver: oneshot::Receiver<Result<Bytes, CallError>>,
}

impl Waiting<'_> {
    pub(super) fn id(&self) -> i32 {
        self.id
    }

    pub(super) async fn answer(&mut self) -> Result<Bytes, CallError> {
        match (&mut self.receiver).await {
            Ok(answer) => answer,
            // The table drops no sender without an answer while we wait.
            Err(_) => Err(CallError::Lost { cause: Arc::new(ConnectionError::Dropped), written: true }),
        }
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.table.forget(self.id);
    }
}
