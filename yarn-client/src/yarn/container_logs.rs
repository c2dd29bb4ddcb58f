//! The log files of a container that its NodeManager still has, read from its web service (`NMWebServices`).

use std::ops::ControlFlow;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http_body_util::BodyExt as _;
use serde::Deserialize;

use super::web::{self, Client, WebError};

/// A node that is up responds within milliseconds.
pub const STEP: Duration = Duration::from_secs(10);
/// A NodeManager writes six lines before a file; more than this is something else.
const HEAD: usize = 16 * 1024;

/// A file in a container's log directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LocalLog {
    /// Name, such as `taskmanager.log`.
    pub name: String,
    /// Length in bytes when it was listed.
    pub length: u64,
    /// Last modification, as the node writes it.
    pub modified: String,
}

#[derive(Deserialize)]
pub(crate) struct Answer {
    #[serde(rename = "containerLogsInfo")]
    info: OneOrMany<Info>,
}

/// The JSON library of NodeManagers before 3.5 omits the brackets around a single element.
#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany<T> {
    One(T),
    Many(Vec<T>),
}

impl<T> OneOrMany<T> {
    fn into_vec(self) -> Vec<T> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

impl<T> Default for OneOrMany<T> {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

#[derive(Deserialize)]
struct Info {
    #[serde(rename = "containerLogInfo", default)]
    files: OneOrMany<File>,
    #[serde(rename = "logAggregationType", default)]
    origin: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct File {
    file_name: String,
    file_size: String,
    #[serde(default)]
    last_modified_time: String,
}

/// Lists the files of a container. `address` is that of a container report: `http://host:port`, or `https`.
///
/// # Errors
/// [`WebError`]; 404 for a container that the node no longer knows.
pub async fn list(
    client: &Client,
    address: &str,
    container: &str,
    timeout: Duration,
) -> Result<Vec<LocalLog>, WebError> {
    let path = format!("/ws/v1/node/containers/{container}/logs");
    let answer: Answer = client.get_json(address, &path, timeout).await?;
    Ok(local(answer))
}

pub(crate) fn local(answer: Answer) -> Vec<LocalLog> {
    // A NodeManager also lists what it has aggregated already.
    let local = answer.info.into_vec().into_iter().filter(|info| info.origin != "AGGREGATED");
    let local = local.flat_map(|info| info.files.into_vec());
    local
        .map(|file| LocalLog {
            length: file.file_size.trim().parse().unwrap_or(0),
            name: file.file_name,
            modified: file.last_modified_time,
        })
        .collect()
}

/// A part of a file; all of it if the file is shorter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    /// This many bytes at its beginning.
    First(u64),
    /// This many bytes at its end.
    Last(u64),
}

/// Streams a part of a file, without what the NodeManager writes around it, and passes on the file's total length.
/// Returns that length: a file that is shorter than it was when listed is a different one. The limit of ten seconds
/// applies to each step, not to the whole: files may be long.
///
/// # Errors
/// [`WebError`].
pub async fn read(
    client: &Client,
    address: &str,
    container: &str,
    name: &str,
    part: Part,
    on_content: &mut (dyn FnMut(u64, &[u8]) -> ControlFlow<()> + Send),
) -> Result<u64, WebError> {
    let authority = web::authority(address)?;
    let (size, wanted) = match part {
        Part::First(length) => (length.to_string(), length),
        Part::Last(length) => (format!("-{length}"), length),
    };
    let name: String = url::form_urlencoded::byte_serialize(name.as_bytes()).collect();
    let path = format!("/ws/v1/node/containers/{container}/logs/{}?size={size}", name.replace('+', "%20"));
    let mut answer = client.get(address, &path, "*/*", STEP).await?;
    let body = answer.response.body_mut();
    let mut content = Content::new(wanted);
    loop {
        let frame = tokio::time::timeout(STEP, body.frame()).await;
        let Some(frame) = frame.map_err(|_| web::late(authority, STEP))? else { break };
        let frame = frame.map_err(|error| web::transport(authority, error))?;
        let Ok(data) = frame.into_data() else { continue };
        let part = content.take(&data).map_err(|what| web::transport(authority, what))?;
        if part.is_some_and(|part| !part.is_empty() && on_content(content.whole, &part).is_break())
            || content.left == Some(0)
        {
            return Ok(content.whole);
        }
    }
    match content.left {
        // A file that has been truncated in the meantime ends earlier.
        Some(_) => Ok(content.whole),
        None => Err(web::transport(authority, "the response contains no log")),
    }
}

/// Separates a file's content from the lines before and after it (`LogToolUtils.outputContainerLog`).
pub(crate) struct Content {
    wanted: u64,
    head: BytesMut,
    /// Bytes of content still to come; `None` during the lines before it.
    left: Option<u64>,
    /// The file's length, according to the lines before it.
    whole: u64,
}

impl Content {
    /// At most so many bytes.
    pub(crate) fn new(wanted: u64) -> Self {
        Self { wanted, head: BytesMut::new(), left: None, whole: 0 }
    }

    /// # Errors
    /// It is not a container log.
    pub(crate) fn take(&mut self, data: &[u8]) -> Result<Option<Bytes>, &'static str> {
        const BEGIN: &[u8] = b"\nLogContents:\n";
        let data = if self.left.is_some() {
            Bytes::copy_from_slice(data)
        } else {
            // It may come byte by byte.
            let searched = self.head.len().saturating_sub(BEGIN.len());
            self.head.extend_from_slice(data);
            let new = self.head.get(searched..).unwrap_or_default();
            let found = new.windows(BEGIN.len()).position(|window| window == BEGIN);
            let Some(at) = found.map(|at| searched + at) else {
                return if self.head.len() > HEAD {
                    Err("the response is not a container log")
                } else {
                    Ok(None)
                };
            };
            let rest = self.head.split_off(at + BEGIN.len()).freeze();
            let head = String::from_utf8_lossy(&self.head).into_owned();
            let length =
                head.lines().find_map(|line| line.strip_prefix("LogLength:")?.trim().parse::<u64>().ok());
            let length = length.ok_or("the response has no length")?;
            self.left = Some(length.min(self.wanted));
            self.whole = length;
            rest
        };
        let left = self.left.unwrap_or(0);
        let part = data.slice(..data.len().min(usize::try_from(left).unwrap_or(usize::MAX)));
        self.left = Some(left - part.len() as u64);
        Ok(Some(part))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn header_and_footer_of_a_log_are_removed() {
        let answer = b"Container: container_1 on n1:8041\nLogAggregationType: LOCAL\n=====\nLogType:a.log\n\
            LogLastModifiedTime:Mon Nov 23 20:22:28 +0000 2026\nLogLength:12\nLogContents:\nhello\nworld\nEnd of LogType:a.log";
        for step in [1, 7, answer.len()] {
            let mut content = Content::new(12);
            let mut all = Vec::new();
            for part in answer.chunks(step) {
                all.extend_from_slice(&content.take(part).expect("a log").unwrap_or_default());
            }
            assert_eq!(all, b"hello\nworld\n", "{step}");
        }
        let mut content = Content::new(5);
        assert_eq!(content.take(answer).expect("a log").expect("content"), "hello");
        let mut content = Content::new(5);
        assert!(content.take(&[b'x'; HEAD + 1]).is_err());
    }

    #[test]
    fn log_list_is_parsed_in_all_forms() {
        // From a NodeManager 3.4.1, shortened.
        let file =
            r#"{"fileName":"a.log","fileSize":"43753","lastModifiedTime":"Mon Nov 23 20:22:31 +0000 2026"}"#;
        let collected =
            r#"{"containerLogInfo":{"fileName":"a.log.1","fileSize":"7"},"logAggregationType":"AGGREGATED"}"#;
        let info = |files: &str| {
            format!(r#"{{"containerLogInfo":{files},"logAggregationType":"LOCAL","containerId":"c"}}"#)
        };
        for info in [
            info(file),
            info(&format!("[{file}]")),
            format!("[{}]", info(&format!("[{file}]"))),
            format!("[{},{collected}]", info(file)),
        ] {
            let answer =
                serde_json::from_str(&format!(r#"{{"containerLogsInfo":{info}}}"#)).expect("an answer");
            let files = local(answer);
            assert_eq!(files.len(), 1, "{info}");
            assert_eq!((files[0].name.as_str(), files[0].length), ("a.log", 43753));
        }
    }
}
