//! Which vertices of a job have results that others have yet to read. A TaskManager that holds such results may run no task
//! and appear idle; Flink's own resource manager asks each TaskManager before it releases it (`TaskExecutor.canBeReleased`).

use super::rest::{JobDetails, Vertex};

/// Vertices whose results are still needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// These.
    Of(Vec<String>),
    /// Any may be needed: the graph is not complete.
    Unknown,
}

/// The results that are still to be read, of a job that has not ended.
pub fn wanted(details: &JobDetails) -> Wanted {
    let mut wanted = Vec::new();
    for producer in details.vertices.iter().filter(|vertex| vertex.tasks.finished > 0) {
        let inputs =
            details.plan.nodes.iter().flat_map(|node| node.inputs.iter().map(move |input| (node, input)));
        let mut readers = inputs.filter(|(_, input)| input.id == producer.id).peekable();
        if readers.peek().is_none() && details.pending_operators > 0 {
            return Wanted::Unknown;
        }
        let waits = readers.any(|(node, input)| {
            let reader = details.vertices.iter().find(|vertex| vertex.id == node.id);
            outlives_its_producer(&input.exchange) && !reader.is_some_and(is_done)
        });
        if waits {
            wanted.push(producer.id.clone());
        }
    }
    Wanted::Of(wanted)
}

/// Pipelined results are read while they are produced; all other types are kept until they have been read.
fn outlives_its_producer(exchange: &str) -> bool {
    !exchange.to_ascii_lowercase().starts_with("pipelined")
}

/// A batch job determines the parallelism of a later vertex late: until then it has no tasks.
fn is_done(vertex: &Vertex) -> bool {
    vertex.tasks.total > 0 && vertex.tasks.finished == vertex.tasks.total
}

#[cfg(test)]
mod tests {
    use super::*;

    fn details(text: &str) -> JobDetails {
        serde_json::from_str(text).expect("a job")
    }

    /// `/jobs/:id` of a job with two stages, as returned by Flink 1.20 (shortened).
    fn two_stages(exchange: &str, first: &str, second: &str, pending: u32) -> JobDetails {
        details(&format!(
            r#"{{"jid": "a", "name": "j", "state": "RUNNING", "job-type": "BATCH", "pending-operators": {pending},
                "vertices": [
                    {{"id": "v1", "name": "s", "parallelism": 4, "tasks": {first}}},
                    {{"id": "v2", "name": "r", "parallelism": -1, "tasks": {second}}}],
                "plan": {{"jid": "a", "nodes": [
                    {{"id": "v2", "inputs": [{{"num": 0, "id": "v1", "ship_strategy": "HASH", "exchange": "{exchange}"}}]}},
                    {{"id": "v1", "parallelism": 4}}]}}}}"#
        ))
    }

    #[test]
    fn results_are_wanted_until_the_last_reader_is_done() {
        let of = |ids: &[&str]| Wanted::Of(ids.iter().map(|id| (*id).to_owned()).collect());
        let (done, running) = (r#"{"FINISHED": 4}"#, r#"{"RUNNING": 1}"#);
        assert_eq!(wanted(&two_stages("blocking", done, running, 0)), of(&["v1"]));
        // The reader has not even been planned.
        assert_eq!(wanted(&two_stages("hybrid_full", done, "{}", 0)), of(&["v1"]));
        assert_eq!(wanted(&two_stages("blocking", r#"{"FINISHED": 1, "RUNNING": 3}"#, "{}", 0)), of(&["v1"]));
        assert_eq!(wanted(&two_stages("blocking", done, r#"{"FINISHED": 1}"#, 0)), of(&[]));
        assert_eq!(wanted(&two_stages("pipelined_bounded", done, running, 0)), of(&[]));
        assert_eq!(wanted(&two_stages("blocking", r#"{"RUNNING": 4}"#, "{}", 0)), of(&[]));
        assert_eq!(wanted(&two_stages("blocking", done, done, 2)), Wanted::Unknown, "more is to come");
    }
}
