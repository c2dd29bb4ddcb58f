//! Makes an input of two that there are.

use rand::Rng;
use rand::seq::IndexedRandom as _;

/// The longest input, bytes: long enough that what takes the square of it is noticed.
pub const LONGEST: usize = 64 << 10;

/// Numbers at which lengths and counts are compared with something.
const EDGES: [u64; 16] = [
    0,
    1,
    2,
    0x7f,
    0x80,
    0xff,
    0x100,
    0x7fff,
    0xffff,
    0x1_0000,
    0x7fff_ffff,
    0x8000_0000,
    0xffff_ffff,
    0x7fff_ffff_ffff_ffff,
    0x8000_0000_0000_0000,
    u64::MAX,
];

/// One to eight changes of `input`; `other` is what it may be spliced with.
pub fn mutate(input: &[u8], other: &[u8], random: &mut impl Rng) -> Vec<u8> {
    let mut bytes = input.to_vec();
    for _ in 0..1_u32 << random.random_range(0..4) {
        change(&mut bytes, other, random);
    }
    bytes.truncate(LONGEST);
    bytes
}

fn change(bytes: &mut Vec<u8>, other: &[u8], random: &mut impl Rng) {
    if bytes.is_empty() {
        bytes.extend_from_slice(other);
        return;
    }
    let at = random.random_range(0..bytes.len());
    let end = bytes.len().min(at + 1 + skewed(0..12, random));
    match random.random_range(0..12) {
        0 | 1 => bytes[at] ^= 1 << random.random_range(0..8),
        2 => bytes[at] = random.random(),
        3 => bytes.truncate(at),
        4 => drop(bytes.drain(at..end)),
        5 => {
            let part = bytes[at..end].to_vec();
            insert(bytes, end, &part);
        }
        // Many times over: what is nested, or goes by the square.
        6 => {
            let times = 2 + skewed(1..14, random);
            let part = bytes[at..end].to_vec();
            insert(bytes, end, &part.repeat(times.min(LONGEST / part.len())));
        }
        7 | 8 => length_field(bytes, at, random),
        9 => digits(bytes, at, random),
        10 => {
            let from = random.random_range(0..=other.len());
            bytes.truncate(at);
            bytes.extend_from_slice(&other[from..]);
        }
        _ => {
            let from = random.random_range(0..=other.len());
            let to = other.len().min(from + end - at);
            insert(bytes, at, &other[from..to]);
        }
    }
}

/// Below a power of two, of which each is as likely as the others.
fn skewed(powers: std::ops::Range<u32>, random: &mut impl Rng) -> usize {
    let below = 1 << random.random_range(powers);
    random.random_range(0..below)
}

fn insert(bytes: &mut Vec<u8>, at: usize, part: &[u8]) {
    drop(bytes.splice(at..at, part.iter().copied()));
    bytes.truncate(LONGEST);
}

/// A number in one of the forms that formats have for lengths, over what is there.
fn length_field(bytes: &mut Vec<u8>, at: usize, random: &mut impl Rng) {
    let left = (bytes.len() - at) as u64;
    let number = match random.random_range(0..4) {
        0 => left,
        1 => left.wrapping_add(random.random_range(0..3)).wrapping_sub(1),
        _ => EDGES.choose(random).copied().unwrap_or(0),
    };
    let field = match random.random_range(0..5) {
        0 => vec![number as u8],
        1 => (number as u16).to_be_bytes().to_vec(),
        2 => (number as u32).to_be_bytes().to_vec(),
        3 => number.to_be_bytes().to_vec(),
        _ => varint(number),
    };
    let end = bytes.len().min(at + field.len());
    drop(bytes.splice(at..end, field));
}

/// As protobuf has it.
fn varint(mut number: u64) -> Vec<u8> {
    let mut field = Vec::new();
    while number >= 0x80 {
        field.push(number as u8 | 0x80);
        number >>= 7;
    }
    field.push(number as u8);
    field
}

/// Another number in a text.
fn digits(bytes: &mut Vec<u8>, from: usize, random: &mut impl Rng) {
    let Some(at) = bytes[from..].iter().position(u8::is_ascii_digit) else { return };
    let begin = from + at;
    let length = bytes[begin..].iter().take_while(|byte| byte.is_ascii_digit()).count();
    let number = EDGES.choose(random).copied().unwrap_or(0);
    let sign = if random.random_ratio(1, 4) { "-" } else { "" };
    drop(bytes.splice(begin..begin + length, format!("{sign}{number}").into_bytes()));
}
