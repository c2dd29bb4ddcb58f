//! How a container is started: command, environment, files and credentials.
//!
//! A NodeManager writes a shell script, `launch_container.sh`, with the environment as `export NAME="value"` and the
//! command as `exec /bin/bash -c "command"`. So a value is parsed by one shell and the command by two, each inside
//! double quotes. Before writing, the NodeManager replaces `<LOG_DIR>`, `<CPS>` and `{{NAME}}`
//! (`ContainerLaunch.expandEnvironment`). [`quote`] protects an argument from all of that.

use std::collections::BTreeMap;
use std::fmt;

use crate::security::Credentials;
use proto::hadoop::yarn as wire;
use proto::hadoop::yarn::ContainerLaunchContextProto;

use super::SubmissionError;

/// How a container is started (`ContainerLaunchContext`).
#[derive(Clone, PartialEq, Default)]
pub struct LaunchContext {
    /// The command as the second shell sees it, composed of [`quote`]d arguments and shell syntax such as
    /// `1><LOG_DIR>/stdout`.
    pub command: String,
    /// Environment. `$NAME`, `{{NAME}}`, `<LOG_DIR>` and `<CPS>` in a value are expanded on the node.
    pub env: BTreeMap<String, String>,
    /// Files and archives placed in the working directory.
    pub local_resources: Vec<LocalResource>,
    /// Tokens for the container, written to the file that `HADOOP_TOKEN_FILE_LOCATION` names.
    pub credentials: Option<Credentials>,
    /// Who may view the application: users, a space, groups; `*` for everyone. Empty: owner and administrators.
    pub view_acls: String,
    /// Who may modify or kill the application.
    pub modify_acls: String,
}

/// A file of the cluster's file system that NodeManagers place in a container's working directory.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LocalResource {
    /// Name in the working directory; may contain `/`.
    pub link: String,
    /// Full URI of the file, not escaped.
    pub url: String,
    /// Length in bytes.
    pub size: u64,
    /// Modification time as the file system reports it, ms since the epoch. With any other time the NodeManager rejects
    /// the file, and the container fails.
    pub timestamp_ms: u64,
    /// Whether it is unpacked.
    pub kind: Kind,
    /// Who shares the node's copy.
    pub visibility: Visibility,
}

/// What a NodeManager does with a [`LocalResource`] (`LocalResourceType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Kind {
    /// Places it as it is.
    #[default]
    File,
    /// Unpacks it, by the suffix of its URL, into a directory of the link's name.
    Archive,
}

/// Who shares a node's copy of a [`LocalResource`] (`LocalResourceVisibility`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Visibility {
    /// The containers of one application.
    #[default]
    Application,
    /// All applications of the user.
    Private,
    /// Everyone; the file must be readable and every directory above it accessible for all users.
    Public,
}

impl fmt::Debug for LaunchContext {
    /// Names only: values in the environment often contain passwords.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LaunchContext")
            .field("command", &self.command)
            .field("env", &self.env.keys().collect::<Vec<_>>())
            .field("local_resources", &self.local_resources.iter().map(|r| &r.link).collect::<Vec<_>>())
            .field("credentials", &self.credentials)
            .field("view_acls", &self.view_acls)
            .field("modify_acls", &self.modify_acls)
            .finish()
    }
}

impl LaunchContext {
    /// The protobuf message.
    ///
    /// # Errors
    /// [`SubmissionError::BadUrl`] for a local resource whose address is not a URI.
    pub(super) fn to_proto(&self) -> Result<ContainerLaunchContextProto, SubmissionError> {
        let variable = |(name, value): (&String, &String)| wire::StringStringMapProto {
            key: Some(name.clone()),
            value: Some(value.clone()),
        };
        let acl = |access: wire::ApplicationAccessTypeProto, acl: &String| wire::ApplicationAclMapProto {
            access_type: Some(access.into()),
            acl: Some(acl.clone()),
        };
        let acls = [
            (wire::ApplicationAccessTypeProto::AppaccessViewApp, &self.view_acls),
            (wire::ApplicationAccessTypeProto::AppaccessModifyApp, &self.modify_acls),
        ];
        Ok(ContainerLaunchContextProto {
            local_resources: self.local_resources.iter().map(local_resource).collect::<Result<_, _>>()?,
            // Absent means none; present and empty would be a stream without its magic, which is an error.
            tokens: self.credentials.as_ref().map(Credentials::to_bytes),
            environment: self.env.iter().map(variable).collect(),
            command: vec![self.command.clone()],
            application_ac_ls: acls
                .iter()
                .filter(|(_, acl)| !acl.is_empty())
                .map(|(a, list)| acl(*a, list))
                .collect(),
            ..Default::default()
        })
    }
}

fn local_resource(resource: &LocalResource) -> Result<wire::StringLocalResourceMapProto, SubmissionError> {
    let bad_url = || SubmissionError::BadUrl { link: resource.link.clone(), url: resource.url.clone() };
    let kind = match resource.kind {
        Kind::File => wire::LocalResourceTypeProto::File,
        Kind::Archive => wire::LocalResourceTypeProto::Archive,
    };
    let visibility = match resource.visibility {
        Visibility::Application => wire::LocalResourceVisibilityProto::Application,
        Visibility::Private => wire::LocalResourceVisibilityProto::Private,
        Visibility::Public => wire::LocalResourceVisibilityProto::Public,
    };
    let value = wire::LocalResourceProto {
        resource: Some(url_proto(&resource.url).ok_or_else(bad_url)?),
        size: Some(i64::try_from(resource.size).unwrap_or(i64::MAX)),
        timestamp: Some(i64::try_from(resource.timestamp_ms).unwrap_or(i64::MAX)),
        r#type: Some(kind.into()),
        visibility: Some(visibility.into()),
        ..Default::default()
    };
    Ok(wire::StringLocalResourceMapProto { key: Some(resource.link.clone()), value: Some(value) })
}

/// `scheme://[user@]host[:port]/path` or `scheme:/path`, parsed by hand: Hadoop's paths are not escaped, so a general
/// URL parser would change a path with a space or a percent sign (`org.apache.hadoop.yarn.api.records.URL`).
fn url_proto(uri: &str) -> Option<wire::UrlProto> {
    let (scheme, rest) = uri.split_once(':')?;
    let well_formed = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.');
    if scheme.is_empty() || !scheme.chars().all(well_formed) {
        return None;
    }
    let (authority, path) = match rest.strip_prefix("//") {
        Some(rest) => rest.split_at(rest.find('/')?),
        None => ("", rest),
    };
    if !path.starts_with('/') {
        return None;
    }
    let (user, address) = match authority.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, authority),
    };
    let (host, port) = match address.rsplit_once(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, i32::from(port.parse::<u16>().ok()?)),
        _ => (address, -1),
    };
    Some(wire::UrlProto {
        scheme: Some(scheme.to_owned()),
        host: (!host.is_empty()).then(|| host.to_owned()),
        // Java sends -1 if there is none, as for the name of an HDFS pair.
        port: Some(port),
        file: Some(path.to_owned()),
        user_info: user.map(str::to_owned),
    })
}

/// What the node may still replace in a quoted text.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Alive {
    Nothing,
    /// `$NAME`, `{{NAME}}`, `<LOG_DIR>`, `<CPS>`.
    Placeholders,
}

/// Quotes one argument of [`LaunchContext::command`] so that the process receives exactly `argument`, whatever it
/// contains.
///
/// NUL is dropped, as no process could receive it.
pub fn quote(argument: &str) -> String {
    protect_command(argument, Alive::Nothing)
}

/// Quotes one argument, except that `$NAME`, `{{NAME}}`, `<LOG_DIR>` and `<CPS>` are still replaced on the node.
pub fn quote_expanding(argument: &str) -> String {
    protect_command(argument, Alive::Placeholders)
}

/// Quotes a value of [`LaunchContext::env`] so that the process receives exactly `value`. In an unquoted value `$NAME`,
/// `{{NAME}}`, `<LOG_DIR>` and `<CPS>` are replaced.
pub fn quote_env(value: &str) -> String {
    let mut out = String::new();
    for_each_broken(value, Alive::Nothing, |piece| match piece {
        Piece::Character(c @ ('"' | '\\' | '$' | '`')) => out.extend(['\\', c]),
        Piece::Character(c) => out.push(c),
        // Closes the quotes and opens them again.
        Piece::Break => out.push_str("\"\""),
    });
    out
}

/// The inner shell sees a double-quoted string; the outer one, which reads this first, has its own double quotes
/// around everything.
fn protect_command(argument: &str, alive: Alive) -> String {
    let mut out = String::from(r#"\""#);
    for_each_broken(argument, alive, |piece| match piece {
        // One level for the inner shell: \" \\ \$ \`; each of these characters again for the outer one. A `$` to expand
        // is left to the inner shell, which does not parse the value again.
        Piece::Character('$') if alive == Alive::Placeholders => out.push_str("\\$"),
        Piece::Character(c @ ('"' | '\\' | '$' | '`')) => out.extend(['\\', '\\', '\\', c]),
        Piece::Character(c) => out.push(c),
        Piece::Break => out.push_str(r#"\"\""#),
    });
    out.push_str(r#"\""#);
    out
}

enum Piece {
    Character(char),
    /// Something that separates its neighbours and means nothing to the shell.
    Break,
}

/// Iterates over `text`, breaking up what the NodeManager would replace.
fn for_each_broken(text: &str, alive: Alive, mut each: impl FnMut(Piece)) {
    let mut before = None;
    for c in text.chars().filter(|c| *c != '\0') {
        // `{{`, `}}` and `<NAME>` are replaced in the text of the script, before any shell parses it.
        let replaced = matches!((before, c), (Some('{'), '{') | (Some('}'), '}') | (Some('<'), 'A'..='Z'));
        if replaced && alive == Alive::Nothing {
            each(Piece::Break);
        }
        each(Piece::Character(c));
        before = Some(c);
    }
}

#[cfg(test)]
mod tests;
