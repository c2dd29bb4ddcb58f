//! Which of the application master's binaries is shipped: one that runs on the nodes.
//!
//! Beside the client there may be one binary, or one for each architecture. Its head is read before anything is uploaded: what does
//! not run on the nodes would fail there, minutes later.

use std::path::{Path, PathBuf};

use super::elf::{Architecture, Program, ProgramError};
use super::error::PreflightError;
use crate::flink::FlinkConfig;
use crate::flink::options::NODE_ARCHITECTURE;

/// Name of a lone binary. One of several has `-x86_64` or the like behind it.
const NAME: &str = "flink-app-master";

/// Where the application master's binary is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AppMaster {
    /// This file (`--app-master`).
    Named(PathBuf),
    /// In this directory, which is the client's.
    In(PathBuf),
}

/// The architecture that the nodes are said to have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Nodes {
    /// By the configuration.
    Configured(Architecture),
    /// By nothing: they are taken to be like this host.
    Unknown(Option<Architecture>),
}

/// The application master's binary does not run on the nodes.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AppMasterError {
    /// There is none.
    #[error("the application master binary {} does not exist", path.display())]
    Missing {
        /// Where it was looked for.
        path: PathBuf,
    },
    /// It is not a program for Linux.
    #[error("the application master binary {} is not a Linux program: {source}", path.display())]
    NotAProgram {
        /// The file.
        path: PathBuf,
        /// What it is.
        #[source]
        source: ProgramError,
    },
    /// It is for other processors.
    #[error(
        "the application master binary {} is for {found}, {}",
        path.display(),
        if *configured { format!("but the nodes are {wanted}") } else { format!("unlike this host, which is {wanted}") }
    )]
    Architecture {
        /// The file.
        path: PathBuf,
        /// What it is for.
        found: Architecture,
        /// What it should be for.
        wanted: Architecture,
        /// Whether the configuration says so.
        configured: bool,
    },
    /// It would have to load the Kerberos library.
    #[error(
        "the application master binary {} is static and cannot load the Kerberos library, so it could not log in with \
         the keytab",
        path.display()
    )]
    StaticWithKeytab {
        /// The file.
        path: PathBuf,
    },
}

impl AppMasterError {
    /// What to do about it.
    pub fn hint(&self) -> String {
        let key = NODE_ARCHITECTURE.key;
        match self {
            Self::Missing { .. } => {
                "put it next to `yarn-flink`, or name it with `--app-master` or `YARN_FLINK_APP_MASTER`".to_owned()
            }
            Self::NotAProgram { .. } => format!(
                "use the `{NAME}` that was built with this `yarn-flink`, for Linux; `--app-master` or \
                 `YARN_FLINK_APP_MASTER` names another"
            ),
            Self::Architecture { wanted, configured: true, .. } => format!(
                "put `{NAME}-{wanted}` next to `yarn-flink`, name one for {wanted} with `--app-master`, or correct `{key}`"
            ),
            Self::Architecture { found, configured: false, .. } => {
                format!("if the nodes are {found}, set `{key}: {found}`; otherwise use a binary for them (`--app-master`)")
            }
            Self::StaticWithKeytab { .. } => {
                "use one that is linked with glibc (`flink-app-master-*` of a portable build); it runs on glibc 2.17 and later"
                    .to_owned()
            }
        }
    }
}

impl AppMaster {
    /// As given, else beside `executable`.
    pub fn new(named: Option<&Path>, executable: Option<&Path>) -> Self {
        match named {
            Some(path) => Self::Named(path.to_owned()),
            None => Self::In(executable.and_then(Path::parent).map(Path::to_owned).unwrap_or_default()),
        }
    }

    /// The file to use for an architecture: one that has its name, else the lone one. It may not exist.
    pub fn path(&self, architecture: Option<Architecture>) -> PathBuf {
        let directory = match self {
            Self::Named(path) => return path.clone(),
            Self::In(directory) => directory,
        };
        let of_several = architecture.map(|it| directory.join(format!("{NAME}-{it}")));
        of_several.filter(|path| path.is_file()).unwrap_or_else(|| directory.join(NAME))
    }

    /// The file to ship.
    pub(super) fn choose(&self, nodes: Nodes) -> Result<(PathBuf, Program), AppMasterError> {
        let path = self.path(nodes.architecture());
        if !path.is_file() {
            return Err(AppMasterError::Missing { path });
        }
        match Program::read(&path) {
            Ok(program) => self.check(&path, &program, nodes).map(|()| (path, program)),
            Err(source) => Err(AppMasterError::NotAProgram { path, source }),
        }
    }

    fn check(&self, path: &Path, program: &Program, nodes: Nodes) -> Result<(), AppMasterError> {
        let (wanted, configured) = match (nodes, self) {
            (Nodes::Configured(wanted), _) => (wanted, true),
            // Whoever names a file knows what the nodes are.
            (Nodes::Unknown(_), Self::Named(_)) | (Nodes::Unknown(None), _) => return Ok(()),
            (Nodes::Unknown(Some(host)), Self::In(_)) => (host, false),
        };
        if program.architecture == wanted {
            return Ok(());
        }
        let (path, found) = (path.to_owned(), program.architecture);
        Err(AppMasterError::Architecture { path, found, wanted, configured })
    }
}

impl Nodes {
    pub(super) fn of(config: &FlinkConfig) -> Result<Self, PreflightError> {
        let Some(value) = config.explicit(&NODE_ARCHITECTURE) else {
            return Ok(Self::Unknown(Architecture::of_this_host()));
        };
        value.parse().map(Self::Configured).map_err(|error: super::elf::UnknownArchitecture| {
            let (key, reason) = (NODE_ARCHITECTURE.key, error.to_string());
            PreflightError::Value { key, value: value.to_owned(), reason }
        })
    }

    fn architecture(self) -> Option<Architecture> {
        match self {
            Self::Configured(architecture) => Some(architecture),
            Self::Unknown(host) => host,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::submit::elf::tests::program;

    const X86: Architecture = Architecture::X86_64;
    const ARM: Architecture = Architecture::Aarch64;

    /// A directory with a client and these files.
    fn beside(files: &[(&str, &[u8])]) -> (tempfile::TempDir, AppMaster) {
        let directory = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(directory.path().join(name), content).unwrap();
        }
        let master = AppMaster::new(None, Some(&directory.path().join("yarn-flink")));
        (directory, master)
    }

    fn name(chosen: Result<(PathBuf, Program), AppMasterError>) -> String {
        chosen.unwrap().0.file_name().unwrap().to_string_lossy().into_owned()
    }

    #[test]
    fn a_lone_binary_lies_beside_the_client() {
        let beside = AppMaster::new(None, Some(Path::new("/opt/bin/yarn-flink")));
        assert_eq!(beside.path(Some(X86)), Path::new("/opt/bin/flink-app-master"));
        let named = AppMaster::new(Some(Path::new("/x/am")), Some(Path::new("/opt/bin/yarn-flink")));
        assert_eq!(named.path(Some(X86)), Path::new("/x/am"));
        assert_eq!(AppMaster::new(None, None).path(None), Path::new("flink-app-master"));
    }

    #[test]
    fn the_one_for_the_nodes_is_chosen_among_several() {
        let (x86, arm) = (program(X86, Some("/lib/ld")), program(ARM, None));
        let (_directory, several) = beside(&[
            ("flink-app-master", &x86),
            ("flink-app-master-x86_64", &x86),
            ("flink-app-master-aarch64", &arm),
        ]);
        assert_eq!(name(several.choose(Nodes::Configured(ARM))), "flink-app-master-aarch64");
        assert_eq!(name(several.choose(Nodes::Unknown(Some(ARM)))), "flink-app-master-aarch64");
        assert_eq!(name(several.choose(Nodes::Unknown(Some(X86)))), "flink-app-master-x86_64");
        assert_eq!(name(several.choose(Nodes::Unknown(None))), "flink-app-master");
        let (_directory, lone) = beside(&[("flink-app-master", &arm)]);
        assert_eq!(name(lone.choose(Nodes::Configured(ARM))), "flink-app-master");
    }

    #[test]
    fn a_binary_for_other_processors_is_refused() {
        let (directory, lone) = beside(&[("flink-app-master", &program(ARM, None))]);
        let error = lone.choose(Nodes::Unknown(Some(X86))).unwrap_err();
        assert!(error.to_string().ends_with("is for aarch64, unlike this host, which is x86_64"), "{error}");
        assert!(error.hint().contains("`yarn-flink.node-architecture: aarch64`"), "{}", error.hint());
        let error = lone.choose(Nodes::Configured(X86)).unwrap_err();
        assert!(error.to_string().ends_with("is for aarch64, but the nodes are x86_64"), "{error}");
        assert!(error.hint().contains("`flink-app-master-x86_64`"), "{}", error.hint());
        // Whoever names one means it, unless the configuration says otherwise.
        let named = AppMaster::Named(directory.path().join("flink-app-master"));
        assert!(named.choose(Nodes::Unknown(Some(X86))).unwrap().1.is_static());
        named.choose(Nodes::Configured(X86)).unwrap_err();
    }

    #[test]
    fn what_is_not_a_program_is_refused() {
        let (_directory, script) = beside(&[("flink-app-master", b"#!/bin/sh\n")]);
        let error = script.choose(Nodes::Unknown(None)).unwrap_err();
        assert!(error.to_string().contains("is not a Linux program: it is a script"), "{error}");
        assert!(error.hint().contains("--app-master"));
        let (_directory, none) = beside(&[]);
        let error = none.choose(Nodes::Configured(ARM)).unwrap_err();
        assert!(
            matches!(&error, AppMasterError::Missing { path } if path.ends_with("flink-app-master")),
            "{error}"
        );
    }

    #[test]
    fn the_architecture_of_nodes_is_configured_by_name() {
        let config =
            |value: &str| FlinkConfig::from_flat([(NODE_ARCHITECTURE.key.to_owned(), value.to_owned())]);
        assert_eq!(Nodes::of(&config("arm64")).unwrap(), Nodes::Configured(ARM));
        let error = Nodes::of(&config("sparc")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`yarn-flink.node-architecture`: `sparc` is not an architecture of nodes (expected one of: x86_64, aarch64, \
             ppc64le, s390x, riscv64, loongarch64)"
        );
        assert_eq!(Nodes::of(&FlinkConfig::new()).unwrap(), Nodes::Unknown(Architecture::of_this_host()));
    }
}
