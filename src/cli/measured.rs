//! A study's own rules of measuring, and experiments measured by them, as `paring explain --measure`
//! does.

use super::reopen::Reopened;
use super::{Coded, fleet};
use crate::attribution::Investigation;
use crate::pipeline::{self, Bench, Extent};
use crate::study::{Loaded, RunDirectory, Study};
use paring_boards::Target;
use paring_core::schema::{Effect, ExecutionSetting, MetricTotal, MissingReason, VariantRecord};
use std::path::Path;

/// Effects and totals of latency, memory and energy on every target, one after the other.
pub(super) fn measured(
    reopened: &Reopened,
    targets: &[Target],
    sysfs_root: Option<&Path>,
    case: &Investigation,
    variant: &VariantRecord,
    quiet: bool,
) -> Result<(Vec<Effect>, Vec<MetricTotal>), Coded> {
    let Reopened { directory, study, loaded } = reopened;
    let (mut effects, mut totals) = (Vec::new(), Vec::new());
    let measurable = case.measurable(variant);
    let folders = pipeline::apart(&directory.folders, &variant.name, &measurable.records)?;
    for target in targets {
        let settings = study.settings(target);
        let first = settings.get(..1).unwrap_or_default();
        let bench = Bench {
            extent: Extent::Times,
            sustained_ns: None,
            ..bench(study, loaded, directory, sysfs_root, target, first)
        };
        let taken = fleet::on_one(target, &folders, quiet, &|target, stop, heard| {
            pipeline::measure(&folders, &bench, target, &measurable.records, stop, heard)
        })?;
        let Some(measurements) = taken.by_setting.first() else { continue };
        let (own, total) = case.measured(&measurable, measurements, &target.name);
        effects.extend(own);
        totals.extend(total);
    }
    Ok((effects, totals))
}

/// How a study measures on a target, layers included.
pub(super) fn bench<'a>(
    study: &'a Study,
    loaded: &'a Loaded,
    directory: &RunDirectory,
    sysfs_root: Option<&'a Path>,
    target: &'a Target,
    settings: &'a [ExecutionSetting],
) -> Bench<'a> {
    let timing = &study.timing;
    Bench {
        extent: Extent::Both,
        target: &target.name,
        measurement_sha256: directory.protocol.measurement_sha256.clone(),
        seed: study.seed,
        blocks: timing.blocks,
        stop: timing.stop.clone(),
        sustained_ns: timing.sustained_ns,
        rules: timing.rules.clone(),
        settings,
        affinity: &timing.affinity,
        conditions: timing.conditions.clone(),
        dims: &loaded.dims,
        data: &loaded.data,
        samples: &loaded.splits.report,
        energy: match directory.protocol.quick {
            true => Err(MissingReason("the quick protocol measures no energy".into())),
            false => Ok(study.energy.rules(&target.profile.energy)),
        },
        sysfs_root,
    }
}
