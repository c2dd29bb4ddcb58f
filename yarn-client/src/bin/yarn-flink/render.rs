//! Text forms: tables and `key: value` lines.

use std::fmt::Write;

/// Columns as wide as their widest cell, two spaces apart, with numbers right-aligned. On a terminal no wider than
/// that, if possible: cells are truncated, and then columns left out.
#[derive(Debug)]
pub(crate) struct Table {
    columns: Vec<(&'static str, Align)>,
    rows: Vec<Vec<String>>,
    /// Columns that are left out first.
    expendable: &'static [&'static str],
}

/// A truncated column keeps this many characters; values that fit, such as states, remain whole.
const LEAST: usize = 10;

/// The alignment of a cell in its column.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Right,
}

impl Table {
    pub(crate) fn new(columns: &[(&'static str, Align)]) -> Self {
        Self { columns: columns.to_vec(), rows: Vec::new(), expendable: &[] }
    }

    /// Adds a row; cells beyond the columns are dropped, missing ones are empty.
    pub(crate) fn row(&mut self, cells: Vec<String>) {
        self.rows.push(cells.into_iter().map(|cell| line(&cell)).collect());
    }

    /// Columns that may be left out on a narrow terminal, the first of them first.
    pub(crate) fn expendable(mut self, titles: &'static [&'static str]) -> Self {
        self.expendable = titles;
        self
    }

    pub(crate) fn render(&self) -> String {
        self.render_within(terminal_width())
    }

    fn render_within(&self, limit: Option<usize>) -> String {
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
        let widths = self.fitted(widths, limit);
        let mut text = String::new();
        let mut line = |cells: Vec<String>| {
            let mut line = String::new();
            for ((text, width), (_, align)) in cells.iter().zip(&widths).zip(&self.columns) {
                let Some(width) = *width else { continue };
                let text = cut(text, width);
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

    /// The widths of the columns that are kept. The first column is what users copy, and is never truncated.
    fn fitted(&self, widths: Vec<usize>, limit: Option<usize>) -> Vec<Option<usize>> {
        let mut fitted: Vec<Option<usize>> = widths.iter().copied().map(Some).collect();
        let Some(limit) = limit else { return fitted };
        let mut expendable = self.expendable.iter();
        loop {
            let total =
                |fitted: &[Option<usize>]| fitted.iter().flatten().map(|width| width + 2).sum::<usize>();
            while total(&fitted) > limit + 2 {
                let least = |at: usize| self.columns[at].0.len().max(LEAST);
                let widest = (1..fitted.len())
                    .filter(|at| self.columns[*at].1 == Align::Left)
                    .filter(|at| fitted[*at].is_some_and(|width| width > least(*at)))
                    .max_by_key(|at| fitted[*at]);
                let Some(at) = widest else { break };
                fitted[at] = fitted[at].map(|width| width - 1);
            }
            if total(&fitted) <= limit + 2 {
                return fitted;
            }
            let Some(title) = expendable.next() else { return fitted };
            for (at, (name, _)) in self.columns.iter().enumerate() {
                // The other columns get back the width that they lost to this one.
                fitted[at] = fitted[at].map(|_| widths[at]).filter(|_| name != title);
            }
        }
    }
}

/// The width of the terminal that standard output is, if it is one.
fn terminal_width() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(std::io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// At most this many characters; the last one shows that there were more.
fn cut(text: &str, width: usize) -> std::borrow::Cow<'_, str> {
    if text.chars().count() <= width {
        return text.into();
    }
    let mut kept: String = text.chars().take(width.saturating_sub(1)).collect();
    kept.push('…');
    kept.into()
}

/// `key: value` lines; a value with several lines is indented below its key, and an empty one is left out.
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

/// Makes text from arbitrary sources (names, diagnostics, exceptions) safe for a terminal, which would obey control characters.
pub(crate) fn plain(text: &str) -> std::borrow::Cow<'_, str> {
    let obeyed = |c: char| c.is_control() && c != '\n' && c != '\t';
    if text.chars().any(obeyed) {
        text.chars().map(|c| if obeyed(c) { ' ' } else { c }).collect::<String>().into()
    } else {
        text.into()
    }
}

/// The same on one line.
pub(crate) fn line(text: &str) -> String {
    text.replace('\t', "    ").chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Date and time in the local time zone, or `-` if the event has not happened.
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

/// Date and time to the millisecond, in the local time zone.
pub(crate) fn clock(millis: u64) -> String {
    format!("{}.{:03}", time(Some(millis)), millis % 1000)
}

/// A duration for people: `850 ms`, `42 s`, `3 min 5 s`, `2 h 10 min`, `3 d 4 h`.
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
    fn a_table_fits_the_terminal() {
        let mut table = Table::new(&[
            ("APPLICATION", Align::Left),
            ("NAME", Align::Left),
            ("QUEUE", Align::Left),
            ("MIB", Align::Right),
        ])
        .expendable(&["MIB"]);
        table.row(vec!["application_1_0001".into(), "n".repeat(300), "a long queue".into(), "1024".into()]);
        let lines = |limit| table.render_within(Some(limit)).lines().map(str::to_owned).collect::<Vec<_>>();
        for limit in [120, 80, 60] {
            assert!(lines(limit).iter().all(|line| line.chars().count() <= limit), "{:#?}", lines(limit));
        }
        assert!(lines(80)[1].ends_with("n…  a long queue  1024"), "{:#?}", lines(80));
        assert_eq!(lines(40)[1], "application_1_0001  nnnnnnnnn…  a long qu…", "without the memory");
        assert!(lines(20)[1].starts_with("application_1_0001  "), "whatever the terminal");
        assert!(table.render_within(None).lines().any(|line| line.len() > 300));
    }

    #[test]
    fn control_characters_do_not_reach_a_terminal() {
        assert_eq!(plain("a\x1b]0;title\x07b\r\nc\td\u{9b}31m"), "a ]0;title b \nc\td 31m");
        assert_eq!(line("a\tb\nc"), "a    b c");
    }

    #[test]
    fn fields_indent_further_lines_and_leave_out_empty_ones() {
        let mut fields = Fields::default();
        fields.add("a", 1).add("b", "").add("c", "x\ny\n");
        assert_eq!(fields.render(), "a: 1\nc:\n  x\n  y\n");
    }

    #[test]
    fn spans_and_sizes_are_formatted() {
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
