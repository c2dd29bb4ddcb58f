//! Java's own key stores (JKS, and JCEKS, which only differs in how keys are encrypted): the certificates in them are not encrypted.

use tokio_rustls::rustls::pki_types::CertificateDer;

const JKS: u32 = 0xfeed_feed;
const JCEKS: u32 = 0xcece_cece;
/// Kinds of entries.
const KEY: u32 = 1;
const CERTIFICATE: u32 = 2;

/// Whether the content starts like a key store.
pub(crate) fn is_one(bytes: &[u8]) -> bool {
    matches!(Reader(bytes).number(), Some(JKS | JCEKS))
}

/// What Java would trust: trusted certificate entries, and the first certificate of each key's chain.
pub(crate) fn certificates(bytes: &[u8]) -> Result<Vec<CertificateDer<'static>>, &'static str> {
    read(bytes).ok_or("it is cut off, or contains secret keys")
}

fn read(bytes: &[u8]) -> Option<Vec<CertificateDer<'static>>> {
    let mut reader = Reader(bytes);
    reader.number()?;
    let version = reader.number()?;
    let entries = reader.number()?;
    let mut found = Vec::new();
    for _ in 0..entries {
        let kind = reader.number()?;
        reader.text()?;
        // Its creation time.
        reader.take(8)?;
        match kind {
            KEY => {
                let length = reader.number()?;
                reader.take(length)?;
                for nth in 0..reader.number()? {
                    let certificate = reader.certificate(version)?;
                    if nth == 0 {
                        found.push(certificate);
                    }
                }
            }
            CERTIFICATE => found.push(reader.certificate(version)?),
            _ => return None,
        }
    }
    Some(found)
}

struct Reader<'a>(&'a [u8]);

impl<'a> Reader<'a> {
    fn take(&mut self, length: u32) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(usize::try_from(length).ok()?)?;
        self.0 = rest;
        Some(taken)
    }

    fn number(&mut self) -> Option<u32> {
        Some(u32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    fn text(&mut self) -> Option<&'a [u8]> {
        let length = u16::from_be_bytes(self.take(2)?.try_into().ok()?);
        self.take(length.into())
    }

    fn certificate(&mut self, version: u32) -> Option<CertificateDer<'static>> {
        if version > 1 {
            // Its type, `X.509`.
            self.text()?;
        }
        let length = self.number()?;
        Some(CertificateDer::from(self.take(length)?.to_vec()))
    }
}
