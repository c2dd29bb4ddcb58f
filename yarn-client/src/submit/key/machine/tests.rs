//! The protocol in a world where everything fails: clients at every step, responses, application masters, the
//! ResourceManager's memory. Twelve thousand lives, each with its own seed; a failing one prints what happened.

use std::collections::{BTreeMap, BTreeSet};

use rand::rngs::StdRng;
use rand::{RngCore as _, SeedableRng as _};

use super::*;

const SEEDS: u64 = 12_000;
const STEPS: usize = 120;
const PROGRAM: &str = "p";

fn id(number: i32) -> ApplicationId {
    ApplicationId { cluster_timestamp: 1, id: number }
}

/// The job id that a client brings.
fn job(client: u32) -> JobId {
    JobId { id: format!("{client:032x}"), fixed: false }
}

fn protocol(client: u32, program: &str) -> KeyProtocol {
    KeyProtocol::new(program, job(client))
}

/// The state of an application, as the ResourceManager sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Accepted,
    /// An attempt of the application master has been started.
    Attempt,
    /// It has passed the fence.
    Runs,
    Ended,
    /// Before its first attempt.
    Refused,
}

#[derive(Debug, Clone)]
struct Application {
    state: State,
    submission: u32,
    job: JobId,
    program: String,
}

/// HDFS, the ResourceManager, and what has really happened.
#[derive(Default)]
struct World {
    /// Record by generation.
    records: BTreeMap<u32, (ApplicationId, JobId)>,
    /// The jobs that applications have been submitted with, refused and forgotten ones included.
    jobs: BTreeMap<i32, String>,
    /// The fence: submission and program.
    started: Option<(u32, String)>,
    ended: bool,
    applications: BTreeMap<i32, Application>,
    next_id: i32,
    /// Submissions that have run the job.
    ran: Vec<u32>,
    trace: Vec<String>,
}

impl World {
    fn note(&mut self, text: String) {
        self.trace.push(text);
    }

    fn carry_out(&mut self, client: u32, protocol: &KeyProtocol) -> Happened {
        let (step, program, job) = (protocol.step(), protocol.program.as_str(), protocol.job().clone());
        let happened = match step {
            Step::Read => {
                Happened::Found(self.records.last_key_value().map(|(generation, (application, job))| {
                    Located {
                        generation: *generation,
                        application: *application,
                        job: job.clone(),
                        started: self.started.as_ref().map(|(_, program)| program.clone()),
                        ended: self.ended,
                    }
                }))
            }
            Step::Ask(application) => match self.applications.get(&application.id) {
                Some(found) => Happened::Known {
                    refused: found.state == State::Refused,
                    program: Some(found.program.clone()),
                },
                None => Happened::Unknown,
            },
            Step::Prepare => {
                self.next_id += 1;
                Happened::Prepared(id(self.next_id))
            }
            Step::Publish { generation, application } => {
                let there = self.records.entry(*generation).or_insert((*application, job));
                Happened::Published(there.0 == *application)
            }
            Step::Submit(application) => {
                let before = self.jobs.entry(application.id).or_insert_with(|| job.id.clone());
                assert_eq!(*before, job.id, "{application} was submitted with another job before");
                self.applications.entry(application.id).or_insert_with(|| Application {
                    state: State::Accepted,
                    submission: client,
                    job,
                    program: program.to_owned(),
                });
                Happened::Taken
            }
            Step::Done(_) => unreachable!("a client that is done does nothing"),
        };
        self.note(format!("client {client}: {step:?} -> {happened:?}"));
        happened
    }

    /// One application takes a step of its life. `calm`: nothing is refused and no attempt dies.
    fn live(&mut self, rng: &mut StdRng, calm: bool) {
        let count = self.applications.len();
        if count == 0 {
            return;
        }
        let at = rng.next_u32() as usize % count;
        let Some((number, application)) = self.applications.iter_mut().nth(at) else { return };
        let dies = !calm && rng.next_u32().is_multiple_of(4);
        let before = application.state;
        application.state = match before {
            State::Accepted if dies => State::Refused,
            State::Accepted => State::Attempt,
            // The next attempt, of the same submission; it may die before and after the fence.
            State::Attempt | State::Runs if dies => State::Attempt,
            State::Attempt => {
                let own = (application.submission, application.program.clone());
                if self.started.get_or_insert(own).0 == application.submission {
                    if !self.ran.contains(&application.submission) {
                        self.ran.push(application.submission);
                    }
                    State::Runs
                } else {
                    State::Ended
                }
            }
            State::Runs => {
                self.ended = true;
                State::Ended
            }
            state => state,
        };
        let (number, after) = (*number, application.state);
        self.note(format!("application {number}: {before:?} -> {after:?}"));
    }

    /// The ResourceManager forgets what has ended or, if it is restarted without a state store, everything; containers
    /// are then killed.
    fn forget(&mut self, rng: &mut StdRng) {
        let everything = rng.next_u32().is_multiple_of(3);
        self.applications.retain(|_, application| {
            !everything && !matches!(application.state, State::Ended | State::Refused)
        });
        self.note(format!(
            "the ResourceManager forgets {}",
            if everything { "everything" } else { "the dead" }
        ));
    }

    fn check(&self, seed: u64) {
        assert!(self.ran.len() <= 1, "seed {seed}: the job has run twice\n{}", self.trace.join("\n"));
        let jobs: BTreeSet<_> = self.jobs.values().collect();
        let apart = jobs.len() == self.jobs.len();
        assert!(apart, "seed {seed}: two applications share a job id\n{}", self.trace.join("\n"));
    }
}

/// How often each end occurred, so that a world in which nothing happens is noticed.
#[derive(Debug, Default)]
struct Ends {
    follow: u32,
    ended: u32,
    forgotten: u32,
    differs: u32,
    adopted: u32,
    replaced: u32,
}

/// Plays one life and counts how its last client ended.
fn play(seed: u64, ends: &mut Ends) {
    let mut rng = StdRng::seed_from_u64(seed);
    let mut world = World::default();
    let mut clients: Vec<(u32, KeyProtocol)> = Vec::new();
    let mut born = 0;
    for _ in 0..STEPS {
        match rng.next_u32() % 16 {
            0 | 1 => {
                born += 1;
                // A few clients want another program.
                let program = if rng.next_u32().is_multiple_of(8) { "other" } else { PROGRAM };
                clients.push((born, protocol(born, program)));
            }
            2..=5 => world.live(&mut rng, false),
            6 => {
                if rng.next_u32().is_multiple_of(3) {
                    world.forget(&mut rng);
                }
            }
            _ if clients.is_empty() => {}
            _ => {
                let at = rng.next_u32() as usize % clients.len();
                let fate = rng.next_u32() % 12;
                if fate == 0 {
                    let (name, _) = clients.swap_remove(at);
                    world.note(format!("client {name}: SIGKILL"));
                    continue;
                }
                let (name, protocol) = &mut clients[at];
                let happened = world.carry_out(*name, protocol);
                if fate == 1 {
                    world.note(format!("client {name}: the reply is lost"));
                    clients.swap_remove(at);
                    continue;
                }
                protocol.handle(happened);
                if let Step::Done(end) = protocol.step() {
                    world.trace.push(format!("client {name}: {end:?}"));
                    clients.swap_remove(at);
                }
            }
        }
        world.check(seed);
    }
    // A last client to which nothing happens.
    let mut protocol = protocol(0, PROGRAM);
    let (mut submitted, known) = (false, !world.records.is_empty());
    let mut rounds = 0;
    let end = loop {
        if let Step::Done(end) = protocol.step() {
            break *end;
        }
        submitted |= matches!(protocol.step(), Step::Submit(_));
        let happened = world.carry_out(0, &protocol);
        protocol.handle(happened);
        rounds += 1;
        assert!(rounds < 20, "seed {seed}: the client does not come to an end\n{}", world.trace.join("\n"));
    };
    world.note(format!("last client: {end:?}"));
    for _ in 0..200 {
        world.live(&mut rng, true);
        world.check(seed);
    }
    let ran = world.ran.len();
    let right = match end {
        End::Follow { .. } | End::Ended(_) | End::Forgotten(_) => ran == 1,
        // Another program has the key: it runs, and only it.
        End::Differs(_) => ran == 1 && world.trace.iter().any(|line| line.contains("\"other\"")),
    };
    assert!(right, "seed {seed}: {end:?}, and {ran} runs\n{}", world.trace.join("\n"));
    match end {
        End::Follow { .. } => ends.follow += 1,
        End::Ended(_) => ends.ended += 1,
        End::Forgotten(_) => ends.forgotten += 1,
        End::Differs(_) => ends.differs += 1,
    }
    ends.adopted += u32::from(submitted && known);
    ends.replaced += u32::from(world.records.len() > 1);
}

#[test]
fn twelve_thousand_lives_and_no_job_runs_twice() {
    let mut ends = Ends::default();
    for seed in 0..SEEDS {
        play(seed, &mut ends);
    }
    let Ends { follow, ended, forgotten, differs, adopted, replaced } = ends;
    for count in [follow, ended, forgotten, differs, adopted, replaced] {
        assert!(count > 100, "hardly met: {ends:?}");
    }
}

/// Kills one client before each step in turn, and loses each response; a second client continues.
#[test]
fn a_client_that_dies_at_any_step_is_followed_or_adopted() {
    for steps in 0..8 {
        for lost in [false, true] {
            let mut world = World::default();
            let mut first = protocol(1, PROGRAM);
            for _ in 0..steps {
                if matches!(first.step(), Step::Done(_)) {
                    break;
                }
                let happened = world.carry_out(1, &first);
                first.handle(happened);
            }
            if lost && !matches!(first.step(), Step::Done(_)) {
                world.carry_out(1, &first);
            }
            let mut second = protocol(2, PROGRAM);
            while !matches!(second.step(), Step::Done(_)) {
                let happened = world.carry_out(2, &second);
                second.handle(happened);
            }
            let trace = world.trace.join("\n");
            assert_eq!(world.applications.len(), 1, "{steps} {lost}\n{trace}");
            assert!(matches!(second.step(), Step::Done(End::Follow { .. })), "{steps} {lost}\n{trace}");
            let application = world.applications.values().next().unwrap();
            assert_eq!(*second.job(), application.job, "it is told of another job: {steps} {lost}\n{trace}");
        }
    }
}

#[test]
fn a_refused_application_gives_the_key_back() {
    let mut world = World::default();
    let job = job(9);
    world.next_id = 1;
    world.records.insert(1, (id(1), job.clone()));
    let refused = Application { state: State::Refused, submission: 9, job, program: "other".to_owned() };
    world.applications.insert(1, refused);
    let mut protocol = protocol(1, PROGRAM);
    while !matches!(protocol.step(), Step::Done(_)) {
        let happened = world.carry_out(1, &protocol);
        protocol.handle(happened);
    }
    assert_eq!(protocol.step(), &Step::Done(End::Follow { application: id(2), submitted: true }));
    assert_eq!(world.records[&2], (id(2), self::job(1)), "a job of its own");
}

#[test]
fn another_program_is_told_apart() {
    let mut protocol = protocol(1, "mine");
    protocol.handle(Happened::Found(Some(Located {
        generation: 1,
        application: id(1),
        job: job(2),
        started: None,
        ended: false,
    })));
    assert_eq!(protocol.step(), &Step::Ask(id(1)));
    protocol.handle(Happened::Known { refused: false, program: Some("yours".to_owned()) });
    assert_eq!(protocol.step(), &Step::Done(End::Differs(id(1))));
}

#[test]
fn ids_of_flinks_own_are_left_to_flink() {
    let several = JobId { id: String::new(), fixed: false };
    for (own, recorded, expected) in
        [(&several, job(2), &several), (&job(1), several.clone(), &job(1)), (&job(1), job(2), &job(2))]
    {
        let mut protocol = KeyProtocol::new(PROGRAM, own.clone());
        protocol.handle(Happened::Found(Some(Located {
            generation: 1,
            application: id(1),
            job: recorded,
            started: None,
            ended: false,
        })));
        assert_eq!(protocol.job(), expected);
    }
}
