//! `paring profile`: where a model's time goes on a machine, layer by layer.

use super::elsewhere::one_target;
use super::samples::{Sampled, Samples};
use super::{Coded, ExitCode, Global, fleet};
use crate::pipeline::{self, Bench, Extent, Folders, Given, Layers, PipelineError};
use crate::report::{self, RunFacts};
use crate::study;
use anyhow::anyhow;
use clap::Args;
use paring_agent::arrays::Array;
use paring_boards::Target;
use paring_core::files::ConfinedPath;
use paring_core::schema::{
    EngineOptions, ExecutionSetting, LayerTable, MachineRoofline, MissingReason, Sha256Hex,
    VariantRecord,
};
use paring_data::Dataset;
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Say where a model's time goes on a machine, layer by layer.
#[derive(Debug, Args)]
pub(super) struct ProfileVerb {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Where to measure
    #[arg(long, default_value = "host")]
    target: String,
    /// Engine options: conv_nhwc, f32_to_f16, block_quant, vzeroupper
    #[arg(long)]
    engine: Vec<String>,
    /// Write the layers as CSV into this file too
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl ProfileVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let input = |e: anyhow::Error| Coded::new(ExitCode::Input, e);
        let target = one_target(&self.target, global)?;
        let sampled = self.samples.open(&self.model)?;
        let Some(calibration) = &sampled.calibration else {
            let hint = "times depend on real inputs; give --data FILE.npz with the model's inputs";
            return Err(input(anyhow!("{}: {hint}", self.model.display())));
        };
        let data = Dataset::unlabelled(calibration.first())
            .map_err(|e| Coded::new(ExitCode::Internal, e))?;
        let kept = tempfile::tempdir().map_err(|e| Coded::new(ExitCode::Internal, e))?;
        let folders = Folders::new(kept.path());
        let variant = self.place(&folders, &target, &sampled, &calibration.first())?;
        let mut found = self.measure(&folders, &target, &sampled, &data, &variant, global)?;
        let Some(table) = found.tables.pop() else {
            let why = found.without.pop().map(|(_, why)| why).unwrap_or_default();
            let error = anyhow!("{} on `{}`: {why}", self.model.display(), target.name);
            return Err(Coded::new(ExitCode::Measurement, error));
        };
        if let Some(path) = &self.csv {
            let facts = RunFacts {
                study: "profile".into(),
                run_id: String::new(),
                data_sha256: String::new(),
                measurement_sha256: String::new(),
                quick: false,
            };
            let csv = report::layers_csv(&facts, std::slice::from_ref(&table))
                .map_err(|e| Coded::new(ExitCode::Internal, e))?;
            pipeline::replace(&ConfinedPath::file(path), &csv)?;
        }
        print(&table, found.peaks.as_ref(), global);
        Ok(())
    }

    /// The model in a folder like a run's.
    fn place(
        &self,
        folders: &Folders,
        target: &Target,
        sampled: &Sampled,
        inputs: &BTreeMap<String, Array>,
    ) -> Result<VariantRecord, Coded> {
        for folder in [folders.variants(), folders.journal(&target.name)] {
            folder.create_folder().map_err(|e| PipelineError::File {
                doing: "create",
                path: folder.to_path_buf(),
                source: e,
            })?;
        }
        let given = Given {
            name: self.model.file_stem().unwrap_or_default().to_string_lossy().to_string(),
            path: self.model.clone(),
            options: EngineOptions { transforms: self.engine.clone(), ..EngineOptions::default() },
            lineage: None,
        };
        let (dims, batch) = (&sampled.dims, sampled.batch);
        let runs = pipeline::runs_once(&given, inputs, dims, batch);
        let placed = match runs {
            Ok(()) => pipeline::place(folders, &given, None, dims, batch)?,
            Err(missing) => Err(missing),
        };
        placed.map_err(|MissingReason(why)| {
            Coded::new(ExitCode::Input, anyhow!("{}: {why}", self.model.display()))
        })
    }

    fn measure(
        &self,
        folders: &Folders,
        target: &Target,
        sampled: &Sampled,
        data: &Dataset,
        variant: &VariantRecord,
        global: &Global,
    ) -> Result<Layers, Coded> {
        let timing =
            study::default_timing_plan().map_err(|e| Coded::new(ExitCode::Internal, anyhow!(e)))?;
        let samples: Vec<usize> = (0..sampled.batch).collect();
        let bench = Bench {
            extent: Extent::Layers,
            target: &target.name,
            measurement_sha256: Sha256Hex::of(b"profile"),
            seed: 0,
            blocks: 0,
            stop: None,
            sustained_ns: None,
            rules: timing.rules,
            settings: &[ExecutionSetting {
                threads: target.profile.threads,
                ..ExecutionSetting::of_batch(sampled.batch)
            }],
            affinity: &timing.affinity,
            conditions: timing.conditions,
            dims: &sampled.dims,
            data,
            samples: &samples,
            energy: Err(MissingReason("a profile measures no energy".into())),
            sysfs_root: None,
        };
        let taken = fleet::on_one(target, folders, global.quiet, &|target, stop, heard| {
            let variants = std::slice::from_ref(variant);
            pipeline::measure(folders, &bench, target, variants, stop, heard)
        })?;
        Ok(taken.layers)
    }
}

fn print(table: &LayerTable, peaks: Option<&MachineRoofline>, global: &Global) {
    if !global.json {
        say!("{}", report::layers_table(table));
        return;
    }
    let modules = table.modules().into_iter();
    let modules = modules.map(
        |(module, time_ns, share)| json!({ "module": module, "time_ns": time_ns, "share": share }),
    );
    let mut answer = json!(table);
    answer["modules"] = modules.collect();
    answer["accounted"] = json!(table.accounted());
    answer["peaks"] = json!(peaks);
    say!("{answer:#}");
}
