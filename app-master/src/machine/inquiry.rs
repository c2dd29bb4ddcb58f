//! What a look at Flink asks besides the lists of jobs and TaskManagers. Each of these questions is about one job, and Flink
//! answers it with one request: a look asks a few, the next look the next ones, so that its cost does not depend on the
//! number of jobs.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use yarn_client::flink::JobStatus;

use super::{FlinkView, JobView};

/// Requests of one look: those for the lists, and those for questions.
pub(super) const REQUESTS: usize = 5;
/// Jobs that are still being set up are offered beyond these: they count only if they turn out to be ready.
const OFFERED: usize = 16;
/// A survey in which answers become outdated faster than they arrive is content with one answer of each job after this
/// time.
const PATIENCE: Duration = Duration::from_secs(10);

/// A question about results that outlive the tasks which have produced them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultsQuestion {
    /// How many are kept beyond the end of their jobs.
    Kept,
    /// Which vertices of this job have results that others have yet to read.
    OfJob(String),
    /// Where the tasks of this vertex have finished.
    OfVertex {
        /// The job.
        job: String,
        /// Its vertex.
        vertex: String,
    },
}

/// The answer to a [`ResultsQuestion`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ResultsAnswer {
    /// Flink does not say, or any TaskManager may hold some.
    Unknown,
    /// How many are kept.
    Kept(usize),
    /// These vertices.
    Vertices(Vec<String>),
    /// These TaskManagers.
    TaskManagers(Vec<String>),
}

/// What is known about the details of one job.
#[derive(Debug, Clone, Copy)]
struct Inquiry {
    seen: Duration,
    /// When it was last asked about.
    asked: Option<Duration>,
    /// Its tasks were all deployed when its details were last read, and it has got no others since.
    settled: bool,
    total: u32,
    ready: bool,
}

/// Whose details have to be read.
#[derive(Debug, Default)]
pub(super) struct Inquiries {
    jobs: HashMap<String, Inquiry>,
    /// In the last look the details came before the checkpoints.
    pub(super) checkpoints_wait: bool,
}

pub(super) fn is_settled(job: &JobView) -> bool {
    job.tasks_total > 0 && job.tasks_active + job.tasks_finished == job.tasks_total
}

impl Inquiries {
    /// Takes in a look. `answered` are the jobs whose details it has brought.
    pub(super) fn observe(&mut self, jobs: &[JobView], answered: &HashSet<String>, now: Duration) {
        let mut before = std::mem::take(&mut self.jobs);
        for job in jobs.iter().filter(|job| !job.status.is_terminal()) {
            let new = || {
                (job.id.clone(), Inquiry { seen: now, asked: None, settled: false, total: 0, ready: false })
            };
            let (id, mut inquiry) = before.remove_entry(&job.id).unwrap_or_else(new);
            let settled = is_settled(job) && job.slots_needed.is_some();
            let same = inquiry.settled && inquiry.total == job.tasks_total;
            inquiry.settled = settled && (same || answered.contains(&id));
            inquiry.total = job.tasks_total;
            inquiry.ready = job.status != JobStatus::Initializing;
            if answered.contains(&id) {
                inquiry.asked.get_or_insert(now);
            }
            self.jobs.insert(id, inquiry);
        }
    }

    /// Whether a job has not been asked about, although it could be.
    pub(super) fn outstanding(&self) -> bool {
        self.jobs.values().any(|it| it.ready && it.asked.is_none())
    }

    /// Whether there is a job to ask about.
    pub(super) fn due(&self) -> bool {
        self.jobs.is_empty() || self.jobs.values().any(|it| !it.settled)
    }

    /// Whether a job was first seen less than `age` ago.
    pub(super) fn is_younger(&self, job: &str, age: Duration, now: Duration) -> bool {
        self.jobs.get(job).is_none_or(|it| now < it.seen + age)
    }

    /// The jobs to ask about, the most urgent first: new ones, those that may have become ready, and those that have waited
    /// longest.
    pub(super) fn choose(&mut self, jobs: &[JobView], room: usize, now: Duration) -> Vec<String> {
        let known = jobs.iter().filter_map(|job| Some((&job.id, self.jobs.get(&job.id)?)));
        let mut due: Vec<_> = known.filter(|(_, it)| !it.settled).collect();
        let urgency = |it: &Inquiry| (it.asked.is_some(), !it.ready, it.asked);
        due.sort_by_key(|(_, it)| urgency(it));
        let (mut left, mut offered) = (room, OFFERED);
        let mut chosen = Vec::new();
        for (id, it) in due {
            let place = if it.ready { &mut left } else { &mut offered };
            if room > 0 && *place > 0 {
                *place -= 1;
                chosen.push(id.clone());
            }
        }
        for id in &chosen {
            if let Some(it) = self.jobs.get_mut(id).filter(|it| it.ready) {
                it.asked = Some(now);
            }
        }
        chosen
    }
}

/// How far a job has come: as long as this is the same, so are its results.
type Progress = (u32, u32, u32);

fn progress(job: &JobView) -> Progress {
    (job.tasks_total, job.tasks_active, job.tasks_finished)
}

/// Whether tasks of this job may have left results. Those of streaming jobs are read while they are produced.
fn may_hold(job: &JobView) -> bool {
    !job.status.is_terminal() && job.streaming != Some(true) && job.tasks_finished > 0
}

#[derive(Debug, Default)]
struct Results {
    at: Progress,
    /// Vertices whose TaskManagers are not known yet.
    pending: Vec<String>,
}

/// A search for the TaskManagers that hold results, over as many looks as it takes.
#[derive(Debug)]
pub(super) struct Survey {
    begun: Duration,
    /// None is kept beyond the end of its job.
    kept_none: bool,
    jobs: HashMap<String, Results>,
    held: HashSet<String>,
    asked: Vec<ResultsQuestion>,
}

/// How far a survey has come.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Progressing {
    /// It has more to ask.
    Goes,
    /// Any TaskManager may hold results.
    Failed,
    /// All that hold any are known.
    Complete {
        /// Only TaskManagers that were idle at this time hold none for certain.
        idle_at: Duration,
    },
}

impl Survey {
    pub(super) fn new(now: Duration) -> Self {
        Self { begun: now, kept_none: false, jobs: HashMap::new(), held: HashSet::new(), asked: Vec::new() }
    }

    pub(super) fn holds(&self, task_manager: &str) -> bool {
        self.held.contains(task_manager)
    }

    /// Whether what is known about a job need not be asked again.
    fn knows(&self, job: &JobView, now: Duration) -> bool {
        let hurried = self.begun + PATIENCE <= now;
        self.jobs.get(&job.id).is_some_and(|known| known.at == progress(job) || hurried)
    }

    /// The next questions, by what the last look has shown.
    pub(super) fn questions(&mut self, jobs: &[JobView], room: usize, now: Duration) -> Vec<ResultsQuestion> {
        let mut questions = Vec::new();
        if !self.kept_none {
            questions.push(ResultsQuestion::Kept);
        }
        for job in jobs.iter().filter(|job| may_hold(job)) {
            if questions.len() >= room {
                break;
            }
            match self.jobs.get(&job.id).filter(|_| self.knows(job, now)) {
                None => questions.push(ResultsQuestion::OfJob(job.id.clone())),
                Some(known) => {
                    questions.extend(known.pending.iter().map(|vertex| ResultsQuestion::OfVertex {
                        job: job.id.clone(),
                        vertex: vertex.clone(),
                    }))
                }
            }
        }
        questions.truncate(room);
        self.asked.clone_from(&questions);
        questions
    }

    /// Takes in a look with its answers.
    pub(super) fn observe(&mut self, view: &FlinkView, now: Duration) -> Progressing {
        let asked = std::mem::take(&mut self.asked);
        if asked.len() != view.results.len() {
            return Progressing::Failed;
        }
        let jobs = view.jobs_by_id();
        for (question, answer) in asked.into_iter().zip(&view.results) {
            let job = match &question {
                ResultsQuestion::Kept => None,
                ResultsQuestion::OfJob(job) | ResultsQuestion::OfVertex { job, .. } => {
                    // The results of a job that has ended in the meantime are of no use.
                    let Some(job) = jobs.get(job.as_str()).filter(|job| may_hold(job)) else { continue };
                    Some(job)
                }
            };
            match (question, answer) {
                (ResultsQuestion::Kept, ResultsAnswer::Kept(0)) => self.kept_none = true,
                (ResultsQuestion::OfJob(id), ResultsAnswer::Vertices(pending)) => {
                    let at = job.map(|job| progress(job)).unwrap_or_default();
                    self.jobs.insert(id, Results { at, pending: pending.clone() });
                }
                (ResultsQuestion::OfVertex { job, vertex }, ResultsAnswer::TaskManagers(ids)) => {
                    self.held.extend(ids.iter().cloned());
                    if let Some(known) = self.jobs.get_mut(&job) {
                        known.pending.retain(|it| *it != vertex);
                    }
                }
                _ => return Progressing::Failed,
            }
        }
        let open = |job: &JobView| {
            !self.knows(job, now) || self.jobs.get(&job.id).is_some_and(|known| !known.pending.is_empty())
        };
        if !self.kept_none || view.jobs.iter().any(|job| may_hold(job) && open(job)) {
            return Progressing::Goes;
        }
        // What has become idle during a long search may have left results after its job was asked.
        let idle_at = if self.begun + PATIENCE <= now { self.begun } else { now };
        Progressing::Complete { idle_at }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn job(nth: usize, active: u32, finished: u32) -> JobView {
        JobView {
            id: format!("{nth:032x}"),
            status: JobStatus::Running,
            slots_needed: Some(1),
            streaming: None,
            tasks_total: 4,
            tasks_active: active,
            tasks_finished: finished,
            checkpoints: None,
        }
    }

    fn ids(jobs: &[JobView]) -> HashSet<String> {
        jobs.iter().map(|job| job.id.clone()).collect()
    }

    #[test]
    fn every_job_gets_its_turn_and_is_asked_again_only_while_it_changes() {
        let mut jobs: Vec<_> = (0..100).map(|nth| job(nth, 4, 0)).collect();
        let mut inquiries = Inquiries::default();
        inquiries.observe(&jobs, &HashSet::new(), SECOND);
        let mut asked = HashSet::new();
        for look in 1..=50 {
            assert!(inquiries.outstanding());
            let chosen: HashSet<_> = inquiries.choose(&jobs, 2, look * SECOND).into_iter().collect();
            assert_eq!(chosen.len(), 2);
            asked.extend(chosen.iter().cloned());
            inquiries.observe(&jobs, &chosen, look * SECOND);
        }
        assert_eq!(asked, ids(&jobs));
        assert!(!inquiries.outstanding());
        assert!(inquiries.choose(&jobs, 2, 60 * SECOND).is_empty());
        // One crashes again and again; a new one comes, and goes first.
        jobs[7].tasks_active = 1;
        inquiries.observe(&jobs, &HashSet::new(), 61 * SECOND);
        assert_eq!(inquiries.choose(&jobs, 2, 61 * SECOND), [jobs[7].id.clone()]);
        jobs.push(job(100, 0, 0));
        inquiries.observe(&jobs, &HashSet::new(), 62 * SECOND);
        assert_eq!(inquiries.choose(&jobs, 1, 62 * SECOND), [jobs[100].id.clone()]);
        // The next stage of another begins.
        (jobs[9].tasks_total, jobs[9].tasks_finished) = (5, 1);
        inquiries.observe(&jobs, &HashSet::new(), 62 * SECOND);
        assert!(inquiries.choose(&jobs, 3, 62 * SECOND).contains(&jobs[9].id));
        // It runs again: its details are read once more.
        jobs[7].tasks_active = 4;
        inquiries.observe(&jobs, &HashSet::new(), 63 * SECOND);
        assert!(inquiries.choose(&jobs, 2, 63 * SECOND).contains(&jobs[7].id));
    }

    #[test]
    fn jobs_that_are_being_set_up_take_no_ones_place() {
        let mut jobs: Vec<_> = (0..5).map(|nth| job(nth, 0, 0)).collect();
        for slow in &mut jobs[..4] {
            (slow.status, slow.slots_needed) = (JobStatus::Initializing, None);
        }
        let mut inquiries = Inquiries::default();
        inquiries.observe(&jobs, &HashSet::new(), SECOND);
        for look in 1..10 {
            let chosen = inquiries.choose(&jobs, 1, look * SECOND);
            assert!(chosen.contains(&jobs[4].id) && chosen.len() == 5, "{chosen:?}");
            assert!(!inquiries.outstanding());
        }
        assert!(inquiries.choose(&jobs, 0, 10 * SECOND).is_empty());
    }

    /// A Flink in which each job's only vertex has left its results on a TaskManager of the job's own.
    fn answer(question: &ResultsQuestion) -> ResultsAnswer {
        match question {
            ResultsQuestion::Kept => ResultsAnswer::Kept(0),
            ResultsQuestion::OfJob(_) => ResultsAnswer::Vertices(vec!["v".to_owned()]),
            ResultsQuestion::OfVertex { job, .. } => ResultsAnswer::TaskManagers(vec![format!("of {job}")]),
        }
    }

    /// Looks until the survey ends. Returns its end, and how many looks it took.
    fn run(survey: &mut Survey, jobs: &mut [JobView], change: fn(&mut [JobView])) -> (Progressing, u32) {
        for look in 1.. {
            let now = look * SECOND;
            let questions = survey.questions(jobs, 3, now);
            assert!(questions.len() <= 3);
            change(jobs);
            let results = questions.iter().map(answer).collect();
            let view = FlinkView { jobs: jobs.to_vec(), results, ..FlinkView::default() };
            match survey.observe(&view, now) {
                Progressing::Goes => {}
                end => return (end, look),
            }
        }
        unreachable!("no end")
    }

    #[test]
    fn survey_finds_all_holders_a_few_requests_at_a_time() {
        let mut jobs: Vec<_> = (0..10).map(|nth| job(nth, 1, 3)).collect();
        jobs[3].streaming = Some(true);
        jobs[4].tasks_finished = 0;
        jobs[5].status = JobStatus::Finished;
        let mut survey = Survey::new(SECOND);
        let (end, looks) = run(&mut survey, &mut jobs, |_| {});
        assert_eq!((end, looks), (Progressing::Complete { idle_at: looks * SECOND }, 5 + 1));
        for (nth, job) in jobs.iter().enumerate() {
            assert_eq!(survey.holds(&format!("of {}", job.id)), !(3..6).contains(&nth), "{nth}");
        }
    }

    #[test]
    fn progress_during_a_survey_is_asked_about_and_holds_it_up_for_a_while_only() {
        let mut jobs: Vec<_> = (0..20).map(|nth| job(nth, 1, 3)).collect();
        let mut survey = Survey::new(SECOND);
        let busy = |jobs: &mut [JobView]| jobs.iter_mut().for_each(|job| job.tasks_total += 1);
        let (end, looks) = run(&mut survey, &mut jobs, busy);
        assert_eq!(end, Progressing::Complete { idle_at: SECOND });
        assert!((14..40).contains(&looks), "{looks} looks");
        assert!(jobs.iter().all(|job| survey.holds(&format!("of {}", job.id))));
    }

    #[test]
    fn survey_without_an_answer_fails() {
        let jobs = [job(0, 1, 3)];
        let view = |results: Vec<_>| FlinkView { jobs: jobs.to_vec(), results, ..FlinkView::default() };
        for results in [vec![], vec![ResultsAnswer::Unknown; 2], vec![ResultsAnswer::Kept(1); 2]] {
            let mut survey = Survey::new(SECOND);
            assert_eq!(survey.questions(&jobs, 2, SECOND).len(), 2);
            assert_eq!(survey.observe(&view(results), SECOND), Progressing::Failed);
        }
    }
}
