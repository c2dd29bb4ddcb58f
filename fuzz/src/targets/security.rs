//! Challenges, files of tokens, truststores.

use yarn_client::fuzz;
use yarn_client::security::Credentials;
use yarn_client::security::sasl::Protection;

use super::rpc;

/// A challenge, and behind a zero byte what the server says at the end. The first byte chooses the protection, and whether the server
/// knows the password.
pub fn digest_challenge(data: &[u8]) {
    let Some((first, data)) = data.split_first() else { return };
    let protection = match first % 3 {
        0 => Protection::Authentication,
        1 => Protection::Privacy,
        _ => Protection::Integrity,
    };
    let end = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (challenge, last) = data.split_at(end);
    let last = last.get(1..).unwrap_or_default();
    fuzz::digest_md5(&rpc::token(), protection, challenge, first / 3 % 2 == 1, last);
}

/// A credentials file of either format.
pub fn credentials(data: &[u8]) {
    let Ok(credentials) = Credentials::parse(data) else { return };
    let written = credentials.to_bytes();
    let again = Credentials::parse(&written);
    assert!(again.is_ok_and(|again| again == credentials), "written credentials are read differently");
}

/// A truststore, JKS or PEM.
pub fn truststore(data: &[u8]) {
    fuzz::truststore(data);
}
