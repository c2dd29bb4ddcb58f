//! What the head of a native program says: for which processors it is, and whether it needs a loader.
//!
//! Enough of the ELF format to tell a program for the cluster's nodes from anything else; nothing of it is executed.

use std::fmt;
use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::str::FromStr;

const MAGIC: &[u8] = b"\x7fELF";
const HEADER: usize = 64;
const CLASS_64: u8 = 2;
const LITTLE_ENDIAN: u8 = 1;
const BIG_ENDIAN: u8 = 2;
/// `ELFOSABI_NONE` and `ELFOSABI_GNU`; other numbers are those of other systems.
const LINUX_ABIS: [u8; 2] = [0, 3];
/// `ET_EXEC`, and `ET_DYN` for programs that may be loaded anywhere, but also for libraries.
const PROGRAM_TYPES: [u16; 2] = [2, 3];
/// `PT_INTERP`: the loader of a dynamic program.
const LOADER: u32 = 3;
/// `Elf64_Phdr`.
const SEGMENT: usize = 56;
/// A path.
const LONGEST_LOADER: u64 = 4096;

/// Processors that Hadoop's nodes have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Architecture {
    /// `x86_64`, also called amd64.
    X86_64,
    /// `aarch64`, also called arm64.
    Aarch64,
    /// `ppc64le`.
    Ppc64Le,
    /// `s390x`.
    S390x,
    /// `riscv64`.
    Riscv64,
    /// `loongarch64`.
    Loongarch64,
}

impl Architecture {
    /// With the numbers in the head of a file (`e_machine`, `EI_DATA`) and with the other name, Debian's or Rust's.
    const ALL: [(Self, u16, u8, &str); 6] = [
        (Self::X86_64, 62, LITTLE_ENDIAN, "amd64"),
        (Self::Aarch64, 183, LITTLE_ENDIAN, "arm64"),
        (Self::Ppc64Le, 21, LITTLE_ENDIAN, "powerpc64"),
        (Self::S390x, 22, BIG_ENDIAN, "s390x"),
        (Self::Riscv64, 243, LITTLE_ENDIAN, "riscv64"),
        (Self::Loongarch64, 258, LITTLE_ENDIAN, "loong64"),
    ];

    /// That of this process; `None` if no node has it.
    pub fn of_this_host() -> Option<Self> {
        std::env::consts::ARCH.parse().ok()
    }

    /// As `uname -m` prints it.
    pub fn name(self) -> &'static str {
        match self {
            Self::X86_64 => "x86_64",
            Self::Aarch64 => "aarch64",
            Self::Ppc64Le => "ppc64le",
            Self::S390x => "s390x",
            Self::Riscv64 => "riscv64",
            Self::Loongarch64 => "loongarch64",
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A name is not that of an [`Architecture`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UnknownArchitecture;

impl fmt::Display for UnknownArchitecture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = Architecture::ALL.map(|(it, ..)| it.name());
        write!(f, "is not an architecture of nodes (expected one of: {})", names.join(", "))
    }
}

impl std::error::Error for UnknownArchitecture {}

impl FromStr for Architecture {
    type Err = UnknownArchitecture;

    fn from_str(text: &str) -> Result<Self, UnknownArchitecture> {
        let text = text.trim();
        let is_it = |name: &str| name.eq_ignore_ascii_case(text);
        let found = Self::ALL.iter().find(|(it, .., other)| is_it(it.name()) || is_it(other));
        found.map(|(it, ..)| *it).ok_or(UnknownArchitecture)
    }
}

/// How a program gets its libraries.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Linkage {
    /// It contains them all, and can load none while it runs.
    Static,
    /// This loader of the node finds them.
    Dynamic {
        /// Its path.
        loader: String,
    },
}

/// A native program for Linux.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    /// The processors that it runs on.
    pub architecture: Architecture,
    /// How it gets its libraries.
    pub linkage: Linkage,
}

/// A file is not a program for Linux.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProgramError {
    /// It cannot be read.
    #[error("it cannot be read")]
    Read(#[from] io::Error),
    /// It is something else.
    #[error("it is {0}")]
    Other(String),
}

impl Program {
    /// Reads the head of a file.
    ///
    /// # Errors
    /// [`ProgramError`].
    pub fn read(path: &Path) -> Result<Self, ProgramError> {
        let file = File::open(path)?;
        if file.metadata()?.is_dir() {
            return Err(ProgramError::Other("a directory".to_owned()));
        }
        let mut head = Vec::with_capacity(HEADER);
        (&file).take(HEADER as u64).read_to_end(&mut head)?;
        Self::parse(&head, |offset, length| {
            let mut part = vec![0; length];
            file.read_exact_at(&mut part, offset).map(|()| part)
        })
    }

    /// From the first bytes of a file; `at` reads others.
    fn parse(head: &[u8], at: impl Fn(u64, usize) -> io::Result<Vec<u8>>) -> Result<Self, ProgramError> {
        let other = |text: &str| Err(ProgramError::Other(text.to_owned()));
        if !head.starts_with(MAGIC) {
            return other(what_else(head));
        }
        let cut = |_: io::Error| ProgramError::Other("a program that was cut off".to_owned());
        let Some(&[_, _, _, _, class, order, _, abi]) = head.first_chunk() else {
            return Err(cut(io::ErrorKind::UnexpectedEof.into()));
        };
        if class != CLASS_64 {
            return other("a program for 32 bits");
        }
        if head.len() < HEADER {
            return Err(cut(io::ErrorKind::UnexpectedEof.into()));
        }
        let head = Numbers { bytes: head, is_big: order == BIG_ENDIAN };
        if !LINUX_ABIS.contains(&abi) {
            return other("a program for another system than Linux");
        }
        let machine = head.u16(18);
        let known =
            Architecture::ALL.iter().find(|(_, number, bytes, _)| (*number, *bytes) == (machine, order));
        let Some(&(architecture, ..)) = known else {
            let text = format!("a program for unknown processors (number {machine} of ELF)");
            return Err(ProgramError::Other(text));
        };
        if !PROGRAM_TYPES.contains(&head.u16(16)) {
            return other("part of a program (an object file), or a memory dump");
        }
        let (table, size, number) = (head.u64(32), usize::from(head.u16(54)), usize::from(head.u16(56)));
        // Whatever the head says, the table is then of a few megabytes at most.
        if size != SEGMENT {
            return other("a damaged program");
        }
        let segments = at(table, size * number).map_err(cut)?;
        let mut segments = segments.chunks_exact(size).map(|bytes| Numbers { bytes, ..head });
        let Some(loader) = segments.find(|segment| segment.u32(0) == LOADER) else {
            // Libraries have no loader either, and no place to start.
            return if head.u64(24) == 0 {
                other("a library")
            } else {
                Ok(Self { architecture, linkage: Linkage::Static })
            };
        };
        let length = loader.u64(32).min(LONGEST_LOADER);
        let path = at(loader.u64(8), usize::try_from(length).unwrap_or_default()).map_err(cut)?;
        let path = path.split(|byte| *byte == 0).next().unwrap_or_default();
        let loader = String::from_utf8_lossy(path).into_owned();
        Ok(Self { architecture, linkage: Linkage::Dynamic { loader } })
    }

    /// Whether it can load no library while it runs.
    pub fn is_static(&self) -> bool {
        self.linkage == Linkage::Static
    }
}

/// What a file is that is not in the ELF format.
fn what_else(head: &[u8]) -> &'static str {
    match head {
        [] => "an empty file",
        [b'#', b'!', ..] => "a script",
        [0xcf | 0xce, 0xfa, 0xed, 0xfe, ..] | [0xca, 0xfe, 0xba, 0xbe, ..] => "a program for macOS",
        [b'M', b'Z', ..] => "a program for Windows",
        [0x1f, 0x8b, ..] => "a gzip archive",
        [b'P', b'K', 3, 4, ..] => "a zip archive",
        _ => "no program",
    }
}

/// Numbers in the order of bytes of the processors that a file is for. Beyond the end they are 0.
#[derive(Clone, Copy)]
struct Numbers<'a> {
    bytes: &'a [u8],
    is_big: bool,
}

impl Numbers<'_> {
    fn chunk<const N: usize>(&self, at: usize) -> [u8; N] {
        let mut bytes = self.bytes.get(at..).and_then(|rest| rest.first_chunk()).copied().unwrap_or([0; N]);
        if self.is_big {
            bytes.reverse();
        }
        bytes
    }

    fn u16(&self, at: usize) -> u16 {
        u16::from_le_bytes(self.chunk(at))
    }

    fn u32(&self, at: usize) -> u32 {
        u32::from_le_bytes(self.chunk(at))
    }

    fn u64(&self, at: usize) -> u64 {
        u64::from_le_bytes(self.chunk(at))
    }
}

#[cfg(test)]
pub(crate) mod tests;
