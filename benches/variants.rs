//! Whole inferences of the variants of a run, one after the other, under criterion.
//!
//! `PARING_RUN=DIR cargo bench --bench variants` takes the variants of that run directory and the
//! samples that it was measured with; without it, the example's two models and their data. Every
//! variant has to give finite outputs, and the same twice, before it is timed. Criterion times one
//! variant after the other: on a machine that changes meanwhile, `paring compare` may say something
//! else, and METHODOLOGY.md says why.

use anyhow::{Context, ensure};
use criterion::Criterion;
use paring::arrays::{Array, read_tensors};
use paring::engine::{AnalysedModel, DimensionBindings, InferencePlan, ModelSource};
use paring::schema::{EngineOptions, Job};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// musl's own makes small models 2 to 3 times slower.
#[cfg(target_env = "musl")]
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Samples that are used in turn.
const SAMPLES: usize = 8;

/// A model, and what it is fed with.
struct Subject {
    name: String,
    path: PathBuf,
    options: EngineOptions,
}

/// Models that are fed alike.
struct Set {
    name: String,
    subjects: Vec<Subject>,
    arrays: BTreeMap<String, Array>,
    dims: BTreeMap<String, usize>,
    batch: usize,
}

fn main() -> anyhow::Result<()> {
    let set = match std::env::var_os("PARING_RUN") {
        Some(run) => of_run(Path::new(&run))?,
        None => of_example()?,
    };
    let mut criterion = Criterion::default()
        .warm_up_time(Duration::from_millis(500))
        .measurement_time(Duration::from_secs(2))
        .sample_size(30)
        .configure_from_args();
    let mut group = criterion.benchmark_group(&set.name);
    for subject in &set.subjects {
        let (plan, inputs) = set.load(subject)?;
        let mut next = 0;
        group.bench_function(&subject.name, |bencher| {
            bencher.iter(|| {
                next = (next + 1) % inputs.len();
                plan.execute(&inputs[next])
            });
        });
    }
    group.finish();
    criterion.final_summary();
    Ok(())
}

impl Set {
    /// The plan and its inputs, once it has given finite outputs, and the same twice.
    fn load(
        &self,
        subject: &Subject,
    ) -> anyhow::Result<(InferencePlan, Vec<paring::engine::PlanInputs>)> {
        let bindings = DimensionBindings { batch: self.batch, dims: &self.dims };
        let model = AnalysedModel::load(ModelSource::File(&subject.path), bindings)?;
        let plan = model.optimise(&subject.options)?;
        let rows = self.arrays.values().map(Array::rows).min().unwrap_or(0);
        ensure!(rows > 0, "{} has no samples", self.name);
        let mut inputs = Vec::new();
        for first in 0..SAMPLES {
            let taken: Vec<usize> =
                (0..self.batch).map(|i| (first * self.batch + i) % rows).collect();
            let arrays = self.arrays.iter().map(|(name, a)| (name.clone(), a.take(&taken)));
            inputs.push(plan.inputs(&arrays.collect())?);
        }
        let outputs = plan.run(&inputs[0])?;
        let finite = outputs.iter().flatten().all(|value| value.is_finite());
        ensure!(finite, "{} gives outputs that are not finite", subject.name);
        let same = plan.digest(&inputs[0])? == plan.digest(&inputs[0])?;
        ensure!(same, "{} gives other outputs every time", subject.name);
        Ok((plan, inputs))
    }
}

/// What the job of a run directory names: models, options and inputs.
fn of_run(run: &Path) -> anyhow::Result<Set> {
    let journals = run.join("journal");
    let folders = std::fs::read_dir(&journals)
        .with_context(|| format!("{} has no journal; give a measured run", run.display()))?;
    let mut jobs: Vec<PathBuf> = folders.flatten().map(|f| f.path().join("job.json")).collect();
    jobs.sort();
    let path = jobs.into_iter().find(|job| job.is_file());
    let path = path.with_context(|| format!("no job under {}", journals.display()))?;
    let job: Job = serde_json::from_slice(&std::fs::read(&path)?)
        .with_context(|| format!("read {}", path.display()))?;
    let folder = path.parent().unwrap_or(run);
    let subjects = job.models.iter().map(|model| Subject {
        name: model.name.clone(),
        path: folder.join(&model.path),
        options: model.options.clone(),
    });
    Ok(Set {
        name: run.file_name().unwrap_or_default().to_string_lossy().to_string(),
        subjects: subjects.collect(),
        arrays: read_tensors(&folder.join(&job.inputs))?,
        batch: job.settings.first().map_or(1, |setting| setting.batch),
        dims: job.dims,
    })
}

fn of_example() -> anyhow::Result<Set> {
    use paring::data::Dataset;
    use paring::engine::describe;
    // On a board the program finds what was shipped with it below the folder that it runs in.
    let here = Path::new("examples/digits");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/digits");
    let folder = if here.is_dir() { here.to_path_buf() } else { checkout };
    let models = [
        ("cnn", "digits_cnn.onnx", vec![]),
        ("cnn conv_nhwc", "digits_cnn.onnx", vec!["conv_nhwc".to_string()]),
        ("transformer", "digits_transformer.onnx", vec![]),
    ];
    let signature = describe(ModelSource::File(&folder.join(models[0].1)))?;
    let subjects = models.map(|(name, file, transforms)| Subject {
        name: name.into(),
        path: folder.join(file),
        options: EngineOptions { transforms, ..EngineOptions::default() },
    });
    let arrays =
        Dataset::inputs_alone(&folder.join("digits.npz"), &signature.inputs, &Default::default())?;
    let (name, subjects) = ("digits".to_string(), subjects.into());
    Ok(Set { name, subjects, arrays, dims: BTreeMap::new(), batch: 1 })
}
