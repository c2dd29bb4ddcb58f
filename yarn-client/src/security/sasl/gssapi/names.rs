//! What `krb5.conf` makes of names.

use super::{Name, PRINCIPAL_NAME, SERVICE_NAME};
use crate::security::kerberos::Status;

/// A principal with its realm: the default realm of `krb5.conf` where none is written.
///
/// # Errors
/// [`Status`] where the library is missing, the name is malformed or there is no default realm.
pub(crate) fn full_name(principal: &str) -> Result<String, Status> {
    Name::import(principal, PRINCIPAL_NAME)?.canonical()?.text()
}

/// The realm that `krb5.conf` assigns to a host (`[domain_realm]`); `None` where it does not. Blocks: names may be looked up.
///
/// # Errors
/// As [`full_name`].
pub(crate) fn realm_of_host(host: &str) -> Result<Option<String>, Status> {
    let name = Name::import(&format!("host@{host}"), SERVICE_NAME)?.canonical()?.text()?;
    let realm = name.rsplit_once('@').map(|(_, realm)| realm.to_owned());
    // Empty means that the KDC is to be asked.
    Ok(realm.filter(|realm| !realm.is_empty()))
}
