//! The events of this attempt, in one list shared by all followers, so that a slow or stalled follower costs nothing
//! but its position in it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use proto::control::{Event, EventId, Lost, WatchReply, event, watch_reply};
use tokio::sync::watch;

/// Number of events kept; a thousand containers that come and go make four thousand.
const KEPT: usize = 16_384;

/// The list. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Events {
    list: Arc<Mutex<List>>,
    /// How many there have been, in all known attempts; `u64::MAX` after the last one.
    count: watch::Sender<u64>,
}

#[derive(Debug)]
struct List {
    attempt: u32,
    /// The number of this attempt's last event.
    last_number: u64,
    /// Number of events that are no longer in `kept`.
    dropped: u64,
    kept: VecDeque<Event>,
    ended: bool,
}

/// A watcher's position in the list.
#[derive(Debug)]
pub struct Watcher {
    events: Events,
    /// Counted as [`Events::count`].
    next: u64,
    news: watch::Receiver<u64>,
    follow: bool,
    /// The number of lost events, which has to be reported first.
    lost: Option<u64>,
}

impl Events {
    /// Creates the list of an attempt; `earlier` is what earlier attempts have written down.
    #[must_use]
    pub fn new(attempt: u32, earlier: Vec<Event>) -> Self {
        let mut kept = VecDeque::from(earlier);
        kept.drain(..kept.len().saturating_sub(KEPT));
        let count = u64::try_from(kept.len()).unwrap_or(u64::MAX);
        let list = List { attempt, last_number: 0, dropped: 0, kept, ended: false };
        Self { list: Arc::new(Mutex::new(list)), count: watch::Sender::new(count) }
    }

    /// Adds an event. As the clock may be set back, the order is by number.
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

    /// Nothing more will happen: watchers that have seen everything are released.
    pub fn end(&self) {
        self.list().ended = true;
        // Sending the same number again also wakes them.
        self.count.send_modify(|_| {});
    }

    /// All events that are kept, oldest first.
    #[must_use]
    pub fn all(&self) -> Vec<Event> {
        self.list().kept.iter().cloned().collect()
    }

    /// The id of the newest event.
    #[must_use]
    pub fn last(&self) -> Option<EventId> {
        self.list().kept.back().and_then(|event| event.id)
    }

    /// A position after `after`, or at the first event that is kept.
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
            // The next of the same attempt, or the first of the next one. It is unknown how much a killed attempt had not
            // written down.
            let (attempt, number) = place(after);
            // What earlier attempts have written may say anything.
            let before = if first.0 == attempt { number } else { 0 };
            lost = first.1.saturating_sub(before).saturating_sub(1);
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
    /// The next reply; `None` if there is nothing more, and never will be.
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

    /// Each event as `attempt.number`, or `-lost`.
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
    async fn returning_follower_resumes_after_the_last_event_seen() {
        let first = Events::new(1, Vec::new());
        push(&first, 3);
        assert_eq!(rest(first.watch(None, false)).await, ["1.1", "1.2", "1.3"]);
        assert_eq!(rest(first.watch(Some(&id(1, 2)), false)).await, ["1.3"]);
        // The next attempt knows what was written down; a watcher saw the last of these, but it was not written down.
        let second = Events::new(2, first.all());
        push(&first, 1);
        push(&second, 2);
        assert_eq!(rest(second.watch(Some(&id(1, 4)), false)).await, ["2.1", "2.2"]);
        assert_eq!(rest(second.watch(Some(&id(1, 2)), false)).await, ["1.3", "2.1", "2.2"]);
        assert_eq!(rest(second.watch(Some(&id(2, 2)), false)).await, Vec::<String>::new());
    }

    #[tokio::test]
    async fn slow_follower_is_told_how_many_events_it_missed() {
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
    async fn followers_receive_events_and_the_end() {
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
