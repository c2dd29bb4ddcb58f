//! Content-addressed cache of files that many applications share.
