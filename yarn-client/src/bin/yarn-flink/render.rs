//! Text forms: tables and `key: value` lines.

use std::fmt::Write;

/// Columns as wide as their widest cell, two spaces apart; numbers on the right.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
}

/// Which side of its column a cell stands on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new() }
    }

    /// Adds a row; cells beyond the columns are dropped, missing ones are empty.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| one_line(&cell)).collect());
    }

    pub(crate) fn render(&self) -> String {
        let cell = |row: &Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = self
            .columns
            .iter()
            .enumerate()
            .map(|(at, (title, _))| {
                self.rows
                    .iter()
                    .map(|row| cell(row, at).chars().count())
                    .max()
                    .unwrap_or(0)
                    .max(title.chars().count())
            })
            .collect();
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            let mut line = String::new();
            for ((text, width), (_, align)) in cells.iter().zip(&widths).zip(&self.columns) {
                // Writing to a String cannot fail.
                let _ = match align {
                    Align::Left => write!(line, "{text:<width$}  "),
                    Align::Right => write!(line, "{text:>width$}  "),
                };
            }
            text.push_str(line.trim_end());
            text.push('\n');
        };
        line(self.columns.iter().map(|(title, _)| (*title).to_owned()).collect());
        for row in &self.rows {
            line((0..self.columns.len()).map(|at| cell(row, at)).collect());
        }
        text
    }
}

/// `key: value` lines; a value of several lines is indented below its key, an empty one leaves its line out.
#[derive(Debug, Default)]
pub(crate) struct Fields(String);

impl Fields {
    pub(crate) fn add(&mut self, key: &str, value: impl std::fmt::Display) -> &mut Self {
        let value = value.to_string();
        let value = value.trim_end();
        if value.contains('\n') {
            let _ = writeln!(self.0, "{key}:\n  {}", value.replace('\n', "\n  "));
        } else if !value.is_empty() {
            let _ = writeln!(self.0, "{key}: {value}");
        }
        self
    }

    pub(crate) fn render(&self) -> &str {
        &self.0
    }
}

/// Control characters would break a table, or be obeyed by the terminal: application names are anybody's text.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Date and time in the local time zone, or `-` when the event has not happened.
pub(crate) fn time(millis: Option<u64>) -> String {
    millis
        .filter(|millis| *millis > 0)
        .and_then(|millis| i64::try_from(millis).ok())
        .and_then(|millis| jiff::Timestamp::from_millisecond(millis).ok())
        .map_or_else(
            || "-".to_owned(),
            |time| time.to_zoned(jiff::tz::TimeZone::system()).strftime("%Y-%m-%d %H:%M:%S").to_string(),
        )
}

/// Date and time of day to the millisecond, in the local time zone.
pub(crate) fn clock(millis: u64) -> String {
    format!("{}.{:03}", time(Some(millis)), millis % 1000)
}

/// A span as people say it: `850 ms`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
pub(crate) fn span(millis: u64) -> String {
    let seconds = millis / 1000;
    match seconds {
        0 => format!("{millis} ms"),
        1..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds % 3600 / 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds % 86_400 / 3600),
    }
}

/// Bytes in binary units, one decimal: `117.3 MiB`.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 4] = ["KiB", "MiB", "GiB", "TiB"];
    let mut scaled = count as f64 / 1024.0;
    if scaled < 1.0 {
        return format!("{count} B");
    }
    let mut unit = UNITS[0];
    for next in &UNITS[1..] {
        if scaled < 1024.0 {
            break;
        }
        scaled /= 1024.0;
        unit = next;
    }
    format!("{scaled:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_aligns_its_columns() {
        let mut table = Table::new(&[("ID", Align::Left), ("N", Align::Right)]);
        table.row(vec!["a".into(), "10".into()]);
        table.row(vec!["long\x1b[31m".into(), "7".into()]);
        table.row(vec!["short row".into()]);
        assert_eq!(table.render(), "ID          N\na          10\nlong [31m   7\nshort row\n");
    }

    #[test]
    fn fields_indent_further_lines_and_leave_out_empty_ones() {
        let mut fields = Fields::default();
        fields.add("a", 1).add("b", "").add("c", "x\ny\n");
        assert_eq!(fields.render(), "a: 1\nc:\n  x\n  y\n");
    }

    #[test]
    fn spans_and_sizes() {
        for (millis, text) in [
            (850, "850 ms"),
            (42_000, "42 s"),
            (185_999, "3 min 5 s"),
            (7_800_000, "2 h 10 min"),
            (273_600_000, "3 d 4 h"),
        ] {
            assert_eq!(span(millis), text);
        }
        for (count, text) in [(0, "0 B"), (1023, "1023 B"), (1024, "1.0 KiB"), (123_000_000, "117.3 MiB")] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(time(None), "-");
        assert_eq!(time(Some(0)), "-");
    }
}
