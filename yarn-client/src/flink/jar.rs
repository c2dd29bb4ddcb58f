//! Reading a job's jar: its main class, and whether a class is in it.

use std::path::{Path, PathBuf};

/// An open jar: its entries' names that matter and its manifest.
#[derive(Debug)]
pub struct Jar {
    path: PathBuf,
}

/// A jar that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JarError {
    /// No such file.
    #[error("the jar {} does not exist", path.display())]
    Missing {
        /// Which.
        path: PathBuf,
    },
    /// It cannot be read.
    #[error("cannot read the jar {}", path.display())]
    Read {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// It is not a zip archive, or a broken one.
    #[error("{} is not a jar: {reason}", path.display())]
    NotAJar {
        /// Which.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The manifest names no main class.
    #[error("the manifest of {} names no main class", path.display())]
    NoMainClass {
        /// Which.
        path: PathBuf,
    },
    /// The class is not in the jar.
    #[error("the class {class} is not in {}", path.display())]
    ClassNotFound {
        /// Which.
        path: PathBuf,
        /// The class asked for.
        class: String,
        /// Classes with the same simple name that are in the jar.
        similar: Vec<String>,
    },
}

impl JarError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        todo!()
    }
}

impl Jar {
    /// Opens a jar and reads its directory and manifest.
    ///
    /// # Errors
    /// Missing, unreadable, not a jar.
    pub fn open(path: &Path) -> Result<Self, JarError> {
        Ok(Self { path: path.to_owned() })
    }

    /// The manifest's `program-class`, else `Main-Class` (`PackagedProgram.getEntryPointClassNameFromJar`).
    ///
    /// # Errors
    /// Neither is there.
    pub fn main_class(&self) -> Result<String, JarError> {
        let _ = &self.path;
        todo!()
    }

    /// Whether the jar holds the class `a.b.C` (`a.b.C$D` for a nested one).
    pub fn contains_class(&self, class: &str) -> bool {
        let _ = class;
        todo!()
    }

    /// The class to run: `wanted` if it is in the jar, else the manifest's.
    ///
    /// # Errors
    /// No main class, or one that is not in the jar.
    pub fn entry_class(&self, wanted: Option<&str>) -> Result<String, JarError> {
        let _ = wanted;
        todo!()
    }
}

/// The manifest's main class of the jar at `path`.
///
/// # Errors
/// As [`Jar::open`] and [`Jar::main_class`].
pub fn main_class(path: &Path) -> Result<String, JarError> {
    Jar::open(path)?.main_class()
}
