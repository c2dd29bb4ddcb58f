//! Memory that both kinds of process have: metaspace, overhead, sizes by fraction (`ProcessMemoryUtils`).

use super::MemoryError;
use crate::flink::options::Opt;
use crate::flink::{FlinkConfig, MemorySize};

/// Option keys of one kind of process.
pub(super) struct ProcessOptions {
    /// If all of them are set, everything else follows from them.
    pub(super) fine_grained: &'static [Opt],
    pub(super) flink: Opt,
    pub(super) process: Opt,
    pub(super) metaspace: Opt,
    pub(super) overhead: RangeOptions,
}

/// Keys of a size that is a fraction between two limits.
pub(super) struct RangeOptions {
    pub(super) name: &'static str,
    pub(super) min: Opt,
    pub(super) max: Opt,
    pub(super) fraction: Opt,
}

/// A fraction between two limits.
pub(super) struct Range {
    name: &'static str,
    keys: [&'static str; 3],
    pub(super) min: MemorySize,
    pub(super) max: MemorySize,
    fraction: f64,
}

/// Where the derivation starts.
pub(super) enum Start {
    FineGrained,
    Flink(MemorySize),
    Process(MemorySize),
}

/// Metaspace and overhead.
pub(super) struct Jvm {
    pub(super) metaspace: MemorySize,
    pub(super) overhead: MemorySize,
}

pub(super) fn inconsistent(text: String, keys: &[&str]) -> MemoryError {
    MemoryError::Inconsistent { text, keys: keys.iter().map(|k| (*k).to_owned()).collect() }
}

/// The sum; an error names the keys if it exceeds 63 bits.
pub(super) fn sum(parts: &[MemorySize], keys: &[&str]) -> Result<MemorySize, MemoryError> {
    parts
        .iter()
        .try_fold(MemorySize::ZERO, |total, part| total.checked_add(*part))
        .ok_or_else(|| inconsistent("the sum of the memory sizes is too large".to_owned(), keys))
}

/// An option's value or default; if it has neither, that is an error of the caller's configuration.
pub(super) fn size(config: &FlinkConfig, option: &Opt) -> Result<MemorySize, MemoryError> {
    config
        .memory_size(option)?
        .ok_or_else(|| MemoryError::NotConfigured { keys: vec![option.key.to_owned()] })
}

impl Range {
    pub(super) fn read(config: &FlinkConfig, options: &RangeOptions) -> Result<Self, MemoryError> {
        let min = size(config, &options.min)?;
        let max = size(config, &options.max)?;
        Self::new(config, options.name, [options.min.key, options.max.key], min, max, &options.fraction)
    }

    /// A fraction without limits.
    pub(super) fn unlimited(
        config: &FlinkConfig,
        name: &'static str,
        fraction: &Opt,
    ) -> Result<Self, MemoryError> {
        Self::new(config, name, [fraction.key; 2], MemorySize::ZERO, MemorySize::MAX, fraction)
    }

    fn new(
        config: &FlinkConfig,
        name: &'static str,
        [min_key, max_key]: [&'static str; 2],
        min: MemorySize,
        max: MemorySize,
        fraction_option: &Opt,
    ) -> Result<Self, MemoryError> {
        // A Java float, widened to double: 0.1 is 0.10000000149011612.
        let fraction = config.float(fraction_option)?.map_or(0.0, f64::from);
        let keys = [min_key, max_key, fraction_option.key];
        // `RangeFraction` allows 0 but not 1.
        if min > max || !(0.0..1.0).contains(&fraction) {
            let text = format!(
                "Inconsistently configured {name}: fraction {} ({fraction}), min {min_key} ({}), max {max_key} ({})",
                fraction_option.key,
                min.human(),
                max.human()
            );
            return Err(inconsistent(text, &keys));
        }
        Ok(Self { name, keys, min, max, fraction })
    }

    fn cap(&self, relative: Option<MemorySize>) -> Result<MemorySize, MemoryError> {
        relative
            .map(|size| size.clamp(self.min, self.max))
            .ok_or_else(|| inconsistent(format!("the {} is too large", self.name), &self.keys))
    }

    /// The fraction of `base`.
    pub(super) fn of(&self, base: MemorySize) -> Result<MemorySize, MemoryError> {
        self.cap(base.multiply(self.fraction))
    }

    /// The fraction of a whole of which `rest` is the remainder.
    pub(super) fn beside(&self, rest: MemorySize) -> Result<MemorySize, MemoryError> {
        self.cap(rest.multiply(self.fraction / (1.0 - self.fraction)))
    }

    pub(super) fn check(&self, label: &str, size: MemorySize) -> Result<(), MemoryError> {
        if (self.min..=self.max).contains(&size) {
            return Ok(());
        }
        let text = format!(
            "Derived {label} size ({}) is not in configured {label} range [{}, {}] ({}, {})",
            size.human(),
            self.min.human(),
            self.max.human(),
            self.keys[0],
            self.keys[1]
        );
        Err(inconsistent(text, &self.keys))
    }
}

impl ProcessOptions {
    pub(super) fn start(&self, config: &FlinkConfig) -> Result<Start, MemoryError> {
        if self.fine_grained.iter().all(|o| config.explicit(o).is_some()) {
            return Ok(Start::FineGrained);
        }
        if let Some(flink) = config.memory_size(&self.flink)? {
            return Ok(Start::Flink(flink));
        }
        if let Some(process) = config.memory_size(&self.process)? {
            return Ok(Start::Process(process));
        }
        let fine = self.fine_grained.iter().map(|o| o.key).collect::<Vec<_>>().join(" and ");
        Err(MemoryError::NotConfigured {
            keys: vec![fine, self.flink.key.to_owned(), self.process.key.to_owned()],
        })
    }

    /// Metaspace and overhead of a process of the given size, and what they leave for Flink.
    pub(super) fn jvm_of_process(
        &self,
        config: &FlinkConfig,
        process: MemorySize,
    ) -> Result<(Jvm, MemorySize), MemoryError> {
        let metaspace = size(config, &self.metaspace)?;
        let overhead = Range::read(config, &self.overhead)?.of(process)?;
        let keys = [self.metaspace.key, self.overhead.min.key, self.overhead.fraction.key, self.process.key];
        let both = sum(&[metaspace, overhead], &keys)?;
        let Some(flink) = process.checked_sub(both) else {
            let text = format!(
                "Sum of configured JVM Metaspace ({}: {}) and JVM Overhead ({}: {}) exceed configured Total Process \
                 Memory ({}: {})",
                self.metaspace.key,
                metaspace.human(),
                self.overhead.min.key,
                overhead.human(),
                self.process.key,
                process.human()
            );
            return Err(inconsistent(text, &keys));
        };
        Ok((Jvm { metaspace, overhead }, flink))
    }

    /// Metaspace and overhead around Flink's memory.
    pub(super) fn jvm_around(&self, config: &FlinkConfig, flink: MemorySize) -> Result<Jvm, MemoryError> {
        let metaspace = size(config, &self.metaspace)?;
        let keys = [self.flink.key, self.metaspace.key, self.process.key];
        let inner = sum(&[flink, metaspace], &keys)?;
        let range = Range::read(config, &self.overhead)?;
        let overhead = match config.memory_size(&self.process)? {
            None => range.beside(inner)?,
            Some(process) => {
                let Some(overhead) = process.checked_sub(inner) else {
                    let text = format!(
                        "the Total Flink Memory ({}) and JVM Metaspace ({}: {}) exceed the configured Total Process \
                         Memory ({}: {})",
                        flink.human(),
                        self.metaspace.key,
                        metaspace.human(),
                        self.process.key,
                        process.human()
                    );
                    return Err(inconsistent(text, &keys));
                };
                range.check("JVM Overhead", overhead)?;
                overhead
            }
        };
        sum(&[inner, overhead], &keys)?;
        Ok(Jvm { metaspace, overhead })
    }
}

/// The size of a process by its key from before 1.10, if the current key is unset; `copy` has it under the current key.
pub(super) fn with_legacy_heap(
    config: &FlinkConfig,
    process: &Opt,
    heap: &Opt,
    heap_mib: &Opt,
) -> Result<FlinkConfig, MemoryError> {
    let mut copy = config.clone();
    if config.explicit(process).is_none() {
        if let Some(size) = config.memory_size(heap)? {
            copy.set(process.key, size.to_string());
        } else if let Some(mib) = config.integer(heap_mib)? {
            let mib = u64::try_from(mib).ok().filter(|m| *m < 1 << 40).ok_or_else(|| {
                inconsistent(format!("`{}`: {mib} is not a number of MiB", heap_mib.key), &[heap_mib.key])
            })?;
            copy.set(process.key, MemorySize::from_mib(mib).to_string());
        }
    }
    Ok(copy)
}
