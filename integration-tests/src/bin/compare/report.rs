//! The results of the measurements.

use std::fmt::Write as _;

use serde::Serialize;

/// What the issue and the design require.
#[derive(Clone, Copy, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Must {
    /// The peer takes at least this many times as much.
    Times(f64),
    /// At most this share of the peer's figure.
    Share(f64),
    /// At most this figure.
    Most(f64),
    /// Nothing: the share of the peer's figure is to be known.
    Known,
}

/// One of our figures beside that of a peer.
#[derive(Debug, Serialize)]
pub(crate) struct Row {
    measure: &'static str,
    unit: &'static str,
    peer_name: &'static str,
    ours: f64,
    peer: Option<f64>,
    /// Peer / ours if more is better, ours / peer if less is.
    ratio: Option<f64>,
    must: Must,
    met: bool,
    our_runs: Vec<f64>,
    peer_runs: Vec<f64>,
}

/// Everything that was measured.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    runs: u16,
    /// Number of cores that this process may use.
    cores: usize,
    /// The kernel's load averages at the start of the measurements and now: other load on the machine distorts figures.
    load_before: String,
    load_after: String,
    debug_build: bool,
    rows: Vec<Row>,
    notes: Vec<String>,
}

impl Report {
    pub(crate) fn new(runs: u16) -> Self {
        Self {
            runs,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            load_before: load(),
            load_after: String::new(),
            debug_build: cfg!(debug_assertions),
            rows: Vec::new(),
            notes: Vec::new(),
        }
    }

    /// Adds a row computed from all runs that count.
    pub(crate) fn row(
        &mut self,
        measure: &'static str,
        unit: &'static str,
        ours: &[f64],
        peer: Option<(&'static str, &[f64])>,
        must: Must,
    ) {
        let our = median(ours);
        let their = peer.map(|(_, runs)| median(runs));
        let (ratio, met) = match must {
            Must::Times(times) => {
                let ratio = their.map(|their| their / our);
                (ratio, ratio.is_some_and(|ratio| ratio >= times))
            }
            Must::Share(share) => {
                let ratio = their.map(|their| our / their);
                (ratio, ratio.is_some_and(|ratio| ratio <= share))
            }
            Must::Known => (their.map(|their| our / their), true),
            Must::Most(most) => (their.map(|their| their / our), our <= most),
        };
        self.rows.push(Row {
            measure,
            unit,
            peer_name: peer.map_or("", |(name, _)| name),
            ours: our,
            peer: their,
            ratio,
            must,
            met,
            our_runs: ours.to_vec(),
            peer_runs: peer.map(|(_, runs)| runs.to_vec()).unwrap_or_default(),
        });
        self.load_after = load();
    }

    /// Adds a line below the table.
    pub(crate) fn note(&mut self, text: String) {
        self.notes.push(text);
    }

    /// The table.
    pub(crate) fn text(&self) -> String {
        let head = ["measure", "ours", "peer", "", "ratio", "must", "met"].map(str::to_owned);
        let mut lines = vec![head];
        for row in &self.rows {
            let figure = |value: f64| format!("{} {}", short(value), row.unit);
            lines.push([
                row.measure.to_owned(),
                figure(row.ours),
                row.peer.map(figure).unwrap_or_default(),
                row.peer_name.to_owned(),
                row.ratio.map(|ratio| short(ratio).to_string()).unwrap_or_default(),
                match row.must {
                    Must::Times(times) => format!("≥ {times} ×"),
                    Must::Share(share) => format!("≤ {share} of it"),
                    Must::Known => String::new(),
                    Must::Most(most) => format!("≤ {most} {}", row.unit),
                },
                if row.met { "yes" } else { "NO" }.to_owned(),
            ]);
        }
        let widths: Vec<usize> = (0..7)
            .map(|column| lines.iter().map(|line| line[column].chars().count()).max().unwrap_or(0))
            .collect();
        let mut text = String::new();
        for line in &lines {
            let cells = line.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}"));
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
        }
        let _ = writeln!(
            text,
            "\nMedians of {} runs on {} cores; load {} before, {} after.",
            self.runs, self.cores, self.load_before, self.load_after
        );
        if self.debug_build {
            text.push_str("This is a debug build: figures of ours mean nothing.\n");
        }
        for note in &self.notes {
            let _ = writeln!(text, "{note}");
        }
        text
    }
}

/// The middle one of the runs, or the mean of the middle two.
pub(crate) fn median(runs: &[f64]) -> f64 {
    let mut sorted = runs.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match (sorted.len(), sorted.len() % 2) {
        (0, _) => f64::NAN,
        (_, 1) => sorted[middle],
        _ => f64::midpoint(sorted[middle - 1], sorted[middle]),
    }
}

/// Formats a value with three significant digits.
fn short(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value => format!("{value:.3}"),
    }
}

fn load() -> String {
    let text = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    text.split_whitespace().next().unwrap_or("unknown").to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn median_of_measurements_is_computed() {
        assert_eq!(median(&[3.0, 1.0, 2.0]), 2.0);
        assert_eq!(median(&[4.0, 1.0, 2.0, 3.0]), 2.5);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn requirement_is_met_or_not() {
        let mut report = Report::new(1);
        report.row("a", "s", &[1.0], Some(("peer", &[50.0])), Must::Times(50.0));
        report.row("b", "s", &[1.1], Some(("peer", &[50.0])), Must::Times(50.0));
        report.row("c", "s", &[5.1], Some(("peer", &[10.0])), Must::Share(0.5));
        report.row("d", "MB", &[24.0], None, Must::Most(24.0));
        // Without a peer's figure nothing is proven to be better.
        report.row("e", "s", &[1.0], None, Must::Times(2.0));
        let met: Vec<bool> = report.rows.iter().map(|row| row.met).collect();
        assert_eq!(met, [true, false, false, true, false]);
        assert!(report.text().contains("≥ 50 ×"));
    }
}
