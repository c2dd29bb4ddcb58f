//! Delegation tokens of HDFS: with them the containers of an application act for its user, who proved it with Kerberos here.

use std::collections::BTreeSet;

use proto::hadoop::common::{
    CancelDelegationTokenResponseProto, GetDelegationTokenResponseProto, RenewDelegationTokenResponseProto,
    TokenProto,
};

use super::{FileUri, HdfsError, native, viewfs};
use crate::conf::{Configuration, Endpoint, RmService, keys};
use crate::rpc::{Client, Options, RpcError, calls};
use crate::security::{ServerPrincipal, Token, TokenLife, User};

/// What clients speak with a NameNode.
pub(super) const CLIENT_PROTOCOL: &str = "org.apache.hadoop.hdfs.protocol.ClientProtocol";

calls! {
    CLIENT_PROTOCOL."getDelegationToken": GetDelegationToken => GetDelegationTokenResponseProto, Idempotent;
    CLIENT_PROTOCOL."renewDelegationToken": RenewDelegationToken => RenewDelegationTokenResponseProto, Idempotent;
    CLIENT_PROTOCOL."cancelDelegationToken": CancelDelegationToken => CancelDelegationTokenResponseProto, Idempotent;
}

#[derive(Clone, PartialEq, prost::Message)]
struct GetDelegationToken {
    #[prost(string, required, tag = "1")]
    renewer: String,
}

#[derive(Clone, PartialEq, prost::Message)]
struct RenewDelegationToken {
    #[prost(message, required, tag = "1")]
    token: TokenProto,
}

#[derive(Clone, PartialEq, prost::Message)]
struct CancelDelegationToken {
    #[prost(message, required, tag = "1")]
    token: TokenProto,
}

/// A delegation token of one NameNode, or of the NameNodes of one name service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IssuedToken {
    authority: String,
    /// The same token under each name by which someone looks for it; by alias, as
    /// [`Credentials::tokens`](crate::security::Credentials::tokens).
    pub tokens: Vec<(String, Token)>,
    /// How long it can live.
    pub life: TokenLife,
}

impl IssuedToken {
    fn wire(&self) -> TokenProto {
        self.tokens.first().map(|(_, token)| token.to_wire()).unwrap_or_default()
    }
}

/// One token for each of these file systems that is HDFS, or a view with HDFS behind it, which `renewer` may renew. None on a
/// cluster without security.
/// [`HdfsError::Token`] where a NameNode gives none.
pub(super) async fn obtain(
    conf: &Configuration,
    user: &User,
    uris: &[&str],
    renewer: &str,
) -> Vec<Result<IssuedToken, HdfsError>> {
    if user.login().is_none() {
        return Vec::new();
    }
    let each =
        authorities(conf, uris).into_iter().map(|authority| of_name_node(conf, user, authority, renewer));
    let issued = futures::future::join_all(each).await;
    issued.into_iter().filter_map(Result::transpose).collect()
}

/// The NameNodes and name services behind these URIs; paths without a scheme are left out.
fn authorities(conf: &Configuration, uris: &[&str]) -> BTreeSet<String> {
    let targets = |uri: FileUri| match uri.scheme.as_deref() {
        Some("hdfs") if !uri.authority.is_empty() => vec![uri.authority],
        Some("viewfs") => viewfs::targets(&uri, conf)
            .filter(|target| target.scheme.as_deref() == Some("hdfs"))
            .map(|target| target.authority)
            .collect(),
        _ => Vec::new(),
    };
    uris.iter().flat_map(|uri| targets(FileUri::parse(uri))).map(|of| native::authority(&of, conf)).collect()
}

/// Renews a token; returns until when it is valid, ms since the epoch. Only the renewer that it names may do this.
pub(super) async fn renew(conf: &Configuration, user: &User, issued: &IssuedToken) -> Result<u64, HdfsError> {
    let client = client(conf, user, &issued.authority)?;
    let renewed = client.call(&RenewDelegationToken { token: issued.wire() }).await;
    Ok(renewed.map_err(|error| refused("renew", &issued.authority, error))?.new_expiry_time)
}

/// Cancels a token. Its owner and its renewer may do this.
pub(super) async fn cancel(conf: &Configuration, user: &User, issued: &IssuedToken) -> Result<(), HdfsError> {
    let client = client(conf, user, &issued.authority)?;
    let cancelled = client.call(&CancelDelegationToken { token: issued.wire() }).await;
    cancelled.map_err(|error| refused("cancel", &issued.authority, error)).map(drop)
}

/// The ResourceManager renews the tokens of a submission, if they name it.
///
/// # Errors
/// [`HdfsError::Configuration`] without `yarn.resourcemanager.principal`.
pub fn resource_manager_principal(conf: &Configuration) -> Result<String, HdfsError> {
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

fn refused(operation: &'static str, authority: &str, error: RpcError) -> HdfsError {
    HdfsError::Token { operation, address: authority.to_owned(), source: Box::new(error) }
}

/// The addresses of a NameNode, or of those of a name service.
pub(super) fn endpoints(authority: &str, conf: &Configuration) -> Vec<Endpoint> {
    let addresses = native::name_service(authority, conf).unwrap_or_else(|| vec![authority.to_owned()]);
    addresses.iter().filter_map(|address| endpoint(address)).collect()
}

fn client(conf: &Configuration, user: &User, authority: &str) -> Result<Client, HdfsError> {
    let options =
        Options::from_configuration(conf).map_err(|error| HdfsError::Configuration(error.to_string()))?;
    let auth = user.auth(conf, keys::DFS_NAMENODE_PRINCIPAL, |_| false);
    Ok(Client::new(endpoints(authority, conf), auth, options))
}

async fn of_name_node(
    conf: &Configuration,
    user: &User,
    authority: String,
    renewer: &str,
) -> Result<Option<IssuedToken>, HdfsError> {
    let request = GetDelegationToken { renewer: renewer.to_owned() };
    let response = client(conf, user, &authority)?.call(&request).await;
    let response = response.map_err(|error| refused("get", &authority, error))?;
    // A NameNode without security gives none.
    let Some(token) = response.token.map(Token::from_wire) else { return Ok(None) };
    let Some(life) = TokenLife::of(&token) else {
        let reason = format!("the NameNode {authority} gave a delegation token that cannot be read");
        return Err(HdfsError::Configuration(reason));
    };
    let services = services(&authority, conf).await;
    let named = |service: String| (service.clone(), Token { service, ..token.clone() });
    Ok(Some(IssuedToken { authority, tokens: services.into_iter().map(named).collect(), life }))
}

/// The names by which someone looks for a token of this authority.
async fn services(authority: &str, conf: &Configuration) -> BTreeSet<String> {
    if native::name_service(authority, conf).is_some() {
        return [format!("ha-hdfs:{authority}")].into();
    }
    // Java looks for the address (`SecurityUtil.buildTokenService`), the crate for the text of the URI.
    let Some(server) = endpoint(authority) else { return [authority.to_owned()].into() };
    let found = tokio::net::lookup_host((&*server.host, server.port)).await;
    let found: Vec<_> = found.into_iter().flatten().collect();
    let address = found.iter().find(|address| address.is_ipv4()).or_else(|| found.first());
    [Some(authority.to_owned()), address.map(ToString::to_string)].into_iter().flatten().collect()
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
        let conf_of = conf(&[principal, ("yarn.resourcemanager.hostname", "H1")]);
        assert_eq!(resource_manager_principal(&conf_of).unwrap(), "rm/h1@A");
        let error = resource_manager_principal(&conf(&[])).unwrap_err().to_string();
        assert!(error.contains("yarn.resourcemanager.principal"), "{error}");
    }

    #[tokio::test]
    async fn nothing_is_asked_for_without_a_login() {
        let conf = conf(&[("hadoop.security.authentication", "kerberos")]);
        assert_eq!(obtain(&conf, &User::new("ada"), &["hdfs://nowhere:1/x"], "rm").await.len(), 0);
    }

    #[test]
    fn each_name_node_is_asked_once() {
        let conf = conf(&[
            ("dfs.ha.namenodes.ns", "a"),
            ("fs.viewfs.mounttable.v.link./data", "hdfs://ns/data"),
            ("fs.viewfs.mounttable.v.link./tmp", "hdfs://other/tmp"),
            ("fs.viewfs.mounttable.v.link./here", "file:///here"),
        ]);
        let uris =
            ["hdfs://ns/x", "viewfs://v/data/y", "s3a://b/x", "/plain", "hdfs:///x", "hdfs://other:8020/z"];
        assert_eq!(authorities(&conf, &uris), ["ns", "other:8020"].map(str::to_owned).into());
    }
}
