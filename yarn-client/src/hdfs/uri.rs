//! URIs of files: scheme, authority, path.

use super::HdfsError;

/// A parsed URI of a file. The path is kept as written and never percent-decoded: Hadoop's `Path` may contain
/// characters that URLs may not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileUri {
    /// `hdfs`, `file`, …, in lower case; `None` for a plain path.
    pub scheme: Option<String>,
    /// `host:port`, name service, or empty.
    pub authority: String,
    /// The path; without a scheme it may be relative.
    pub path: String,
}

impl FileUri {
    /// Parses `text` as Hadoop's `Path(String)` does: a `:` before the first `/` ends a scheme, `//` starts an
    /// authority. The rest is the path.
    pub fn parse(text: &str) -> Self {
        let (scheme, rest) = match text.split_once(':') {
            Some((scheme, rest)) if is_scheme(scheme) => (Some(scheme.to_ascii_lowercase()), rest),
            _ => (None, text),
        };
        let (authority, path) = match rest.strip_prefix("//") {
            Some(rest) if scheme.is_some() => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            _ => ("", rest),
        };
        Self { scheme, authority: authority.to_owned(), path: path.to_owned() }
    }

    /// Whether `text` has a scheme, and so is not a local path.
    pub fn has_scheme(text: &str) -> bool {
        Self::parse(text).scheme.is_some()
    }
}

fn is_scheme(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c))
}

/// The absolute path of `text` on the file system `root`.
pub(super) fn resolve(text: &str, root: &str, home: &str) -> Result<String, HdfsError> {
    let fail = |reason: String| HdfsError::Path { path: text.to_owned(), reason };
    let uri = FileUri::parse(text);
    if let Some(scheme) = &uri.scheme {
        let own = FileUri::parse(root);
        let same_authority = uri.authority.is_empty()
            || uri.authority.eq_ignore_ascii_case(&own.authority)
            || own
                .authority
                .strip_suffix(":8020")
                .is_some_and(|host| host.eq_ignore_ascii_case(&uri.authority));
        if own.scheme.as_ref() != Some(scheme) || !same_authority {
            return Err(fail(format!("it is not on {root}")));
        }
        if !uri.path.is_empty() && !uri.path.starts_with('/') {
            return Err(fail("a URI needs an absolute path".to_owned()));
        }
        return Ok(normalize(&uri.path));
    }
    if text.is_empty() {
        return Err(fail("it is empty".to_owned()));
    }
    Ok(if text.starts_with('/') { normalize(text) } else { normalize(&format!("{home}/{text}")) })
}

/// Removes `.`, `..` and empty components.
fn normalize(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    for component in path.split('/') {
        match component {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            _ => kept.push(component),
        }
    }
    format!("/{}", kept.join("/"))
}

/// `parent/name`, also if the parent is the root.
pub(super) fn join(parent: &str, name: &str) -> String {
    format!("{}/{name}", parent.trim_end_matches('/'))
}

/// The directory that contains `path`; `None` for the root.
pub(super) fn parent(path: &str) -> Option<&str> {
    match path.trim_end_matches('/').rsplit_once('/')? {
        ("", _) => Some("/"),
        (parent, _) => Some(parent),
    }
}

/// Every directory above `path`, the nearest first, the root last.
pub(super) fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    std::iter::successors(parent(path), |path| parent(path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn uris_are_parsed() {
        for (text, scheme, authority, path) in [
            ("hdfs://nn:8020/a b", Some("hdfs"), "nn:8020", "/a b"),
            ("HDFS://ns", Some("hdfs"), "ns", ""),
            ("file:/a", Some("file"), "", "/a"),
            ("file:///a", Some("file"), "", "/a"),
            ("/a:b", None, "", "/a:b"),
            ("a/b:c", None, "", "a/b:c"),
            ("//a/b", None, "", "//a/b"),
        ] {
            let uri = FileUri::parse(text);
            assert_eq!(
                (uri.scheme.as_deref(), uri.authority.as_str(), uri.path.as_str()),
                (scheme, authority, path)
            );
        }
    }

    #[test]
    fn paths_are_resolved_as_written() {
        let resolve = |text| resolve(text, "hdfs://nn:8020", "/user/ada").ok();
        for (text, path) in [
            ("hdfs://nn:8020/a//b/", Some("/a/b")),
            ("hdfs://NN/a", Some("/a")),
            ("hdfs:///a", Some("/a")),
            ("hdfs://nn:8020", Some("/")),
            ("/a/../b/./c", Some("/b/c")),
            ("lib/x.jar", Some("/user/ada/lib/x.jar")),
            ("../../..", Some("/")),
            ("", None),
            ("hdfs://other/a", None),
            ("file:/a", None),
            ("hdfs:a", None),
        ] {
            assert_eq!(resolve(text).as_deref(), path, "{text}");
        }
    }

    #[test]
    fn parents_of_a_uri_are_found() {
        assert_eq!(ancestors("/a/b/c").collect::<Vec<_>>(), ["/a/b", "/a", "/"]);
        assert_eq!(ancestors("/").count(), 0);
        assert_eq!(join("/", "a"), "/a");
        assert_eq!(join("/a/", "b"), "/a/b");
    }

    proptest! {
        #[test]
        fn resolved_paths_are_absolute_and_stable(text in "\\PC{0,30}|(hdfs:|//|/|\\.\\.|a|\\.){0,10}") {
            if let Ok(path) = resolve(&text, "hdfs://nn", "/user/ada") {
                prop_assert!(path.starts_with('/') && !path.contains("//"));
                prop_assert_eq!(resolve(&format!("hdfs://nn{path}"), "hdfs://nn", "/").unwrap(), path);
            }
        }
    }
}
