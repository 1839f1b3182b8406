//! Checks of a study against the machines that it names, before anything is made or measured.

use crate::study::Study;
use crate::workflow::WorkflowError;
use paring_agent::sensors::{self, EnergySensor, ProcessorSet};
use paring_boards::{Target, TargetTransport};
use paring_core::schema::{EnergySource, MissingReason};
use std::path::Path;

/// Threads and streams together that a processor may get: more is no load that anybody deploys.
const MOST_PER_PROCESSOR: usize = 16;

/// Refuses a study that a machine cannot run as it stands. `sysfs_root` is the folder that stands for
/// `/` where power sensors are read.
///
/// # Errors
/// [`WorkflowError::Option`] names the key, the machine, and what to write.
pub(super) fn check_targets(study: &Study, sysfs_root: Option<&Path>) -> Result<(), WorkflowError> {
    let mut problems = study.targets.iter().filter_map(|target| processors_problem(study, target));
    match problems.next().or_else(|| energy_problem(study, sysfs_root)) {
        Some(problem) => Err(WorkflowError::Option(format!("{}: {problem}", study.path.display()))),
        None => Ok(()),
    }
}

/// Numbers of a target's processors; `None` where only the board itself knows them.
fn processors(target: &Target) -> Option<Vec<usize>> {
    match target.transport {
        TargetTransport::Local => {
            let found = ProcessorSet::all(sensors::root()).numbers().to_vec();
            (!found.is_empty()).then_some(found)
        }
        _ => target.profile.cores.map(|cores| (0..cores).collect()),
    }
}

fn processors_problem(study: &Study, target: &Target) -> Option<String> {
    let there = processors(target)?;
    let name = &target.name;
    if let Some(absent) = study.timing.affinity.iter().find(|number| !there.contains(number)) {
        let last = there.iter().max().copied().unwrap_or(0);
        return Some(format!(
            "`affinity` under [protocol]: `{name}` has no processor {absent}; it has 0 to {last}"
        ));
    }
    let settings = study.settings(target);
    let most = settings
        .iter()
        .map(|s| (s.threads.saturating_mul(s.streams), s))
        .max_by_key(|(all, _)| *all);
    let (all, setting) = most?;
    (all > MOST_PER_PROCESSOR * there.len()).then(|| {
        format!(
            "{} threads in {} streams are too many for the {} processors of `{name}`; write fewer `threads` or `streams` under [protocol]",
            setting.threads,
            setting.streams,
            there.len()
        )
    })
}

/// A sensor that the study names and that this machine does not have, where nothing else is measured on.
fn energy_problem(study: &Study, sysfs_root: Option<&Path>) -> Option<String> {
    let source = study.energy.source.as_ref()?;
    let is_sensor = EnergySource::SENSORS.contains(&source.name());
    let local = study.targets.iter().all(|target| target.transport == TargetTransport::Local);
    let target = study.targets.first().filter(|_| is_sensor && local)?;
    let root = sysfs_root.unwrap_or(sensors::root());
    let MissingReason(why) = EnergySensor::open(root, source).err()?;
    Some(format!(
        "`source = \"{}\"` under [energy]: `{}` cannot read it: {why}; `paring probe` lists its sensors, `source = \"none\"` measures no energy",
        source.name(),
        target.name
    ))
}
