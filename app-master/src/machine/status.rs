//! The current state of everything, for those who ask.

use proto::control::{Container, ContainerState, Job, Session, StatusReply};

use yarn_client::cause::{Cause, CauseCode};

use super::{AppMaster, CheckpointsView, text};

impl AppMaster {
    /// The control plane's answer; the driver adds the attempt's number and the names of hosts.
    #[must_use]
    pub fn status(&self) -> StatusReply {
        let view = self.view.as_ref();
        let jobs = view.into_iter().flat_map(|view| &view.jobs).map(|job| Job {
            id: job.id.clone(),
            state: job.status.to_string(),
            slots_needed: job.slots_needed,
            tasks_total: job.tasks_total,
            tasks_active: job.tasks_active,
            tasks_finished: job.tasks_finished,
            checkpoint: match &job.checkpoints {
                Some(CheckpointsView::On { path: Some(path), .. }) => path.clone(),
                _ => String::new(),
            },
        });
        let containers = self.containers.list().map(|(id, node, http_address, state)| {
            let name = id.to_string();
            let listed = view.and_then(|view| view.task_managers.iter().find(|it| it.id == name));
            let (slots, free_slots) = listed
                .filter(|_| state == ContainerState::Registered)
                .map_or((0, 0), |it| (it.slots, it.free_slots));
            let (node, http_address) = (node.to_string(), http_address.to_owned());
            Container { id: name, node, state: state.into(), slots, free_slots, http_address }
        });
        let waiting = self.waiting();
        StatusReply {
            session: self.work.session().map(|session| Session {
                min_task_managers: session.size.min,
                max_task_managers: session.size.max,
                idle_timeout_ms: session
                    .idle_timeout
                    .map(|it| u64::try_from(it.as_millis()).unwrap_or(u64::MAX)),
                stop_after_job: self.record.journal.stop_after.clone().unwrap_or_default(),
            }),
            waiting: waiting.text,
            waiting_code: waiting.code.map(|code| code.to_string()).unwrap_or_default(),
            waiting_hint: waiting.hint.unwrap_or_default(),
            hosts: Vec::new(),
            tokens: None,
            attempt: 0,
            jobs: jobs.collect(),
            containers: containers.collect(),
            task_managers_wanted: self.desired(),
            slots_per_task_manager: self.settings.slots,
            stopping: self.ending.is_some(),
        }
    }

    /// Why there are fewer TaskManagers than the jobs need.
    fn waiting(&self) -> Waiting {
        if let Some(refusal) = self.resource_manager.refusal().or(self.shortage.as_ref()) {
            return refusal.clone().into();
        }
        if let Some(unanswered) = &self.unanswered {
            return text::no_answer(&unanswered.cause).into();
        }
        if self.ending.is_none() && self.held_by_limits() {
            let (slots, demand, most) = (self.slots_needed.unwrap_or(0), self.demand(), self.limits().max);
            let beyond = if self.work.is_session() { text::beyond_size } else { text::beyond_limits };
            return beyond(slots, demand, most).into();
        }
        let missing = self.desired().saturating_sub(self.containers.working());
        let text = if missing > 0 { text::not_given(missing, self.desired()) } else { String::new() };
        Waiting { text, ..Waiting::default() }
    }
}

/// What the application waits for; empty if nothing. The code is that of a cause which waiting alone may not end.
#[derive(Default)]
struct Waiting {
    text: String,
    code: Option<CauseCode>,
    hint: Option<String>,
}

impl From<Cause> for Waiting {
    fn from(cause: Cause) -> Self {
        Self { text: cause.text, code: Some(cause.code), hint: cause.hint }
    }
}
