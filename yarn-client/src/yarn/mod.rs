//! Typed clients of the ResourceManager and the NodeManagers, and launch contexts.
