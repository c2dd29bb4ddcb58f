//! Reads a job's jar: its main class, whether it contains a class, and the libraries in it.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use rawzip::{CompressionMethod, FileReader, RECOMMENDED_BUFFER_SIZE, ZipArchive, ZipArchiveEntryWayfinder};

use crate::file_name;

/// An open jar and the main class of its manifest. Names of entries are read again for each query: a job's jar can
/// contain tens of thousands.
#[derive(Debug)]
pub struct Jar {
    path: PathBuf,
    archive: ZipArchive<FileReader>,
    main_class: Option<String>,
}

const MANIFEST: &str = "META-INF/MANIFEST.MF";
/// Manifests of signed jars list every entry; this is far more than any of them needs.
const MANIFEST_LIMIT: u64 = 64 << 20;

/// A jar that cannot be run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JarError {
    /// The file does not exist.
    #[error("the jar {} does not exist", path.display())]
    Missing {
        /// The jar.
        path: PathBuf,
    },
    /// The file cannot be read.
    #[error("cannot read the jar {}", path.display())]
    Read {
        /// The jar.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is not a zip archive, or a damaged one.
    #[error("{} is not a jar: {reason}", path.display())]
    NotAJar {
        /// The jar.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The manifest names no main class.
    #[error("the manifest of {} does not name a main class", path.display())]
    NoMainClass {
        /// The jar.
        path: PathBuf,
    },
    /// A library in the jar cannot be unpacked.
    #[error("cannot unpack {library} of {} to {}", path.display(), target.display())]
    Unpack {
        /// The jar.
        path: PathBuf,
        /// The entry.
        library: String,
        /// The file.
        target: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The class is not in the jar.
    #[error("class `{class}` is not in {}", path.display())]
    ClassNotFound {
        /// The jar.
        path: PathBuf,
        /// The class requested.
        class: String,
        /// Classes with the same simple name that are in the jar.
        similar: Vec<String>,
    },
}

impl JarError {
    /// What to do about it.
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::NoMainClass { .. } => Some("name the class with the `main` method: `-c CLASS`".to_owned()),
            Self::ClassNotFound { similar, .. } if !similar.is_empty() => {
                Some(format!("did you mean {}?", similar.join(", ")))
            }
            Self::ClassNotFound { .. } => Some("give the fully qualified class name".to_owned()),
            Self::Missing { .. } => Some(
                "relative paths are resolved against the working directory; for a jar on the cluster \
                 write `hdfs://...`"
                    .to_owned(),
            ),
            Self::Read { .. } => Some("check the permissions of the file".to_owned()),
            Self::Unpack { .. } => None,
            Self::NotAJar { .. } => Some(
                "name the jar that the build produced, and check that it was copied completely".to_owned(),
            ),
        }
    }
}

impl Jar {
    /// Opens a jar and reads its directory and manifest.
    ///
    /// # Errors
    /// The file is missing, unreadable or not a jar.
    pub fn open(path: &Path) -> Result<Self, JarError> {
        let read_error = |source: io::Error| match source.kind() {
            io::ErrorKind::NotFound => JarError::Missing { path: path.to_owned() },
            _ => JarError::Read { path: path.to_owned(), source },
        };
        let file = File::open(path).map_err(read_error)?;
        if file.metadata().map_err(read_error)?.is_dir() {
            return Err(JarError::NotAJar { path: path.to_owned(), reason: "it is a directory".to_owned() });
        }
        let not_a_jar =
            |error: rawzip::Error| JarError::NotAJar { path: path.to_owned(), reason: error.to_string() };
        let mut buffer = vec![0u8; RECOMMENDED_BUFFER_SIZE];
        let archive = ZipArchive::from_file(file, &mut buffer).map_err(not_a_jar)?;
        let mut manifest = None;
        let mut entries = archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(not_a_jar)? {
            if entry.file_path().as_ref() == MANIFEST.as_bytes() {
                manifest = Some((entry.wayfinder(), entry.compression_method()));
                break;
            }
        }
        let mut main_class = None;
        if let Some((at, method)) = manifest {
            let mut text = Vec::new();
            content(&archive, at, method)
                .and_then(|content| content.take(MANIFEST_LIMIT).read_to_end(&mut text))
                .map_err(|error| JarError::NotAJar {
                    path: path.to_owned(),
                    reason: format!("its manifest cannot be unpacked: {error}"),
                })?;
            main_class = main_class_of(&String::from_utf8_lossy(&text));
        }
        Ok(Self { path: path.to_owned(), archive, main_class })
    }

    /// The manifest's `program-class`, else `Main-Class` (`PackagedProgram.getEntryPointClassNameFromJar`).
    ///
    /// # Errors
    /// The manifest has neither.
    pub fn main_class(&self) -> Result<String, JarError> {
        self.main_class.clone().ok_or_else(|| JarError::NoMainClass { path: self.path.clone() })
    }

    /// Whether the jar contains the class `a.b.C` (`a.b.C$D` for a nested one).
    pub fn contains_class(&self, class: &str) -> bool {
        let entry = format!("{}.class", class.replace('.', "/"));
        self.find(|name| name == entry.as_bytes(), 1).is_some_and(|found| !found.is_empty())
    }

    /// The class to run: `wanted` if it is in the jar, else the manifest's.
    ///
    /// # Errors
    /// There is no main class, or it is not in the jar.
    pub fn entry_class(&self, wanted: Option<&str>) -> Result<String, JarError> {
        let class = match wanted {
            Some(class) => class.to_owned(),
            None => self.main_class()?,
        };
        if self.contains_class(&class) {
            return Ok(class);
        }
        let simple = class.rsplit(['.', '/', '$']).next().unwrap_or_default();
        let endings = [format!("/{simple}.class"), format!("${simple}.class")];
        let bare = format!("{simple}.class");
        let matches = |name: &[u8]| {
            name == bare.as_bytes() || endings.iter().any(|ending| name.ends_with(ending.as_bytes()))
        };
        let similar = self.find(matches, 3).unwrap_or_default();
        Err(JarError::ClassNotFound { path: self.path.clone(), class, similar })
    }

    /// Unpacks the libraries in the jar (`lib/*.jar`, at any depth) into `directory`, and returns their names there, in
    /// the jar's order (`PackagedProgram.extractContainedLibraries`). The directory is only created if there is a
    /// library.
    ///
    /// # Errors
    /// [`JarError::NotAJar`], [`JarError::Unpack`].
    pub fn unpack_libraries(&self, directory: &Path) -> Result<Vec<String>, JarError> {
        let not_a_jar =
            |error: rawzip::Error| JarError::NotAJar { path: self.path.clone(), reason: error.to_string() };
        let mut found = Vec::new();
        let mut buffer = vec![0u8; RECOMMENDED_BUFFER_SIZE];
        let mut entries = self.archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().map_err(not_a_jar)? {
            let path = entry.file_path();
            let name = path.as_ref().strip_prefix(b"lib/").and_then(|rest| rest.strip_suffix(b".jar"));
            if name.is_some_and(|name| !name.is_empty()) {
                let name = String::from_utf8_lossy(path.as_ref()).into_owned();
                found.push((name, entry.wayfinder(), entry.compression_method()));
            }
        }
        let mut names = Vec::with_capacity(found.len());
        for (number, (library, at, method)) in found.into_iter().enumerate() {
            // Libraries in different directories may have the same name.
            let base = library.rsplit('/').next().unwrap_or_default();
            let name = format!("{number}-{}", file_name::plain(base));
            let target = directory.join(&name);
            let unpack = || {
                std::fs::create_dir_all(directory)?;
                io::copy(&mut content(&self.archive, at, method)?, &mut File::create(&target)?)
            };
            unpack().map_err(|source| JarError::Unpack {
                path: self.path.clone(),
                library,
                target: target.clone(),
                source,
            })?;
            names.push(name);
        }
        Ok(names)
    }

    /// Names of up to `limit` classes whose entries match; `None` if the directory turns out to be damaged.
    fn find(&self, matches: impl Fn(&[u8]) -> bool, limit: usize) -> Option<Vec<String>> {
        let mut found = Vec::new();
        let mut buffer = vec![0u8; RECOMMENDED_BUFFER_SIZE];
        let mut entries = self.archive.entries(&mut buffer);
        while let Some(entry) = entries.next_entry().ok()? {
            let path = entry.file_path();
            if matches(path.as_ref()) {
                let name = String::from_utf8_lossy(path.as_ref()).replace('/', ".");
                found.push(name.trim_end_matches(".class").to_owned());
                if found.len() >= limit {
                    break;
                }
            }
        }
        Some(found)
    }
}

/// The content of an entry, unpacked.
fn content<'a>(
    archive: &'a ZipArchive<FileReader>,
    at: ZipArchiveEntryWayfinder,
    method: CompressionMethod,
) -> io::Result<Box<dyn Read + 'a>> {
    let entry = archive.get_entry(at).map_err(io::Error::other)?;
    match method {
        CompressionMethod::STORE => Ok(Box::new(entry.reader())),
        CompressionMethod::DEFLATE => Ok(Box::new(flate2::read::DeflateDecoder::new(entry.reader()))),
        other => Err(io::Error::other(format!("its compression method is not supported ({other:?})"))),
    }
}

/// The main class in a manifest's first section.
fn main_class_of(manifest: &str) -> Option<String> {
    let mut attributes: Vec<(String, String)> = Vec::new();
    for line in manifest.split('\n').map(|line| line.trim_end_matches('\r')) {
        if let Some(rest) = line.strip_prefix(' ') {
            // A line is at most 72 bytes; a leading space continues the previous one.
            if let Some((_, value)) = attributes.last_mut() {
                value.push_str(rest);
            }
        } else if line.is_empty() {
            // The sections after the first are about individual entries.
            break;
        } else if let Some((name, value)) = line.split_once(':') {
            attributes.push((name.to_owned(), value.strip_prefix(' ').unwrap_or(value).to_owned()));
        }
    }
    // Attribute names are case-insensitive (JAR file specification).
    let get = |wanted: &str| attributes.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
    let (_, class) = get("program-class").or_else(|| get("Main-Class"))?;
    Some(class.trim().to_owned()).filter(|class| !class.is_empty())
}

/// The manifest's main class of the jar at `path`.
///
/// # Errors
/// As [`Jar::open`] and [`Jar::main_class`].
pub fn main_class(path: &Path) -> Result<String, JarError> {
    Jar::open(path)?.main_class()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use std::io::Write;

    use super::*;

    /// A jar with the entries, deflated or stored in turn.
    fn jar(entries: &[(&str, &str)]) -> tempfile::NamedTempFile {
        let mut bytes = Vec::new();
        let mut archive = rawzip::ZipArchiveWriter::new(&mut bytes);
        for (i, (name, text)) in entries.iter().enumerate() {
            let method = if i % 2 == 0 { CompressionMethod::DEFLATE } else { CompressionMethod::STORE };
            let (mut entry, config) = archive.new_file(name).compression_method(method).start().unwrap();
            let descriptor = if i % 2 == 0 {
                let encoder = flate2::write::DeflateEncoder::new(&mut entry, flate2::Compression::default());
                let mut writer = config.wrap(encoder);
                writer.write_all(text.as_bytes()).unwrap();
                let (encoder, descriptor) = writer.finish().unwrap();
                encoder.finish().unwrap();
                descriptor
            } else {
                let mut writer = config.wrap(&mut entry);
                writer.write_all(text.as_bytes()).unwrap();
                writer.finish().unwrap().1
            };
            entry.finish(descriptor).unwrap();
        }
        archive.finish().unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(&bytes).unwrap();
        file
    }

    #[test]
    fn finds_the_main_class() {
        let text = "Manifest-Version: 1.0\r\nMain-Class: a.very.long.package.name.that.is.cut.after.seventy\r\n .two.Bytes\r\n";
        for entries in [vec![(MANIFEST, text), ("a/B.class", "")], vec![("x", ""), (MANIFEST, text)]] {
            let jar = jar(&entries);
            assert_eq!(
                main_class(jar.path()).unwrap(),
                "a.very.long.package.name.that.is.cut.after.seventy.two.Bytes"
            );
        }
        assert_eq!(main_class_of("main-class: a.B\nprogram-class:c.D \n").as_deref(), Some("c.D"));
        assert_eq!(main_class_of("A: b\n\nMain-Class: a.B\n"), None);
        assert_eq!(main_class_of("Main-Class: \n"), None);
    }

    #[test]
    fn checks_that_the_class_is_there() {
        let jar = jar(&[
            (MANIFEST, "Main-Class: a.b.C\n"),
            ("a/b/C.class", ""),
            ("x/y/Other.class", ""),
            ("a/b/C$D.class", ""),
        ]);
        let jar = Jar::open(jar.path()).unwrap();
        assert!(jar.contains_class("a.b.C") && jar.contains_class("a.b.C$D"));
        assert!(!jar.contains_class("a.b") && !jar.contains_class("b.C"));
        assert_eq!(jar.entry_class(None).unwrap(), "a.b.C");
        assert_eq!(jar.entry_class(Some("x.y.Other")).unwrap(), "x.y.Other");
        let error = jar.entry_class(Some("z.Other")).unwrap_err();
        assert!(
            matches!(&error, JarError::ClassNotFound { similar, .. } if similar == &["x.y.Other"]),
            "{error}"
        );
        assert_eq!(error.hint().unwrap(), "did you mean x.y.Other?");
        assert!(jar.entry_class(Some("a.b.C.D")).unwrap_err().hint().unwrap().contains("a.b.C$D"));
    }

    #[test]
    fn unpacks_what_the_jar_brings_along() {
        let file = jar(&[
            ("lib/", ""),
            ("lib/b.jar", "bee"),
            ("lib/readme.txt", ""),
            ("lib/deep er/b.jar", "another"),
            ("lib/.jar", ""),
            ("other/lib/c.jar", ""),
            ("lib/a.jar", "ay"),
        ]);
        let dir = tempfile::tempdir().unwrap();
        let target = dir.path().join("made");
        let names = Jar::open(file.path()).unwrap().unpack_libraries(&target).unwrap();
        assert_eq!(names, ["0-b.jar", "1-b.jar", "2-a.jar"]);
        let content: Vec<_> =
            names.iter().map(|name| std::fs::read_to_string(target.join(name)).unwrap()).collect();
        assert_eq!(content, ["bee", "another", "ay"]);

        let none = dir.path().join("none");
        let plain = jar(&[(MANIFEST, ""), ("a/B.class", "")]);
        assert!(Jar::open(plain.path()).unwrap().unpack_libraries(&none).unwrap().is_empty());
        assert!(!none.exists());
        let error = Jar::open(file.path()).unwrap().unpack_libraries(file.path()).unwrap_err();
        assert!(error.to_string().contains("lib/b.jar"), "{error}");
    }

    #[test]
    fn invalid_jars_are_explained() {
        let dir = tempfile::tempdir().unwrap();
        assert!(matches!(Jar::open(&dir.path().join("a.jar")), Err(JarError::Missing { .. })));
        assert!(matches!(Jar::open(dir.path()), Err(JarError::NotAJar { .. })));
        let text = dir.path().join("b.jar");
        std::fs::write(&text, "no zip").unwrap();
        assert!(matches!(Jar::open(&text), Err(JarError::NotAJar { .. })));
        std::fs::write(&text, "").unwrap();
        assert!(matches!(Jar::open(&text), Err(JarError::NotAJar { .. })));
        let empty = jar(&[("a/B.class", "")]);
        let error = Jar::open(empty.path()).unwrap().entry_class(None).unwrap_err();
        assert!(matches!(error, JarError::NoMainClass { .. }) && error.hint().unwrap().contains("-c"));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn manifests_never_panic(text in "(.|\n){0,200}") {
            let _ = main_class_of(&text);
        }

        #[test]
        fn damaged_jars_never_panic(at in 0usize..300, byte in any::<u8>(), cut in 0usize..300) {
            let good = jar(&[(MANIFEST, "Main-Class: a.B\n"), ("a/B.class", "x")]);
            let mut bytes = std::fs::read(good.path()).unwrap();
            let end = bytes.len().saturating_sub(cut % 40);
            if let Some(target) = bytes.get_mut(at) {
                *target = byte;
            }
            let mut file = tempfile::NamedTempFile::new().unwrap();
            file.write_all(&bytes[..end]).unwrap();
            if let Ok(jar) = Jar::open(file.path()) {
                let _ = jar.contains_class("a.B");
                let _ = jar.entry_class(None);
            }
        }
    }
}
