//! The rules one by one, and any sequence of events against a model that knows nothing of how they are kept.

use proptest::prelude::*;

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const LIMITS: Limits = Limits {
    total: 8,
    reserved: 2,
    silent_per_peer: 3,
    silence: Duration::from_secs(10),
    grace: Duration::from_millis(20),
};

fn peer(number: u8) -> Peer {
    IpAddr::from([10, 0, 0, number]).into()
}

/// The peer's next connection, which is heard at once.
fn heard(places: &mut Places<()>, number: u8) -> Admission<()> {
    let admission = places.admit(peer(number), (), Duration::ZERO);
    if let Admission::Kept(id) | Admission::Replaced(id, ..) = admission {
        places.heard(id);
    }
    admission
}

#[test]
fn silent_connection_makes_room_for_the_next_of_its_peer() {
    let mut places = Places::new(LIMITS);
    for n in 0..3 {
        assert_eq!(places.admit(peer(1), n, SECOND), Admission::Kept(Id(n)));
    }
    places.heard(Id(0));
    assert_eq!(places.not_before(peer(1)), None, "two are silent");
    assert_eq!(places.admit(peer(1), 3, SECOND), Admission::Kept(Id(3)));
    assert_eq!(places.not_before(peer(1)), Some(SECOND + LIMITS.grace));
    assert_eq!(places.not_before(peer(2)), None);
    assert_eq!(places.admit(peer(1), 4, SECOND), Admission::Replaced(Id(4), peer(1), 1));
    places.closed(Id(1));
    places.heard(Id(1));
    assert_eq!(places.admit(peer(1), 5, SECOND), Admission::Replaced(Id(5), peer(1), 2));
}

#[test]
fn no_peer_gets_the_reserved_places() {
    let mut places = Places::new(LIMITS);
    let kept = (0..20).filter(|_| matches!(heard(&mut places, 1), Admission::Kept(_))).count();
    // Its first place, and all that are not reserved.
    assert_eq!(kept, 7);
    assert!(matches!(heard(&mut places, 2), Admission::Kept(_)));
    assert_eq!(heard(&mut places, 2), Admission::Refused(()), "the second one");
    assert_eq!(heard(&mut places, 3), Admission::Refused(()), "all places are taken");
}

#[test]
fn many_peers_cannot_hold_places_in_silence() {
    let mut places = Places::new(LIMITS);
    for number in 0..8 {
        assert!(matches!(places.admit(peer(number), number, SECOND), Admission::Kept(_)));
    }
    assert_eq!(places.admit(peer(100), 100, SECOND), Admission::Replaced(Id(8), peer(0), 0));
}

#[test]
fn silent_connection_is_given_up_when_its_time_is_over() {
    let mut places = Places::new(LIMITS);
    assert_eq!(places.next_deadline(), None);
    for at in 1..4 {
        assert!(matches!(places.admit(peer(1), at, at * SECOND), Admission::Kept(_)));
    }
    assert_eq!(places.next_deadline(), Some(11 * SECOND));
    places.heard(Id(0));
    assert_eq!(places.next_deadline(), Some(12 * SECOND));
    assert!(places.expire(12 * SECOND - Duration::from_nanos(1)).is_empty());
    assert_eq!(places.expire(13 * SECOND), [2, 3]);
    assert_eq!(places.next_deadline(), None);
}

#[test]
fn addresses_of_one_host_are_one_peer() {
    let of = |text: &str| Peer::from(text.parse::<IpAddr>().expect("an address"));
    assert_eq!(of("::ffff:10.0.0.1"), peer(1));
    assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:ffff:ffff:ffff"));
    assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
}

#[derive(Debug, Clone)]
enum Step {
    Come(u8),
    Heard(prop::sample::Index),
    Close(prop::sample::Index),
    Pass(u8),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        6 => (0_u8..12).prop_map(|n| Step::Come(n.saturating_sub(6))),
        3 => any::<prop::sample::Index>().prop_map(Step::Heard),
        1 => any::<prop::sample::Index>().prop_map(Step::Close),
        1 => (0_u8..6).prop_map(Step::Pass),
    ];
    prop::collection::vec(step, 0..200)
}

/// What a bystander notes of a connection.
#[derive(Debug, Clone, Copy)]
struct Noted {
    id: Id,
    peer: Peer,
    since: Duration,
    heard: bool,
}

proptest! {
    #[test]
    fn rules_hold_whatever_peers_do(steps in steps(), reserved in 0_usize..6, silent_per_peer in 1_usize..6) {
        let limits = Limits { reserved, silent_per_peer, ..LIMITS };
        let mut places = Places::new(limits);
        let mut noted: Vec<Noted> = Vec::new();
        let (mut now, mut next) = (Duration::ZERO, 0);
        for step in steps {
            match step {
                Step::Come(number) => {
                    let peer = peer(number);
                    let not_before = places.not_before(peer);
                    let first = !noted.iter().any(|it| it.peer == peer);
                    let admission = places.admit(peer, Id(next), now);
                    prop_assert_eq!(not_before.is_some(), matches!(admission, Admission::Replaced(..)));
                    if let Admission::Replaced(_, of, gone) = admission {
                        let at = noted.iter().position(|it| it.id == gone).expect("an existing one");
                        let gone = noted.remove(at);
                        prop_assert!(!gone.heard && gone.peer == of);
                        prop_assert_eq!(not_before, Some(gone.since + limits.grace));
                        let mine = noted.iter().filter(|it| it.peer == peer && !it.heard);
                        // Who exceeds the limit of silent ones pays with the oldest of its own.
                        if mine.clone().count() >= limits.silent_per_peer {
                            prop_assert_eq!(gone.peer, peer);
                        }
                        prop_assert!(mine.filter(|_| gone.peer == peer).all(|it| it.id > gone.id));
                    }
                    match admission {
                        Admission::Kept(id) | Admission::Replaced(id, ..) => {
                            prop_assert_eq!(id, Id(next));
                            noted.push(Noted { id, peer, since: now, heard: false });
                            next += 1;
                        }
                        Admission::Refused(_) if first => {
                            prop_assert!(noted.len() == limits.total && noted.iter().all(|it| it.heard));
                        }
                        Admission::Refused(_) => {
                            prop_assert!(noted.iter().filter(|it| it.peer == peer).all(|it| it.heard));
                        }
                    }
                }
                Step::Heard(which) if !noted.is_empty() => {
                    let it = which.index(noted.len());
                    noted[it].heard = true;
                    places.heard(noted[it].id);
                }
                Step::Close(which) if !noted.is_empty() => {
                    places.closed(noted.remove(which.index(noted.len())).id);
                }
                Step::Heard(_) | Step::Close(_) => {}
                Step::Pass(seconds) => {
                    now += u32::from(seconds) * SECOND;
                    let over = |it: &Noted| !it.heard && it.since + limits.silence <= now;
                    let expected: Vec<Id> = noted.iter().filter(|it| over(it)).map(|it| it.id).collect();
                    prop_assert_eq!(places.expire(now), expected);
                    noted.retain(|it| !over(it));
                }
            }
            let silent = noted.iter().filter(|it| !it.heard);
            prop_assert_eq!(places.next_deadline(), silent.map(|it| it.since + limits.silence).min());
            prop_assert!(noted.len() <= limits.total);
            let of = |peer: Peer| noted.iter().filter(move |it| it.peer == peer);
            for it in &noted {
                prop_assert!(of(it.peer).filter(|it| !it.heard).count() <= limits.silent_per_peer);
                // The reserved places are open to others.
                prop_assert!(of(it.peer).count() <= limits.total - limits.reserved + 1);
            }
            let mut peers: Vec<Peer> = noted.iter().map(|it| it.peer).collect();
            peers.sort_unstable();
            peers.dedup();
            prop_assert!(noted.len() - peers.len() <= limits.total - limits.reserved);
        }
    }
}
