//! Machines that run variants: profiles, and how an agent is started there.

mod local;
mod profile;

pub use local::{LocalAgent, TargetError};
pub use profile::{Profile, ProfileError, Transport, profile};
