//! The hands: one task each, moving data between the machine and the world.
