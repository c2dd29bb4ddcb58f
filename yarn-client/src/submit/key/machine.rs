//! What a client does for a key, step by step. Pure: it says what to do next, and is given the outcome.
//!
//! A client may stop at every step, and a response may be lost at each: the next client with the key starts at
//! [`Step::Read`] and continues from what is written. Whatever the clients do, the application master's fence
//! ([`KeyRecord::start`](crate::hdfs::key_record::KeyRecord::start)) lets only one submission of a key run its job.

use proto::ids::ApplicationId;

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Read the record of the key. Outcome: [`Happened::Found`].
    Read,
    /// Ask the ResourceManager for the application. Outcome: [`Happened::Known`] or [`Happened::Unknown`].
    Ask(ApplicationId),
    /// Check everything that can be checked, and get a fresh id. Outcome: [`Happened::Prepared`].
    Prepare,
    /// Write the record of this generation. Outcome: [`Happened::Published`].
    Publish {
        /// Its number.
        generation: u32,
        /// The application it names.
        application: ApplicationId,
    },
    /// Stage, and submit under this id. Outcome: [`Happened::Taken`].
    Submit(ApplicationId),
    /// Stop: the protocol has ended.
    Done(End),
}

/// The outcome of a step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Happened {
    /// The current record, if any.
    Found(Option<Located>),
    /// The ResourceManager knows the application.
    Known {
        /// Whether it failed before its first attempt, and so will never run.
        refused: bool,
        /// Digest of its program, if the application's tags contain it.
        program: Option<String>,
    },
    /// The ResourceManager does not know the application.
    Unknown,
    /// The cluster can accept the job; here is a fresh id.
    Prepared(ApplicationId),
    /// Whether the record is ours (`true`) or another client's.
    Published(bool),
    /// The ResourceManager has accepted the submission, or an earlier one with this id.
    Taken,
}

/// The id of the Flink job that an application runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobId {
    /// 32 hexadecimal digits; empty if Flink chooses the ids of the program's jobs.
    pub id: String,
    /// Whether the user has chosen it: other applications may have it, too.
    pub fixed: bool,
}

/// A record, as far as decisions depend on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located {
    /// Its generation number.
    pub generation: u32,
    /// The application it names.
    pub application: ApplicationId,
    /// Its job.
    pub job: JobId,
    /// Digest of the program that an application master has started.
    pub started: Option<String>,
    /// Whether the outcome has been written.
    pub ended: bool,
}

/// How the protocol ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// The ResourceManager has the application: follow it.
    Follow {
        /// The application.
        application: ApplicationId,
        /// Whether this client submitted it.
        submitted: bool,
    },
    /// The application has ended, YARN has forgotten it, and the record says how.
    Ended(ApplicationId),
    /// The application has run, YARN has forgotten it, and how it ended is not known.
    Forgotten(ApplicationId),
    /// The key stands for another program.
    Differs(ApplicationId),
}

/// The protocol of a key, as one client goes through it.
#[derive(Debug, Clone)]
pub struct KeyProtocol {
    program: String,
    own: JobId,
    step: Step,
    found: Option<Located>,
    /// The ResourceManager said that it does not know the record's application; the record is read again.
    unknown: bool,
    submitted: bool,
}

impl KeyProtocol {
    /// A client that wants to run the program with this digest. `own`: the job's id, unless there is already an application.
    pub fn new(program: impl Into<String>, own: JobId) -> Self {
        let program = program.into();
        Self { program, own, step: Step::Read, found: None, unknown: false, submitted: false }
    }

    /// What to do next.
    pub fn step(&self) -> &Step {
        &self.step
    }

    /// The job of the application that the step is about: the recorded one, so that all clients submit the application
    /// with the same id; the client's own for an application that is not published yet.
    pub fn job(&self) -> &JobId {
        match (&self.step, &self.found) {
            (Step::Publish { .. }, _) | (_, None) => &self.own,
            // The program has one job for one client and several for the other: sizes and settings may differ.
            (_, Some(found)) if found.job.id.is_empty() || self.own.id.is_empty() => &self.own,
            (_, Some(found)) => &found.job,
        }
    }

    /// Processes the outcome of the step.
    pub fn handle(&mut self, happened: Happened) {
        self.step = match (&self.step, happened) {
            (Step::Read, Happened::Found(found)) => self.found(found),
            (Step::Ask(application), Happened::Known { refused, program }) => {
                let application = *application;
                match program {
                    // An application that will never run does not tie the key to its program.
                    _ if refused && !self.submitted => {
                        self.unknown = false;
                        Step::Prepare
                    }
                    Some(program) if program != self.program => Step::Done(End::Differs(application)),
                    _ => Step::Done(End::Follow { application, submitted: self.submitted }),
                }
            }
            // Just accepted and not known: a ResourceManager that failed over. The client that waits submits again.
            (Step::Ask(application), Happened::Unknown) if self.submitted => {
                Step::Done(End::Follow { application: *application, submitted: true })
            }
            (Step::Ask(_), Happened::Unknown) => {
                self.unknown = true;
                Step::Read
            }
            (Step::Prepare, Happened::Prepared(fresh)) => match &self.found {
                None => Step::Publish { generation: 1, application: fresh },
                Some(found) if self.unknown => Step::Submit(found.application),
                Some(found) => Step::Publish { generation: found.generation + 1, application: fresh },
            },
            (Step::Publish { generation, application }, Happened::Published(true)) => {
                let (generation, application, job) = (*generation, *application, self.own.clone());
                self.found = Some(Located { generation, application, job, started: None, ended: false });
                Step::Submit(application)
            }
            (Step::Publish { .. }, Happened::Published(false)) => {
                self.unknown = false;
                Step::Read
            }
            (Step::Submit(application), Happened::Taken) => {
                self.submitted = true;
                Step::Ask(*application)
            }
            // An outcome of another step changes nothing.
            (step, _) => step.clone(),
        };
    }

    fn found(&mut self, found: Option<Located>) -> Step {
        let same = match (&self.found, &found) {
            (Some(before), Some(now)) => before.generation == now.generation,
            _ => false,
        };
        // What the ResourceManager said was about the generation read before.
        self.unknown &= same;
        self.found = found;
        let Some(found) = &self.found else { return Step::Prepare };
        let application = found.application;
        match &found.started {
            _ if !self.unknown => Step::Ask(application),
            None => Step::Prepare,
            Some(program) if *program != self.program => Step::Done(End::Differs(application)),
            Some(_) if found.ended => Step::Done(End::Ended(application)),
            Some(_) => Step::Done(End::Forgotten(application)),
        }
    }
}

#[cfg(test)]
mod tests;
