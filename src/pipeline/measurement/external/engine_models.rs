//! The models of a job that other engines run: every file of a variant once for each engine.

use paring_agent::measure::JournalSummary;
use paring_core::schema::{
    EngineOptions, EngineProgram, ExecutionSetting, Job, JobModel, Measurement, MissingReason,
    Sha256Hex, VariantRecord,
};
use std::collections::BTreeSet;

/// Another engine that variants are measured in on a target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlannedEngine {
    /// Its program there.
    pub program: EngineProgram,
    /// Names of the variants; empty for all.
    pub variants: Vec<String>,
}

/// A measurement of a variant in another engine; its speed-up is over the baseline in tract.
#[derive(Clone, Debug)]
pub struct EngineMeasurement {
    /// The variant's name.
    pub variant: String,
    /// The engine's name in the study.
    pub engine: String,
    /// The measurement; its identity is that of the file in the engine.
    pub measurement: Measurement,
}

/// Models that other engines run, each with the name of its variant.
pub(in crate::pipeline::measurement) struct EngineModels(Vec<(String, JobModel)>);

impl EngineModels {
    /// Those of some variants, which `models` has in tract. Variants that differ by options of tract
    /// alone are one file, and so one model.
    pub(in crate::pipeline::measurement) fn new(
        engines: &[PlannedEngine],
        variants: &[VariantRecord],
        models: &[JobModel],
    ) -> EngineModels {
        // The process of a block has the environment that tract's side of the pair needs.
        let baseline = models.iter().find(|model| model.baseline);
        let options = baseline.map_or_else(EngineOptions::default, |found| found.options.clone());
        let mut all = Vec::new();
        for PlannedEngine { program, variants: names } in engines {
            let mut seen: BTreeSet<&Sha256Hex> = BTreeSet::new();
            for (variant, model) in variants.iter().zip(models) {
                let wanted = names.is_empty() || names.contains(&variant.name);
                if !wanted || !seen.insert(&variant.file_sha256) {
                    continue;
                }
                let model = JobModel {
                    name: format!("{} in {}", variant.name, program.name),
                    variant_id: program.variant_id(&variant.file_sha256),
                    options: options.clone(),
                    baseline: false,
                    engine: Some(program.clone()),
                    ..model.clone()
                };
                all.push((variant.name.clone(), model));
            }
        }
        EngineModels(all)
    }

    /// The models, for a job.
    pub(in crate::pipeline::measurement) fn models(&self) -> impl Iterator<Item = JobModel> {
        self.0.iter().map(|(_, model)| model.clone())
    }
}

/// Measurements of the models of a job in other engines, settings first.
pub(in crate::pipeline::measurement) fn engine_measurements(
    models: &EngineModels,
    settings: &[ExecutionSetting],
    job: &Job,
    summary: &JournalSummary,
) -> Vec<EngineMeasurement> {
    let each = settings.iter().flat_map(|setting| models.0.iter().map(move |own| (own, *setting)));
    let of = each.filter_map(|((variant, model), setting)| {
        let engine = model.engine.as_ref()?.name.clone();
        let measurement = engine_measurement(&model.variant_id, setting, job, summary);
        Some(EngineMeasurement { variant: variant.clone(), engine, measurement })
    });
    of.collect()
}

/// The measurement of a file in another engine, from the blocks of a job.
pub(in crate::pipeline::measurement) fn engine_measurement(
    variant_id: &Sha256Hex,
    setting: ExecutionSetting,
    job: &Job,
    summary: &JournalSummary,
) -> Measurement {
    let found = summary.measurement(variant_id, setting, false, job.blocks as usize);
    Measurement { energy: Err(MissingReason("other engines are timed alone".into())), ..found }
}
