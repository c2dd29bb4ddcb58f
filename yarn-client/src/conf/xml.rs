//! Reads `*-site.xml`.
