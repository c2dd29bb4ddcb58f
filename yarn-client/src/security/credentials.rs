//! Tokens, and the stream that carries them between processes (`org.apache.hadoop.security.Credentials`).
//!
//! The stream begins with `HDTS` and a format byte. Format 0 holds Java `Writable` records and is what every Hadoop
//! release reads; format 1 holds one protobuf message and is read by Hadoop 3. We read both and write format 0.

use std::fmt;
use std::path::{Path, PathBuf};

use bytes::{Buf, BufMut, Bytes, BytesMut};
use prost::Message;
use proto::hadoop::common::{CredentialsKvProto, CredentialsProto, TokenProto};

const MAGIC: &[u8; 4] = b"HDTS";
const FORMAT_WRITABLE: u8 = 0;
const FORMAT_PROTOBUF: u8 = 1;

/// Bytes that are never shown.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Secret(Bytes);

impl Secret {
    /// Takes the bytes to guard.
    pub fn new(bytes: impl Into<Bytes>) -> Self {
        Self(bytes.into())
    }

    /// The bytes themselves; named so that a reader sees where a secret leaves its guard.
    pub fn expose(&self) -> &Bytes {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secret({} bytes)", self.0.len())
    }
}

/// A proof of identity that one Hadoop service issues for calls to itself or to another.
///
/// The identifier says what the token is for and is opaque here: it is signed, so re-encoding it would break it.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Token {
    /// What the token stands for, verbatim as issued.
    pub identifier: Bytes,
    /// Shared secret: a keyed hash of the identifier under the issuer's master key.
    pub password: Secret,
    /// Such as `YARN_AM_RM_TOKEN`, `NMToken`, `HDFS_DELEGATION_TOKEN`.
    pub kind: String,
    /// The `host:port` the token is meant for; often empty as issued. Local bookkeeping, not signed.
    pub service: String,
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The identifier is not secret, but it is one half of a login and means nothing to a person.
        f.debug_struct("Token")
            .field("kind", &self.kind)
            .field("service", &self.service)
            .field("identifier", &format_args!("{} bytes", self.identifier.len()))
            .field("password", &self.password)
            .finish()
    }
}

impl Token {
    pub(crate) fn from_wire(token: TokenProto) -> Self {
        let TokenProto { identifier, password, kind, service } = token;
        Self { identifier, password: Secret(password), kind, service }
    }
}

impl Token {
    pub(crate) fn to_wire(&self) -> TokenProto {
        TokenProto {
            identifier: self.identifier.clone(),
            password: self.password.0.clone(),
            kind: self.kind.clone(),
            service: self.service.clone(),
        }
    }
}

/// The tokens and secrets of a process.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Credentials {
    /// Tokens by alias, in file order. The alias is usually the service; the ResourceManager leaves it empty for
    /// the token it gives an application master.
    pub tokens: Vec<(String, Token)>,
    /// Other secrets by alias, such as key store passwords.
    pub secrets: Vec<(String, Secret)>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("tokens", &self.tokens)
            .field("secrets", &self.secrets.iter().map(|(alias, _)| alias).collect::<Vec<_>>())
            .finish()
    }
}

/// Why a credentials stream cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CredentialsError {
    /// The file cannot be opened or read.
    #[error("cannot read the credentials file {}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: std::io::Error,
    },
    /// The file was read but is not a credentials stream.
    #[error("{} is not a valid credentials file", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What is wrong with its content.
        #[source]
        source: Box<Self>,
    },
    /// The first four bytes are not `HDTS`.
    #[error("not a Hadoop credentials stream: it does not start with HDTS")]
    Magic,
    /// The format byte is neither 0 nor 1.
    #[error("unknown credentials format {0} (supported: 0 and 1)")]
    Format(u8),
    /// The stream ends, or a length points, beyond what is there.
    #[error("the credentials stream is cut off or damaged at byte {offset}: {reason}")]
    Damaged {
        /// Position in the stream.
        offset: usize,
        /// What was expected there.
        reason: &'static str,
    },
    /// The protobuf of format 1 does not parse.
    #[error("the credentials stream is not a valid protobuf message")]
    Protobuf(#[source] prost::DecodeError),
}

impl Credentials {
    /// Reads a stream of either format.
    ///
    /// # Errors
    /// Any [`CredentialsError`] but `Io` and `File`. Bytes after the last record are ignored, as Java does.
    pub fn parse(stream: &[u8]) -> Result<Self, CredentialsError> {
        let Some(rest) = stream.strip_prefix(MAGIC) else { return Err(CredentialsError::Magic) };
        let mut reader = Reader { rest, total: stream.len() };
        match reader.byte()? {
            FORMAT_WRITABLE => Self::parse_writable(reader),
            FORMAT_PROTOBUF => {
                let message = CredentialsProto::decode_length_delimited(reader.rest)
                    .map_err(CredentialsError::Protobuf)?;
                Ok(Self::from_wire(message))
            }
            other => Err(CredentialsError::Format(other)),
        }
    }

    fn parse_writable(mut reader: Reader<'_>) -> Result<Self, CredentialsError> {
        let mut credentials = Self::default();
        // No `with_capacity`: a count is only believed as far as records follow.
        for _ in 0..reader.length("number of tokens")? {
            let alias = reader.text()?;
            let identifier = Bytes::copy_from_slice(reader.counted("token identifier")?);
            let password = Secret::new(Bytes::copy_from_slice(reader.counted("token password")?));
            let (kind, service) = (reader.text()?, reader.text()?);
            credentials.tokens.push((alias, Token { identifier, password, kind, service }));
        }
        for _ in 0..reader.length("number of secrets")? {
            let alias = reader.text()?;
            let secret = Bytes::copy_from_slice(reader.counted("secret")?);
            credentials.secrets.push((alias, Secret::new(secret)));
        }
        Ok(credentials)
    }

    /// Reads a credentials file, such as the one `HADOOP_TOKEN_FILE_LOCATION` names in a container.
    ///
    /// # Errors
    /// [`CredentialsError::Io`] or [`CredentialsError::File`], both naming the path.
    pub fn read(path: &Path) -> Result<Self, CredentialsError> {
        let content =
            std::fs::read(path).map_err(|source| CredentialsError::Io { path: path.to_owned(), source })?;
        Self::parse(&content)
            .map_err(|source| CredentialsError::File { path: path.to_owned(), source: Box::new(source) })
    }

    /// The stream in format 0, the one that every Hadoop release reads.
    pub fn to_bytes(&self) -> Bytes {
        let mut out = BytesMut::new();
        out.put_slice(MAGIC);
        out.put_u8(FORMAT_WRITABLE);
        put_length(&mut out, self.tokens.len());
        for (alias, token) in &self.tokens {
            put_counted(&mut out, alias.as_bytes());
            put_counted(&mut out, &token.identifier);
            put_counted(&mut out, token.password.expose());
            put_counted(&mut out, token.kind.as_bytes());
            put_counted(&mut out, token.service.as_bytes());
        }
        put_length(&mut out, self.secrets.len());
        for (alias, secret) in &self.secrets {
            put_counted(&mut out, alias.as_bytes());
            put_counted(&mut out, secret.expose());
        }
        out.freeze()
    }

    /// The first token of that kind.
    pub fn find(&self, kind: &str) -> Option<&Token> {
        self.tokens.iter().map(|(_, token)| token).find(|token| token.kind == kind)
    }

    /// A copy that lacks the tokens of that kind: what an application master may hand to its containers is
    /// everything without `YARN_AM_RM_TOKEN`.
    #[must_use]
    pub fn without(&self, kind: &str) -> Self {
        let tokens = self.tokens.iter().filter(|(_, token)| token.kind != kind).cloned().collect();
        Self { tokens, secrets: self.secrets.clone() }
    }

    /// Adds a token, or replaces the one of the same alias.
    pub fn insert(&mut self, alias: impl Into<String>, token: Token) {
        let alias = alias.into();
        match self.tokens.iter_mut().find(|(present, _)| *present == alias) {
            Some((_, present)) => *present = token,
            None => self.tokens.push((alias, token)),
        }
    }

    /// Whether there is nothing to hand over.
    pub fn is_empty(&self) -> bool {
        self.tokens.is_empty() && self.secrets.is_empty()
    }
}

impl Credentials {
    fn from_wire(message: CredentialsProto) -> Self {
        let token = |entry: CredentialsKvProto| Some((entry.alias, Token::from_wire(entry.token?)));
        let secret = |entry: CredentialsKvProto| Some((entry.alias, Secret(entry.secret?)));
        Self {
            tokens: message.tokens.into_iter().filter_map(token).collect(),
            secrets: message.secrets.into_iter().filter_map(secret).collect(),
        }
    }
}

/// Reads Java `Writable` records; every length is checked against what is left.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    total: usize,
}

impl<'a> Reader<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes, total: bytes.len() }
    }

    pub(super) fn damaged(&self, reason: &'static str) -> CredentialsError {
        CredentialsError::Damaged { offset: self.total - self.rest.len(), reason }
    }

    pub(super) fn byte(&mut self) -> Result<u8, CredentialsError> {
        self.rest.try_get_u8().map_err(|_| self.damaged("one more byte"))
    }

    fn take(&mut self, length: usize, reason: &'static str) -> Result<&'a [u8], CredentialsError> {
        let (taken, rest) = self.rest.split_at_checked(length).ok_or_else(|| self.damaged(reason))?;
        self.rest = rest;
        Ok(taken)
    }

    /// `WritableUtils.readVLong`: one byte for -112..=127, else a byte that tells sign and size, then the magnitude,
    /// big-endian (of the complement, if negative).
    pub(super) fn variable_long(&mut self) -> Result<i64, CredentialsError> {
        let first = self.byte()?.cast_signed();
        let (size, negative) = match first {
            -112..=127 => return Ok(i64::from(first)),
            -120..=-113 => (first.abs_diff(-112), false),
            _ => (first.abs_diff(-120), true),
        };
        let bytes = self.take(usize::from(size), "a variable-length number")?;
        let magnitude = bytes.iter().fold(0_u64, |value, byte| value << 8 | u64::from(*byte)).cast_signed();
        Ok(if negative { !magnitude } else { magnitude })
    }

    /// A count or a length: never negative, and never more than there are bytes left.
    fn length(&mut self, reason: &'static str) -> Result<usize, CredentialsError> {
        let value = self.variable_long()?;
        usize::try_from(value).ok().filter(|n| *n <= self.rest.len()).ok_or_else(|| self.damaged(reason))
    }

    fn counted(&mut self, reason: &'static str) -> Result<&'a [u8], CredentialsError> {
        let length = self.length(reason)?;
        self.take(length, reason)
    }

    pub(super) fn text(&mut self) -> Result<String, CredentialsError> {
        let bytes = self.counted("a text")?;
        String::from_utf8(bytes.to_vec()).map_err(|_| self.damaged("a text in UTF-8"))
    }
}

/// `WritableUtils.writeVLong`; lengths are never negative.
fn put_length(out: &mut BytesMut, length: usize) {
    let value = length as u64;
    if value <= 127 {
        out.put_u8(value as u8);
        return;
    }
    let size = 8 - value.leading_zeros() / 8;
    out.put_u8((-112_i8 - size as i8).cast_unsigned());
    out.put_uint(value, size as usize);
}

fn put_counted(out: &mut BytesMut, bytes: &[u8]) {
    put_length(out, bytes.len());
    out.put_slice(bytes);
}

#[cfg(test)]
mod tests;
