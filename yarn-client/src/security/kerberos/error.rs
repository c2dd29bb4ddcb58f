//! Why Kerberos does not let us in.

use std::path::PathBuf;
use std::time::Duration;

use super::NameError;
use crate::security::sasl::gssapi::LIBRARY;

/// `ERROR_TABLE_BASE_krb5`; the codes of RFC 4120 (7.5.9) and of the library (`krb5.h`) count from here.
const BASE: i32 = -1_765_328_384;
const CLIENT_UNKNOWN: i32 = BASE + 6;
const SERVER_UNKNOWN: i32 = BASE + 7;
const PREAUTH_FAILED: i32 = BASE + 24;
const BAD_INTEGRITY: i32 = BASE + 31;
const TICKET_EXPIRED: i32 = BASE + 32;
const TICKET_NOT_YET_VALID: i32 = BASE + 33;
const SKEW: i32 = BASE + 37;
const REALM_UNKNOWN: i32 = BASE + 154;
const KDC_UNREACHABLE: i32 = BASE + 156;
const REALM_CANNOT_RESOLVE: i32 = BASE + 220;
/// `GSS_S_CREDENTIALS_EXPIRED` (RFC 2744, 3.9.1).
const CREDENTIALS_EXPIRED: u32 = 11 << 16;

/// A call of the library that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Status {
    /// What GSSAPI says, calling and routine error (`GSS_S_*`). 0 where the library could not be loaded.
    pub(crate) major: u32,
    /// What Kerberos says: an error code of `krb5.h` or of the mechanism.
    pub(crate) minor: i32,
    /// Both in words.
    pub(crate) text: String,
}

impl Status {
    /// Whether there is no such library.
    pub(crate) fn is_library_missing(&self) -> bool {
        self.major == 0
    }
}

/// A login by Kerberos that failed. Each says what to do about it: [`hint`](Self::hint).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum KerberosError {
    /// The library is not installed, or too old.
    #[error("Kerberos needs {LIBRARY}, which cannot be loaded: {reason}")]
    LibraryMissing {
        /// What the loader says.
        reason: String,
    },
    /// There is no ticket cache, or it is empty.
    #[error("there is no Kerberos ticket in {cache}: {reason}")]
    NoTicket {
        /// The cache.
        cache: String,
        /// What the library says.
        reason: String,
    },
    /// The ticket has expired.
    #[error("the Kerberos ticket of {0} has expired")]
    Expired(
        /// Whose it was, or where.
        String,
    ),
    /// Nothing says which of the keytab's principals to log in as.
    #[error("a keytab is configured without a principal")]
    NoPrincipal,
    /// Nothing says where the principal's key is.
    #[error("a principal is configured without a keytab")]
    PrincipalAlone,
    /// The keytab cannot be read.
    #[error("the keytab {} cannot be read: {reason}", path.display())]
    NoKeytab {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The configuration of Kerberos that is named cannot be used.
    #[error("the Kerberos configuration {} cannot be used: {reason}", path.display())]
    NoConfiguration {
        /// The file.
        path: PathBuf,
        /// What the system says.
        reason: String,
    },
    /// The keytab holds no key of the principal.
    #[error("the keytab {} has no key of {principal}: {reason}", path.display())]
    NotInKeytab {
        /// Whose key was looked for.
        principal: String,
        /// The file.
        path: PathBuf,
        /// What the library says.
        reason: String,
    },
    /// Neither a ticket nor a keytab is to be used.
    #[error(
        "no Kerberos login is configured: `security.kerberos.login.use-ticket-cache` is false, and there is no keytab"
    )]
    NothingToUse,
    /// The KDC does not know the user.
    #[error("the KDC does not know {principal}")]
    UnknownUser {
        /// The user.
        principal: String,
    },
    /// The KDC has another key.
    #[error("the KDC does not accept the key of {principal}: {reason}")]
    WrongKey {
        /// The user.
        principal: String,
        /// What the KDC says.
        reason: String,
    },
    /// The KDC does not know the server.
    #[error("the KDC does not know the server {server}")]
    UnknownServer {
        /// Its principal.
        server: String,
    },
    /// `krb5.conf` does not say where the realm's KDC is.
    #[error("the realm of {principal} is unknown: {reason}")]
    UnknownRealm {
        /// Whose.
        principal: String,
        /// What the library says.
        reason: String,
    },
    /// This host's clock, the KDC's and the server's differ by more than five minutes.
    #[error("the clocks of this host and of the KDC differ by too much: {reason}")]
    ClockSkew {
        /// What was said.
        reason: String,
    },
    /// No KDC answers.
    #[error("the KDC cannot be reached: {reason}")]
    Unreachable {
        /// What the library says.
        reason: String,
    },
    /// No KDC has answered in time.
    #[error("Kerberos did not answer within {}", crate::seconds(*.0))]
    TooSlow(Duration),
    /// The configuration does not say which principal the server has.
    #[error("`{key}` is not set, so the server's identity cannot be checked")]
    ServerUnset {
        /// The key.
        key: &'static str,
    },
    /// The server has another principal than the one that is configured.
    #[error("the server calls itself {found}, but `{key}` is {expected}")]
    ServerMismatch {
        /// The key.
        key: String,
        /// What it must be.
        expected: String,
        /// What the server says.
        found: String,
    },
    /// The principal has no short name.
    #[error(transparent)]
    Name(#[from] NameError),
    /// The library says something else.
    #[error("Kerberos failed: {reason} (major {major:#x}, minor {minor})")]
    Failed {
        /// What it says.
        reason: String,
        /// `GSS_S_*`.
        major: u32,
        /// The mechanism's own code.
        minor: i32,
    },
}

impl KerberosError {
    /// What a failed call means, made for `principal`; `server` is there when a ticket for it was wanted.
    pub(crate) fn of(status: Status, principal: &str, server: Option<&str>) -> Self {
        let (principal, reason) = (principal.to_owned(), status.text.clone());
        if status.is_library_missing() {
            return Self::LibraryMissing { reason };
        }
        match (status.minor, server) {
            (CLIENT_UNKNOWN, _) => Self::UnknownUser { principal },
            (SERVER_UNKNOWN, Some(server)) => Self::UnknownServer { server: server.to_owned() },
            (PREAUTH_FAILED | BAD_INTEGRITY, _) => Self::WrongKey { principal, reason },
            (TICKET_EXPIRED, _) => Self::Expired(principal),
            (TICKET_NOT_YET_VALID | SKEW, _) => Self::ClockSkew { reason },
            (REALM_UNKNOWN | REALM_CANNOT_RESOLVE, _) => {
                Self::UnknownRealm { principal: server.map_or(principal, str::to_owned), reason }
            }
            (KDC_UNREACHABLE, _) => Self::Unreachable { reason },
            _ if status.major == CREDENTIALS_EXPIRED => Self::Expired(principal),
            _ => Self::Failed { reason, major: status.major, minor: status.minor },
        }
    }

    /// What it means that there are no credentials in a ticket cache.
    pub(crate) fn of_cache(status: Status, cache: &str) -> Self {
        match Self::of(status, cache, None) {
            // Which of its codes the library uses depends on the kind of cache.
            Self::Failed { reason, .. } => Self::NoTicket { cache: cache.to_owned(), reason },
            other => other,
        }
    }

    /// Whether it was found out without asking anyone: a file, a setting or a package is missing.
    pub fn is_local(&self) -> bool {
        matches!(
            self,
            Self::LibraryMissing { .. }
                | Self::NoTicket { .. }
                | Self::Expired(_)
                | Self::NoPrincipal
                | Self::PrincipalAlone
                | Self::NoKeytab { .. }
                | Self::NoConfiguration { .. }
                | Self::NotInKeytab { .. }
                | Self::NothingToUse
                | Self::ServerUnset { .. }
                | Self::Name(_)
        )
    }

    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::LibraryMissing { .. } => "install it: `apt-get install libgssapi-krb5-2` on Debian and Ubuntu, \
                `dnf install krb5-libs` on RHEL and its kin"
                .to_owned(),
            Self::NoTicket { .. } => {
                "run `kinit`, or use a keytab; `klist` shows tickets".to_owned()
            }
            Self::Expired(_) => "run `kinit`, or use a keytab".to_owned(),
            Self::NoPrincipal => "name the principal, too; `klist -k` shows those of a keytab".to_owned(),
            Self::PrincipalAlone => "name its keytab, too".to_owned(),
            Self::NoKeytab { .. } => "check the path and the permissions of the keytab".to_owned(),
            Self::NoConfiguration { .. } => "check `security.kerberos.krb5-conf.path`".to_owned(),
            Self::NotInKeytab { path, .. } => {
                format!("`klist -k {}` shows the principals of the keytab", path.display())
            }
            Self::NothingToUse => "set `security.kerberos.login.keytab` and `security.kerberos.login.principal`".to_owned(),
            Self::UnknownUser { .. } => "check the principal's spelling and realm".to_owned(),
            Self::WrongKey { .. } => "get a new keytab: the key has changed since it was made".to_owned(),
            Self::UnknownServer { .. } => {
                "check the server's principal in the configuration, and that its host name is the one the KDC knows".to_owned()
            }
            Self::UnknownRealm { .. } => {
                "add the realm and its KDC to `krb5.conf`; `KRB5_CONFIG` names another file".to_owned()
            }
            Self::ClockSkew { .. } => "set this host's clock; Kerberos tolerates five minutes".to_owned(),
            Self::Unreachable { .. } | Self::TooSlow(_) => {
                "check the realm's KDC in `krb5.conf`, and the network between this host and it".to_owned()
            }
            Self::ServerUnset { key } => format!("set `{key}` to the server's principal, as the cluster does"),
            Self::ServerMismatch { key, .. } => {
                format!("check `{key}` and the address; if both are right, another server answers there")
            }
            Self::Name(_) => "check `hadoop.security.auth_to_local` in `core-site.xml`".to_owned(),
            Self::Failed { .. } => return None,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(major: u32, code: i32, server: Option<&str>) -> KerberosError {
        let minor = if code == 0 { 0 } else { BASE + code };
        KerberosError::of(Status { major: major << 16, minor, text: "words".to_owned() }, "ada@A", server)
    }

    #[test]
    fn codes_of_the_library_are_told_apart() {
        let (ada, rm) = (|| "ada@A".to_owned(), "rm/h@A");
        let reason = || "words".to_owned();
        for (error, expected) in [
            (of(13, 6, None), KerberosError::UnknownUser { principal: ada() }),
            (of(13, 7, Some(rm)), KerberosError::UnknownServer { server: rm.to_owned() }),
            (of(13, 24, None), KerberosError::WrongKey { principal: ada(), reason: reason() }),
            (of(11, 0, None), KerberosError::Expired(ada())),
            (of(13, 32, None), KerberosError::Expired(ada())),
            (of(13, 37, Some(rm)), KerberosError::ClockSkew { reason: reason() }),
            (
                of(13, 154, Some(rm)),
                KerberosError::UnknownRealm { principal: rm.to_owned(), reason: reason() },
            ),
            (of(13, 156, None), KerberosError::Unreachable { reason: reason() }),
            (of(0, 0, None), KerberosError::LibraryMissing { reason: reason() }),
        ] {
            assert_eq!(error, expected);
            assert!(error.hint().is_some(), "{error}");
        }
        let other = of(9, 0, None);
        assert_eq!(other.to_string(), "Kerberos failed: words (major 0x90000, minor 0)");
    }
}
