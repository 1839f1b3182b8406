//! What the benches of comparisons share: jobs over two models, a load that others would make, and a
//! model with a little extra work.
#![allow(dead_code, reason = "each bench uses a part")]

use anyhow::Context;
use paring::arrays::{Array, write_tensors};
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::{self, AnalysedModel, DimensionBindings, InferencePlan, ModelSource};
use paring::files::ConfinedPath;
use paring::graph::{Graph, Node};
use paring::measure::{InputCycle, JournalSummary, read_journal};
use paring::schema::{
    BlockRecord, ConditionRules, EngineOptions, ExecutionSetting, Job, JobModel, SCHEMA,
    SampleRules, Sha256Hex, SpeedSummary, StopRule,
};
use paring::units::LatencyNs;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// A model, its inputs, and a folder for jobs.
pub struct Stage {
    folder: PathBuf,
    model: PathBuf,
    arrays: BTreeMap<String, Array>,
}

impl Stage {
    /// Takes the first samples of a file of data as inputs.
    pub fn new(folder: &Path, data: &Path, model: &Path) -> anyhow::Result<Stage> {
        let signature = engine::describe(ModelSource::File(model))?;
        let wanted = DatasetRequest {
            inputs: &signature.inputs,
            columns: vec![],
            extras: vec![],
            rules: DatasetRules::default(),
        };
        let samples: Vec<usize> = (0..8).collect();
        let arrays = Dataset::load(data, &wanted)?.inputs_at(&samples)?;
        Ok(Stage { folder: folder.to_path_buf(), model: model.to_path_buf(), arrays })
    }

    /// Likewise, with inputs that are handed in.
    pub fn with(folder: &Path, arrays: BTreeMap<String, Array>, model: &Path) -> Stage {
        Stage { folder: folder.to_path_buf(), model: model.to_path_buf(), arrays }
    }

    /// The baseline.
    pub fn model(&self) -> &Path {
        &self.model
    }

    /// Runs a job over the baseline and a variant with this program's own agent; gives its journal
    /// and the variant's id.
    pub fn journal(
        &self,
        variant: &Path,
        options: EngineOptions,
        change: impl FnOnce(&mut Job),
    ) -> anyhow::Result<(Vec<BlockRecord>, Sha256Hex)> {
        let folder = tempfile::tempdir_in(&self.folder)?;
        let inputs = write_tensors(&self.arrays)?;
        std::fs::write(folder.path().join("inputs.safetensors"), &inputs)?;
        let of = |path: &Path, name: &str, options: EngineOptions| -> anyhow::Result<JobModel> {
            let sha256 = Sha256Hex::of_file(path)?;
            let parts = format!("{sha256} {}", options.label());
            let variant_id = Sha256Hex::of(parts.as_bytes());
            let (name, path) = (name.to_string(), path.to_path_buf());
            Ok(JobModel { name, variant_id, path, sha256, options, baseline: false })
        };
        let first = of(&self.model, "baseline", EngineOptions::default())?;
        let second = of(variant, "variant", options)?;
        let id = second.variant_id.clone();
        let mut job = Job {
            schema: SCHEMA,
            measurement_sha256: Sha256Hex::of(b"bench"),
            seed: 0,
            blocks: 9,
            stop: None,
            sustained_ns: None,
            rules: rules(),
            inputs: "inputs.safetensors".into(),
            inputs_sha256: Sha256Hex::of(&inputs),
            settings: vec![ExecutionSetting::of_batch(1)],
            affinity: vec![],
            conditions: ConditionRules { repeats: 3, ..ConditionRules::default() },
            emulated: false,
            dims: BTreeMap::new(),
            models: vec![JobModel { baseline: true, ..first }, second],
            energy: None,
        };
        change(&mut job);
        let (path, journal) = (folder.path().join("job.json"), folder.path().join("j.jsonl"));
        std::fs::write(&path, serde_json::to_vec(&job)?)?;
        let ended = Command::new(env!("CARGO_BIN_EXE_paring"))
            .args(["agent", "run"])
            .args([&path, &journal])
            .output()?;
        anyhow::ensure!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
        Ok((read_journal(&ConfinedPath::file(&journal))?, id))
    }

    /// The speed-up of a variant with so many paired blocks, or more by a rule; `None` where the
    /// machine was never quiet.
    pub fn paired(
        &self,
        variant: &Path,
        blocks: u32,
        stop: Option<StopRule>,
        seed: u64,
    ) -> anyhow::Result<Option<SpeedSummary>> {
        let (records, id) = self.journal(variant, EngineOptions::default(), |job| {
            (job.blocks, job.stop, job.seed) = (blocks, stop, seed);
            job.rules.solo_ns = LatencyNs(0);
        })?;
        Ok(JournalSummary::new(&records).speedup(&id, ExecutionSetting::of_batch(1)))
    }

    /// Times a model alone in this process: the mean of each sample's inferences, in nanoseconds.
    pub fn one_after_the_other(
        &self,
        model: &Path,
        samples: usize,
        in_sample: usize,
    ) -> anyhow::Result<Vec<f64>> {
        let (plan, cycle) = self.plan(model)?;
        let inputs = cycle.all();
        let warm = Instant::now();
        while warm.elapsed() < Duration::from_millis(300) {
            plan.execute(&inputs[0])?;
        }
        let mut found = Vec::with_capacity(samples);
        for _ in 0..samples {
            let begun = Instant::now();
            for index in 0..in_sample {
                plan.execute(&inputs[index % inputs.len()])?;
            }
            found.push(begun.elapsed().as_nanos() as f64 / in_sample as f64);
        }
        Ok(found)
    }

    /// A model and its inputs, in this process.
    pub fn plan(&self, model: &Path) -> anyhow::Result<(InferencePlan, InputCycle)> {
        let bindings = DimensionBindings { batch: 1, dims: &BTreeMap::new() };
        let plan = AnalysedModel::load(ModelSource::File(model), bindings)?
            .optimise(&EngineOptions::default())?;
        let rows = self.arrays.values().map(Array::rows).min().unwrap_or(0);
        let one = |row: usize| {
            let arrays = self.arrays.iter().map(|(name, a)| (name.clone(), a.take(&[row])));
            plan.inputs(&arrays.collect())
        };
        let inputs = (0..rows).map(one).collect::<Result<_, _>>()?;
        let cycle = InputCycle::new(inputs).context("no inputs")?;
        Ok((plan, cycle))
    }
}

/// The rules of a study that says nothing, with a shorter warm-up.
fn rules() -> SampleRules {
    let ms = |n: u64| LatencyNs(n * 1_000_000);
    SampleRules {
        warmup_min_ns: ms(15),
        warmup_max_ns: ms(500),
        solo_ns: ms(150),
        paired_ns: ms(200),
        burst_ns: ms(2),
        max_samples: 2_000,
        limit_ns: ms(300_000),
        retries: 1,
    }
}

/// Somebody else, on every processor: arithmetic and memory, until it is dropped.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<std::thread::JoinHandle<()>>,
}

impl Load {
    /// Busy all the time.
    pub fn start() -> Load {
        Self::coming_and_going(Duration::MAX, Duration::ZERO)
    }

    /// Busy for `on`, idle for `off`, and again.
    pub fn coming_and_going(on: Duration, off: Duration) -> Load {
        let stop = Arc::new(AtomicBool::new(false));
        let processors = std::thread::available_parallelism().map_or(1, usize::from);
        let threads = (0..processors).map(|_| {
            let stop = Arc::clone(&stop);
            std::thread::spawn(move || {
                let mut numbers = vec![1.0f32; 1 << 20];
                while !stop.load(Ordering::Relaxed) {
                    let begun = Instant::now();
                    while begun.elapsed() < on && !stop.load(Ordering::Relaxed) {
                        numbers.iter_mut().for_each(|n| *n = *n * 0.999 + 0.001);
                        black_box(&numbers);
                    }
                    let until = Instant::now() + off;
                    while Instant::now() < until && !stop.load(Ordering::Relaxed) {
                        std::thread::sleep(Duration::from_millis(20).min(off));
                    }
                }
            })
        });
        Load { threads: threads.collect(), stop }
    }
}

impl Drop for Load {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        self.threads.drain(..).for_each(|thread| {
            let _ = thread.join();
        });
    }
}

/// Writes a model with so many small nodes more, whose result is a further output.
pub fn heavier(model: &Path, to: &Path, nodes: usize) -> anyhow::Result<()> {
    let mut graph = Graph::load(model)?;
    let mut at = graph.inputs().first().context("no inputs")?.to_string();
    for index in 0..nodes {
        let output = format!("extra{index}");
        graph.add_node(Node {
            name: output.clone(),
            op_type: "Sigmoid".into(),
            input: vec![at],
            output: vec![output.clone()],
            ..Node::default()
        });
        at = output;
    }
    graph.add_output(&at);
    graph.save(to)?;
    Ok(())
}
