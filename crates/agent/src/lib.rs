//! The agent: runs models on a machine, measures them there, and says what the machine is.
//!
//! Everything that a board needs and nothing else: the engine, the sensors, the sample loop and the
//! journal, and the arrays that models are fed with. Knows jobs, not studies.

#![warn(missing_docs)]

pub mod arrays;
pub mod engine;
pub mod measure;
pub mod sensors;
