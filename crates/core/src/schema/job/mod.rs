//! Jobs for an agent, requests to it, and its answers.

mod job_file;
mod job_status;
mod predict_request;

pub use job_file::{Job, JobModel, MOST_ROUNDS, SampleRules, StopRule};
pub use job_status::{BoardHolder, JobEnding, JobState, JobStatus};
pub use predict_request::PredictRequest;
