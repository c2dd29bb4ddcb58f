//! The application's own small files, such as Flink's configuration. They travel from container to container as a
//! secret in the credentials: a configuration may hold passwords, and a TaskManager that waits for no file of its own
//! in HDFS starts half a second sooner.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use prost::Message as _;
use proto::launch::{self, File, Files};
use yarn_client::conf::Environment;
use yarn_client::security::{Credentials, CredentialsError, Secret};

/// First argument that makes the binary write the files into its working directory.
pub const UNPACKER: &str = "unpack-files";
const TOKEN_FILE: &str = "HADOOP_TOKEN_FILE_LOCATION";

/// The files cannot be had, or not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// This is no container.
    #[error("{TOKEN_FILE} is not set; {UNPACKER} is for containers")]
    NoContainer,
    /// The container's credentials.
    #[error("cannot read the container's credentials")]
    Credentials(#[from] CredentialsError),
    /// They hold no files.
    #[error("the container's credentials hold no files")]
    NoFiles,
    /// The files are damaged.
    #[error("the files in the container's credentials are damaged")]
    Decode(#[from] prost::DecodeError),
    /// A file cannot be written.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// Adds `files` to the credentials of a container that will run [`unpack`].
pub(super) fn pack(files: &[File], credentials: &mut Credentials) {
    let files = Files { files: files.to_vec() };
    credentials.secrets.push((launch::FILES_SECRET.to_owned(), Secret::new(files.encode_to_vec())));
}

/// Writes the files that the container's credentials hold into `directory`.
///
/// # Errors
/// [`FilesError`].
pub fn unpack(env: &Environment, directory: &Path) -> Result<(), FilesError> {
    let path = env.non_empty(TOKEN_FILE).ok_or(FilesError::NoContainer)?;
    let credentials = Credentials::read(Path::new(path))?;
    let secret = credentials.secrets.iter().find(|(alias, _)| alias == launch::FILES_SECRET);
    let (_, secret) = secret.ok_or(FilesError::NoFiles)?;
    write(&Files::decode(secret.expose().clone())?.files, directory)
}

/// Puts the files where the JVM looks for them; nobody else may read them.
pub(super) fn write(files: &[File], directory: &Path) -> Result<(), FilesError> {
    for file in files {
        let path = directory.join(&file.link);
        let write = || {
            if let Some(parent) = path.parent() {
                fs::create_dir_all(parent)?;
            }
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            options.open(&path)?.write_all(&file.content)
        };
        write().map_err(|source| FilesError::Write { path: path.clone(), source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn environment(tokens: &Path) -> Environment {
        let mut env = Environment::default();
        env.set(TOKEN_FILE, tokens.to_str().expect("UTF-8"));
        env
    }

    #[test]
    fn files_arrive_for_the_owner_alone() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut credentials = Credentials::default();
        pack(&[File { link: "conf/config.yaml".to_owned(), content: "a: b".into() }], &mut credentials);
        let tokens = directory.path().join("container_tokens");
        fs::write(&tokens, credentials.to_bytes()).expect("written");
        let env = environment(&tokens);
        unpack(&env, directory.path()).expect("unpacked");
        let path = directory.path().join("conf/config.yaml");
        assert_eq!(fs::read(&path).expect("the file"), b"a: b");
        assert_eq!(path.metadata().expect("its mode").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn what_is_missing_is_named() {
        assert!(matches!(unpack(&Environment::default(), Path::new(".")), Err(FilesError::NoContainer)));
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = directory.path().join("container_tokens");
        fs::write(&tokens, Credentials::default().to_bytes()).expect("written");
        let env = environment(&tokens);
        assert!(matches!(unpack(&env, directory.path()), Err(FilesError::NoFiles)));
    }
}
