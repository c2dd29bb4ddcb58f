//! Runs Apache Flink on Hadoop YARN without a JVM on the gateway.
//!
//! Floors of the crate, top to bottom; a module uses only what stands below it:
//! [`deploy`] (the verbs) · [`hdfs`] (staging) · [`yarn`] (typed ResourceManager and NodeManager clients) ·
//! [`rpc`] (Hadoop RPC) · [`security`] (SASL, tokens, users) · [`conf`] and [`flink`] (what Hadoop and Flink are told).

pub mod cause;
pub mod conf;
pub mod control;
pub mod deploy;
mod file_name;
pub mod flink;
pub mod hdfs;
pub mod logs;
pub mod rpc;
pub mod schema;
pub mod security;
pub mod yarn;

/// An error, and behind a colon what has caused it, on one line.
pub fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// A span for people, to a tenth of a second: `3 s`, `0.5 s`.
pub fn seconds(span: std::time::Duration) -> String {
    let tenths = format!("{:.1}", span.as_secs_f64());
    format!("{} s", tenths.strip_suffix(".0").unwrap_or(&tenths))
}

/// A number of things: `1 slot`, `2 slots`.
pub(crate) fn counted(number: u32, thing: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {thing}{plural}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    #[test]
    fn spans_and_numbers_are_words() {
        let spans = [3_001, 500, 0, 120_000, 60_060].map(Duration::from_millis);
        assert_eq!(spans.map(super::seconds), ["3 s", "0.5 s", "0 s", "120 s", "60.1 s"]);
        assert_eq!([0, 1, 2].map(|number| super::counted(number, "slot")), ["0 slots", "1 slot", "2 slots"]);
    }
}
