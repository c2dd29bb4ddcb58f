//! What a delegation token says about itself.
//!
//! Its identifier is signed by the server that issued it and must not be changed, but anyone may read it.

use prost::Message;

use super::Token;
use super::credentials::{Credentials, CredentialsError, Reader};

/// Kind of the tokens of NameNodes (`DelegationTokenIdentifier.HDFS_DELEGATION_KIND`).
pub const HDFS_DELEGATION_TOKEN: &str = "HDFS_DELEGATION_TOKEN";
/// Kind of the tokens of ResourceManagers for their clients (`RMDelegationTokenIdentifier.KIND_NAME`).
pub const RM_DELEGATION_TOKEN: &str = "RM_DELEGATION_TOKEN";
/// The only format there is (`AbstractDelegationTokenIdentifier.VERSION`).
const VERSION: u8 = 0;

/// How long a delegation token can live, by the clock of the server that issued it.
///
/// Until [`end_ms`](Self::end_ms) its renewer has to renew it again and again, each time for the server's renew interval
/// (`dfs.namenode.delegation.token.renew-interval`, a day); after that nobody can.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenLife {
    /// When it was issued, ms since the epoch.
    pub issued_ms: u64,
    /// When it ends for good, ms since the epoch (`dfs.namenode.delegation.token.max-lifetime`, seven days).
    pub end_ms: u64,
}

/// `YARNDelegationTokenIdentifierProto`, as far as it is needed here.
#[derive(Clone, PartialEq, Message)]
struct OfYarn {
    #[prost(int64, tag = "4")]
    issue_date: i64,
    #[prost(int64, tag = "5")]
    max_date: i64,
}

impl TokenLife {
    /// Reads the identifier of a delegation token; `None` for tokens of a kind that is not known here, and damaged ones.
    pub fn of(token: &Token) -> Option<Self> {
        let (issued, end) = match &*token.kind {
            HDFS_DELEGATION_TOKEN => writable(&token.identifier).ok()?,
            RM_DELEGATION_TOKEN => {
                let identifier = OfYarn::decode(token.identifier.clone()).ok()?;
                (identifier.issue_date, identifier.max_date)
            }
            _ => return None,
        };
        Some(Self { issued_ms: u64::try_from(issued).ok()?, end_ms: u64::try_from(end).ok()? })
    }

    /// Of the tokens for HDFS among these, the one that ends first; `None` if there are none.
    pub fn of_hdfs(credentials: &Credentials) -> Option<Self> {
        let tokens = credentials.tokens.iter().filter(|(_, token)| token.kind == HDFS_DELEGATION_TOKEN);
        tokens.filter_map(|(_, token)| Self::of(token)).min_by_key(|life| life.end_ms)
    }

    /// How long it can live altogether, ms.
    #[must_use]
    pub fn length_ms(&self) -> u64 {
        self.end_ms.saturating_sub(self.issued_ms)
    }
}

/// Issue date and end of an identifier that is a Java `Writable` (`AbstractDelegationTokenIdentifier.readFields`).
fn writable(identifier: &[u8]) -> Result<(i64, i64), CredentialsError> {
    let mut reader = Reader::new(identifier);
    if reader.byte()? != VERSION {
        return Err(reader.damaged("a version that is known"));
    }
    // Owner, renewer, real user.
    for _ in 0..3 {
        reader.text()?;
    }
    Ok((reader.variable_long()?, reader.variable_long()?))
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;

    fn token(kind: &str, identifier: &'static [u8]) -> Token {
        Token { kind: kind.to_owned(), identifier: Bytes::from_static(identifier), ..Token::default() }
    }

    /// As a NameNode writes it: owner, renewer, no real user, 30 s of life, sequence number and key.
    const OF_NAME_NODE: &[u8] =
        b"\0\x05alice\x02rm\0\x8a\x01\x9a\xbc\xde\xf0\x12\x8a\x01\x9a\xbc\xdf\x65\x42\x05\x02";

    #[test]
    fn life_is_read_from_the_identifier() {
        let life = TokenLife::of(&token(HDFS_DELEGATION_TOKEN, OF_NAME_NODE)).unwrap();
        assert_eq!((life.issued_ms, life.length_ms()), (0x019a_bcde_f012, 30_000));
        let identifier = b"\x0a\x05alice\x20\x80\xd0\x95\xff\xbc\x31\x28\x81\xd0\x95\xff\xbc\x31";
        let life = TokenLife::of(&token(RM_DELEGATION_TOKEN, identifier)).unwrap();
        assert_eq!((life.issued_ms, life.length_ms()), (1700000000000, 1));
    }

    #[test]
    fn damaged_and_other_tokens_have_no_life() {
        for length in 0..OF_NAME_NODE.len() - 2 {
            assert_eq!(
                TokenLife::of(&token(HDFS_DELEGATION_TOKEN, &OF_NAME_NODE[..length])),
                None,
                "{length}"
            );
        }
        assert_eq!(TokenLife::of(&token(HDFS_DELEGATION_TOKEN, b"\x01\0\0\0\0\0")), None);
        assert_eq!(TokenLife::of(&token("HBASE_AUTH_TOKEN", OF_NAME_NODE)), None);
    }
}
