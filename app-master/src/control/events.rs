//! What has happened, for everybody who watches: one list for all, so that a watcher that reads slowly or not at all
//! costs nothing but its place in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::control::{Event, EventId, Lost, WatchReply, event, watch_reply};
use tokio::sync::watch;

/// Events kept; a thousand containers that come and go are four thousand.
const KEPT: usize = 16_384;

/// The list. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    list: Arc<Mutex<List>>,
    /// How many there have been, in all attempts that are known; `u64::MAX` after the last one.
    count: watch::Sender<u64>,
}

#[derive(Debug)]
struct List {
    attempt: u32,
    /// Of this attempt.
    last_number: u64,
    /// Events that are not in `kept` any more.
    dropped: u64,
    kept: VecDeque<Event>,
    ended: bool,
}

/// A watcher's place.
#[derive(Debug)]
pub struct Watcher {
    events: Events,
    /// Counted as [`Events::count`].
    next: u64,
    news: watch::Receiver<u64>,
    follow: bool,
    /// What has to be said first.
    lost: Option<u64>,
}

impl Events {
    /// The list of an attempt; `earlier` is what earlier attempts have written down.
    #[must_use]
    pub fn new(attempt: u32, earlier: Vec<Event>) -> Self {
        let mut kept = VecDeque::from(earlier);
        kept.drain(..kept.len().saturating_sub(KEPT));
        let count = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        let list = List { attempt, last_number: 0, dropped: 0, kept, ended: false };
        Self { list: Arc::new(Mutex::new(list)), count: watch::Sender::new(count) }
    }

    /// Adds one. The clock may be set back meanwhile; order is by number.
    pub fn push(&self, what: event::What, time_ms: u64) -> Event {
        let mut list = self.list();
        list.last_number += 1;
        let id = EventId { attempt: list.attempt, number: list.last_number };
        let event = Event { id: Some(id), time_ms, what: Some(what) };
        list.kept.push_back(event.clone());
        if list.kept.len() > KEPT {
            list.kept.pop_front();
            list.dropped += 1;
        }
        let count = list.count();
        drop(list);
        self.count.send_replace(count);
        event
    }

    /// Nothing more will happen: watchers that have seen everything are let go.
    pub fn end(&self) {
        self.list().ended = true;
        // The same number again is news, too.
        self.count.send_modify(|_| {});
    }

    /// Everything that is kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Event> {
        self.list().kept.iter().cloned().collect()
    }

    /// The id of the newest.
    #[must_use]
    pub fn last(&self) -> Option<EventId> {
        self.list().kept.back().and_then(|event| event.id)
    }

    /// A place behind `after`, or at the first event that is kept.
    #[must_use]
    pub fn watch(&self, after: Option<&EventId>, follow: bool) -> Watcher {
        let list = self.list();
        let place = |id: &EventId| (id.attempt, id.number);
        let kept = |event: &Event| event.id.as_ref().map(place);
        let (mut lost, seen) = match after {
            None => (list.dropped, 0),
            Some(after) => {
                let seen = list.kept.iter().take_while(|event| kept(event) <= Some(place(after))).count();
                (0, seen)
            }
        };
        let next = list.dropped + u64::try_from(seen).unwrap_or(u64::MAX);
        if let (Some(after), Some(first)) = (after, list.kept.get(seen).and_then(kept)) {
            // The next of the same attempt, or the first of the next one. Of an attempt that was killed, nobody knows how
            // much it had not written down.
            let (attempt, number) = place(after);
            lost = if first.0 == attempt { first.1.saturating_sub(number + 1) } else { first.1 - 1 };
        }
        let lost = Some(lost).filter(|lost| *lost > 0);
        Watcher { events: self.clone(), next, news: self.count.subscribe(), follow, lost }
    }

    fn list(&self) -> MutexGuard<'_, List> {
        self.list.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl List {
    fn count(&self) -> u64 {
        self.dropped + u64::try_from(self.kept.len()).unwrap_or(u64::MAX)
    }
}

impl Watcher {
    /// The next thing to say; `None` when there is nothing more, and will not be.
    pub async fn next(&mut self) -> Option<WatchReply> {
        loop {
            if let Some(count) = self.lost.take() {
                return Some(WatchReply { reply: Some(watch_reply::Reply::Lost(Lost { count })) });
            }
            self.news.mark_unchanged();
            {
                let list = self.events.list();
                if let Some(behind) = list.dropped.checked_sub(self.next).filter(|behind| *behind > 0) {
                    self.lost = Some(behind);
                    self.next = list.dropped;
                    continue;
                }
                let index = usize::try_from(self.next - list.dropped).unwrap_or(usize::MAX);
                if let Some(event) = list.kept.get(index) {
                    self.next += 1;
                    let reply = watch_reply::Reply::Event(event.clone());
                    return Some(WatchReply { reply: Some(reply) });
                }
                if list.ended || !self.follow {
                    return None;
                }
            }
            self.news.changed().await.ok()?;
        }
    }
}

#[cfg(test)]
mod tests {
    use proto::control::Launched;

    use super::*;

    fn push(events: &Events, count: usize) {
        for number in 0..count {
            events.push(event::What::Launched(Launched { container: number.to_string() }), 0);
        }
    }

    /// `attempt.number`, or `-lost`.
    async fn rest(mut watcher: Watcher) -> Vec<String> {
        let mut seen = Vec::new();
        while let Some(WatchReply { reply: Some(reply) }) = watcher.next().await {
            seen.push(match reply {
                watch_reply::Reply::Event(event) => {
                    let id = event.id.expect("every event has an id");
                    format!("{}.{}", id.attempt, id.number)
                }
                watch_reply::Reply::Lost(lost) => format!("-{}", lost.count),
            });
        }
        seen
    }

    fn id(attempt: u32, number: u64) -> EventId {
        EventId { attempt, number }
    }

    #[tokio::test]
    async fn whoever_comes_back_goes_on_behind_what_it_has_seen() {
        let first = Events::new(1, Vec::new());
        push(&first, 3);
        assert_eq!(rest(first.watch(None, false)).await, ["1.1", "1.2", "1.3"]);
        assert_eq!(rest(first.watch(Some(&id(1, 2)), false)).await, ["1.3"]);
        // The next attempt knows what was written down; the last one of these was seen by one, but not written down.
        let second = Events::new(2, first.all());
        push(&first, 1);
        push(&second, 2);
        assert_eq!(rest(second.watch(Some(&id(1, 4)), false)).await, ["2.1", "2.2"]);
        assert_eq!(rest(second.watch(Some(&id(1, 2)), false)).await, ["1.3", "2.1", "2.2"]);
        assert_eq!(rest(second.watch(Some(&id(2, 2)), false)).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn whoever_is_too_slow_is_told_how_much_it_has_missed() {
        let events = Events::new(1, Vec::new());
        push(&events, 2);
        let mut slow = events.watch(None, true);
        assert!(slow.next().await.is_some());
        push(&events, KEPT);
        events.end();
        let seen = rest(slow).await;
        assert_eq!((seen.len(), seen.first().map(String::as_str)), (KEPT + 1, Some("-1")));
        assert_eq!(rest(events.watch(None, false)).await.first().map(String::as_str), Some("-2"));
        assert_eq!(rest(events.watch(Some(&id(1, 1)), false)).await.first().map(String::as_str), Some("-1"));
    }

    #[tokio::test]
    async fn followers_hear_of_what_happens_and_of_the_end() {
        let events = Events::new(1, Vec::new());
        let follower = tokio::spawn(rest(events.watch(None, true)));
        for _ in 0..3 {
            push(&events, 1);
            tokio::task::yield_now().await;
        }
        events.end();
        assert_eq!(follower.await.expect("no panic"), ["1.1", "1.2", "1.3"]);
    }
}
