//! Which connections a listener keeps when more come than it has places for. Pure: peers, and the time, come in; what is kept and
//! what is given up goes out.
//!
//! A connection is *silent* until it has authenticated, or sent its first request: until then it costs its peer nothing, so it
//! has to make room for others. One that has been heard keeps its place for as long as it likes.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};
use std::time::Duration;

/// How many connections a listener keeps, and for how long a silent one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// In total.
    pub total: usize,
    /// How many of these only the first connection of a peer can get, so that no peer holds all of them.
    pub reserved: usize,
    /// Silent ones of one peer.
    pub silent_per_peer: usize,
    /// A connection that is not heard within this time is given up.
    pub silence: Duration,
    /// What a peer with nothing to hide needs to be heard: no connection has to make room before.
    pub grace: Duration,
}

/// Whoever opens connections: an IPv4 address, or 64 bits of an IPv6 address, as a single host often owns all that begin with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Peer(IpAddr);

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        Self(match address.to_canonical() {
            IpAddr::V6(v6) => IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> 64 << 64)),
            v4 @ IpAddr::V4(_) => v4,
        })
    }
}

/// Names a connection. Later ones are greater.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Id(u64);

/// What becomes of a new connection.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Admission<T> {
    /// It has a place.
    Kept(Id),
    /// It has the place of another, which had been silent for longer than any other that could have been chosen.
    Replaced(Id, Peer, T),
    /// No silent connection could make room.
    Refused(T),
}

/// The connections of one listener. `T` is what the listener needs to give one up.
#[derive(Debug)]
pub struct Places<T> {
    limits: Limits,
    next: u64,
    connections: BTreeMap<Id, Connection<T>>,
    peers: BTreeMap<Peer, Held>,
}

#[derive(Debug)]
struct Connection<T> {
    peer: Peer,
    /// `None` once it has been heard.
    silent_since: Option<Duration>,
    handle: T,
}

/// Connections of one peer.
#[derive(Debug, Clone, Copy, Default)]
struct Held {
    all: usize,
    silent: usize,
}

/// Where there is room for a connection.
enum Room {
    Free,
    InPlaceOf(Id),
    None,
}

impl<T> Places<T> {
    /// Without connections.
    #[must_use]
    pub fn new(limits: Limits) -> Self {
        Self { limits, next: 0, connections: BTreeMap::new(), peers: BTreeMap::new() }
    }

    /// When a connection of `peer` is to be admitted, if it would take the place of another now. Until then the other may still be
    /// heard, or may already have been, and nobody has come to read it.
    #[must_use]
    pub fn not_before(&self, peer: Peer) -> Option<Duration> {
        let Room::InPlaceOf(id) = self.room(peer) else { return None };
        Some(self.connections.get(&id)?.silent_since? + self.limits.grace)
    }

    /// A connection has come. `now` never goes back.
    pub fn admit(&mut self, peer: Peer, handle: T, now: Duration) -> Admission<T> {
        let replaced = match self.room(peer) {
            Room::Free => None,
            Room::InPlaceOf(id) => self.remove(id),
            Room::None => return Admission::Refused(handle),
        };
        let id = Id(self.next);
        self.next += 1;
        self.connections.insert(id, Connection { peer, silent_since: Some(now), handle });
        let held = self.peers.entry(peer).or_default();
        held.all += 1;
        held.silent += 1;
        match replaced {
            Some(replaced) => Admission::Replaced(id, replaced.peer, replaced.handle),
            None => Admission::Kept(id),
        }
    }

    /// A connection has authenticated, or sent its first request. Nothing happens if it has been given up.
    pub fn heard(&mut self, id: Id) {
        let Some(connection) = self.connections.get_mut(&id) else { return };
        if connection.silent_since.take().is_some()
            && let Some(held) = self.peers.get_mut(&connection.peer)
        {
            held.silent -= 1;
        }
    }

    /// A connection has ended. Nothing happens if it has been given up.
    pub fn closed(&mut self, id: Id) {
        self.remove(id);
    }

    /// When the next silent connection has to be given up. Changes with [`Self::admit`], [`Self::heard`] and [`Self::closed`], to
    /// an earlier time only when there was none.
    #[must_use]
    pub fn next_deadline(&self) -> Option<Duration> {
        let since = self.connections.values().find_map(|connection| connection.silent_since)?;
        Some(since + self.limits.silence)
    }

    /// Gives up those whose time is over.
    pub fn expire(&mut self, now: Duration) -> Vec<T> {
        let silence = self.limits.silence;
        let over =
            |connection: &Connection<T>| connection.silent_since.is_some_and(|since| since + silence <= now);
        let ids: Vec<Id> = self.connections.iter().filter(|(_, it)| over(it)).map(|(id, _)| *id).collect();
        ids.into_iter().filter_map(|id| Some(self.remove(id)?.handle)).collect()
    }

    fn room(&self, peer: Peer) -> Room {
        let held = self.peers.get(&peer).copied().unwrap_or_default();
        // Of every peer, all but the first.
        let further = self.connections.len() - self.peers.len();
        let oldest = if held.silent >= self.limits.silent_per_peer {
            self.oldest_silent(|other, _| other == peer)
        } else if held.all > 0 && further >= self.limits.total - self.limits.reserved {
            self.oldest_silent(|other, held| held.all > 1 || other == peer)
        } else if self.connections.len() >= self.limits.total {
            self.oldest_silent(|_, _| true)
        } else {
            return Room::Free;
        };
        oldest.map_or(Room::None, Room::InPlaceOf)
    }

    /// The one that has been silent for longest, of the peers that are asked for.
    fn oldest_silent(&self, of: impl Fn(Peer, Held) -> bool) -> Option<Id> {
        let chosen = |connection: &Connection<T>| {
            let held = self.peers.get(&connection.peer).copied().unwrap_or_default();
            connection.silent_since.is_some() && of(connection.peer, held)
        };
        self.connections.iter().find(|(_, connection)| chosen(connection)).map(|(id, _)| *id)
    }

    fn remove(&mut self, id: Id) -> Option<Connection<T>> {
        let connection = self.connections.remove(&id)?;
        if let Some(held) = self.peers.get_mut(&connection.peer) {
            held.all -= 1;
            held.silent -= usize::from(connection.silent_since.is_some());
            if held.all == 0 {
                self.peers.remove(&connection.peer);
            }
        }
        Some(connection)
    }
}

#[cfg(test)]
mod tests;
