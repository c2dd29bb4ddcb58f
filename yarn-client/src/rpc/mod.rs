//! Hadoop RPC: frames, connections, calls, failover. Knows nothing of YARN.
