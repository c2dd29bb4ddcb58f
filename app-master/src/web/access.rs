//! Access control of the web page, as in Hadoop's filter for application masters (`AmIpFilter`): requests come through YARN's
//! web proxy. Other requests are redirected there, or refused if they would change something.

use std::collections::BTreeSet;
use std::net::{IpAddr, ToSocketAddrs as _};
use std::sync::{Arc, RwLock};
use std::time::Duration;

use hyper::{Method, Uri};
use yarn_client::conf::Configuration;

use crate::warnings::Warnings;

/// How often the proxies' addresses are looked up again, as they may change; the same as in Hadoop's filter.
const RESOLVE: Duration = Duration::from_secs(300);

/// The web proxies of a cluster.
#[derive(Debug, Clone)]
pub struct Access {
    hosts: Arc<[String]>,
    /// scheme://host:port/proxy of the first one, where a browser is sent.
    proxy: Option<String>,
    /// `application_…`
    application: String,
    addresses: Arc<RwLock<BTreeSet<IpAddr>>>,
}

/// What happens to a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Admission {
    /// It comes from a proxy.
    Granted,
    /// It can be repeated through the proxy, at this address.
    Redirected(String),
    /// It cannot.
    Refused,
}

impl Access {
    /// Reads the cluster's configuration. If it names no proxy, every request is refused.
    pub fn new(conf: &Configuration, application: &str) -> Self {
        let endpoints = conf.web_proxies().unwrap_or_else(|error| {
            tracing::warn!("the web page is not served, because YARN's web proxy is unknown: {error}");
            Vec::new()
        });
        let proxy = endpoints.first().map(|endpoint| format!("{}://{endpoint}/proxy", conf.web_scheme()));
        let hosts = endpoints.into_iter().map(|endpoint| endpoint.host).collect();
        let application = application.to_owned();
        Self { hosts, proxy, application, addresses: Arc::default() }
    }

    /// Looks up the proxies' addresses now and then, for as long as the process lives.
    pub async fn keep_resolving(self) {
        let warnings = Warnings::of("looking up YARN's web proxies");
        loop {
            let hosts = Arc::clone(&self.hosts);
            let looked = tokio::task::spawn_blocking(move || resolve(&hosts)).await;
            let (found, failure) = looked.unwrap_or_default();
            match failure {
                Some(failure) => warnings.failed(&failure),
                None => warnings.worked(),
            }
            if !found.is_empty() {
                self.know(found);
            }
            tokio::time::sleep(RESOLVE).await;
        }
    }

    pub(crate) fn know(&self, found: BTreeSet<IpAddr>) {
        if let Ok(mut addresses) = self.addresses.write() {
            *addresses = found;
        }
    }

    /// Whether a request from `source` is served.
    pub fn admit(&self, source: IpAddr, method: &Method, uri: &Uri) -> Admission {
        let known = self.addresses.read().is_ok_and(|addresses| addresses.contains(&source.to_canonical()));
        match (&self.proxy, method) {
            _ if known => Admission::Granted,
            (Some(proxy), &Method::GET | &Method::HEAD) => {
                let path = uri.path_and_query().map_or("/", |path| path.as_str());
                // `/redirect`: the proxy does not ask for confirmation then, as the browser has been here before.
                Admission::Redirected(format!("{proxy}/redirect/{}{path}", self.application))
            }
            _ => Admission::Refused,
        }
    }
}

/// The addresses of the hosts that have any, and the error for the last one that has none.
fn resolve(hosts: &[String]) -> (BTreeSet<IpAddr>, Option<String>) {
    let mut addresses = BTreeSet::new();
    let mut failure = None;
    for host in hosts {
        match (host.as_str(), 0).to_socket_addrs() {
            Ok(found) => addresses.extend(found.map(|address| address.ip().to_canonical())),
            Err(error) => failure = Some(format!("{host}: {error}")),
        }
    }
    (addresses, failure)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn access(entries: &[(&str, &str)]) -> Access {
        let conf = Configuration::from_flat(
            entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect::<Vec<_>>(),
        );
        let access = Access::new(&conf, "application_1_0001");
        access.know(resolve(&access.hosts).0);
        access
    }

    #[test]
    fn proxies_are_served_and_others_redirected() {
        let access = access(&[("yarn.resourcemanager.webapp.address", "127.0.0.1:8088")]);
        let uri: Uri = "/am/events?x=1".parse().expect("a URI");
        let proxy: IpAddr = "::ffff:127.0.0.1".parse().expect("an address");
        let other: IpAddr = "127.0.0.9".parse().expect("an address");
        assert_eq!(access.admit(proxy, &Method::PUT, &uri), Admission::Granted);
        assert_eq!(
            access.admit(other, &Method::GET, &uri),
            Admission::Redirected(
                "http://127.0.0.1:8088/proxy/redirect/application_1_0001/am/events?x=1".to_owned()
            )
        );
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert_eq!(access.admit(other, &method, &uri), Admission::Refused, "{method}");
        }
    }

    #[test]
    fn separate_proxy_replaces_the_resource_managers() {
        let access = access(&[
            ("yarn.resourcemanager.webapp.address", "127.0.0.1:8088"),
            ("yarn.web-proxy.address", "127.0.0.2:9099"),
        ]);
        let uri = Uri::from_static("/");
        let source = |text: &str| text.parse::<IpAddr>().expect("an address");
        assert_eq!(access.admit(source("127.0.0.2"), &Method::GET, &uri), Admission::Granted);
        assert_ne!(access.admit(source("127.0.0.1"), &Method::GET, &uri), Admission::Granted);
    }

    #[test]
    fn browsers_are_sent_to_the_address_with_https() {
        let uri = Uri::from_static("/am/");
        for (key, proxy) in [
            ("yarn.resourcemanager.webapp.https.address", "127.0.0.2:8490"),
            ("yarn.web-proxy.address", "127.0.0.2:9099"),
            ("yarn.resourcemanager.hostname", "127.0.0.2"),
        ] {
            // The other address is not listened on.
            let plain = ("yarn.resourcemanager.webapp.address", "127.0.0.1:8088");
            let access = access(&[("yarn.http.policy", "HTTPS_ONLY"), plain, (key, proxy)]);
            let port = proxy.split_once(':').map_or("8090", |(_, port)| port);
            assert_eq!(
                access.admit("127.0.0.1".parse().expect("an address"), &Method::GET, &uri),
                Admission::Redirected(format!(
                    "https://127.0.0.2:{port}/proxy/redirect/application_1_0001/am/"
                ))
            );
            let proxy = "127.0.0.2".parse().expect("an address");
            assert_eq!(access.admit(proxy, &Method::POST, &uri), Admission::Granted);
        }
    }

    #[test]
    fn every_resource_manager_of_a_pair_is_a_proxy() {
        let access = access(&[
            ("yarn.resourcemanager.ha.enabled", "true"),
            ("yarn.resourcemanager.ha.rm-ids", "rm1,rm2"),
            ("yarn.resourcemanager.hostname.rm1", "127.0.0.1"),
            ("yarn.resourcemanager.hostname.rm2", "127.0.0.2"),
        ]);
        for source in ["127.0.0.1", "127.0.0.2"] {
            let source = source.parse().expect("an address");
            assert_eq!(access.admit(source, &Method::GET, &Uri::from_static("/")), Admission::Granted);
        }
    }

    #[test]
    fn nothing_is_served_without_a_proxy() {
        let access = access(&[]);
        let source = "127.0.0.1".parse().expect("an address");
        assert_eq!(access.admit(source, &Method::GET, &Uri::from_static("/")), Admission::Refused);
    }
}
