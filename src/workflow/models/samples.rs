//! Samples and sizes for a use case about a single model.

use crate::evaluate::task_output;
use crate::study::{self, StudySamples};
use crate::workflow::WorkflowError;
use paring_agent::engine::{self, DimensionBindings, ModelSource};
use paring_compress::DecisionRule;
use paring_compress::catalog::Calibration;
use paring_core::schema::{ScoreKind, Sha256Hex};
use paring_data::{Dataset, DatasetRequest};
use paring_onnx::graph::{Graph, Node};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Samples beyond these change little.
const MOST_SAMPLES: usize = 512;

/// Data and values for symbolic dimensions.
#[derive(Clone, Debug, Default)]
pub struct SampleOptions {
    /// A file or folder with the model's inputs.
    pub data: Option<PathBuf>,
    /// A study that says how samples are read, and without `data` where they are.
    pub study: Option<PathBuf>,
    /// Values for symbolic dimensions other than the batch; those that the data show need none.
    pub dims: BTreeMap<String, usize>,
}

/// The output that class labels are about, as the study says; `None` where several could be meant.
fn scored_output(
    model: &Path,
    bindings: DimensionBindings,
    study: Option<&StudySamples>,
) -> Option<DecisionRule> {
    let graph = Graph::load(model).ok()?;
    let outputs: Vec<String> = graph.outputs().iter().map(|name| name.to_string()).collect();
    let named = study.and_then(|study| study.task.output.as_deref());
    let output = task_output(ModelSource::File(model), bindings, &outputs, named).ok()?;
    let scores = match study {
        Some(study) => study.task.labelled_task.scores,
        None => output_scores(&graph, outputs.get(output)?),
    };
    Some(DecisionRule { scores, output, ..DecisionRule::default() })
}

/// The meaning of an output's numbers: probabilities where a softmax or sigmoid gives them, or a
/// classifier of ONNX's machine-learning operators, as far as the last node that computes tells.
pub(super) fn output_scores(graph: &Graph, output: &str) -> ScoreKind {
    let mut tensor = output.to_string();
    // Each node is passed once at most: a file may hold a cycle.
    for _ in 0..graph.nodes().len() {
        let gives = |node: &&Node| node.output.iter().any(|given| **given == *tensor);
        let Some(node) = graph.nodes().iter().find(gives) else { break };
        match (node.op_type.as_str(), node.input.first()) {
            (
                "Identity" | "Cast" | "Reshape" | "Squeeze" | "Flatten" | "Transpose",
                Some(input),
            ) => {
                tensor = input.to_string();
            }
            (
                "Softmax"
                | "Sigmoid"
                | "TreeEnsembleClassifier"
                | "LinearClassifier"
                | "SVMClassifier"
                | "Normalizer",
                _,
            ) => return ScoreKind::Probabilities,
            _ => break,
        }
    }
    ScoreKind::Logits
}

/// Samples of one model.
#[derive(Clone, Debug)]
pub struct ModelSamples {
    /// Values for symbolic dimensions other than the batch.
    pub dims: BTreeMap<String, usize>,
    /// Samples of an inference: 1, or what the file fixes.
    pub batch: usize,
    /// Every second sample, to judge components by.
    pub calibration: Option<Calibration>,
    /// The data, and the other samples, to try removals on.
    pub trial: Option<(Dataset, Vec<usize>)>,
}

impl SampleOptions {
    /// Opens the data for a model; sizes that the data tell need not be given.
    ///
    /// # Errors
    /// [`WorkflowError`] where model, data and sizes do not fit.
    pub fn open(&self, model: &Path) -> Result<ModelSamples, WorkflowError> {
        let study = self.study.as_deref().map(study::study_samples).transpose()?;
        let study = study.as_ref();
        let given = SampleOptions { dims: self.dims_with(study), ..self.clone() };
        match self.data.as_ref().or(study.map(|study| &study.data.path)) {
            Some(path) => given.opened(model, path, study),
            None => given.without_data(model),
        }
    }

    /// Values for symbolic dimensions: those given, and the study's others.
    fn dims_with(&self, study: Option<&StudySamples>) -> BTreeMap<String, usize> {
        let mut dims = study.map(|study| study.dims.clone()).unwrap_or_default();
        dims.extend(self.dims.clone());
        dims
    }

    fn without_data(&self, model: &Path) -> Result<ModelSamples, WorkflowError> {
        // An operator that the engine does not know is met again where it matters.
        let Ok(signature) = engine::describe(ModelSource::File(model)) else {
            let dims = self.dims.clone();
            return Ok(ModelSamples { dims, batch: 1, calibration: None, trial: None });
        };
        let batch = signature.fixed_batch().unwrap_or(1);
        let dims = signature.sizes(&self.dims, batch)?;
        Ok(ModelSamples { dims, batch, calibration: None, trial: None })
    }

    fn opened(
        &self,
        model: &Path,
        path: &Path,
        study: Option<&StudySamples>,
    ) -> Result<ModelSamples, WorkflowError> {
        let signature = engine::describe(ModelSource::File(model))?;
        let batch = signature.fixed_batch().unwrap_or(1);
        let mut dims = signature.sizes(&self.dims, batch)?;
        let rules = study.map(|study| study.data.rules.clone()).unwrap_or_default();
        let (columns, extras) = (vec![], vec![]);
        let wanted = DatasetRequest { inputs: &signature.inputs, columns, extras, rules };
        let data = Dataset::load(path, &wanted)?;
        for need in &signature.inputs {
            let rows = &data.inputs[&need.name];
            need.bind(rows.dtype(), rows.shape(), &mut dims)?;
        }
        let (even, odd): (Vec<usize>, Vec<usize>) =
            (0..data.len().min(MOST_SAMPLES)).partition(|i| i % 2 == 0);
        let rule = scored_output(model, DimensionBindings { batch, dims: &dims }, study);
        let classes = data.labelled && data.targets.is_none();
        let calibration = Calibration {
            inputs: data.inputs_at(&even)?,
            labels: even.iter().filter(|_| classes).map(|i| data.labels[*i]).collect(),
            rule,
            batch,
            dims: dims.clone(),
            sha256: Sha256Hex::of(b"samples"),
        };
        Ok(ModelSamples { dims, batch, calibration: Some(calibration), trial: Some((data, odd)) })
    }
}
