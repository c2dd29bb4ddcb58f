//! Runs a target on its corpus and on mutations of it, and holds it to limits.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use anyhow::{Result, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::TimeValLike as _;
use rand::rngs::StdRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

use crate::targets::Target;
use crate::{corpus, memory, mutate};

/// Memory for an input, bytes: so much, and for each of its bytes so much. A file of logs is decompressed 256 KiB at a time, a page is
/// served with buffers of 400 KiB; and an empty message of protobuf takes two bytes in its list, and several hundred in memory.
const MEMORY: usize = 4 << 20;
const MEMORY_PER_BYTE: usize = 1024;
/// Processor time for an input. Few take a thousandth of it; what goes by the square of its length takes more.
const TIME: Duration = Duration::from_secs(4);
/// An input that takes longer never ends, or waits for what never comes.
const HANG: Duration = Duration::from_secs(120);
/// As the threads of tokio have.
const STACK: usize = 2 << 20;

/// How a target fared.
#[derive(Debug, Clone, Copy, Default)]
pub struct Report {
    /// Inputs.
    pub executions: u64,
    /// For all of them.
    pub took: Duration,
    /// The slowest, processor time.
    pub slowest: Duration,
    /// The most memory, bytes.
    pub memory: usize,
}

/// The input that is being worked on, and since when.
type Current = Arc<Mutex<(Vec<u8>, Instant)>>;

/// Runs a target on each input of its corpus, then on mutations for so long. The same seed makes the same inputs.
///
/// # Errors
/// What was wrong, and where the input is.
pub fn run(target: Target, lasting: Duration, seed: u64) -> Result<Report> {
    let inputs: Vec<Vec<u8>> = corpus::of(&target)?.into_iter().map(|(_, input)| input).collect();
    watched(target, inputs, lasting, seed)
}

/// Runs a target on one input.
///
/// # Errors
/// As [`run`].
pub fn once(target: Target, input: &[u8]) -> Result<Report> {
    watched(target, vec![input.to_vec()], Duration::ZERO, 0)
}

fn watched(target: Target, inputs: Vec<Vec<u8>>, lasting: Duration, seed: u64) -> Result<Report> {
    let current = Current::new(Mutex::new((Vec::new(), Instant::now())));
    let (sender, result) = channel();
    let at_work = Arc::clone(&current);
    std::thread::Builder::new().name(target.name.to_owned()).stack_size(STACK).spawn(move || {
        drop(sender.send(work(target, &inputs, lasting, seed, &at_work)));
    })?;
    let fault = loop {
        match result.recv_timeout(Duration::from_millis(200)) {
            Ok(Ok(report)) => return Ok(report),
            Ok(Err(fault)) => break fault,
            Err(RecvTimeoutError::Disconnected) => break "its thread is gone".to_owned(),
            Err(RecvTimeoutError::Timeout) if memory::is_exhausted() => {
                break format!("it takes more than {} MiB", memory::MOST >> 20);
            }
            Err(RecvTimeoutError::Timeout) => {
                let since = current.lock().unwrap_or_else(PoisonError::into_inner).1;
                if since.elapsed() > HANG {
                    break format!("it has not ended after {} s", HANG.as_secs());
                }
            }
        }
    };
    let input = current.lock().unwrap_or_else(PoisonError::into_inner).0.clone();
    let path = corpus::keep(&target, &input)?;
    bail!("{}: {fault}; the input of {} bytes is {}", target.name, input.len(), path.display());
}

fn work(
    target: Target,
    inputs: &[Vec<u8>],
    lasting: Duration,
    seed: u64,
    current: &Current,
) -> Result<Report, String> {
    let mut report = Report::default();
    let begun = Instant::now();
    for input in inputs {
        one(target, input, current, &mut report)?;
    }
    let mut random = StdRng::seed_from_u64(seed);
    // What was made is changed again: some faults need several things to be wrong.
    let mut made: Vec<Vec<u8>> = Vec::new();
    while begun.elapsed() < lasting {
        let from = if made.is_empty() || random.random_bool(0.7) { inputs } else { &made };
        let (Some(input), Some(other)) = (from.choose(&mut random), inputs.choose(&mut random)) else {
            break;
        };
        let mutated = mutate::mutate(input, other, &mut random);
        one(target, &mutated, current, &mut report)?;
        if made.len() < 256 {
            made.push(mutated);
        } else if random.random_ratio(1, 16) {
            let at = random.random_range(0..made.len());
            made[at] = mutated;
        }
    }
    report.took = begun.elapsed();
    Ok(report)
}

fn one(target: Target, input: &[u8], current: &Current, report: &mut Report) -> Result<(), String> {
    {
        let mut current = current.lock().unwrap_or_else(PoisonError::into_inner);
        current.0.clear();
        current.0.extend_from_slice(input);
        current.1 = Instant::now();
    }
    let before = processor_time();
    let held = catch_unwind(AssertUnwindSafe(|| memory::peak(|| (target.run)(input))));
    let took = processor_time().saturating_sub(before);
    memory::stop();
    let held = held.map_err(|panic| {
        let text = panic.downcast_ref::<String>().map(String::as_str);
        format!("it panics: {}", text.or_else(|| panic.downcast_ref::<&str>().copied()).unwrap_or("?"))
    })?;
    let most = MEMORY + MEMORY_PER_BYTE * input.len();
    if held > most {
        return Err(format!("it takes {held} bytes of memory, more than {most}"));
    }
    if took > TIME {
        return Err(format!("it takes {} ms", took.as_millis()));
    }
    report.executions += 1;
    report.slowest = report.slowest.max(took);
    report.memory = report.memory.max(held);
    Ok(())
}

/// Of this thread: other programs on the machine take none of it.
fn processor_time() -> Duration {
    let Ok(usage) = getrusage(UsageWho::RUSAGE_THREAD) else { return Duration::ZERO };
    let micros = usage.user_time().num_microseconds() + usage.system_time().num_microseconds();
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}
