//! Which principal a server must have.

use std::net::IpAddr;

use regex::Regex;

use super::KerberosError;
use crate::conf::Configuration;

/// Stands for the server's own host in a principal.
const HOST: &str = "_HOST";

/// Which principal a server must have, by the configuration: what a server says of itself is only a claim.
///
/// The rules are those of Hadoop's `SaslRpcClient.getServerPrincipal`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerPrincipal {
    /// The key, such as `yarn.resourcemanager.principal`.
    pub key: &'static str,
    /// Its value: `name/host@REALM`, where the host may be `_HOST`.
    pub expected: Option<String>,
    /// The value of `<key>.pattern`, a glob over the whole principal, which comes first.
    pub pattern: Option<String>,
}

impl ServerPrincipal {
    /// What a configuration says under `key`.
    pub fn from_configuration(conf: &Configuration, key: &'static str) -> Self {
        let get = |key: &str| conf.get(key).filter(|value| !value.is_empty());
        Self { key, expected: get(key), pattern: get(&format!("{key}.pattern")) }
    }

    /// The principal to talk to, if a server that calls itself `name/host` may have it. `canonical` is the name of the address
    /// we are connected to, `realm` the realm of a host.
    ///
    /// # Errors
    /// [`KerberosError::ServerUnset`], [`KerberosError::ServerMismatch`], and those of both functions.
    pub(crate) fn check(
        &self,
        name: &str,
        host: &str,
        canonical: impl FnOnce() -> Result<String, KerberosError>,
        realm: impl Fn(&str) -> Result<String, KerberosError>,
    ) -> Result<String, KerberosError> {
        let claimed = format!("{name}/{host}");
        let mismatch = |key: String, expected: &str| KerberosError::ServerMismatch {
            key,
            expected: expected.to_owned(),
            found: claimed.clone(),
        };
        let odd = |part: &str| {
            part.is_empty() || part.contains(['/', '@', '\\']) || part.contains(char::is_control)
        };
        if odd(name) || odd(host) {
            return Err(mismatch(self.key.to_owned(), self.expected.as_deref().unwrap_or("name/host")));
        }
        if let Some(pattern) = &self.pattern {
            let key = format!("{}.pattern", self.key);
            let principal = format!("{claimed}@{}", realm(host)?);
            let fits = glob(pattern).is_some_and(|pattern| pattern.is_match(&principal));
            return if fits { Ok(principal) } else { Err(mismatch(key, pattern)) };
        }
        let Some(expected) = &self.expected else {
            return Err(KerberosError::ServerUnset { key: self.key });
        };
        let (own_name, own_host, own_realm) =
            components(expected).ok_or_else(|| mismatch(self.key.to_owned(), expected))?;
        let own_host = if own_host == HOST { canonical()? } else { own_host.to_owned() };
        let own_realm = match own_realm {
            Some(realm) => realm.to_owned(),
            None => realm(host)?,
        };
        let expected = format!("{own_name}/{own_host}@{own_realm}");
        if (own_name, &*own_host) == (name, host) {
            Ok(expected)
        } else {
            Err(mismatch(self.key.to_owned(), &expected))
        }
    }

    /// The principal as it stands in the configuration, for a server on `host`: a renewer of tokens is named so.
    pub fn on_host(&self, host: &str) -> Option<String> {
        Some(self.expected.as_ref()?.replacen(HOST, &host.to_ascii_lowercase(), 1))
    }
}

fn components(principal: &str) -> Option<(&str, &str, Option<&str>)> {
    let (name, realm) = match principal.split_once('@') {
        Some((name, realm)) => (name, Some(realm)),
        None => (principal, None),
    };
    let (name, host) = name.split_once('/')?;
    Some((name, host, realm))
}

/// The lower-case name of an address by reverse lookup, which `_HOST` stands for; the address where it has none, as in Java.
pub(crate) fn canonical_name(address: IpAddr) -> String {
    let name = dns_lookup::lookup_addr(&address).unwrap_or_else(|_| address.to_string());
    name.trim_end_matches('.').to_ascii_lowercase()
}

/// A pattern of Hadoop's `GlobPattern`: `*`, `?`, `[a-c]`, `[!a]`, `{a,b}`, `\`.
fn glob(pattern: &str) -> Option<Regex> {
    let mut regex = String::from(r"\A(?:");
    let (mut set, mut curly) = (false, 0_u32);
    let mut characters = pattern.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '\\' => regex.push_str(&regex::escape(&characters.next()?.to_string())),
            ']' if set => {
                set = false;
                regex.push(']');
            }
            '-' if set => regex.push('-'),
            '[' if !set => {
                set = true;
                regex.push('[');
                if characters.next_if(|next| matches!(next, '!' | '^')).is_some() {
                    regex.push('^');
                }
            }
            '*' if !set => regex.push_str(".*"),
            '?' if !set => regex.push('.'),
            '{' if !set => {
                curly += 1;
                regex.push_str("(?:");
            }
            ',' if curly > 0 && !set => regex.push('|'),
            '}' if curly > 0 && !set => {
                curly -= 1;
                regex.push(')');
            }
            other => regex.push_str(&regex::escape(&other.to_string())),
        }
    }
    regex.push_str(r")\z");
    Regex::new(&regex).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const KEY: &str = "yarn.resourcemanager.principal";

    fn check(
        expected: Option<&str>,
        pattern: Option<&str>,
        name: &str,
        host: &str,
    ) -> Result<String, KerberosError> {
        let own = |text: Option<&str>| text.map(str::to_owned);
        let server = ServerPrincipal { key: KEY, expected: own(expected), pattern: own(pattern) };
        server.check(name, host, || Ok("h1.a.com".to_owned()), |_| Ok("A.COM".to_owned()))
    }

    #[test]
    fn a_server_must_have_the_configured_principal() {
        let exact = Some("rm/h1.a.com@A.COM");
        assert_eq!(check(exact, None, "rm", "h1.a.com").as_deref(), Ok("rm/h1.a.com@A.COM"));
        assert_eq!(check(Some("rm/_HOST@B.COM"), None, "rm", "h1.a.com").as_deref(), Ok("rm/h1.a.com@B.COM"));
        assert_eq!(check(Some("rm/_HOST"), None, "rm", "h1.a.com").as_deref(), Ok("rm/h1.a.com@A.COM"));
        for (name, host) in [("nm", "h1.a.com"), ("rm", "h2.a.com"), ("rm", "H1.A.COM"), ("rm", "")] {
            for expected in [exact, Some("rm/_HOST@A.COM")] {
                let error = check(expected, None, name, host).unwrap_err();
                assert!(error.to_string().contains("rm/h1.a.com@A.COM") || host.is_empty(), "{error}");
                assert!(error.to_string().contains(KEY), "{error}");
            }
        }
        // A principal without a host is no server's.
        assert!(check(Some("rm@A.COM"), None, "rm", "h1.a.com").is_err());
        let unset = check(None, None, "rm", "h1.a.com");
        assert_eq!(unset, Err(KerberosError::ServerUnset { key: KEY }));
    }

    #[test]
    fn a_pattern_comes_first() {
        let other = Some("nobody/nowhere@X");
        for (pattern, fits) in [
            ("*", true),
            ("rm/*@A.COM", true),
            ("rm/h?.a.com@*", true),
            ("{rm,nm}/*", true),
            ("r[l-n]/*", true),
            ("r[!m]/*", false),
            ("rm/h1xa.com@A.COM", false),
            ("rm/*", true),
            ("rm", false),
            ("rm/[", false),
        ] {
            assert_eq!(check(other, Some(pattern), "rm", "h1.a.com").is_ok(), fits, "{pattern}");
        }
        assert!(check(other, Some("*"), "rm", "h1@B.COM").is_err());
    }

    proptest! {
        #[test]
        fn no_claim_and_no_pattern_panics(pattern in "\\PC{0,12}", name in "\\PC{0,6}", host in "\\PC{0,6}") {
            let found = check(None, Some(&pattern), &name, &host);
            if let Ok(found) = found {
                prop_assert_eq!(found, format!("{name}/{host}@A.COM"));
            }
        }
    }
}
