//! Operations on applications that are running, or have run: wait, jobs, sessions, kill, garbage collection.
//!
//! [`attach::wait`] watches an application, [`jobs`] and [`session`] are about what runs in it, and [`kill`] and
//! [`gc`] about its end.

pub mod attach;
pub mod gc;
pub mod jobs;
pub mod kill;
mod open;
mod proxied;
pub mod session;

pub use attach::WaitLevel;
pub use kill::Killed;
pub use proxied::Proxied;
