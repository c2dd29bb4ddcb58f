//! Files that a container's first process creates in the working directory before a JVM starts.
//!
//! The application's own small files, such as Flink's configuration, travel from container to container as a secret in
//! the credentials: a configuration may contain passwords, and a TaskManager that waits for no file of its own in HDFS
//! starts half a second sooner. Names that NodeManagers cannot give are links. Libraries inside the program's jar are
//! unpacked, as Flink's clients do before they submit a job, but Flink in a cluster of its own does not.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{OpenOptionsExt as _, symlink};
use std::path::{Path, PathBuf};

use prost::Message as _;
use proto::launch::{self, Files, LaunchSpec, Link, Workload};
use yarn_client::conf::Environment;
use yarn_client::flink::FlinkConfig;
use yarn_client::flink::jar::{Jar, JarError};
use yarn_client::flink::options::CLASS_PATHS;
use yarn_client::security::{Credentials, CredentialsError, Secret};

/// First argument that makes the binary write the files into its working directory.
pub const UNPACKER: &str = "unpack-files";
const TOKEN_FILE: &str = "HADOOP_TOKEN_FILE_LOCATION";
/// Directory of the libraries in the program's jar. Not in `usrlib`, whose jars Flink loads in any order.
const LIBRARIES: &str = "jarlib";
/// Directory whose jars Flink loads by itself.
const USER_LIB: &str = "usrlib/";

/// The files could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FilesError {
    /// This is not a container.
    #[error("`{TOKEN_FILE}` is not set; `{UNPACKER}` runs in containers only")]
    NoContainer,
    /// The container's credentials cannot be read.
    #[error("cannot read the container's credentials")]
    Credentials(#[from] CredentialsError),
    /// The credentials contain no files.
    #[error("the container's credentials contain no files")]
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
    /// A library of the program's jar cannot be unpacked.
    #[error(transparent)]
    Library(#[from] JarError),
}

/// Adds what TaskManager containers need to credentials, for [`unpack`].
pub(super) fn pack(spec: &LaunchSpec, credentials: &mut Credentials) {
    let secret = Secret::new(of(spec).encode_to_vec());
    credentials.secrets.push((launch::FILES_SECRET.to_owned(), secret));
}

/// Creates the files from the container's credentials in `directory`.
///
/// # Errors
/// [`FilesError`].
pub fn unpack(env: &Environment, directory: &Path) -> Result<(), FilesError> {
    let path = env.non_empty(TOKEN_FILE).ok_or(FilesError::NoContainer)?;
    let credentials = Credentials::read(Path::new(path))?;
    let secret = credentials.secrets.iter().find(|(alias, _)| alias == launch::FILES_SECRET);
    let (_, secret) = secret.ok_or(FilesError::NoFiles)?;
    make(&Files::decode(secret.expose().clone())?, directory).map(drop)
}

/// Creates the files in the JobManager's container, and tells Flink what it would not find by itself.
///
/// # Errors
/// [`FilesError`].
pub(super) fn prepare(spec: &mut LaunchSpec, directory: &Path) -> Result<(), FilesError> {
    write(&spec.master_files, directory)?;
    let Made { program, libraries } = make(&of(spec), directory)?;
    let launched = spec.workload.as_mut().and_then(Workload::program_mut);
    let (Some(launched), Some(manager)) = (launched, &mut spec.job_manager) else { return Ok(()) };
    if launched.main_class.is_none() {
        // Flink would search all of the user's jars, and give up if two name a main class.
        launched.main_class = program.and_then(|jar| jar.main_class().ok());
    }
    if !libraries.is_empty() {
        // One class loader for the program and its libraries, even if the program's jar is loaded elsewhere too.
        let own = (!launched.jar.starts_with(USER_LIB)).then(|| launched.jar.clone());
        let configured = FlinkConfig::from_flat(spec.flink_conf.clone()).list(&CLASS_PATHS);
        let urls = own.into_iter().chain(libraries).map(|path| format!("file:{path}")).chain(configured);
        manager.dynamic_properties.push(format!("{}={}", CLASS_PATHS.key, FlinkConfig::list_text(urls)));
    }
    Ok(())
}

fn of(spec: &LaunchSpec) -> Files {
    let program = spec.workload.as_ref().and_then(Workload::program);
    Files {
        files: spec.files.clone(),
        links: spec.links.clone(),
        jar: program.map(|program| program.jar.clone()).unwrap_or_default(),
    }
}

/// What creating the files has yielded.
struct Made {
    program: Option<Jar>,
    /// Paths of the libraries in the program's jar, in its order.
    libraries: Vec<String>,
}

fn make(files: &Files, directory: &Path) -> Result<Made, FilesError> {
    write(&files.files, directory)?;
    for named in &files.links {
        let path = directory.join(&named.path);
        link(named, &path).map_err(|source| FilesError::Write { path, source })?;
    }
    let path = Some(&files.jar).filter(|jar| !jar.is_empty()).map(|jar| directory.join(jar));
    // If it is damaged, Flink reports that where everyone looks for it.
    let program = path.and_then(|path| Jar::open(&path).ok());
    let libraries = match &program {
        Some(jar) => jar.unpack_libraries(&directory.join(LIBRARIES))?,
        None => Vec::new(),
    };
    let libraries = libraries.into_iter().map(|name| format!("{LIBRARIES}/{name}")).collect();
    Ok(Made { program, libraries })
}

/// Puts the files where the JVM looks for them, readable by the owner only.
fn write(files: &[launch::File], directory: &Path) -> Result<(), FilesError> {
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

fn link(link: &Link, path: &Path) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let up = "../".repeat(link.path.matches('/').count());
    match symlink(format!("{up}{}", link.target), path) {
        // A container that a NodeManager starts again already has it.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        made => made,
    }
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
    fn unpacked_files_are_readable_by_the_owner_only() {
        let directory = tempfile::tempdir().expect("a directory");
        let mut credentials = Credentials::default();
        let file = launch::File { link: "conf/config.yaml".to_owned(), content: "a: b".into() };
        pack(&LaunchSpec { files: vec![file], ..LaunchSpec::default() }, &mut credentials);
        let tokens = directory.path().join("container_tokens");
        fs::write(&tokens, credentials.to_bytes()).expect("written");
        let env = environment(&tokens);
        unpack(&env, directory.path()).expect("unpacked");
        let path = directory.path().join("conf/config.yaml");
        assert_eq!(fs::read(&path).expect("the file"), b"a: b");
        assert_eq!(path.metadata().expect("its mode").permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn odd_file_names_are_unpacked() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::create_dir(directory.path().join("shipped")).expect("made");
        fs::write(directory.path().join("shipped/a.txt"), "a").expect("written");
        let paths = ["my \"data\"/ä/a b.txt", "a:b.txt"];
        let links = paths.map(|path| Link { path: path.to_owned(), target: "shipped/a.txt".to_owned() });
        let files = Files { links: links.to_vec(), ..Files::default() };
        for _ in ["first", "once more"] {
            make(&files, directory.path()).expect("made");
        }
        for path in paths {
            assert_eq!(fs::read(directory.path().join(path)).expect(path), b"a");
        }
    }

    /// A jar with these entries, stored.
    fn jar(path: &Path, entries: &[(&str, &str)]) {
        let mut archive = rawzip::ZipArchiveWriter::new(fs::File::create(path).expect("created"));
        for (name, text) in entries {
            let method = rawzip::CompressionMethod::STORE;
            let (mut entry, config) =
                archive.new_file(name).compression_method(method).start().expect("begun");
            let mut writer = config.wrap(&mut entry);
            writer.write_all(text.as_bytes()).expect("written");
            let (_, descriptor) = writer.finish().expect("finished");
            entry.finish(descriptor).expect("ended");
        }
        archive.finish().expect("whole");
    }

    #[test]
    fn libraries_of_the_jar_come_before_other_class_paths() {
        let manifest = ("META-INF/MANIFEST.MF", "Main-Class: a.B\n");
        let entries = [manifest, ("lib/b.jar", "b"), ("lib/a#.jar", "a")];
        let prepared = |link: &str, class_paths: &str| {
            let directory = tempfile::tempdir().expect("a directory");
            let path = directory.path().join(link);
            fs::create_dir_all(path.parent().expect("a parent")).expect("made");
            jar(&path, &entries);
            let program = launch::Program { jar: link.to_owned(), ..launch::Program::default() };
            let flink_conf = [("pipeline.classpaths".to_owned(), class_paths.to_owned())].into();
            let mut spec = LaunchSpec {
                workload: Some(Workload::Program(program)),
                job_manager: Some(launch::JobManager::default()),
                flink_conf,
                ..LaunchSpec::default()
            };
            prepare(&mut spec, directory.path()).expect("prepared");
            assert_eq!(fs::read(directory.path().join("jarlib/1-a_.jar")).expect("unpacked"), b"a");
            let main_class = spec.workload.and_then(|it| it.program()?.main_class.clone());
            assert_eq!(main_class.as_deref(), Some("a.B"));
            spec.job_manager.unwrap_or_default().dynamic_properties
        };
        assert_eq!(
            prepared("usrlib/x.jar", "file:/c.jar;'http://h/d;e.jar'"),
            ["pipeline.classpaths=file:jarlib/0-b.jar;file:jarlib/1-a_.jar;file:/c.jar;'http://h/d;e.jar'"]
        );
        // On the class path of the JVM: Flink's own clients then load it a second time, together with its libraries.
        assert_eq!(
            prepared("userjar/x.jar", ""),
            ["pipeline.classpaths=file:userjar/x.jar;file:jarlib/0-b.jar;file:jarlib/1-a_.jar"]
        );
    }

    #[test]
    fn damaged_jar_is_left_to_flink() {
        let directory = tempfile::tempdir().expect("a directory");
        fs::write(directory.path().join("x.jar"), "PK").expect("written");
        for jar in ["x.jar", "missing.jar"] {
            let program = launch::Program { jar: jar.to_owned(), ..launch::Program::default() };
            let mut spec = LaunchSpec {
                workload: Some(Workload::Program(program)),
                job_manager: Some(launch::JobManager::default()),
                ..LaunchSpec::default()
            };
            let before = spec.clone();
            prepare(&mut spec, directory.path()).expect("prepared");
            assert_eq!(spec, before);
        }
    }

    #[test]
    fn missing_credentials_are_named() {
        assert!(matches!(unpack(&Environment::default(), Path::new(".")), Err(FilesError::NoContainer)));
        let directory = tempfile::tempdir().expect("a directory");
        let tokens = directory.path().join("container_tokens");
        fs::write(&tokens, Credentials::default().to_bytes()).expect("written");
        let env = environment(&tokens);
        assert!(matches!(unpack(&env, directory.path()), Err(FilesError::NoFiles)));
    }
}
