//! SASL as Hadoop RPC carries it.

/// What is done to the stream once both sides know each other (`hadoop.rpc.protection`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Protection {
    /// Nothing (`authentication`, qop `auth`).
    Authentication,
    /// Messages are signed (`integrity`, qop `auth-int`).
    Integrity,
    /// Messages are signed and encrypted (`privacy`, qop `auth-conf`).
    Privacy,
}

impl Protection {
    /// From the word in `hadoop.rpc.protection`.
    pub fn from_hadoop(name: &str) -> Option<Self> {
        match name.trim().to_ascii_lowercase().as_str() {
            "authentication" => Some(Self::Authentication),
            "integrity" => Some(Self::Integrity),
            "privacy" => Some(Self::Privacy),
            _ => None,
        }
    }
}
