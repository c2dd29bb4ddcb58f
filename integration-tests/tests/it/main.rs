//! All tests on real clusters, in one binary: one link, one shared cluster.
