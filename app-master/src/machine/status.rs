//! Where everything stands, for whoever asks.

use proto::control::{Container, ContainerState, Job, StatusReply};

use super::{AppMaster, CheckpointsView};

impl AppMaster {
    /// What the control plane answers; the attempt's number is the driver's to add.
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
        let containers = self.containers.list().map(|(id, node, state)| {
            let name = id.to_string();
            let listed = view.and_then(|view| view.task_managers.iter().find(|it| it.id == name));
            let (slots, free_slots) = listed
                .filter(|_| state == ContainerState::Registered)
                .map_or((0, 0), |it| (it.slots, it.free_slots));
            Container { id: name, node: node.to_string(), state: state.into(), slots, free_slots }
        });
        StatusReply {
            session: None,
            waiting: String::new(),
            attempt: 0,
            jobs: jobs.collect(),
            containers: containers.collect(),
            task_managers_wanted: self.desired(),
            slots_per_task_manager: self.settings.slots,
            stopping: self.ending.is_some(),
        }
    }
}
