//! The trace of one attempt, line by line: the events its machine received, their times, and the actions it took. The same
//! events at the same times must give the same actions in another process, which [`replay`] checks.

use std::io::{self, Write};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::machine::{Action, AppMaster, Event, NEVER, Settings};

/// Version of the form of events and actions. Goes up whenever an earlier trace could not be replayed with the same
/// actions.
const VERSION: u32 = 2;

/// One line.
#[derive(Debug, Serialize, Deserialize)]
enum Line {
    /// The first one.
    Begin {
        at: Duration,
        /// 0 in traces from before causes had codes.
        #[serde(default)]
        version: u32,
        settings: Box<Settings>,
    },
    Event {
        at: Duration,
        event: Box<Event>,
    },
    /// A deadline has passed.
    Timeout {
        at: Duration,
    },
    /// As JSON: the recorded action is compared, not performed again.
    Action(serde_json::Value),
}

/// Records a run. A failed write ends the recording, not the run.
#[derive(Debug)]
pub struct Recorder<W> {
    to: Option<W>,
}

impl<W: Write> Recorder<W> {
    /// Creates a recorder; without a destination, nothing is recorded.
    pub fn new(to: Option<W>) -> Self {
        Self { to }
    }

    /// Records that the machine is about to be created.
    pub fn begin(&mut self, at: Duration, settings: &Settings) {
        if self.to.is_some() {
            self.write(&Line::Begin { at, version: VERSION, settings: Box::new(settings.clone()) });
        }
    }

    /// Records an event that the machine is about to receive.
    pub fn event(&mut self, at: Duration, event: &Event) {
        if self.to.is_some() {
            self.write(&Line::Event { at, event: Box::new(event.clone()) });
        }
    }

    /// Records that the machine is about to be woken.
    pub fn timeout(&mut self, at: Duration) {
        self.write(&Line::Timeout { at });
    }

    /// Records an action of the machine.
    pub fn action(&mut self, action: &Action) {
        if self.to.is_some() {
            match serde_json::to_value(action) {
                Ok(value) => self.write(&Line::Action(value)),
                Err(error) => tracing::warn!("recording an action: {error}"),
            }
        }
    }

    /// The destination with what was written; `None` if there was none, or writing failed.
    pub fn into_inner(self) -> Option<W> {
        self.to
    }

    fn write(&mut self, line: &Line) {
        let Some(to) = &mut self.to else { return };
        let written =
            serde_json::to_writer(&mut *to, line).map_err(io::Error::from).and_then(|()| to.write_all(b"\n"));
        if let Err(error) = written {
            tracing::warn!("the trace ends here: {error}");
            self.to = None;
        }
    }
}

/// The result of a replay.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Replayed {
    /// Number of events and passed deadlines.
    pub told: usize,
    /// Number of actions, all the same as recorded.
    pub actions: usize,
}

/// A trace that cannot be replayed, or not with the same result.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A line does not belong to a trace.
    #[error("line {line} is not a trace record")]
    Line {
        /// The line's number, from 1.
        line: usize,
        /// Why.
        #[source]
        source: serde_json::Error,
    },
    /// It was recorded by another version, whose machine would have acted, or reported, differently.
    #[error(
        "the trace has version {found}, this program replays version {VERSION}: replay it with the program that wrote it"
    )]
    Version {
        /// The version of the trace.
        found: u32,
    },
    /// The first line is missing.
    #[error("line {line} precedes the start of the trace")]
    NotBegun {
        /// The line's number, from 1.
        line: usize,
    },
    /// A time before that of the line above, or beyond any application's life.
    #[error("line {line} has no time that can follow that of the line above")]
    Time {
        /// From 1.
        line: usize,
    },
    /// The machine takes another action than recorded.
    #[error("line {line}: recorded {recorded}, replayed {now}")]
    Diverged {
        /// The line's number, from 1.
        line: usize,
        /// The action in the trace.
        recorded: String,
        /// The machine's action.
        now: String,
    },
}

/// Replays a trace on a new machine, and compares its actions.
///
/// # Errors
/// [`ReplayError`].
pub fn replay(trace: &str) -> Result<Replayed, ReplayError> {
    let mut machine: Option<AppMaster> = None;
    let (mut told, mut actions) = (0, 0);
    let mut now = Duration::ZERO;
    for (line, text) in (1..).zip(trace.lines()) {
        let parsed = serde_json::from_str(text).map_err(|source| ReplayError::Line { line, source })?;
        if let Line::Event { at, .. } | Line::Timeout { at } = &parsed {
            if !(now..NEVER).contains(at) {
                return Err(ReplayError::Time { line });
            }
            now = *at;
        }
        if let Line::Begin { at, version: found, settings } = parsed {
            if at >= NEVER {
                return Err(ReplayError::Time { line });
            }
            if found != VERSION {
                return Err(ReplayError::Version { found });
            }
            machine = Some(AppMaster::new(*settings, at));
            continue;
        }
        let machine = machine.as_mut().ok_or(ReplayError::NotBegun { line })?;
        match parsed {
            Line::Begin { .. } => {}
            Line::Action(recorded) => {
                actions += 1;
                let now = machine.poll_action().and_then(|action| serde_json::to_value(action).ok());
                if now.as_ref() != Some(&recorded) {
                    let now = now.map_or_else(|| "nothing".to_owned(), |now| now.to_string());
                    return Err(ReplayError::Diverged { line, recorded: recorded.to_string(), now });
                }
            }
            Line::Event { at, event } => {
                told += 1;
                nothing_more(machine, line)?;
                machine.handle(*event, at);
            }
            Line::Timeout { at } => {
                told += 1;
                nothing_more(machine, line)?;
                machine.handle_timeout(at);
            }
        }
    }
    Ok(Replayed { told, actions })
}

/// Every action was performed before the next event arrived.
fn nothing_more(machine: &mut AppMaster, line: usize) -> Result<(), ReplayError> {
    match machine.poll_action() {
        None => Ok(()),
        Some(action) => {
            Err(ReplayError::Diverged { line, recorded: "nothing".to_owned(), now: action.to_string() })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sim::{Fault, JobModel, Scenario, World, settings};

    /// The trace of a simulated run with a few faults.
    fn trace() -> String {
        let job = JobModel {
            work: Duration::from_secs(40),
            checkpoint_interval: Some(Duration::from_secs(3)),
            ..JobModel::short(2)
        };
        let mut scenario = Scenario::calm(Settings { parallelism: 2, ..settings() }, job);
        scenario.faults = vec![
            (Duration::from_secs(12), Fault::KillTaskManager(0, 137)),
            (Duration::from_secs(20), Fault::KillJobManager(crate::machine::Exit::Signal(9))),
            (Duration::from_secs(30), Fault::RestartResourceManager(Duration::from_secs(5))),
        ];
        let mut world = World::new(scenario, 1);
        world.record();
        world.run(Duration::from_secs(600));
        world.recorded()
    }

    #[test]
    fn replay_of_a_trace_takes_the_same_actions() {
        let trace = trace();
        let replayed = replay(&trace).expect("the same");
        assert!(replayed.told > 100 && replayed.actions > 100, "{replayed:?}");
    }

    #[test]
    fn replay_of_a_different_trace_is_detected() {
        let trace = trace();
        let other: Vec<_> = trace.lines().filter(|line| !line.contains("JobManagerExited")).collect();
        assert!(matches!(replay(&other.join("\n")), Err(ReplayError::Diverged { .. })));
        let (_, headless) = trace.split_once('\n').expect("lines");
        assert!(matches!(replay(headless), Err(ReplayError::NotBegun { line: 1 })));
        assert!(matches!(replay("{}"), Err(ReplayError::Line { line: 1, .. })));
        let older = trace.replacen(&format!("\"version\":{VERSION}"), "\"version\":0", 1);
        assert!(matches!(replay(&older), Err(ReplayError::Version { found: 0 })));
        let begun = trace.lines().next().expect("lines");
        let never = r#"{"Timeout":{"at":{"secs":18446744073709551615,"nanos":0}}}"#;
        assert!(matches!(replay(&format!("{begun}\n{never}")), Err(ReplayError::Time { line: 2 })));
        assert!(matches!(replay(""), Ok(Replayed { told: 0, actions: 0 })));
    }
}
