//! The process that tries a model file: it does once what every verb does first.

use super::load_bounds::{LoadBounds, NO_MEMORY, too_long};
use paring_agent::arrays::Dim;
use paring_agent::engine::onnx;
use paring_agent::engine::{self, AnalysedModel, DimensionBindings, ModelSignature, ModelSource};
use paring_agent::measure::{bound_memory, die_with_parent};
use paring_core::schema::EngineOptions;
use paring_data::random_inputs;
use paring_onnx::graph::{Graph, GraphError, TensorFacts};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::thread::{Builder, JoinHandle};
use std::time::{Duration, Instant};

/// Size of symbolic dimensions that nobody has given a value: enough for most strides to divide.
const OPEN_SIZE: usize = 32;

/// Values of symbolic dimensions.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct LoadSizes {
    /// Samples of an inference.
    pub(super) batch: usize,
    /// The others, by name.
    pub(super) dims: BTreeMap<String, usize>,
}

impl LoadSizes {
    /// Those of the named dimensions alone.
    pub(super) fn of(&self, names: &BTreeSet<String>) -> LoadSizes {
        let own = self.dims.iter().filter(|(name, _)| names.contains(*name));
        LoadSizes {
            batch: self.batch,
            dims: own.map(|(name, size)| (name.clone(), *size)).collect(),
        }
    }
}

/// Result of a first load that did not end its process. Ordinary errors are not told: whoever loads
/// the model next meets them again.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct FirstLoad {
    /// A violation of the specification that engines die of.
    pub(super) violation: Option<String>,
    /// Symbolic dimensions other than the batch.
    pub(super) open: BTreeSet<String>,
    /// The sizes it was loaded at.
    pub(super) sizes: LoadSizes,
}

/// Loads a model file in this process, which ends at the bounds and with the process `parent`.
///
/// # Errors
/// For a person, where the environment sets bounds that are no numbers.
pub fn first_load(path: &Path, sizes: Option<LoadSizes>, parent: u32) -> Result<FirstLoad, String> {
    die_with_parent(parent);
    let bounds = LoadBounds::from_environment()?;
    let own = std::fs::metadata(path).map_or(0, |file| file.len());
    bound(&bounds, own);
    let (extend, extended) = channel();
    let time = bounds.time(own, 0);
    spawn(move || watch(time, &extended))?;
    // Deep recursion is to end this process where it would end a thread of the next.
    let path = path.to_path_buf();
    let work = spawn(move || {
        let extent = onnx::model_extent(&path).unwrap_or_default();
        let whole = own.saturating_add(extent.external_bytes);
        bound(&bounds, whole);
        // The watch has ended where there is no bound.
        let _ = extend.send(bounds.time(whole, extent.nodes));
        load(&path, sizes)
    })?;
    // A panic has said what it is.
    Ok(work.join().unwrap_or_else(|_| std::process::exit(101)))
}

fn spawn<T: Send + 'static>(
    act: impl FnOnce() -> T + Send + 'static,
) -> Result<JoinHandle<T>, String> {
    Builder::new().spawn(act).map_err(|e| format!("{NO_MEMORY}a thread failed: {e}"))
}

fn bound(bounds: &LoadBounds, model_bytes: u64) {
    if let Some(bytes) = bounds.memory(model_bytes) {
        bound_memory(bytes);
    }
}

/// Ends this process when the time is over; a later bound replaces the first.
fn watch(mut time: Option<Duration>, extended: &Receiver<Option<Duration>>) {
    let begun = Instant::now();
    while let Some(most) = time {
        match extended.recv_timeout(most.saturating_sub(begun.elapsed())) {
            Ok(later) => time = later,
            // Nothing can extend it any more.
            Err(RecvTimeoutError::Disconnected) => {
                std::thread::sleep(most.saturating_sub(begun.elapsed()));
                end(most);
            }
            Err(RecvTimeoutError::Timeout) => end(most),
        }
    }
}

fn end(most: Duration) {
    paring_core::text::note(format_args!("{}", too_long(most)));
    // Without what `exit` does: other threads may hold whatever it waits for.
    std::process::abort();
}

/// Reads, checks, analyses and optimises a model, and runs it once on random inputs.
fn load(path: &Path, sizes: Option<LoadSizes>) -> FirstLoad {
    let mut found = FirstLoad::default();
    let graph = Graph::load(path);
    if let Err(GraphError::Specification { source, .. }) = &graph {
        found.violation = Some(source.to_string());
        return found;
    }
    let Ok(signature) = engine::describe(ModelSource::File(path)) else { return found };
    found.open = open_dimensions(&signature);
    found.sizes = sizes.unwrap_or_else(|| LoadSizes {
        batch: signature.fixed_batch().unwrap_or(1),
        dims: found.open.iter().map(|name| (name.clone(), OPEN_SIZE)).collect(),
    });
    let LoadSizes { batch, dims } = &found.sizes;
    let at = DimensionBindings { batch: *batch, dims };
    // Facts and outputs are of no interest, and neither are errors: see above.
    let facts = graph.ok().and_then(|graph| Some((graph.facts(dims, *batch).ok()?, graph)));
    if run(path, &signature, at).is_err()
        && let Some((facts, graph)) = facts
    {
        // Verbs that look at layers one by one load the part that can be analysed.
        let _ = AnalysedModel::load_tensors(ModelSource::File(path), at, &frontier(&graph, &facts))
            .and_then(|part| part.optimise(&EngineOptions::default()))
            .is_ok();
    }
    found
}

/// Tensors of known shapes that no node reads whose own outputs are known: the last that the engine
/// understands.
fn frontier(graph: &Graph, facts: &TensorFacts) -> Vec<String> {
    let known = |tensor: &&String| facts.types.contains_key(*tensor);
    let nodes = graph.nodes().iter().filter(|node| node.output.iter().any(|o| known(&o)));
    let mut last: BTreeSet<&String> = nodes.clone().flat_map(|n| &n.output).filter(known).collect();
    nodes.flat_map(|node| &node.input).for_each(|input| _ = last.remove(input));
    last.into_iter().cloned().collect()
}

/// Names of the inputs' symbolic dimensions other than the batch.
fn open_dimensions(signature: &ModelSignature) -> BTreeSet<String> {
    let named = signature.inputs.iter().flat_map(|need| {
        let own = need.sample_dims().filter(|(axis, _)| need.batch_axis != Some(*axis));
        own.filter_map(|(_, dim)| match dim {
            Dim::Symbol(name) => Some(name.clone()),
            Dim::Fixed(_) => None,
        })
    });
    named.collect()
}

fn run(path: &Path, signature: &ModelSignature, at: DimensionBindings) -> anyhow::Result<()> {
    let plan =
        AnalysedModel::load(ModelSource::File(path), at)?.optimise(&EngineOptions::default())?;
    let arrays = random_inputs(&signature.inputs, at.dims, at.batch, 0)?;
    plan.run_numbers(&plan.inputs(&arrays)?)?;
    Ok(())
}
