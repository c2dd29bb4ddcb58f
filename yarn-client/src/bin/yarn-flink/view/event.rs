//! One event of an application, as a line for people.

use yarn_client::control::EventView;

use crate::render::clock;

/// `13:04:05.123  task_manager_lost  container_… on host:port: was preempted [preempted]`
pub(crate) fn event_line(event: &EventView) -> String {
    let mut words = Vec::new();
    if event.job_id.is_none() {
        words.extend(event.previous.as_ref().map(|previous| format!("{previous} ->")));
    }
    words.extend(event.start.filter(|start| *start > 1).map(|start| format!("start {start}")));
    words.extend(event.task_managers.map(|count| format!("{count} TaskManagers wanted")));
    words.extend(event.container.clone());
    words.extend(event.node.as_ref().map(|node| format!("on {node}")));
    if let Some(job_id) = &event.job_id {
        words.push(job_id.clone());
        words.extend(event.previous.as_ref().map(|previous| format!("{previous} ->")));
    }
    words.extend(event.job_state.clone());
    words.extend(event.checkpoint.clone());
    let mut text = format!("{}  {:<24} {}", clock(event.time_ms), event.event, words.join(" "));
    if let Some(cause) = &event.cause {
        let first = cause.lines().next().unwrap_or_default();
        text = format!("{}: {first}", text.trim_end());
    }
    if let Some(code) = &event.code {
        text.push_str(&format!(" [{code}]"));
    }
    text.trim_end().to_owned()
}

#[cfg(test)]
mod tests {
    use proto::control::event::What;
    use proto::control::{ContainerLost, Event, EventId, JobState};

    use super::*;

    fn event(what: What) -> Event {
        Event { id: Some(EventId { attempt: 2, number: 17 }), time_ms: 1_700_000_000_123, what: Some(what) }
    }

    #[test]
    fn lost_task_manager_is_shown_with_its_cause() {
        let lost = ContainerLost {
            container: "container_1".to_owned(),
            node: "n1:8041".to_owned(),
            cause: "was preempted by the scheduler\nmore".to_owned(),
            code: "preempted".to_owned(),
            was_registered: true,
        };
        let view = EventView::new(event(What::ContainerLost(lost))).expect("known");
        let text = event_line(&view);
        let (time, said) = text.split_once("  ").expect("a time");
        assert!(time.ends_with(".123"), "{time}");
        assert_eq!(
            said,
            "task_manager_lost        container_1 on n1:8041: was preempted by the scheduler [preempted]"
        );
        let json = serde_json::to_value(&view).expect("serialises");
        assert_eq!(json["id"], "2.17");
        assert_eq!(json["code"], "preempted");
        assert_eq!(json.get("job_id"), None);
    }

    #[test]
    fn a_job_seen_for_the_first_time_has_no_previous_state() {
        let state =
            JobState { job_id: "ab".to_owned(), state: "RUNNING".to_owned(), previous: String::new() };
        let text = event_line(&EventView::new(event(What::JobState(state))).expect("known"));
        assert!(text.ends_with("job_state                ab RUNNING"), "{text}");
    }
}
