//! Random runs: whatever goes wrong, the invariants hold and every run ends.

use std::time::Duration;

use super::super::World;

/// Far longer than any fault lasts.
const LIMIT: Duration = Duration::from_secs(4 * 3600);

/// Number of lives that `cargo test` simulates.
const SEEDS: u64 = 20_000;

fn play(seed: u64, trace: bool) -> World {
    let mut world = World::random(seed);
    if trace {
        world.keep_trace();
    }
    world.run(LIMIT);
    world
}

/// A failing seed is run again with a trace. `SIM_SEED=n cargo test -p app-master sim::tests::random` runs that one
/// alone, and prints its whole trace.
#[test]
fn every_random_run_ends_and_violates_no_invariant() {
    let one: Option<u64> = std::env::var("SIM_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = one.map_or(0..SEEDS, |seed| seed..seed + 1);
    let threads = std::thread::available_parallelism().map_or(1, |n| n.get() as u64);
    let failed = std::sync::Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for thread in 0..threads {
            let (failed, seeds) = (&failed, seeds.clone());
            scope.spawn(move || {
                for seed in seeds.filter(|seed| seed % threads == thread) {
                    let world = play(seed, false);
                    if !world.over() || !world.violations().is_empty() {
                        failed.lock().expect("no panic").push(seed);
                        return;
                    }
                }
            });
        }
    });
    let failed = failed.into_inner().expect("no panic");
    if let Some(seed) = failed.iter().min() {
        let world = play(*seed, true);
        let trace = world.trace();
        let shown = if one.is_some() { 0 } else { trace.len().saturating_sub(120) };
        panic!(
            "seed {seed}: {}\n{}\n…\n{}\nplay it again: SIM_SEED={seed} cargo test -p app-master sim::tests::random",
            if world.violations().is_empty() { world.ending() } else { world.violations().join("; ") },
            trace.first().cloned().unwrap_or_default(),
            trace[shown..].join("\n"),
        );
    }
}
