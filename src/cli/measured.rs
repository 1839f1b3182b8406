//! Measuring experiments on the study's targets, as `paring explain --measure` does.

use super::progress::bar;
use super::reopen::Reopened;
use crate::explain::Investigation;
use crate::pipeline::{self, Bench, PipelineError};
use crate::record::{Effect, Missing, Total, VariantRecord};
use crate::target::{Reach, Target};

/// Effects and totals of latency on every target that is this machine; others are said to be left out.
pub(super) fn measured(
    reopened: &Reopened,
    case: &Investigation,
    variant: &VariantRecord,
    quiet: bool,
) -> Result<(Vec<Effect>, Vec<Total>), PipelineError> {
    let (mut effects, mut totals) = (Vec::new(), Vec::new());
    let measurable = case.measurable(variant);
    for target in &reopened.study.targets {
        if target.reach != Reach::Local {
            eprintln!("experiments are not measured on {} yet: it is another machine", target.name);
            continue;
        }
        let settings = reopened.study.settings(target);
        let bench = bench(reopened, target, settings.get(..1).unwrap_or_default());
        let folders = reopened.directory.folders.experiments();
        let bar = bar("measure", 0, quiet);
        let (_, by_setting) =
            pipeline::measure(&folders, &bench, &measurable.records, &mut |progress| {
                bar.set_length(progress.total as u64);
                bar.set_position(progress.done as u64);
                bar.set_message(format!("experiments on {}", target.name));
            })?;
        bar.finish_and_clear();
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
