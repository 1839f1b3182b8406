//! Energy of forms of a model on a target: what a choice by energy goes by. Windows are long and
//! layers short, so that a layer's energy is its time at the power that the whole model draws with all
//! layers in that precision; what is confirmed is measured as it is.

use super::measured_precision::PrecisionTrial;
use crate::pipeline::measurement::{TrialFailure, TrialMachine};
use crate::pipeline::replace;
use paring_agent::arrays::{Array, write_tensors};
use paring_agent::measure::energy_summary;
use paring_boards::TargetError;
use paring_compress::CompressError;
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    ConditionRules, EnergyJob, EnergyRules, EnergySource, EnergySummary, EngineOptions,
    ExecutionSetting, Job, JobModel, MissingReason, SCHEMA, Sha256Hex, VariantRecord,
};
use std::path::{Path, PathBuf};

/// The agent cycles so many samples.
const MOST_SAMPLES: usize = 64;

/// An encoded model and its engine options.
type EncodedForm = (Vec<u8>, EngineOptions);

fn id((bytes, options): &EncodedForm) -> Sha256Hex {
    VariantRecord::identity(&Sha256Hex::of(bytes), options)
}

impl PrecisionTrial<'_> {
    /// Energy of several forms of the model, in their order, from so many windows each, or as many as
    /// the study asks for. What was measured before of this folder stays.
    ///
    /// # Errors
    /// [`CompressError::NoEnergy`] where there is no sensor, or it does not see the model.
    pub(super) fn energies(
        &self,
        (key, part): (&Sha256Hex, &str),
        forms: &[EncodedForm],
        windows: Option<u32>,
        machine: &mut TrialMachine,
    ) -> Result<Vec<EnergySummary>, TrialFailure> {
        let on = &self.how.on;
        let none =
            |MissingReason(why): MissingReason| CompressError::NoEnergy { target: on.clone(), why };
        let asked = self.context.machines.energy.get(on).cloned();
        let asked =
            asked.ok_or_else(|| none(MissingReason("the study names no such target".into())))?;
        let environment = machine.probe(self.context.machines.sysfs_root.as_deref())?;
        let source = asked.source.resolve(&environment.sensors).map_err(none)?;
        let asked = EnergyRules { windows: windows.unwrap_or(asked.windows), ..asked };
        let energy = EnergyJob::new(asked, source, self.context.machines.sysfs_root.as_deref());
        let name = format!("{on}.energy-{}", key.short());
        let folder = self.context.records.folders.costs(&name).with_extension("").join(part);
        let job = Job { emulated: environment.emulated, ..self.job(key, forms, energy, &folder)? };
        let mut records = machine.run(&job, &folder, self.context.records.folders.root())?;
        records.retain(|record| job.counts(record));
        if let Some(EnergySource::Meter { path, .. }) = job.energy.as_ref().map(|e| &e.rules.source)
        {
            crate::pipeline::measurement::fill(path, &mut records);
        }
        let one = |model: &JobModel| {
            let found = energy_summary(&records, &model.variant_id, job.settings[0]);
            found.map_err(|why| TrialFailure::Step(none(why)))
        };
        // Forms that are the same file share their windows.
        let ids: Vec<Sha256Hex> = forms.iter().map(id).collect();
        let model = |id: &Sha256Hex| job.models.iter().find(|model| model.variant_id == *id);
        ids.iter().filter_map(model).map(one).collect()
    }

    /// The study's conditions, with what is known of the target.
    fn conditions(&self) -> ConditionRules {
        let target = self.context.machines.named(&self.how.on);
        let study = &self.context.machines.conditions;
        target.map_or_else(|| study.clone(), |target| target.profile.conditions(study))
    }

    /// A job of energy windows alone, with its files in `folder`.
    fn job(
        &self,
        key: &Sha256Hex,
        forms: &[EncodedForm],
        energy: EnergyJob,
        folder: &ConfinedPath,
    ) -> Result<Job, TrialFailure> {
        let failed = |path: &Path| {
            let path: PathBuf = path.into();
            |source| TrialFailure::Gone(TargetError::File { doing: "write", path, source })
        };
        let write = |name: &str, bytes: &[u8]| {
            let path = folder.join(name);
            replace(&path, bytes).map_err(|e| failed(&path)(std::io::Error::other(e)))
        };
        let most: Vec<usize> = (0..MOST_SAMPLES).collect();
        let held = |array: &Array| array.take(&most[..MOST_SAMPLES.min(array.rows())]);
        let inputs = self.calibration.inputs.iter().map(|(name, a)| (name.clone(), held(a)));
        let path = folder.join("inputs.safetensors");
        let bytes = write_tensors(&inputs.collect());
        let bytes = bytes.map_err(|e| failed(&path)(std::io::Error::other(e)))?;
        write("inputs.safetensors", &bytes)?;
        let mut models: Vec<JobModel> = Vec::new();
        for (index, form) in forms.iter().enumerate() {
            let (bytes, options) = form;
            let (name, sha256) = (format!("form-{index}"), Sha256Hex::of(bytes));
            let (variant_id, options) = (id(form), options.clone());
            let path = PathBuf::from(format!("{name}.onnx"));
            let baseline = models.is_empty();
            if models.iter().all(|other| other.variant_id != variant_id) {
                write(&format!("{name}.onnx"), bytes)?;
                models.push(JobModel { name, variant_id, path, sha256, options, baseline });
            }
        }
        Ok(Job {
            schema: SCHEMA,
            measurement_sha256: key.clone(),
            seed: self.context.inputs.seed,
            blocks: 0,
            stop: None,
            sustained_ns: None,
            rules: self.context.machines.rules.clone(),
            inputs: "inputs.safetensors".into(),
            inputs_sha256: Sha256Hex::of(&bytes),
            settings: vec![ExecutionSetting::of_batch(self.calibration.batch)],
            affinity: vec![],
            conditions: self.conditions(),
            emulated: false,
            dims: self.calibration.dims.clone(),
            models,
            energy: Some(energy),
        })
    }
}
