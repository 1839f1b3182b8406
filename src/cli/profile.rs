//! `paring profile`: where a model's time goes on this machine, layer by layer.

use super::samples::Samples;
use super::{Coded, ExitCode, Global};
use crate::engine::{self, Bindings, Model, Source};
use crate::graph::Graph;
use crate::pipeline;
use crate::record::{EngineOptions, Sha256Hex, VariantRecord};
use crate::report::{self, RunFacts};
use clap::Args;
use serde_json::json;
use std::path::PathBuf;

/// Say where a model's time goes on this machine, layer by layer.
#[derive(Debug, Args)]
pub(super) struct ProfileVerb {
    /// The ONNX file
    model: PathBuf,
    #[command(flatten)]
    samples: Samples,
    /// Engine options: conv_nhwc, f32_to_f16, block_quant
    #[arg(long)]
    engine: Vec<String>,
    /// Runs that figures are of: means over the faster half of them
    #[arg(long, default_value_t = 101)]
    runs: usize,
    /// Write the layers as CSV into this file too
    #[arg(long)]
    csv: Option<PathBuf>,
}

impl ProfileVerb {
    pub(super) fn run(self, global: &Global) -> Result<(), Coded> {
        let input = |e: anyhow::Error| Coded::new(ExitCode::Input, e);
        let graph = Graph::load(&self.model)?;
        let sampled = self.samples.open(&self.model)?;
        let Some(calibration) = &sampled.calibration else {
            let hint = "times depend on real inputs; give --data FILE.npz with the model's inputs";
            return Err(input(anyhow::anyhow!("{}: {hint}", self.model.display())));
        };
        let bindings = Bindings { batch: sampled.batch, dims: &sampled.dims };
        let options = EngineOptions { transforms: self.engine.clone(), ..EngineOptions::default() };
        let plan = Model::load(Source::File(&self.model), bindings)?.optimise(&options)?;
        let inputs = plan.inputs(&calibration.first())?;
        let found = plan.profile(&inputs, self.runs.max(1))?;
        let file = Sha256Hex::of_file(&self.model).map_err(|e| input(e.into()))?;
        let profile = found.record(VariantRecord::identity(&file, &options), sampled.batch);
        let peaks = engine::peaks()?;
        let facts = graph.facts(bindings.dims, bindings.batch)?;
        let name = self.model.file_stem().unwrap_or_default().to_string_lossy().to_string();
        let table = pipeline::layers(&graph, &facts, &profile, Some(&peaks), (&name, "host"));
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
            pipeline::replace(path, &csv)?;
        }
        if global.json {
            let modules: Vec<_> = table
                .modules()
                .into_iter()
                .map(|(module, time_ns, share)| {
                    json!({ "module": module, "time_ns": time_ns, "share": share })
                })
                .collect();
            let mut answer = json!(table);
            answer["modules"] = json!(modules);
            answer["accounted"] = json!(table.accounted());
            answer["peaks"] = json!(peaks);
            say!("{answer:#}");
        } else {
            say!("{}", report::layers_table(&table));
        }
        Ok(())
    }
}
