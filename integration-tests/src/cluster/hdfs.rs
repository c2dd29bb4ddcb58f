//! HDFS through WebHDFS: an independent witness of what the code under test left in the file system.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use bytes::Bytes;
use serde_json::Value;

use super::daemons::Layout;
use super::sites::{self, Audience, Properties};
use crate::cache;
use crate::http::{self, Response};

/// An empty name directory, created once for each Hadoop version: formatting takes a JVM start, copying does not.
pub(super) fn formatted_name_directory(layout: &Layout) -> Result<PathBuf> {
    cache::entry(&format!("name-{}", layout.hadoop), |folder| {
        let conf = tempfile::tempdir().context("cannot make a folder")?;
        let properties = Properties::from([
            ("fs.defaultFS".to_owned(), "hdfs://localhost:1".to_owned()),
            ("dfs.namenode.name.dir".to_owned(), folder.display().to_string()),
        ]);
        sites::write(conf.path(), &properties, &Properties::new(), Audience::Client)?;
        let output = layout
            .java(conf.path())
            .args(["org.apache.hadoop.hdfs.server.namenode.NameNode", "-format", "-nonInteractive", "-force"])
            .output()
            .context("cannot run the NameNode's format")?;
        let text = String::from_utf8_lossy(&output.stderr);
        ensure!(output.status.success(), "NameNode -format ended with {}\n{text}", output.status);
        Ok(())
    })
}

/// One entry of a folder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// Last part of the path.
    pub name: String,
    /// Whether it is a folder.
    pub directory: bool,
    /// Length in bytes.
    pub length: u64,
    /// Modification time, ms since the epoch.
    pub modified_ms: u64,
    /// Permission bits as octal digits, such as `700`.
    pub permission: String,
    /// Replication factor; 0 for a folder.
    pub replication: u64,
    /// Owner.
    pub owner: String,
}

impl Entry {
    /// Reads a `FileStatus` object of WebHDFS.
    fn read(status: &Value) -> Result<Self> {
        let text = |key: &str| {
            status
                .get(key)
                .and_then(Value::as_str)
                .map(str::to_owned)
                .with_context(|| format!("no {key} in {status}"))
        };
        let number = |key: &str| {
            status.get(key).and_then(Value::as_u64).with_context(|| format!("no {key} in {status}"))
        };
        Ok(Self {
            name: text("pathSuffix")?,
            directory: text("type")? == "DIRECTORY",
            length: number("length")?,
            modified_ms: number("modificationTime")?,
            permission: text("permission")?,
            replication: number("replication")?,
            owner: text("owner")?,
        })
    }
}

/// WebHDFS of a cluster, as one user. Paths are absolute, without scheme.
#[derive(Clone, Debug)]
pub struct WebHdfs {
    base: String,
    user: String,
    /// Proves who the user is on a secure cluster, in the form for URLs.
    token: Option<String>,
}

impl WebHdfs {
    pub(crate) fn new(name_node_web: &str, user: &str, token: Option<String>) -> Self {
        Self { base: format!("http://{name_node_web}/webhdfs/v1"), user: user.to_owned(), token }
    }

    /// The same file system as another user, who is not believed on a secure cluster.
    pub fn as_user(&self, user: &str) -> Self {
        Self { base: self.base.clone(), user: user.to_owned(), token: None }
    }

    /// Creates a folder and its parents.
    ///
    /// # Errors
    /// HDFS refuses or cannot be reached; this applies to all other calls as well.
    pub async fn mkdirs(&self, path: &str) -> Result<()> {
        self.truth("PUT", path, "op=MKDIRS").await?;
        Ok(())
    }

    /// Writes a file, replacing one that is there.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn put(&self, path: &str, content: impl Into<Bytes> + Send) -> Result<()> {
        // Requested without the body first: the NameNode only names the DataNode to send it to.
        let place = self.call("PUT", path, "op=CREATE&overwrite=true&noredirect=true").await?.json()?;
        let location = place.get("Location").and_then(Value::as_str).context("WebHDFS named no DataNode")?;
        http::request("PUT", location, &[], content.into()).await?.success()?;
        Ok(())
    }

    /// Reads a whole file.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn read(&self, path: &str) -> Result<Bytes> {
        Ok(self.call("GET", path, "op=OPEN").await?.success()?.body)
    }

    /// Entries of a folder, sorted by name; empty if the path does not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn list(&self, path: &str) -> Result<Vec<Entry>> {
        let response = self.call("GET", path, "op=LISTSTATUS").await?;
        if response.status == 404 {
            return Ok(Vec::new());
        }
        let answer = response.json()?;
        let statuses = answer.pointer("/FileStatuses/FileStatus").and_then(Value::as_array);
        let mut entries: Vec<_> = statuses
            .context("WebHDFS sent no FileStatuses")?
            .iter()
            .map(Entry::read)
            .collect::<Result<_>>()?;
        entries.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(entries)
    }

    /// All files under a folder with their full paths, sorted; empty if the path does not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn files(&self, path: &str) -> Result<Vec<(String, Entry)>> {
        let mut files = Vec::new();
        let mut folders = vec![path.trim_end_matches('/').to_owned()];
        while let Some(folder) = folders.pop() {
            let shown = if folder.is_empty() { "/" } else { &folder };
            for entry in self.list(shown).await? {
                let whole = format!("{folder}/{}", entry.name);
                if entry.directory {
                    folders.push(whole);
                } else {
                    files.push((whole, entry));
                }
            }
        }
        files.sort_by(|a, b| a.0.cmp(&b.0));
        Ok(files)
    }

    /// One entry (its name is empty); `None` if the path does not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn stat(&self, path: &str) -> Result<Option<Entry>> {
        let response = self.call("GET", path, "op=GETFILESTATUS").await?;
        if response.status == 404 {
            return Ok(None);
        }
        let answer = response.json()?;
        Entry::read(answer.get("FileStatus").context("WebHDFS sent no FileStatus")?).map(Some)
    }

    /// Deletes a path with everything below it; false if it did not exist.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn delete(&self, path: &str) -> Result<bool> {
        let answer = self.call("DELETE", path, "op=DELETE&recursive=true").await?.json()?;
        Ok(answer.get("boolean").and_then(Value::as_bool).unwrap_or_default())
    }

    /// Sets the permission bits, given as octal digits.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn set_permission(&self, path: &str, octal: &str) -> Result<()> {
        self.call("PUT", path, &format!("op=SETPERMISSION&permission={octal}")).await?.success()?;
        Ok(())
    }

    /// Sets owner and group.
    ///
    /// # Errors
    /// As [`WebHdfs::mkdirs`].
    pub async fn set_owner(&self, path: &str, owner: &str, group: &str) -> Result<()> {
        self.call("PUT", path, &format!("op=SETOWNER&owner={}&group={}", encode(owner), encode(group)))
            .await?
            .success()?;
        Ok(())
    }

    async fn truth(&self, method: &str, path: &str, query: &str) -> Result<()> {
        let answer = self.call(method, path, query).await?.json()?;
        if answer.get("boolean").and_then(Value::as_bool) == Some(true) {
            return Ok(());
        }
        bail!("WebHDFS refused {query} of {path}: {answer}")
    }

    async fn call(&self, method: &str, path: &str, query: &str) -> Result<Response> {
        let who = match &self.token {
            Some(token) => format!("delegation={token}"),
            None => format!("user.name={}", encode(&self.user)),
        };
        let url = format!("{}{}?{query}&{who}", self.base, encode(path));
        http::request(method, &url, &[], Bytes::new()).await
    }
}

/// Percent-encodes everything but unreserved characters and slashes.
fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::encode;

    #[test]
    fn paths_are_encoded() {
        assert_eq!(encode("/user/a b/ü#?.txt"), "/user/a%20b/%C3%BC%23%3F.txt");
    }
}
