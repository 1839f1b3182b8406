//! Time of a model's layers on a target.

use super::{ModelSamples, SampleOptions};
use crate::pipeline::{
    self, ExternalModel, Folders, LayerTables, MeasurementExtent, MeasurementPlan, PipelineError,
};
use crate::report::{self, RunFacts};
use crate::study;
use crate::workflow::{Progress, WorkflowError, on_one, one_target, refuse_unapproved_models};
use paring_agent::arrays::Array;
use paring_boards::{FolderTrust, Target};
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    EngineOptions, ExecutionSetting, LayerTable, MachineRoofline, MissingReason, Sha256Hex,
    VariantRecord,
};
use paring_data::Dataset;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// A model, and the target that it is profiled on.
#[derive(Clone, Debug)]
pub struct ProfileOptions {
    /// The ONNX file.
    pub model: PathBuf,
    /// Data, which are needed, and sizes.
    pub samples: SampleOptions,
    /// The target: a name of the inventory, or a profile for this machine.
    pub target: String,
    /// Trust in whoever made the inventory.
    pub trust: FolderTrust,
    /// Engine options.
    pub engine: Vec<String>,
    /// A file that gets the layers as CSV.
    pub csv: Option<PathBuf>,
}

/// Times of a model's layers.
#[derive(Clone, Debug)]
pub struct LayerProfile {
    /// The layers.
    pub table: LayerTable,
    /// Peak rates of the target's kernels and memory, where they were measured.
    pub peaks: Option<MachineRoofline>,
}

/// Measures the layers of a model.
///
/// # Errors
/// [`WorkflowError`] where the model or the data cannot be used, or the target fails.
pub fn profile(
    options: &ProfileOptions,
    progress: &Progress,
) -> Result<LayerProfile, WorkflowError> {
    let model = options.model.display();
    let target = one_target(&options.target, options.trust)?;
    refuse_unapproved_models([options.model.as_path()], &target)?;
    let samples = options.samples.open(&options.model)?;
    let Some(calibration) = &samples.calibration else {
        let hint = "times depend on real inputs; give --data FILE.npz with the model's inputs";
        return Err(WorkflowError::Option(format!("{model}: {hint}")));
    };
    let data =
        Dataset::unlabelled(calibration.first()).map_err(|e| WorkflowError::Samples(e.into()))?;
    let folder = tempfile::tempdir().map_err(WorkflowError::TemporaryFolder)?;
    let folders = Folders::new(folder.path());
    let variant = options.place(&folders, &target, &samples, &calibration.first())?;
    let mut measured = measure(&folders, &target, &samples, &data, &variant, progress)?;
    let Some(table) = measured.tables.pop() else {
        let reason = measured.without.pop().map(|(_, why)| why).unwrap_or_default();
        let (model, target) = (options.model.clone(), target.name);
        return Err(WorkflowError::NoLayerTimes { model, target, reason });
    };
    if let Some(path) = &options.csv {
        write_csv(path, &table)?;
    }
    Ok(LayerProfile { table, peaks: measured.peaks })
}

fn write_csv(path: &Path, table: &LayerTable) -> Result<(), WorkflowError> {
    let facts = RunFacts {
        study: "profile".into(),
        run_id: String::new(),
        data_sha256: String::new(),
        measurement_sha256: String::new(),
        quick: false,
        requirements: vec![],
    };
    let csv = report::layers_csv(&facts, std::slice::from_ref(table))?;
    Ok(pipeline::replace(&ConfinedPath::file(path), &csv)?)
}

impl ProfileOptions {
    /// Puts the model into a folder like a run's.
    fn place(
        &self,
        folders: &Folders,
        target: &Target,
        samples: &ModelSamples,
        inputs: &BTreeMap<String, Array>,
    ) -> Result<VariantRecord, WorkflowError> {
        for folder in [folders.variants(), folders.journal(&target.name)] {
            folder.create_folder().map_err(|e| PipelineError::File {
                doing: "create",
                path: folder.to_path_buf(),
                source: e,
            })?;
        }
        let given = ExternalModel {
            name: self.model.file_stem().unwrap_or_default().to_string_lossy().to_string(),
            path: self.model.clone(),
            options: EngineOptions { transforms: self.engine.clone(), ..EngineOptions::default() },
            lineage: None,
        };
        let (dims, batch) = (&samples.dims, samples.batch);
        let runs = pipeline::runs_once(&given, inputs, dims, batch);
        let placed = match runs {
            Ok(()) => pipeline::place(folders, &given, None, dims, batch)?,
            Err(missing) => Err(missing),
        };
        placed.map_err(|MissingReason(why)| {
            WorkflowError::Option(format!("{}: {why}", self.model.display()))
        })
    }
}

fn measure(
    folders: &Folders,
    target: &Target,
    model: &ModelSamples,
    data: &Dataset,
    variant: &VariantRecord,
    progress: &Progress,
) -> Result<LayerTables, WorkflowError> {
    let timing = study::default_timing_plan().map_err(WorkflowError::Option)?;
    let samples: Vec<usize> = (0..model.batch).collect();
    let setting = ExecutionSetting {
        threads: target.profile.threads,
        ..ExecutionSetting::of_batch(model.batch)
    };
    let bench = MeasurementPlan {
        extent: MeasurementExtent::Layers,
        target: &target.name,
        measurement_sha256: Sha256Hex::of(b"profile"),
        seed: 0,
        blocks: 0,
        stop: None,
        sustained_ns: None,
        rules: timing.rules,
        settings: &[setting],
        affinity: &timing.affinity,
        conditions: timing.conditions,
        dims: &model.dims,
        data,
        samples: &samples,
        energy: Err(MissingReason("a profile measures no energy".into())),
        sysfs_root: None,
    };
    let measured = on_one(target, folders, progress, &|target, stop, heard| {
        let variants = std::slice::from_ref(variant);
        pipeline::measure(folders, &bench, target, variants, stop, heard)
    })?;
    Ok(measured.layers)
}
