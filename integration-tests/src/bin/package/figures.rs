//! Figures of what was built, and the limits they are held against.

use std::fs;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, ensure};
use yarn_client::submit::Program;

use super::compile::{Built, Role};
use super::needs::Needs;
use super::target::{GLIBC, Target};

/// Every application uploads it once, and every node fetches it.
const LARGEST_APP_MASTER: u64 = 8_000_000;
/// It is started in every container.
const SLOWEST_START: Duration = Duration::from_millis(10);
/// Other work on this machine only ever adds to the time, so the shortest counts.
const STARTS: u32 = 20;

/// What was found out about one program.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    target: Target,
    role: Role,
    bytes: u64,
    glibc: Option<(u32, u32)>,
    program: Program,
    needs: Needs,
    /// `None` where this machine cannot run it.
    start: Option<Duration>,
}

impl Row {
    pub(crate) fn measure(built: &Built) -> Result<Self> {
        let content = fs::read(&built.path).with_context(|| built.path.display().to_string())?;
        // As the client will read it.
        let program = Program::read(&built.path).with_context(|| built.path.display().to_string())?;
        let needs = Needs::read(&content).with_context(|| built.path.display().to_string())?;
        let start = if built.target.runs_here() { Some(fastest_start(built)?) } else { None };
        Ok(Self {
            target: built.target,
            role: built.role,
            bytes: content.len() as u64,
            glibc: needs.glibc()?,
            program,
            needs,
            start,
        })
    }

    /// What keeps it from being handed out.
    pub(crate) fn misses(&self) -> Vec<String> {
        let mut misses = Vec::new();
        let mut miss =
            |text: String| misses.push(format!("{} for {}: {text}", self.role.program(), self.target));
        if self.program.architecture.name() != self.target.architecture() {
            miss(format!("it is for {}", self.program.architecture));
        }
        if self.program.is_static() != self.target.is_static() {
            let (is, should) =
                if self.program.is_static() { ("static", "dynamic") } else { ("dynamic", "static") };
            miss(format!("it is {is}, and should be {should}"));
        }
        if self.glibc > Some(GLIBC) {
            let of = |(major, minor): (u32, u32)| format!("{major}.{minor}");
            miss(format!(
                "it needs glibc {}, newer than {}",
                self.glibc.map_or_else(String::new, of),
                of(GLIBC)
            ));
        }
        let foreign: Vec<&str> =
            self.needs.libraries.iter().map(String::as_str).filter(|name| !is_of_glibc(name)).collect();
        if !foreign.is_empty() {
            miss(format!("it needs libraries that nodes may lack: {}", foreign.join(", ")));
        }
        if self.role == Role::AppMaster {
            if self.bytes > LARGEST_APP_MASTER {
                miss(format!(
                    "it has {}, more than {}",
                    megabytes(self.bytes),
                    megabytes(LARGEST_APP_MASTER)
                ));
            }
            if let Some(start) = self.start.filter(|start| *start > SLOWEST_START) {
                miss(format!(
                    "it takes {} to start, more than {}",
                    milliseconds(start),
                    milliseconds(SLOWEST_START)
                ));
            }
        }
        misses
    }

    fn cells(&self) -> [String; 6] {
        [
            self.role.program().to_owned(),
            self.target.to_string(),
            megabytes(self.bytes),
            match (self.program.is_static(), self.glibc) {
                (true, _) => "static".to_owned(),
                (false, Some((major, minor))) => format!("glibc {major}.{minor}"),
                (false, None) => "dynamic".to_owned(),
            },
            self.start.map_or_else(|| "not measured here".to_owned(), milliseconds),
            self.needs.libraries.iter().cloned().collect::<Vec<_>>().join(" "),
        ]
    }
}

/// Parts of glibc, which every program of its kind may use.
fn is_of_glibc(library: &str) -> bool {
    const PARTS: [&str; 7] = [
        "libc.so.6",
        "libm.so.6",
        "libdl.so.2",
        "libpthread.so.0",
        "librt.so.1",
        "libutil.so.1",
        "libresolv.so.2",
    ];
    PARTS.contains(&library) || library.starts_with("ld-linux-")
}

fn fastest_start(built: &Built) -> Result<Duration> {
    let mut fastest = Duration::MAX;
    for _ in 0..STARTS {
        let begun = Instant::now();
        let output = Command::new(&built.path).arg("--version").stdin(Stdio::null()).output();
        let output = output.with_context(|| format!("cannot run {}", built.path.display()))?;
        fastest = fastest.min(begun.elapsed());
        let said = String::from_utf8_lossy(&output.stdout);
        ensure!(
            output.status.success() && said.contains(super::VERSION),
            "{} --version: {}, {said:?}",
            built.path.display(),
            output.status
        );
    }
    Ok(fastest)
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{:02} MB", bytes / 1_000_000, bytes % 1_000_000 / 10_000)
}

fn milliseconds(time: Duration) -> String {
    format!("{:.1} ms", time.as_secs_f64() * 1000.0)
}

/// One line for each program.
pub(crate) fn table(rows: &[Row]) -> String {
    let head = ["program", "target", "size", "needs", "start", "libraries"].map(str::to_owned);
    let lines: Vec<[String; 6]> = std::iter::once(head).chain(rows.iter().map(Row::cells)).collect();
    let width = |column: usize| lines.iter().map(|cells| cells[column].len()).max().unwrap_or_default();
    let widths: [usize; 6] = std::array::from_fn(width);
    let mut text = String::new();
    for cells in &lines {
        let line: Vec<_> = cells.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}")).collect();
        text.push_str(line.join("  ").trim_end());
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use yarn_client::submit::{Architecture, Linkage};

    use super::*;

    fn row() -> Row {
        let loader = "/lib64/ld-linux-x86-64.so.2".to_owned();
        Row {
            target: Target::X86_64,
            role: Role::AppMaster,
            bytes: 7_654_321,
            glibc: Some((2, 17)),
            program: Program { architecture: Architecture::X86_64, linkage: Linkage::Dynamic { loader } },
            needs: Needs { libraries: ["libc.so.6".to_owned()].into(), ..Needs::default() },
            start: Some(Duration::from_micros(2100)),
        }
    }

    #[test]
    fn what_keeps_within_the_limits_may_be_handed_out() {
        assert!(row().misses().is_empty(), "{:?}", row().misses());
        // There is no limit for the client, which is installed once.
        assert!(Row { role: Role::Client, bytes: 20_000_000, ..row() }.misses().is_empty());
        assert!(Row { start: None, ..row() }.misses().is_empty());
        assert_eq!(
            table(&[row()]),
            "program           target  size     needs       start   libraries\n\
             flink-app-master  x86_64  7.65 MB  glibc 2.17  2.1 ms  libc.so.6\n"
        );
    }

    #[test]
    fn every_limit_is_checked() {
        let arm = Program { architecture: Architecture::Aarch64, ..row().program };
        let fixed = Program { linkage: Linkage::Static, ..row().program };
        let cases = [
            (Row { bytes: 8_000_001, ..row() }, "it has 8.00 MB, more than 8.00 MB"),
            (
                Row { start: Some(Duration::from_millis(11)), ..row() },
                "it takes 11.0 ms to start, more than 10.0 ms",
            ),
            (Row { glibc: Some((2, 18)), ..row() }, "it needs glibc 2.18, newer than 2.17"),
            (Row { program: arm, ..row() }, "it is for aarch64"),
            (Row { program: fixed, ..row() }, "it is static, and should be dynamic"),
            (
                Row {
                    needs: Needs { libraries: ["libssl.so.3".to_owned()].into(), ..Needs::default() },
                    ..row()
                },
                "it needs libraries that nodes may lack: libssl.so.3",
            ),
        ];
        for (row, miss) in cases {
            assert_eq!(row.misses(), [format!("flink-app-master for x86_64: {miss}")]);
        }
    }
}
