//! Facts about a target: processor, kernels, power sensors, and what its engine makes of patterns of
//! quantization.

use super::one_target;
use crate::pipeline;
use crate::report::TargetFacts;
use crate::workflow::{Progress, ProgressEvent, ProgressStage, WorkflowError};
use paring_boards::{FolderTrust, Target, TargetEvent, TargetSession, TargetTransport};
use paring_core::schema::EngineConformance;
use std::path::PathBuf;

/// Use of the table of patterns that quantization writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternsOption {
    /// Not asked for.
    Skip,
    /// The kept table, else a new one.
    Kept,
    /// A new table.
    Anew,
}

/// A target, and what is asked of it.
#[derive(Clone, Debug)]
pub struct ProbeOptions {
    /// A name of the inventory, or a profile for this machine.
    pub target: String,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
    /// The folder that stands for `/` where power sensors are read, absolute.
    pub sysfs_root: Option<PathBuf>,
    /// Use of the table of patterns.
    pub patterns: PatternsOption,
}

/// Asks a target what it is.
///
/// # Errors
/// [`WorkflowError`] where the target cannot be reached, a pattern does not even run in float, or the
/// table cannot be kept.
pub fn probe(options: &ProbeOptions, progress: &Progress) -> Result<TargetFacts, WorkflowError> {
    let target = one_target(&options.target, options.trust)?;
    let mut heard = |_| {};
    let mut site = TargetSession::open(&target, None, &mut heard)?;
    let environment = site.probe(options.sysfs_root.as_deref())?;
    let peaks = if environment.emulated { None } else { Some(site.peaks()?) };
    drop(site);
    let energy = target.profile.energy.resolve(&environment.sensors);
    let conformance = match options.patterns {
        PatternsOption::Skip => None,
        PatternsOption::Kept => Some(conformance(&target, false, progress)?),
        PatternsOption::Anew => Some(conformance(&target, true, progress)?),
    };
    let with_path = |table: EngineConformance| {
        let path = pipeline::conformance_path(&table.target);
        (table, path)
    };
    let conformance = conformance.map(with_path);
    Ok(TargetFacts { target, environment, peaks, energy, conformance })
}

/// The table of a target: kept from before, or made now and kept.
fn conformance(
    target: &Target,
    anew: bool,
    progress: &Progress,
) -> Result<EngineConformance, WorkflowError> {
    let name = table_name(target);
    if let Some(known) = pipeline::known_conformance(name).filter(|_| !anew) {
        return Ok(known);
    }
    let stage = ProgressStage::Patterns;
    progress(ProgressEvent::StageLength { stage, total: 0 });
    let mut heard = |news| {
        if let TargetEvent::Note(note) = news {
            progress(ProgressEvent::Note(&note));
        }
    };
    let mut site = TargetSession::open(target, None, &mut heard)?;
    let mut done = 0;
    let found = pipeline::conformance(target, &mut site, &mut |one| {
        done += 1;
        progress(ProgressEvent::StageDone { stage, done });
        let item = format!("{}, {}, {}", one.operator, one.precision, one.size);
        progress(ProgressEvent::StageItem { stage, item: &item });
    });
    progress(ProgressEvent::StageEnd(stage));
    let table = EngineConformance { target: name.into(), ..found? };
    pipeline::keep_conformance(&pipeline::conformance_path(name), &table)?;
    Ok(table)
}

/// The name that a target's table is kept under: profiles of this machine are all this machine.
fn table_name(target: &Target) -> &str {
    match target.transport {
        TargetTransport::Local => "host",
        _ => &target.name,
    }
}
