//! HDFS through the crate `hdfs-native`, which no other module uses.

mod error;
mod first_contact;

use std::fmt;
use std::future::Future;
use std::io;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::FutureExt;
use futures::future::BoxFuture;
use hdfs_native::client::FileStatus as NativeStatus;
use hdfs_native::file::{FileReader, FileWriter};
use hdfs_native::{Client, ClientBuilder, WriteOptions};

use self::error::failed;
use self::first_contact::FirstContact;
use super::{CreateOptions, FileRead, FileStatus, FileSystem, FileUri, FileWrite, HdfsError};
use crate::conf::{Configuration, TimeUnit, keys};
use crate::security::User;

/// Limit for a response of a NameNode (`ipc.client.rpc-timeout.ms`). The crate itself would wait forever.
const RPC_TIMEOUT: Duration = Duration::from_secs(120);
/// With one NameNode there is nothing to fail over to: one more attempt, half a second later.
const SINGLE_NAMENODE_ATTEMPTS: &str = "1";
/// Four rounds over a pair, some 15 s in all: longer than a failover takes. Hadoop's 15 would take minutes.
const NAMESERVICE_ATTEMPTS: &str = "8";

/// A client of one NameNode, or of the NameNodes of one name service. Cheap to clone; one connection.
#[derive(Clone)]
pub struct Hdfs {
    client: Client,
    target: Target,
    replication: Option<u32>,
}

/// What messages say about the server.
#[derive(Debug, Clone)]
struct Target {
    root: String,
    home: String,
    user: String,
    address: String,
    named_by: String,
    timeout: Duration,
    first: Option<Arc<FirstContact>>,
}

impl fmt::Debug for Hdfs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without the client: its Debug output shows the whole configuration, including secrets.
        f.debug_struct("Hdfs").field("root", &self.target.root).field("user", &self.target.user).finish()
    }
}

impl Hdfs {
    /// A client for the file system of `uri`, whose path is ignored. Nothing is sent yet. Must be called inside a tokio
    /// runtime. `named_by`: where the address comes from, for error messages.
    ///
    /// # Errors
    /// [`HdfsError::Configuration`] if no NameNode can be determined.
    pub(super) fn connect(
        uri: &str,
        named_by: &str,
        conf: &Configuration,
        user: &User,
    ) -> Result<Self, HdfsError> {
        let uri = FileUri::parse(uri);
        let scheme = uri.scheme.as_deref().unwrap_or_default();
        let mut flat = conf.flat();
        let authority = authority(&uri.authority, conf);
        let address = match name_service(&authority, conf) {
            Some(namenodes) => {
                // The crate does not trim the ids.
                let key = format!("{}{authority}", keys::DFS_HA_NAMENODES_PREFIX);
                flat.insert(key.clone(), conf.list(&key).join(","));
                flat.entry(keys::DFS_FAILOVER_MAX_ATTEMPTS.to_owned())
                    .or_insert_with(|| NAMESERVICE_ATTEMPTS.to_owned());
                format!("{authority} ({})", namenodes.join(", "))
            }
            None => {
                flat.insert(keys::DFS_FAILOVER_MAX_ATTEMPTS.to_owned(), SINGLE_NAMENODE_ATTEMPTS.to_owned());
                authority.clone()
            }
        };
        // The crate compares the text.
        let secure = conf.is_secure();
        let authentication = match secure {
            true => conf.get_or(keys::SECURITY_AUTHENTICATION, "").to_ascii_lowercase(),
            false => keys::SECURITY_AUTHENTICATION_DEFAULT.to_owned(),
        };
        flat.insert(keys::SECURITY_AUTHENTICATION.to_owned(), authentication);
        let root = format!("{scheme}://{authority}");
        let mut builder = ClientBuilder::new()
            .with_url(root.clone())
            // Only our resolved values: a directory that cannot exist keeps the crate from reading files by its own
            // rules.
            .with_config_dir("/dev/null")
            .with_config(flat);
        // With security on this would mean impersonation; the credentials identify us.
        if !secure || user.real().is_some() {
            builder = builder.with_user(&user.name);
        }
        if let Some(login) = user.login() {
            builder = builder.with_kerberos_principal(login.principal());
            if let Some(cache) = login.cache() {
                builder = builder.with_kerberos_cache(cache);
            }
            if let Some(keytab) = login.keytab() {
                builder = builder.with_kerberos_keytab(keytab.to_string_lossy());
            }
        }
        let client = std::panic::catch_unwind(AssertUnwindSafe(|| builder.build()))
            .map_err(|panic| panic_text(&*panic))
            .and_then(|built| built.map_err(|error| error.to_string()))
            .map_err(|reason| HdfsError::Path {
                path: root.clone(),
                reason: format!("it cannot be used as a file system: {reason}"),
            })?;
        let prefix = conf.get_or(keys::DFS_USER_HOME_PREFIX, keys::DFS_USER_HOME_PREFIX_DEFAULT);
        let timeout = conf
            .duration("ipc.client.rpc-timeout.ms", RPC_TIMEOUT, TimeUnit::Millis)
            .ok()
            .filter(|timeout| !timeout.is_zero())
            .unwrap_or(RPC_TIMEOUT);
        let replication = conf.integer(keys::DFS_REPLICATION, 0).ok().and_then(|n| u32::try_from(n).ok());
        Ok(Self {
            client,
            target: Target {
                root,
                home: super::uri::join(&prefix, &user.name),
                user: user.name.clone(),
                address,
                named_by: named_by.to_owned(),
                timeout,
                first: FirstContact::new(&authority, conf, user)?.map(Arc::new),
            },
            replication: replication.filter(|n| *n > 0),
        })
    }
}

/// Adds the NameNode's port to a host without one, unless it is a name service.
pub(super) fn authority(authority: &str, conf: &Configuration) -> String {
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    if authority.is_empty() || has_port || name_service(authority, conf).is_some() {
        authority.to_owned()
    } else {
        format!("{authority}:{}", keys::DFS_NAMENODE_RPC_PORT_DEFAULT)
    }
}

/// The addresses of the NameNodes of a name service; `None` if `authority` is not one.
pub(super) fn name_service(authority: &str, conf: &Configuration) -> Option<Vec<String>> {
    let ids = conf.list(&format!("{}{authority}", keys::DFS_HA_NAMENODES_PREFIX));
    let address = |id| conf.get(&format!("{}{authority}.{id}", keys::DFS_NAMENODE_RPC_ADDRESS_PREFIX));
    (!ids.is_empty()).then(|| ids.into_iter().filter_map(address).collect())
}

impl Target {
    /// Runs a call of the crate with a time limit; a panic in it (unexpected responses, malformed tokens) becomes an
    /// error like any other.
    async fn run<T>(
        &self,
        operation: &'static str,
        path: &str,
        call: impl Future<Output = hdfs_native::Result<T>> + Send,
    ) -> Result<T, HdfsError> {
        let path = || format!("{}{path}", self.root);
        if let Some(first) = &self.first {
            first.made().await.map_err(|error| self.no_contact(operation, path(), error))?;
        }
        match tokio::time::timeout(self.timeout, AssertUnwindSafe(call).catch_unwind()).await {
            Ok(Ok(result)) => result.map_err(|error| self.error(operation, path(), error)),
            Ok(Err(panic)) => {
                let message = format!("the HDFS client failed: {}", panic_text(&*panic));
                Err(failed(operation, path(), None, message))
            }
            Err(_) => Err(HdfsError::Unreachable {
                address: self.address.clone(),
                named_by: self.named_by.clone(),
                operation,
                path: path(),
                source: io::Error::new(
                    io::ErrorKind::TimedOut,
                    format!("no answer within {} s", self.timeout.as_secs()),
                ),
            }),
        }
    }
}

fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    match (panic.downcast_ref::<&str>(), panic.downcast_ref::<String>()) {
        (Some(text), _) => (*text).to_owned(),
        (_, Some(text)) => text.clone(),
        _ => "unknown panic".to_owned(),
    }
}

fn status(native: NativeStatus) -> FileStatus {
    FileStatus {
        path: native.path,
        len: if native.isdir { 0 } else { native.length as u64 },
        modification_time_ms: native.modification_time,
        is_dir: native.isdir,
        owner: native.owner,
        group: native.group,
        permission: native.permission & 0o7777,
        replication: native.replication.unwrap_or(0),
    }
}

struct NativeWriter {
    writer: FileWriter,
    target: Target,
    path: String,
}

impl FileWrite for NativeWriter {
    fn write(&mut self, data: Bytes) -> BoxFuture<'_, Result<(), HdfsError>> {
        Box::pin(async move {
            self.target.run("write", &self.path, Box::pin(self.writer.write_bytes(data))).await.map(|_| ())
        })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), HdfsError>> {
        Box::pin(async move { self.target.run("write", &self.path, Box::pin(self.writer.close())).await })
    }
}

struct NativeReader {
    reader: FileReader,
    target: Target,
    path: String,
}

impl FileRead for NativeReader {
    fn length(&self) -> u64 {
        self.reader.file_length() as u64
    }

    fn read_at(&self, offset: u64, length: usize) -> BoxFuture<'_, Result<Bytes, HdfsError>> {
        Box::pin(async move {
            // The crate panics for a range beyond the end of the file.
            let end = self.reader.file_length();
            let offset = usize::try_from(offset).unwrap_or(usize::MAX).min(end);
            let length = length.min(end - offset);
            self.target.run("read", &self.path, Box::pin(self.reader.read_range(offset, length))).await
        })
    }
}

impl FileSystem for Hdfs {
    fn root(&self) -> &str {
        &self.target.root
    }

    fn home(&self) -> &str {
        &self.target.home
    }

    fn user(&self) -> &str {
        &self.target.user
    }

    fn stat<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<FileStatus, HdfsError>> {
        Box::pin(
            async move { self.target.run("stat", path, self.client.get_file_info(path)).await.map(status) },
        )
    }

    fn list<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Vec<FileStatus>, HdfsError>> {
        Box::pin(async move {
            let found = self.target.run("list", path, self.client.list_status(path, false)).await?;
            Ok(found.into_iter().map(status).collect())
        })
    }

    fn mkdirs<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            self.target.run("make directory", path, self.client.mkdirs(path, mode.into(), true)).await
        })
    }

    fn create<'a>(
        &'a self,
        path: &'a str,
        options: CreateOptions,
    ) -> BoxFuture<'a, Result<Box<dyn FileWrite>, HdfsError>> {
        Box::pin(async move {
            let mut native = WriteOptions::default()
                .overwrite(options.overwrite)
                .permission(options.mode.into())
                .create_parent(options.parents);
            // As in Hadoop's client, our setting decides, and the NameNode's default is only the last resort.
            native.replication = options.replication.or(self.replication);
            let writer = self.target.run("create", path, self.client.create(path, native)).await?;
            let writer = NativeWriter { writer, target: self.target.clone(), path: path.to_owned() };
            Ok(Box::new(writer) as Box<dyn FileWrite>)
        })
    }

    fn read<'a>(&'a self, path: &'a str, limit: u64) -> BoxFuture<'a, Result<Bytes, HdfsError>> {
        Box::pin(async move {
            let mut reader = self.target.run("open", path, self.client.read(path)).await?;
            let len = reader.file_length();
            if len as u64 > limit {
                let message = format!("{len} bytes, more than the {limit} expected");
                return Err(failed("read", self.uri(path), None, message));
            }
            self.target.run("read", path, reader.read_bytes(len)).await
        })
    }

    fn open<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Box<dyn FileRead>, HdfsError>> {
        Box::pin(async move {
            let reader = self.target.run("open", path, self.client.read(path)).await?;
            let reader = NativeReader { reader, target: self.target.clone(), path: path.to_owned() };
            Ok(Box::new(reader) as Box<dyn FileRead>)
        })
    }

    fn rename<'a>(&'a self, from: &'a str, to: &'a str) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            match self.target.run("rename", from, self.client.rename(from, to, false)).await {
                Err(HdfsError::AlreadyExists { .. }) => Err(HdfsError::AlreadyExists { path: self.uri(to) }),
                result => result,
            }
        })
    }

    fn delete<'a>(&'a self, path: &'a str, recursive: bool) -> BoxFuture<'a, Result<bool, HdfsError>> {
        Box::pin(async move { self.target.run("delete", path, self.client.delete(path, recursive)).await })
    }

    fn set_permission<'a>(&'a self, path: &'a str, mode: u16) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            self.target.run("set permission of", path, self.client.set_permission(path, mode.into())).await
        })
    }

    fn set_replication<'a>(
        &'a self,
        path: &'a str,
        replication: u32,
    ) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            let call = self.client.set_replication(path, replication);
            match self.target.run("set replication of", path, call).await? {
                true => Ok(()),
                // The NameNode returns false for anything that is not a file.
                false => {
                    self.stat(path).await?;
                    let reason = "is not a file, so it has no replication";
                    Err(HdfsError::WrongType { path: self.uri(path), reason })
                }
            }
        })
    }

    fn set_modification_time<'a>(&'a self, path: &'a str, ms: u64) -> BoxFuture<'a, Result<(), HdfsError>> {
        Box::pin(async move {
            // All bits set, -1 in Java: leave the access time unchanged.
            self.target.run("set times of", path, self.client.set_times(path, ms, u64::MAX)).await
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    pub(super) fn target() -> Target {
        Target {
            root: "hdfs://nn:8020".to_owned(),
            home: "/user/ada".to_owned(),
            user: "ada".to_owned(),
            address: "nn:8020".to_owned(),
            named_by: "fs.defaultFS".to_owned(),
            timeout: Duration::from_millis(200),
            first: None,
        }
    }

    #[tokio::test]
    async fn panics_and_silence_become_errors() {
        let target = target();
        let panic = async { panic!("surprise") as hdfs_native::Result<()> };
        let error = target.run("stat", "/x", panic).await.unwrap_err();
        assert_eq!(error.to_string(), "cannot stat hdfs://nn:8020/x: the HDFS client failed: surprise");
        let error = target.run("stat", "/x", std::future::pending::<hdfs_native::Result<()>>()).await;
        assert!(error.unwrap_err().is_unreachable());
    }
}
