//! Delegation tokens of HDFS: with them the containers of an application act for its user, who proved it with Kerberos here.

use std::collections::BTreeSet;

use proto::hadoop::common::GetDelegationTokenResponseProto;

use super::{FileUri, HdfsError, native};
use crate::conf::{Configuration, Endpoint, RmService, keys};
use crate::rpc::{Call, Client, Options, Safety};
use crate::security::{ServerPrincipal, Token, User};

/// `ClientProtocol.getDelegationToken`.
#[derive(Clone, PartialEq, prost::Message)]
struct GetDelegationToken {
    #[prost(string, required, tag = "1")]
    renewer: String,
}

impl Call for GetDelegationToken {
    type Response = GetDelegationTokenResponseProto;
    const PROTOCOL: &'static str = "org.apache.hadoop.hdfs.protocol.ClientProtocol";
    const METHOD: &'static str = "getDelegationToken";
    const SAFETY: Safety = Safety::Idempotent;
}

/// What the containers of an application need on a secure cluster: the user's own tokens, and one for each of these file systems
/// that is HDFS, which the ResourceManager may renew. Nothing on a cluster without security.
///
/// # Errors
/// [`HdfsError::Configuration`] without `yarn.resourcemanager.principal`, [`HdfsError::Token`] where a NameNode gives none.
pub(super) async fn obtain(
    conf: &Configuration,
    user: &User,
    uris: &[&str],
) -> Result<Vec<(String, Token)>, HdfsError> {
    let mut tokens: Vec<_> = user.tokens().map(|token| (token.service.clone(), token.clone())).collect();
    if user.login().is_none() {
        return Ok(tokens);
    }
    let uris = uris.iter().map(|uri| FileUri::parse(uri));
    let hdfs = uris.filter(|uri| uri.scheme.as_deref() == Some("hdfs"));
    let authorities: BTreeSet<String> = hdfs.map(|uri| native::authority(&uri.authority, conf)).collect();
    let renewer = if authorities.is_empty() { String::new() } else { renewer(conf)? };
    for authority in authorities {
        tokens.extend(of_name_node(conf, user, &authority, &renewer).await?);
    }
    Ok(tokens)
}

/// The ResourceManager renews tokens of applications, if they name it.
fn renewer(conf: &Configuration) -> Result<String, HdfsError> {
    let server = ServerPrincipal::from_configuration(conf, keys::RM_PRINCIPAL);
    let host = conf.resource_managers(RmService::Client).ok().and_then(|servers| servers.into_iter().next());
    let principal = server.on_host(&host.map(|server| server.host).unwrap_or_default());
    principal.ok_or_else(|| {
        HdfsError::Configuration(format!(
            "`{}` is not set, but delegation tokens of an application need it as their renewer",
            keys::RM_PRINCIPAL
        ))
    })
}

/// The same token under each name that someone looks for it by.
async fn of_name_node(
    conf: &Configuration,
    user: &User,
    authority: &str,
    renewer: &str,
) -> Result<Vec<(String, Token)>, HdfsError> {
    let servers = native::name_service(authority, conf);
    let addresses = servers.clone().unwrap_or_else(|| vec![authority.to_owned()]);
    let endpoints: Vec<_> = addresses.iter().filter_map(|address| endpoint(address)).collect();
    let first = endpoints.first().cloned();
    let options =
        Options::from_configuration(conf).map_err(|error| HdfsError::Configuration(error.to_string()))?;
    let client = Client::new(endpoints, user.auth(conf, keys::DFS_NAMENODE_PRINCIPAL, |_| false), options);
    let request = GetDelegationToken { renewer: renewer.to_owned() };
    let response = client
        .call(&request)
        .await
        .map_err(|error| HdfsError::Token { address: authority.to_owned(), source: Box::new(error) })?;
    // A NameNode without security gives none.
    let Some(token) = response.token.map(Token::from_wire) else { return Ok(Vec::new()) };
    let services: BTreeSet<String> = match (servers, first) {
        (Some(_), _) => [format!("ha-hdfs:{authority}")].into(),
        // Java looks for the address (`SecurityUtil.buildTokenService`), the crate for the text of the URI.
        (None, Some(server)) => {
            let found = tokio::net::lookup_host((&*server.host, server.port)).await;
            let found: Vec<_> = found.into_iter().flatten().collect();
            let address = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
            [Some(authority.to_owned()), address.map(ToString::to_string)].into_iter().flatten().collect()
        }
        (None, None) => BTreeSet::new(),
    };
    let named = |service: String| (service.clone(), Token { service, ..token.clone() });
    Ok(services.into_iter().map(named).collect())
}

fn endpoint(address: &str) -> Option<Endpoint> {
    let (host, port) = address.rsplit_once(':')?;
    let host = host.trim_matches(['[', ']']).to_owned();
    Some(Endpoint { id: None, host, port: port.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> Configuration {
        Configuration::from_flat(pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())))
    }

    #[test]
    fn the_renewer_is_the_resource_managers_principal() {
        let principal = ("yarn.resourcemanager.principal", "rm/_HOST@A");
        assert_eq!(renewer(&conf(&[principal, ("yarn.resourcemanager.hostname", "H1")])).unwrap(), "rm/h1@A");
        let error = renewer(&conf(&[])).unwrap_err().to_string();
        assert!(error.contains("yarn.resourcemanager.principal"), "{error}");
    }

    #[tokio::test]
    async fn nothing_is_asked_for_without_a_login() {
        let conf = conf(&[("hadoop.security.authentication", "kerberos")]);
        assert_eq!(obtain(&conf, &User::new("ada"), &["hdfs://nowhere:1/x"]).await.unwrap(), []);
    }
}
