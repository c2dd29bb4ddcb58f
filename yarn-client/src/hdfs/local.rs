//! A local directory tree as the cluster's file system, for a YARN on `file:///`.

/// The local file system.
#[derive(Debug, Clone)]
pub struct LocalFs {
    home: String,
    user: String,
}

impl LocalFs {
    /// The local file system, with `home` as the user's home directory.
    pub fn new(user: impl Into<String>, home: impl Into<String>) -> Self {
        Self { home: home.into(), user: user.into() }
    }
}
