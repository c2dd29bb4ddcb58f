//! What can go wrong with staging, and what to do about it.

use std::path::PathBuf;

use crate::hdfs::HdfsError;

/// A failure of staging.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StageError {
    /// The directory below which everything would be staged does not exist.
    #[error("the home directory {path} of user {user} does not exist")]
    HomeMissing {
        /// Full URI.
        path: String,
        /// The user.
        user: String,
    },
    /// `yarn.staging-directory` does not exist and cannot be created.
    #[error("the staging directory {path} does not exist, and {user} is not permitted to create it")]
    BaseMissing {
        /// Full URI.
        path: String,
        /// The user.
        user: String,
        /// The file system's error.
        #[source]
        source: Box<HdfsError>,
    },
    /// `yarn.staging-directory` belongs to another user and is not accessible.
    #[error(
        "the staging directory {path} belongs to {owner}, and {user} is not permitted to create a \
        directory in it"
    )]
    NotShared {
        /// Full URI.
        path: String,
        /// Its owner.
        owner: String,
        /// Full URI of the directory that would be created.
        own: String,
        /// The user.
        user: String,
        /// The file system's error.
        #[source]
        source: Box<HdfsError>,
    },
    /// The user may not write there.
    #[error("user {user} is not permitted to write to {path}")]
    NotWritable {
        /// Full URI.
        path: String,
        /// The user.
        user: String,
        /// The file system's error.
        #[source]
        source: Box<HdfsError>,
    },
    /// In a world-writable directory, another user has created the one that we would use.
    #[error("{path} belongs to {owner}, not to {user}")]
    ForeignDirectory {
        /// Full URI.
        path: String,
        /// Who created it.
        owner: String,
        /// The user.
        user: String,
    },
    /// Two items have the same name in the working directory.
    #[error("two files have the same name {link:?} in the container: {first} and {second}")]
    DuplicateLink {
        /// The name.
        link: String,
        /// The first.
        first: String,
        /// The second.
        second: String,
    },
    /// A link name that YARN would reject, or that would leave the working directory.
    #[error("{link:?} cannot be the name of a file in the container: {reason}")]
    Link {
        /// The name.
        link: String,
        /// Why not.
        reason: &'static str,
    },
    /// A local file to be staged cannot be.
    #[error("{} cannot be shipped: {reason}", .path.display())]
    Local {
        /// The file.
        path: PathBuf,
        /// Why not.
        reason: String,
    },
    /// A file on the cluster that NodeManagers cannot place: their scripts put its name between double quotes.
    #[error(
        "{url} cannot be used in place: its name contains {character:?}, which the launch scripts of \
         NodeManagers do not escape"
    )]
    RemoteName {
        /// Full URI.
        url: String,
        /// What is in the way.
        character: char,
    },
    /// A local file changed between its digest and the end of its upload.
    #[error("{} changed while it was being uploaded", .path.display())]
    Changed {
        /// The file.
        path: PathBuf,
    },
    /// The file system failed.
    #[error(transparent)]
    FileSystem(#[from] HdfsError),
}

impl StageError {
    /// What to do next, if there is something to do.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::HomeMissing { path, user } => Some(format!(
                "as a superuser of the file system run `hdfs dfs -mkdir -p {path} && hdfs dfs -chown \
                 {user} {path}`; or name another directory with `yarn.staging-directory`"
            )),
            Self::BaseMissing { path, user, .. } => Some(format!(
                "as a superuser run `hdfs dfs -mkdir -p {path} && hdfs dfs -chown {user} {path}`; or \
                 correct `yarn.staging-directory`"
            )),
            Self::NotShared { path, owner, own, user, .. } => Some(format!(
                "for all users, as {owner} run `hdfs dfs -chmod 1777 {path}`; for this one, as a \
                 superuser run `hdfs dfs -mkdir {own} && hdfs dfs -chown {user} {own}`; or name another \
                 directory with `yarn.staging-directory`"
            )),
            Self::NotWritable { path, user, .. } => Some(format!(
                "as its owner run `hdfs dfs -chmod u+rwx {path}`, or as a superuser `hdfs dfs -chown \
                 {user} {path}`; or name another directory with `yarn.staging-directory`"
            )),
            Self::ForeignDirectory { .. } => {
                Some("name another directory with yarn.staging-directory".to_owned())
            }
            Self::DuplicateLink { .. } => Some("rename one of them, or ship only one".to_owned()),
            Self::Changed { .. } => {
                Some("wait until it has been built or copied, and submit again".to_owned())
            }
            Self::RemoteName { .. } => {
                Some("copy it to another name (`hdfs dfs -cp`), or pass a local file".to_owned())
            }
            Self::FileSystem(error) => error.hint(),
            Self::Link { .. } | Self::Local { .. } => None,
        }
    }

    /// The complete Java stack trace, for `-v`, if the peer sent one.
    pub fn detail(&self) -> Option<&str> {
        match self {
            Self::NotWritable { source, .. }
            | Self::BaseMissing { source, .. }
            | Self::NotShared { source, .. } => source.detail(),
            Self::FileSystem(source) => source.detail(),
            _ => None,
        }
    }
}
