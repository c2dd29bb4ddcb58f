use std::io::Error;

use proptest::prelude::*;

use super::*;

/// The smallest file that counts as a program.
pub(crate) fn program(architecture: Architecture, loader: Option<&str>) -> Vec<u8> {
    let &(_, machine, order, _) = Architecture::ALL.iter().find(|(it, ..)| *it == architecture).unwrap();
    let is_big = order == BIG_ENDIAN;
    let mut file = vec![0; HEADER + SEGMENT];
    let mut put = |at: usize, number: u64, length: usize| {
        let mut bytes = number.to_le_bytes()[..length].to_vec();
        if is_big {
            bytes.reverse();
        }
        file[at..at + length].copy_from_slice(&bytes);
    };
    put(16, 3, 2);
    put(18, u64::from(machine), 2);
    put(24, 0x1000, 8);
    put(32, HEADER as u64, 8);
    put(54, SEGMENT as u64, 2);
    put(56, 1, 2);
    let loader = loader.map(|path| format!("{path}\0"));
    put(HEADER, if loader.is_some() { u64::from(LOADER) } else { 1 }, 4);
    put(HEADER + 8, (HEADER + SEGMENT) as u64, 8);
    put(HEADER + 32, loader.as_ref().map_or(0, String::len) as u64, 8);
    file[..4].copy_from_slice(MAGIC);
    file[4] = CLASS_64;
    file[5] = order;
    file.extend(loader.unwrap_or_default().into_bytes());
    file
}

fn parse(file: &[u8]) -> Result<Program, ProgramError> {
    Program::parse(&file[..file.len().min(HEADER)], |offset, length| {
        let part = usize::try_from(offset).ok().and_then(|at| file.get(at..at.checked_add(length)?));
        part.map(<[u8]>::to_vec).ok_or_else(|| Error::from(io::ErrorKind::UnexpectedEof))
    })
}

fn refusal(file: &[u8]) -> String {
    parse(file).unwrap_err().to_string()
}

#[test]
fn programs_of_all_architectures_are_read() {
    for &(architecture, ..) in &Architecture::ALL {
        let found = parse(&program(architecture, None)).unwrap();
        assert_eq!((found.architecture, found.is_static()), (architecture, true));
        let found = parse(&program(architecture, Some("/lib64/ld.so"))).unwrap();
        assert_eq!(found.linkage, Linkage::Dynamic { loader: "/lib64/ld.so".to_owned() });
        assert_eq!(architecture.name().parse(), Ok(architecture));
    }
    assert_eq!("AMD64".parse(), Ok(Architecture::X86_64));
    assert_eq!(" arm64 ".parse(), Ok(Architecture::Aarch64));
    assert_eq!("x86".parse::<Architecture>(), Err(UnknownArchitecture));
}

#[test]
fn this_test_is_a_program_for_this_host() {
    let found = Program::read(&std::env::current_exe().unwrap()).unwrap();
    assert_eq!(Some(found.architecture), Architecture::of_this_host());
}

#[test]
fn other_files_are_called_what_they_are() {
    let whole = program(Architecture::X86_64, None);
    let changed = |changes: &[(usize, u8)]| {
        let mut file = whole.clone();
        changes.iter().for_each(|(at, byte)| file[*at] = *byte);
        refusal(&file)
    };
    assert_eq!(refusal(b""), "it is an empty file");
    assert_eq!(refusal(b"#!/bin/sh\nexec x\n"), "it is a script");
    assert_eq!(refusal(b"\xcf\xfa\xed\xfe\x0c\0\0\x01"), "it is a program for macOS");
    assert_eq!(refusal(b"MZ\x90"), "it is a program for Windows");
    assert_eq!(refusal(b"hello"), "it is no program");
    assert_eq!(changed(&[(4, 1)]), "it is a program for 32 bits");
    assert_eq!(changed(&[(7, 9)]), "it is a program for another system than Linux");
    assert_eq!(changed(&[(18, 3)]), "it is a program for unknown processors (number 3 of ELF)");
    assert_eq!(changed(&[(5, BIG_ENDIAN)]), "it is a program for unknown processors (number 15872 of ELF)");
    assert_eq!(changed(&[(16, 1)]), "it is part of a program (an object file), or a memory dump");
    assert_eq!(changed(&[(25, 0)]), "it is a library");
    assert_eq!(changed(&[(54, 1)]), "it is a damaged program");
    assert_eq!(Program::read(Path::new("/")).unwrap_err().to_string(), "it is a directory");
    assert!(matches!(Program::read(Path::new("/no/such")), Err(ProgramError::Read(_))));
}

#[test]
fn programs_that_were_cut_off_are_refused() {
    let whole = program(Architecture::Aarch64, Some("/lib/ld-linux-aarch64.so.1"));
    for length in 4..whole.len() {
        assert_eq!(refusal(&whole[..length]), "it is a program that was cut off", "{length} bytes");
    }
}

proptest! {
    #[test]
    fn damaged_heads_are_read_without_panic(changes in proptest::collection::vec((0..120_usize, any::<u8>()), 1..8)) {
        let mut file = program(Architecture::X86_64, Some("/lib64/ld-linux-x86-64.so.2"));
        changes.into_iter().for_each(|(at, byte)| file[at] = byte);
        let _ = parse(&file);
    }
}
