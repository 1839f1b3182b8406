//! Records that only the report needs: blocks over time, and samples whose class changed.

mod blocks;
mod samples;

pub use blocks::{MemoryUse, ReportBlock, SustainedPoint, TargetBlocks};
pub use samples::{ChangedSample, ReportSamples, SampleDrawing};
