//! The verb: a folder like a run's, the job, the agent, and what came of it.

use super::inputs::{self, Origin};
use super::{models, show};
use crate::cli::elsewhere::one_target;
use crate::cli::samples::Sizes;
use crate::cli::{Coded, ExitCode, Global, fleet};
use crate::pipeline::{self, Bench, Extent, Folders, Given};
use crate::report::{self, Row, RunFacts, Timed};
use crate::study::{self, RunDirectory};
use clap::Args;
use paring_agent::engine::{self, ENGINE, ModelSignature, ModelSource};
use paring_boards::Target;
use paring_core::schema::{
    ExecutionSetting, MOST_ROUNDS, Measurement, MissingReason, Sha256Hex, TargetEnvironment,
    VariantRecord,
};
use paring_core::units::LatencyNs;
use paring_data::{Dataset, SampleRows};
use serde_json::json;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// Measure models side by side.
#[derive(Debug, Args)]
pub(in crate::cli) struct BenchVerb {
    /// ONNX files, or run directories for all of their variants; the first model is what the others
    /// are compared with
    #[arg(required = true)]
    models: Vec<PathBuf>,
    /// An .npz file with an array an input (no labels needed), or a folder with a labels.csv
    #[arg(long)]
    data: Option<PathBuf>,
    /// Feed seeded random numbers; every answer says so
    #[arg(long, conflicts_with = "data")]
    random_inputs: bool,
    #[command(flatten)]
    sizes: Sizes,
    /// Samples in one inference; default 1, or what the first model fixes
    #[arg(long, value_parser = count)]
    batch: Option<usize>,
    /// Measure each ONNX file once more with this engine option: conv_nhwc, f32_to_f16, block_quant, vzeroupper
    #[arg(long)]
    engine: Vec<String>,
    /// And once more without this instruction-set tier: avx512f, say
    #[arg(long)]
    without_isa: Vec<String>,
    /// Threads of the engine in one inference; default what the target's profile says
    #[arg(long, value_parser = count)]
    threads: Option<usize>,
    /// Inferences at the same time
    #[arg(long, default_value_t = 1, value_parser = count)]
    streams: usize,
    /// Where to measure
    #[arg(long, default_value = "host")]
    target: String,
    /// Fresh processes of each kind a model; fewer than 9 give no verdict
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..=i64::from(MOST_ROUNDS)))]
    blocks: u32,
    /// Sampling time of a block with one model
    #[arg(long, default_value_t = 150)]
    solo_ms: u64,
    /// Sampling time of a block with a model and the first one
    #[arg(long, default_value_t = 300)]
    paired_ms: u64,
    /// Go on with paired blocks until the interval of the speed-up is this narrow, relative to its
    /// value, for at most 100 blocks or an hour: 0.005, say
    #[arg(long, value_parser = share)]
    width: Option<f64>,
    /// Also run each model for so many seconds without a pause, at the end
    #[arg(long, value_parser = clap::value_parser!(u64).range(4..))]
    sustained_s: Option<u64>,
    /// Seeds the order of blocks, and random inputs
    #[arg(long, default_value_t = 0)]
    seed: u64,
    /// Where raw samples and results go. Default: a new folder in paring-runs/
    #[arg(long)]
    out: Option<PathBuf>,
}

fn count(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(count @ 1..=1024) => Ok(count),
        _ => Err("write a number from 1 to 1024".into()),
    }
}

fn share(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(share) if share > 0.0 && share < 1.0 => Ok(share),
        _ => Err("write a number above 0 and below 1".into()),
    }
}

/// Everything that is settled before the first block.
struct Prepared {
    given: Vec<Given>,
    /// Records of the models that can be measured.
    placed: Vec<Result<VariantRecord, MissingReason>>,
    data: Dataset,
    dims: BTreeMap<String, usize>,
    batch: usize,
    origin: Origin,
}

impl BenchVerb {
    pub(in crate::cli) fn run(self, global: &Global) -> Result<(), Coded> {
        let target = one_target(&self.target, global)?;
        let given = models::models(&self.models, &self.engine, &self.without_isa)?;
        let origin =
            Origin::asked(self.data.as_deref(), self.random_inputs, self.seed, &self.models)?;
        let out = self.out.clone().unwrap_or_else(|| RunDirectory::named("bench"));
        let folders = folders(&out, &target.name)?;
        let prepared = self.prepare(given, origin, &folders)?;
        if !global.quiet {
            note!("raw samples and results in {}; {}", out.display(), prepared.origin);
        }
        let (facts, environment, measured) = self.measure(&prepared, &folders, &target, global)?;
        let rows = rows(&prepared, &target, &environment, measured);
        let whole: Vec<Row> = rows.iter().filter_map(|r| r.row.clone().ok()).collect();
        let csv =
            report::results_csv(&facts, &whole).map_err(|e| Coded::new(ExitCode::Internal, e))?;
        pipeline::replace(&folders.results(), &csv)?;
        let manifest = study::write_manifest(&folders)?;
        let shown = show::Answer {
            rows: &rows,
            out: &out,
            origin: &prepared.origin,
            target: &target.name,
            batch: prepared.batch,
            environment: &environment,
            manifest: &manifest,
        };
        shown.print(global);
        let unmeasured = rows.iter().find_map(|r| Some((&r.name, r.unmeasured()?)));
        // A model that cannot be opened is the input's fault, whatever else was measured.
        let code = match prepared.placed.iter().all(Result::is_ok) {
            true => ExitCode::Measurement,
            false => ExitCode::Input,
        };
        match unmeasured {
            None => Ok(()),
            Some((name, MissingReason(why))) => {
                let error = anyhow::anyhow!("model `{name}` was not measured: {why}");
                Err(Coded::new(code, error))
            }
        }
    }

    /// Opens all models and their inputs; the first has to be usable.
    fn prepare(
        &self,
        given: Vec<Given>,
        origin: Origin,
        folders: &Folders,
    ) -> Result<Prepared, Coded> {
        let mut signatures = Vec::new();
        for (index, model) in given.iter().enumerate() {
            match engine::describe(ModelSource::File(&model.path)) {
                Ok(signature) => signatures.push(Ok(signature)),
                // Nothing can be compared with a baseline that does not exist.
                Err(error) if index == 0 => return Err(error.into()),
                Err(error) => signatures.push(Err(MissingReason(one_line(error.into())))),
            }
        }
        let fixed = signatures[0].as_ref().ok().and_then(ModelSignature::fixed_batch);
        let batch = self.batch.or(fixed).unwrap_or(1);
        let mut dims = inputs::sizes(&signatures, &self.sizes.by_name(), batch)?;
        let (needs, fits) = inputs::needs(&signatures);
        let arrays = origin.arrays(&needs, &dims, batch)?;
        let mut placed = Vec::new();
        for ((model, signature), fit) in given.iter().zip(&signatures).zip(fits) {
            let bound = fit.and_then(|()| match signature {
                Ok(signature) => inputs::bind(signature, &arrays, &mut dims),
                Err(missing) => Err(missing.clone()),
            });
            let parent = (!placed.is_empty()).then(|| given[0].name.as_str());
            let found = bound.and_then(|()| pipeline::runs_once(model, &arrays, &dims, batch));
            let found = match found {
                Err(missing) => Err(missing),
                Ok(()) => pipeline::place(folders, model, parent, &dims, batch)?,
            };
            if let (None, Err(MissingReason(why))) = (parent, &found) {
                let error = anyhow::anyhow!("{}: {why}", model.path.display());
                return Err(Coded::new(ExitCode::Input, error));
            }
            placed.push(found);
        }
        let data = Dataset::unlabelled(arrays).map_err(|e| Coded::new(ExitCode::Internal, e))?;
        Ok(Prepared { given, placed, data, dims, batch, origin })
    }

    fn measure(
        &self,
        prepared: &Prepared,
        folders: &Folders,
        target: &Target,
        global: &Global,
    ) -> Result<(RunFacts, TargetEnvironment, Vec<Measurement>), Coded> {
        let ms = |n: u64| LatencyNs(n.saturating_mul(1_000_000));
        let mut timing = study::default_timing_plan()
            .map_err(|e| Coded::new(ExitCode::Internal, anyhow::anyhow!(e)))?;
        (timing.rules.solo_ns, timing.rules.paired_ns) = (ms(self.solo_ms), ms(self.paired_ms));
        let threads = self.threads.unwrap_or(target.profile.threads);
        let setting = ExecutionSetting { batch: prepared.batch, threads, streams: self.streams };
        let stop = self.width.map(|width| study::width_stop_rule(width, self.blocks));
        let sustained_ns = self.sustained_s.map(|s| LatencyNs(s.saturating_mul(1_000_000_000)));
        let mut rule = json!({
            "engine": ENGINE, "agent": env!("CARGO_PKG_VERSION"), "blocks": self.blocks,
            "rules": timing.rules, "seed": self.seed, "inputs": prepared.data.sha256,
            "dims": prepared.dims, "setting": setting,
        });
        if let (Some(rule), true) = (rule.as_object_mut(), stop.is_some() || sustained_ns.is_some())
        {
            rule.insert("stop".into(), json!(stop));
            rule.insert("sustained_ns".into(), json!(sustained_ns));
        }
        let measurement_sha256 = Sha256Hex::of(rule.to_string().as_bytes());
        let variants: Vec<VariantRecord> =
            prepared.placed.iter().filter_map(|p| p.clone().ok()).collect();
        let samples: Vec<usize> =
            (0..prepared.data.inputs.values().next().map_or(0, SampleRows::count)).collect();
        let bench = Bench {
            extent: Extent::Times,
            target: &target.name,
            measurement_sha256: measurement_sha256.clone(),
            seed: self.seed,
            blocks: self.blocks,
            stop,
            sustained_ns,
            rules: timing.rules,
            settings: &[setting],
            affinity: &timing.affinity,
            conditions: timing.conditions,
            dims: &prepared.dims,
            data: &prepared.data,
            samples: &samples,
            energy: Err(MissingReason("a bench measures no energy".into())),
            sysfs_root: None,
        };
        let mut taken = fleet::on_one(target, folders, global.quiet, &|target, stop, heard| {
            pipeline::measure(folders, &bench, target, &variants, stop, heard)
        })?;
        let facts = RunFacts {
            study: prepared.origin.study().into(),
            run_id: run_id(),
            data_sha256: prepared.data.sha256.to_string(),
            measurement_sha256: measurement_sha256.to_string(),
            quick: false,
        };
        Ok((facts, taken.environment, taken.by_setting.pop().unwrap_or_default()))
    }
}

/// Names one bench; two of the same models differ in it.
fn run_id() -> String {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH);
    let salt = format!("{} {}", now.unwrap_or_default().as_nanos(), std::process::id());
    Sha256Hex::of(salt.as_bytes()).short().to_string()
}

/// A folder like a run's, which must be new or empty.
fn folders(out: &std::path::Path, target: &str) -> Result<Folders, Coded> {
    let occupied = std::fs::read_dir(out).is_ok_and(|mut entries| entries.next().is_some());
    if occupied {
        let error = anyhow::anyhow!("{} is not empty; choose another --out", out.display());
        return Err(Coded::new(ExitCode::Input, error));
    }
    let folders = Folders::new(out);
    for folder in [folders.variants(), folders.journal(target)] {
        folder.create_folder().map_err(|error| {
            let error = anyhow::Error::from(error).context(format!("create {}", folder.display()));
            Coded::new(ExitCode::Internal, error)
        })?;
    }
    Ok(folders)
}

fn rows(
    prepared: &Prepared,
    target: &Target,
    environment: &TargetEnvironment,
    measured: Vec<Measurement>,
) -> Vec<Timed> {
    let baseline_weights =
        prepared.placed.first().and_then(|p| p.as_ref().ok()).map_or(0, |record| record.weights);
    let mut measured = measured.into_iter();
    let models = prepared.given.iter().zip(&prepared.placed);
    models
        .map(|(given, placed)| {
            let row = placed.clone().and_then(|variant| {
                let measurement =
                    measured.next().ok_or(MissingReason("it was not measured".into()))?;
                Ok(Row {
                    variant,
                    baseline_weights,
                    evaluation: None,
                    evaluation_missing: None,
                    target: target.name.clone(),
                    environment: environment.clone(),
                    measurement,
                })
            });
            Timed { name: given.name.clone(), path: given.path.clone(), row }
        })
        .collect()
}

fn one_line(error: anyhow::Error) -> String {
    format!("{error:#}").replace('\n', " ")
}
