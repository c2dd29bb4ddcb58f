//! `auth-int` and `auth-conf`: signed and encrypted messages (RFC 2831 §2.3 and §2.4).

use std::fmt;

use bytes::{BufMut, Bytes, BytesMut};
use cbc::cipher::{Block, BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use des::TdesEde2;
use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};

use super::challenge::unusable;
use super::{Protection, SaslError, SecurityLayer};
use crate::security::sasl::rc4::Rc4;
use crate::security::sasl::{Open, Seal};

const MAC_LENGTH: usize = 10;
/// Message type, always 1.
const TYPE: [u8; 2] = [0, 1];
/// Type and sequence number at the end of every message.
const TRAILER: usize = 6;
const BLOCK: usize = 8;

/// Encryption methods for `auth-conf`. The weak ones (`des`, `rc4-56`, `rc4-40`) are not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cipher {
    TripleDes,
    Rc4,
}

impl Cipher {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::TripleDes => "3des",
            Self::Rc4 => "rc4",
        }
    }

    /// 3des before rc4, as the JDK chooses.
    pub(super) fn choose(offered: &[String]) -> Result<Self, SaslError> {
        let offers = |cipher: &Self| offered.iter().any(|name| name == cipher.name());
        [Self::TripleDes, Self::Rc4]
            .into_iter()
            .find(offers)
            .ok_or_else(|| unusable(format!("no supported cipher among `{}`", offered.join(","))))
    }
}

/// The two directions have keys of their own, made with these words.
struct Direction {
    signing: &'static str,
    sealing: &'static str,
}

const TO_SERVER: Direction = Direction {
    signing: "Digest session key to client-to-server signing key magic constant",
    sealing: "Digest H(A1) to client-to-server sealing key magic constant",
};
const TO_CLIENT: Direction = Direction {
    signing: "Digest session key to server-to-client signing key magic constant",
    sealing: "Digest H(A1) to server-to-client sealing key magic constant",
};

/// The layer of a client, or none for plain authentication.
pub(super) fn new(
    protection: Protection,
    cipher: Option<Cipher>,
    key: &[u8; 16],
    peer_buffer: u32,
) -> Result<Option<SecurityLayer>, SaslError> {
    pair(protection, cipher, key, peer_buffer, &TO_SERVER, &TO_CLIENT)
}

/// The layer of the server's side: a fake server in tests needs it.
#[cfg(test)]
pub(super) fn server(
    protection: Protection,
    cipher: Option<Cipher>,
    key: &[u8; 16],
) -> Option<SecurityLayer> {
    pair(protection, cipher, key, super::MAX_BUFFER, &TO_CLIENT, &TO_SERVER).unwrap()
}

fn pair(
    protection: Protection,
    cipher: Option<Cipher>,
    key: &[u8; 16],
    peer_buffer: u32,
    sending: &Direction,
    receiving: &Direction,
) -> Result<Option<SecurityLayer>, SaslError> {
    if protection == Protection::Authentication {
        return Ok(None);
    }
    // What wrapping adds, at most: the figures of the JDK, 16 to sign and 26 to sign and encrypt.
    let overhead = MAC_LENGTH + TRAILER + cipher.map_or(0, |_| BLOCK + 2);
    let limit = usize::try_from(peer_buffer).unwrap_or(usize::MAX).saturating_sub(overhead);
    if limit == 0 {
        return Err(unusable(format!("maxbuf {peer_buffer} leaves no room for a message")));
    }
    let (sealing, opening) = (derive(key, sending.sealing), derive(key, receiving.sealing));
    let seal = Sealer {
        signer: Signer::new(key, sending),
        cipher: cipher.map(|cipher| match cipher {
            Cipher::TripleDes => Encryptor::TripleDes(Box::new(cbc::Encryptor::new(
                &triple_des_key(&sealing).into(),
                &initial_vector(&sealing).into(),
            ))),
            Cipher::Rc4 => Encryptor::Rc4(Box::new(Rc4::new(&sealing))),
        }),
        limit,
    };
    let open = Opener {
        signer: Signer::new(key, receiving),
        cipher: cipher.map(|cipher| match cipher {
            Cipher::TripleDes => Decryptor::TripleDes(Box::new(cbc::Decryptor::new(
                &triple_des_key(&opening).into(),
                &initial_vector(&opening).into(),
            ))),
            Cipher::Rc4 => Decryptor::Rc4(Box::new(Rc4::new(&opening))),
        }),
    };
    Ok(Some(SecurityLayer { seal: Box::new(seal), open: Box::new(open) }))
}

fn derive(key: &[u8; 16], magic: &str) -> [u8; 16] {
    Md5::new().chain_update(key).chain_update(magic).finalize().into()
}

/// Two DES keys from the first 14 bytes: 7 key bits to a byte, the eighth is parity, which DES ignores.
fn triple_des_key(key: &[u8; 16]) -> [u8; 16] {
    let mut spread = [0; 16];
    for (half, out) in key.chunks(7).zip(spread.chunks_mut(8)) {
        let bits = half.iter().fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
        for (i, byte) in out.iter_mut().enumerate() {
            let seven = (bits >> (49 - 7 * i)) as u8 & 0x7f;
            *byte = seven << 1;
        }
    }
    spread
}

fn initial_vector(key: &[u8; 16]) -> [u8; 8] {
    std::array::from_fn(|i| key[8 + i])
}

/// Signs the messages of one direction, numbering them.
struct Signer {
    key: Hmac<Md5>,
    sequence: u32,
}

impl Signer {
    fn new(key: &[u8; 16], direction: &Direction) -> Self {
        let key: hmac::digest::Key<Hmac<Md5>> = {
            let mut block = hmac::digest::Key::<Hmac<Md5>>::default();
            block.iter_mut().zip(derive(key, direction.signing)).for_each(|(to, from)| *to = from);
            block
        };
        Self { key: Hmac::new(&key), sequence: 0 }
    }

    /// The keyed hash of the next message.
    fn next(&mut self, message: &[u8]) -> (Hmac<Md5>, u32) {
        let sequence = self.sequence;
        self.sequence = sequence.wrapping_add(1);
        let mut mac = self.key.clone();
        mac.update(&sequence.to_be_bytes());
        mac.update(message);
        (mac, sequence)
    }
}

enum Encryptor {
    TripleDes(Box<cbc::Encryptor<TdesEde2>>),
    Rc4(Box<Rc4>),
}

enum Decryptor {
    TripleDes(Box<cbc::Decryptor<TdesEde2>>),
    Rc4(Box<Rc4>),
}

struct Sealer {
    signer: Signer,
    cipher: Option<Encryptor>,
    limit: usize,
}

struct Opener {
    signer: Signer,
    cipher: Option<Decryptor>,
}

impl fmt::Debug for Sealer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sealer").field("sequence", &self.signer.sequence).finish_non_exhaustive()
    }
}

impl fmt::Debug for Opener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opener").field("sequence", &self.signer.sequence).finish_non_exhaustive()
    }
}

impl Seal for Sealer {
    fn limit(&self) -> usize {
        self.limit
    }

    /// message, padding, first 10 bytes of the hash (encrypted together), type, sequence number.
    fn seal(&mut self, message: &[u8]) -> Result<Bytes, SaslError> {
        let (mac, sequence) = self.signer.next(message);
        let mac = mac.finalize().into_bytes();
        let mut out = BytesMut::with_capacity(message.len() + BLOCK + MAC_LENGTH + TRAILER);
        out.put_slice(message);
        if let Some(Encryptor::TripleDes(_)) = self.cipher {
            let padding = BLOCK - (message.len() + MAC_LENGTH) % BLOCK;
            out.put_bytes(padding as u8, padding);
        }
        out.extend(mac.iter().take(MAC_LENGTH));
        match &mut self.cipher {
            None => {}
            Some(Encryptor::Rc4(cipher)) => cipher.apply(&mut out),
            Some(Encryptor::TripleDes(cipher)) => {
                for block in out.chunks_exact_mut(BLOCK) {
                    if let Ok(block) = <&mut Block<TdesEde2>>::try_from(block) {
                        cipher.encrypt_block(block);
                    }
                }
            }
        }
        out.put_slice(&TYPE);
        out.put_u32(sequence);
        Ok(out.freeze())
    }
}

impl Open for Opener {
    fn open(&mut self, sealed: &[u8]) -> Result<Bytes, SaslError> {
        const SHORT: SaslError = SaslError::Forged("it is too short");
        let split = sealed.len().checked_sub(TRAILER).ok_or(SHORT)?;
        let (body, trailer) = sealed.split_at(split);
        let mut body = BytesMut::from(body);
        match &mut self.cipher {
            None => {}
            Some(Decryptor::Rc4(cipher)) => cipher.apply(&mut body),
            Some(Decryptor::TripleDes(cipher)) => {
                if body.len() % BLOCK != 0 {
                    return Err(SaslError::Forged("its length is not that of whole blocks"));
                }
                for block in body.chunks_exact_mut(BLOCK) {
                    if let Ok(block) = <&mut Block<TdesEde2>>::try_from(block) {
                        cipher.decrypt_block(block);
                    }
                }
            }
        }
        let mut length = body.len().checked_sub(MAC_LENGTH).ok_or(SHORT)?;
        let mac = body.split_off(length);
        if let Some(Decryptor::TripleDes(_)) = self.cipher {
            let padding = usize::from(body.last().copied().ok_or(SHORT)?);
            if padding == 0 || padding > BLOCK {
                return Err(SaslError::Forged("its padding is wrong"));
            }
            length = length.checked_sub(padding).ok_or(SHORT)?;
            body.truncate(length);
        }
        let (expected, sequence) = self.signer.next(&body);
        if !trailer.starts_with(&TYPE) || !trailer.ends_with(&sequence.to_be_bytes()) {
            return Err(SaslError::Forged("it is out of order"));
        }
        expected.verify_truncated_left(&mac).map_err(|_| SaslError::Forged("its signature is wrong"))?;
        Ok(body.freeze())
    }
}
