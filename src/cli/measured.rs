//! Measuring experiments on the study's targets, as `paring explain --measure` does.

use super::reopen::Reopened;
use super::{Coded, fleet};
use crate::explain::Investigation;
use crate::pipeline::{self, Bench};
use crate::record::{Effect, Missing, Total, VariantRecord};
use crate::target::Target;

/// Effects and totals of latency on every target, one after the other.
pub(super) fn measured(
    reopened: &Reopened,
    case: &Investigation,
    variant: &VariantRecord,
    quiet: bool,
) -> Result<(Vec<Effect>, Vec<Total>), Coded> {
    let (mut effects, mut totals) = (Vec::new(), Vec::new());
    let measurable = case.measurable(variant);
    for target in &reopened.study.targets {
        let settings = reopened.study.settings(target);
        let bench = bench(reopened, target, settings.get(..1).unwrap_or_default());
        let folders = reopened.directory.folders.experiments();
        let (_, by_setting) = fleet::on_one(target, &folders, quiet, &|target, stop, heard| {
            pipeline::measure(&folders, &bench, target, &measurable.records, stop, heard)
        })?;
        let Some(measurements) = by_setting.first() else { continue };
        let (own, total) = case.measured(&measurable, measurements, &target.name);
        effects.extend(own);
        totals.extend(total);
    }
    Ok((effects, totals))
}

/// The study's own rules of timing, in its first setting.
fn bench<'a>(
    reopened: &'a Reopened,
    target: &'a Target,
    settings: &'a [crate::record::Setting],
) -> Bench<'a> {
    let Reopened { directory, study, loaded } = reopened;
    Bench {
        target: &target.name,
        measurement_sha256: directory.protocol.measurement_sha256.clone(),
        seed: study.seed,
        blocks: study.timing.blocks,
        stop: study.timing.stop.clone(),
        sustained_ns: None,
        rules: study.timing.rules.clone(),
        settings,
        affinity: &study.timing.affinity,
        conditions: study.timing.conditions.clone(),
        dims: &loaded.dims,
        data: &loaded.data,
        samples: &loaded.splits.report,
        energy: Err(Missing("experiments are not measured for energy".into())),
        sysfs_root: None,
    }
}
