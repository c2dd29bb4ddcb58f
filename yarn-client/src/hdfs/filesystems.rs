//! The file systems that a configuration names.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use super::{FileSystem, FileUri, Hdfs, HdfsError, IssuedToken, LocalFs, ViewFs, tokens};
use crate::conf::{Configuration, keys};
use crate::security::User;

/// The default file system, and others by URI. There is one connection to each NameNode.
#[derive(Debug)]
pub struct FileSystems {
    conf: Configuration,
    user: User,
    default: Arc<dyn FileSystem>,
    others: Mutex<BTreeMap<String, Arc<dyn FileSystem>>>,
}

impl FileSystems {
    /// Opens the file system of `fs.defaultFS`. Nothing is sent yet. Must be called inside a tokio runtime.
    ///
    /// # Errors
    /// [`HdfsError::Configuration`] if `fs.defaultFS` is missing or has a scheme other than `hdfs`, `viewfs`, `file`.
    pub fn connect(conf: &Configuration, user: &User) -> Result<Self, HdfsError> {
        let default = conf.get(keys::FS_DEFAULT_FS).unwrap_or_default();
        if default.is_empty() {
            return Err(HdfsError::Configuration(format!(
                "`{}` is not set in `core-site.xml`, so the cluster's file system is unknown",
                keys::FS_DEFAULT_FS
            )));
        }
        let named_by = format!("`{}` in `core-site.xml`", keys::FS_DEFAULT_FS);
        let default =
            open(&FileUri::parse(&default), &default, &named_by, conf, user).map_err(
                |error| match error {
                    HdfsError::Path { reason, .. } => HdfsError::Configuration(format!(
                        "{} = {default:?} ({}): {reason}",
                        keys::FS_DEFAULT_FS,
                        conf.origin(keys::FS_DEFAULT_FS)
                    )),
                    error => error,
                },
            )?;
        Ok(Self { conf: conf.clone(), user: user.clone(), default, others: Mutex::default() })
    }

    /// Uses `default` for everything.
    #[cfg(test)]
    pub(super) fn of(default: Arc<dyn FileSystem>) -> Self {
        let user = User::new(default.user());
        Self { conf: Configuration::default(), user, default, others: Mutex::default() }
    }

    /// The file system of `fs.defaultFS`.
    pub fn default_fs(&self) -> &Arc<dyn FileSystem> {
        &self.default
    }

    /// The configuration with which they were opened.
    pub fn configuration(&self) -> &Configuration {
        &self.conf
    }

    /// Tokens with which others may use the default file system and those of `uris` for the user of this process; none without
    /// Kerberos. `renewer` is the principal of who may renew them.
    ///
    /// # Errors
    /// [`HdfsError::Configuration`], [`HdfsError::Token`].
    pub async fn delegation_tokens(
        &self,
        uris: &[&str],
        renewer: &str,
    ) -> Result<Vec<IssuedToken>, HdfsError> {
        self.each_delegation_token(uris, renewer).await.into_iter().collect()
    }

    /// The same, with a result for each of the NameNodes.
    pub async fn each_delegation_token(
        &self,
        uris: &[&str],
        renewer: &str,
    ) -> Vec<Result<IssuedToken, HdfsError>> {
        let default = self.conf.get(keys::FS_DEFAULT_FS).unwrap_or_default();
        tokens::obtain(&self.conf, &self.user, &[&[&*default], uris].concat(), renewer).await
    }

    /// Renews a token of ours; returns until when it is valid, ms since the epoch by the NameNode's clock.
    ///
    /// # Errors
    /// [`HdfsError::Token`].
    pub async fn renew_token(&self, token: &IssuedToken) -> Result<u64, HdfsError> {
        tokens::renew(&self.conf, &self.user, token).await
    }

    /// Cancels a token of ours: whoever uses it is refused from then on.
    ///
    /// # Errors
    /// [`HdfsError::Token`].
    pub async fn cancel_token(&self, token: &IssuedToken) -> Result<(), HdfsError> {
        tokens::cancel(&self.conf, &self.user, token).await
    }

    /// The file system of `text` (URI or path), and its absolute path there.
    ///
    /// # Errors
    /// [`HdfsError::Path`] for a scheme that is not supported.
    pub fn locate(&self, text: &str) -> Result<(Arc<dyn FileSystem>, String), HdfsError> {
        let uri = FileUri::parse(text);
        if uri.scheme.is_none() {
            return Ok((Arc::clone(&self.default), self.default.resolve(text)?));
        }
        if let Ok(path) = self.default.resolve(text) {
            return Ok((Arc::clone(&self.default), path));
        }
        let key = format!("{}://{}", uri.scheme.as_deref().unwrap_or_default(), uri.authority);
        let mut others = self.others.lock().unwrap_or_else(PoisonError::into_inner);
        let fs = match others.get(&key) {
            Some(fs) => Arc::clone(fs),
            None => {
                let fs = open(&uri, text, text, &self.conf, &self.user)?;
                others.insert(key, Arc::clone(&fs));
                fs
            }
        };
        let path = fs.resolve(text)?;
        Ok((fs, path))
    }
}

fn open(
    uri: &FileUri,
    text: &str,
    named_by: &str,
    conf: &Configuration,
    user: &User,
) -> Result<Arc<dyn FileSystem>, HdfsError> {
    match uri.scheme.as_deref() {
        Some("viewfs") => {
            let mounts = Mutex::new(BTreeMap::new());
            // One connection to each NameNode, however many of its directories are mounted.
            let open_mount = |uri: &FileUri, text: &str, key: &str| {
                let mut mounts = mounts.lock().unwrap_or_else(PoisonError::into_inner);
                let root = (uri.scheme.clone(), uri.authority.clone());
                if let Some(fs) = mounts.get(&root) {
                    return Ok(Arc::clone(fs));
                }
                let fs = open(uri, text, key, conf, user)?;
                mounts.insert(root, Arc::clone(&fs));
                Ok(fs)
            };
            Ok(Arc::new(ViewFs::new(uri, text, conf, user, &open_mount)?))
        }
        Some("hdfs") if uri.authority.is_empty() => Err(HdfsError::Path {
            path: text.to_owned(),
            reason: "it does not name a NameNode, and `fs.defaultFS` is not an HDFS address".to_owned(),
        }),
        Some("hdfs") => Ok(Arc::new(Hdfs::connect(text, named_by, conf, user)?)),
        // Java's local file system uses the home directory of the operating system.
        Some("file") => {
            let home = conf.user_home().map_or_else(|| format!("/home/{}", user.name), str::to_owned);
            Ok(Arc::new(LocalFs::new(&user.name, home)))
        }
        scheme => Err(HdfsError::Path {
            path: text.to_owned(),
            reason: format!(
                "only hdfs, viewfs and file are supported, not {}",
                scheme.unwrap_or("a plain path")
            ),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(pairs: &[(&str, &str)]) -> Configuration {
        let mut conf = Configuration::default();
        for (key, value) in pairs {
            conf.set(*key, *value);
        }
        conf
    }

    #[tokio::test]
    async fn default_and_other_file_systems_are_opened() {
        let conf = conf(&[
            ("fs.defaultFS", "hdfs://ns"),
            ("dfs.ha.namenodes.ns", "a, b"),
            ("dfs.namenode.rpc-address.ns.a", "h1:1"),
            ("dfs.namenode.rpc-address.ns.b", "h2:2"),
            ("s3.secret.key", "hunter2"),
        ]);
        let systems = FileSystems::connect(&conf, &User::new("ada")).unwrap();
        assert_eq!(systems.default_fs().root(), "hdfs://ns");
        assert_eq!(systems.default_fs().home(), "/user/ada");
        let root = |text: &str| systems.locate(text).map(|(fs, path)| fs.uri(&path)).ok();
        for (text, uri) in [
            ("lib", Some("hdfs://ns/user/ada/lib")),
            ("hdfs:///lib", Some("hdfs://ns/lib")),
            ("hdfs://other/x", Some("hdfs://other:8020/x")),
            ("hdfs://other:9000/x", Some("hdfs://other:9000/x")),
            ("file:/tmp/x", Some("file:///tmp/x")),
            ("s3a://bucket/x", None),
        ] {
            assert_eq!(root(text).as_deref(), uri, "{text}");
        }
        assert!(!format!("{systems:?}").contains("hunter2"));
    }

    #[tokio::test]
    async fn a_missing_or_foreign_default_is_a_clear_error() {
        for (value, expected) in [
            ("", "is not set"),
            ("s3a://b", "only hdfs"),
            ("/x", "only hdfs"),
            ("hdfs:///", "not name a NameNode"),
        ] {
            let error = FileSystems::connect(&conf(&[("fs.defaultFS", value)]), &User::new("ada"))
                .unwrap_err()
                .to_string();
            assert!(error.contains(expected) && error.contains("fs.defaultFS"), "{error}");
        }
    }
}
