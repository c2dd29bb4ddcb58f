//! The texts of DIGEST-MD5: lists of `key=value` and `key="value"`.

use super::{MAX_BUFFER, NAME, SaslError};

/// RFC 2831 §2.1.1 limits a challenge to this many bytes.
const MAX_LENGTH: usize = 2048;

/// A server's challenge.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Challenge {
    pub(super) realm: String,
    pub(super) nonce: String,
    pub(super) qops: Vec<String>,
    pub(super) ciphers: Vec<String>,
    /// The longest protected message the server takes, bytes.
    pub(super) max_buffer: u32,
}

impl Challenge {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, SaslError> {
        let (mut realm, mut nonce, mut qops, mut ciphers) = (None, None, None, None);
        let (mut max_buffer, mut algorithm) = (MAX_BUFFER, None);
        for (key, value) in directives(bytes)? {
            match key.as_str() {
                // Several realms may be offered; the first is as good as any, and Hadoop sends one.
                "realm" => realm = realm.or(Some(value)),
                "nonce" if nonce.is_some() => return Err(unusable("two nonces")),
                "nonce" => nonce = Some(value),
                "qop" => qops = Some(words(&value)),
                "cipher" => ciphers = Some(words(&value)),
                "maxbuf" => max_buffer = value.parse().map_err(|_| unusable("maxbuf is not a number"))?,
                "algorithm" => algorithm = Some(value),
                // Unknown directives are to be ignored, §2.1.1.
                _ => {}
            }
        }
        if algorithm.as_deref() != Some("md5-sess") {
            return Err(unusable("the algorithm is not md5-sess"));
        }
        Ok(Self {
            realm: realm.unwrap_or_default(),
            nonce: nonce.ok_or_else(|| unusable("no nonce"))?,
            qops: qops.unwrap_or_else(|| vec!["auth".to_owned()]),
            ciphers: ciphers.unwrap_or_default(),
            max_buffer,
        })
    }
}

/// The proof in `rspauth=…`.
pub(super) fn server_proof(bytes: &[u8]) -> Result<String, SaslError> {
    let mut directives = directives(bytes)?.into_iter();
    let proof = directives.find(|(key, _)| key == "rspauth").map(|(_, value)| value);
    proof.ok_or_else(|| unusable("no rspauth"))
}

pub(super) fn unusable(reason: impl Into<String>) -> SaslError {
    SaslError::Challenge { mechanism: NAME, reason: reason.into() }
}

fn words(list: &str) -> Vec<String> {
    list.split(',').map(|word| word.trim().to_owned()).filter(|word| !word.is_empty()).collect()
}

/// Splits into pairs. Keys come out in lower case, quoted values without quotes and escapes.
fn directives(bytes: &[u8]) -> Result<Vec<(String, String)>, SaslError> {
    if bytes.len() > MAX_LENGTH {
        return Err(unusable(format!("{} bytes long", bytes.len())));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| unusable("not UTF-8"))?;
    let mut pairs = Vec::new();
    let mut rest = text.trim_start_matches(separator);
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=').ok_or_else(|| unusable("a key without a value"))?;
        let (value, after) = match after.trim_start().strip_prefix('"') {
            Some(quoted) => unquote(quoted)?,
            None => {
                let end = after.find(separator).unwrap_or(after.len());
                (after[..end].to_owned(), &after[end..])
            }
        };
        pairs.push((key.trim().to_ascii_lowercase(), value));
        rest = after.trim_start_matches(separator);
    }
    Ok(pairs)
}

fn separator(c: char) -> bool {
    c == ',' || c.is_ascii_whitespace()
}

/// Reads up to the closing quote; returns the value and what follows.
fn unquote(text: &str) -> Result<(String, &str), SaslError> {
    let mut value = String::new();
    let mut characters = text.char_indices();
    while let Some((position, c)) = characters.next() {
        match c {
            '"' => return Ok((value, &text[position + 1..])),
            '\\' => value.extend(characters.next().map(|(_, escaped)| escaped)),
            other => value.push(other),
        }
    }
    Err(unusable("a quote is not closed"))
}
