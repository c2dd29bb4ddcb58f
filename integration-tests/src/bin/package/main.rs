//! Portable binaries: one archive for each architecture, for any Linux with glibc 2.17 or later.
//!
//! `cargo run -p integration-tests --bin package -- --out DIR`
//!
//! `target` says what is built and whether this machine can, `compile` builds it with cargo-zigbuild, `needs` reads what a program asks
//! of its system, `figures` holds that, its size and its start against the limits. `manual`, `components`, `licences`, `sbom`
//! make what lies beside the programs, and `archive` writes the same bytes for the same files.

mod archive;
mod compile;
mod components;
mod figures;
mod licences;
mod manual;
mod needs;
mod sbom;
mod target;

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

use anyhow::{Context as _, Result, bail, ensure};
use clap::Parser;
use integration_tests::binaries::{target_directory, workspace};
use integration_tests::progress::{self, Step};

use archive::Entry;
use compile::{Built, Compiler, Role};
use target::Target;

const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Builds programs that run on any Linux with glibc 2.17 or later, checks them, and writes an archive for each architecture.
#[derive(Debug, Parser)]
#[command(name = "package")]
struct Arguments {
    /// Where the archives go [default: `package` in the build directory]
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// What to build (repeatable) [default: whatever this machine can]
    #[arg(long, value_enum, value_name = "TARGET")]
    target: Vec<Target>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            progress::line(&format!("error: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<()> {
    let compiler = Compiler::install()?;
    let targets = available(&arguments.target)?;
    let mut built = Vec::new();
    for target in &targets {
        for role in target.roles() {
            let step = Step::begin(format!("build {} for {target}", role.program()));
            built.push(compiler.build(*target, *role)?);
            step.done();
        }
    }
    let rows = built.iter().map(figures::Row::measure).collect::<Result<Vec<_>>>()?;
    print(&figures::table(&rows))?;
    let misses: Vec<_> = rows.iter().flat_map(figures::Row::misses).collect();
    ensure!(misses.is_empty(), "what was built must not be handed out:\n  {}", misses.join("\n  "));

    let out = arguments.out.clone().unwrap_or_else(|| target_directory().join("package"));
    fs::create_dir_all(&out).with_context(|| out.display().to_string())?;
    let mut archives = Vec::new();
    for target in targets.iter().filter(|target| !target.is_static()) {
        let step = Step::begin(format!("write the archive for {target}"));
        let name = format!("yarn-flink-{VERSION}-{}-linux", target.architecture());
        let content = archive::write(&name, entries(*target, &built, &compiler)?, time())?;
        let file = format!("{name}.tar.gz");
        fs::write(out.join(&file), &content).with_context(|| out.join(&file).display().to_string())?;
        step.done();
        archives.push((file, content));
    }
    if archives.is_empty() {
        for it in &built {
            progress::line(&format!("{}, for `--app-master`: {}", it.target, it.path.display()));
        }
        return Ok(());
    }
    let sums = archive::sums(archives.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    fs::write(out.join("SHA256SUMS"), &sums)?;
    print(&format!("\n{sums}in {}\n", out.display()))
}

/// What was asked for, or else whatever can be built here.
fn available(asked: &[Target]) -> Result<BTreeSet<Target>> {
    let wanted = if asked.is_empty() { &Target::ALL[..] } else { asked };
    let (mut found, mut missing) = (BTreeSet::new(), Vec::new());
    for target in wanted {
        match target.prerequisites() {
            Ok(()) => {
                found.insert(*target);
            }
            Err(error) => missing.push(format!("{target} cannot be built: {error}")),
        }
    }
    if !asked.is_empty() && !missing.is_empty() || found.is_empty() {
        bail!("{}", missing.join("\n"));
    }
    missing.iter().for_each(|text| progress::line(&format!("NOT BUILT: {text}")));
    Ok(found)
}

/// The files of an archive: a client, and an application master for each architecture that nodes may have.
fn entries(target: Target, built: &[Built], compiler: &Compiler) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for it in built {
        let name = match it.role {
            Role::Client if it.target == target => it.role.program().to_owned(),
            Role::Client => continue,
            Role::AppMaster => format!("{}-{}", it.role.program(), it.target),
        };
        entries.push(Entry::program(name, fs::read(&it.path)?));
    }
    let components = components::linked(target)?;
    entries.push(Entry::file(
        "THIRD-PARTY",
        licences::text(&components, &compiler.runtime(target))?.into_bytes(),
    ));
    entries
        .push(Entry::file("sbom.cdx.json", sbom::json(&components, VERSION, target, time())?.into_bytes()));
    entries.extend(manual::entries()?);
    for name in ["README.md", "CHANGELOG.md"] {
        entries.push(Entry::file(name, fs::read(workspace().join(name))?));
    }
    for file in fs::read_dir(workspace().join("docs"))? {
        let path = file?.path();
        if path.extension().is_some_and(|extension| extension == "md") {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            entries.push(Entry::file(format!("docs/{name}"), fs::read(&path)?));
        }
    }
    Ok(entries)
}

/// When the sources were last changed, in seconds: the time that everything in the archives has.
fn time() -> u64 {
    let given = std::env::var("SOURCE_DATE_EPOCH").ok();
    given.and_then(|text| text.parse().ok()).or_else(|| committed(workspace())).unwrap_or(FIRST_OF_1980)
}

/// The earliest time that every archive format can hold, for sources without a history.
const FIRST_OF_1980: u64 = 315_532_800;

fn committed(folder: &Path) -> Option<u64> {
    let output = Command::new("git").current_dir(folder).args(["log", "-1", "--format=%ct"]).output().ok()?;
    String::from_utf8(output.stdout).ok()?.trim().parse().ok()
}

fn print(text: &str) -> Result<()> {
    std::io::stdout().write_all(text.as_bytes()).context("cannot write to stdout")
}
