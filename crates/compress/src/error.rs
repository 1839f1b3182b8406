//! Reasons for which a step cannot be done.

use crate::PruneAmount;
use crate::catalog::CatalogError;
use crate::distillation::DistillationError;
use paring_agent::engine::EngineError;
use paring_onnx::graph::GraphError;
use std::collections::BTreeMap;

/// Many refusals in one sentence: the reason that most share.
fn summary(refusals: &[(String, String)]) -> String {
    let mut layers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    refusals.iter().for_each(|(layer, why)| layers.entry(why).or_default().push(layer));
    let Some((why, most)) = layers.iter().max_by_key(|(_, of)| of.len()) else {
        return "it has no layer with weights".into();
    };
    let told = |why: &str, of: &[&str]| match of {
        [layer] => format!("`{layer}`: {why}"),
        [first, ..] => format!("{} of {}, `{first}` among them: {why}", of.len(), refusals.len()),
        [] => String::new(),
    };
    let mut others = layers.iter().filter(|(other, _)| *other != why);
    match (layers.len(), others.next()) {
        (1, _) if most.len() > 1 => format!("all {} of them: {why}", most.len()),
        (2, Some((other, of))) => format!("{}; {}", told(why, most), told(other, of)),
        (1, _) => told(why, most),
        (kinds, _) => format!(
            "{}; the others for {} further reasons, which are in the ledger",
            told(why, most),
            kinds - 1
        ),
    }
}

impl CompressError {
    /// The step's refusals, one by one, where it could do nothing.
    pub fn refusals(&self) -> &[(String, String)] {
        match self {
            CompressError::AllRefused { refusals, .. } => refusals,
            _ => &[],
        }
    }
}

/// The reason that a step could not be done at all.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CompressError {
    /// A coupling would be left without components.
    #[error(
        "{amount:?} would remove all {width} components of coupling `{coupling}`; ask for less or protect it"
    )]
    Empties {
        /// The amount asked for.
        amount: PruneAmount,
        /// The coupling.
        coupling: String,
        /// Its width.
        width: usize,
    },
    /// A pattern names nothing.
    #[error("no layer or coupling matches `{pattern}`; there are `{known}`")]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The ids that exist.
        known: String,
    },
    /// A pattern of `protect` names nothing.
    #[error(
        "`protect` names `{pattern}`, which matches no layer, coupling or component; `paring catalog` lists them, there are `{known}`"
    )]
    NothingProtected {
        /// The pattern.
        pattern: String,
        /// The ids that exist.
        known: String,
    },
    /// Not enough can be removed.
    #[error("the couplings at hand cannot bring the multiply-adds down to {0} of what they are")]
    Budget(f64),
    /// There is nothing that the step could change.
    #[error("nothing to {0}: {1}")]
    Nothing(&'static str, String),
    /// Every layer or coupling that the step could change is refused.
    #[error("nothing to {doing}: {}", summary(refusals))]
    AllRefused {
        /// `prune`, `quantize`.
        doing: &'static str,
        /// Every layer or coupling with its reason.
        refusals: Vec<(String, String)>,
    },
    /// A tensor did not become what a cut says.
    #[error(
        "after the cut `{tensor}` (node `{node}`) has the shape {found:?} instead of {expected:?}: its shape is computed in a way that this version cannot rewrite; protect its couplings"
    )]
    Shape {
        /// The tensor.
        tensor: String,
        /// The node that gives it.
        node: String,
        /// The shape that the cut says.
        expected: Vec<usize>,
        /// The shape that the engine finds.
        found: Vec<usize>,
    },
    /// A cut gives something else than zeros in its place.
    #[error(
        "removing `{0}` changes the output by {1:.1e} of its largest value compared with masking it by zeros: a dependency rule of paring is wrong for this model; protect these couplings, and please report it"
    )]
    Inexact(String, f64),
    /// A rewrite that should change nothing changes the outputs.
    #[error(
        "{0} changes the model's outputs by {1:.1e} of the largest, where it should change nothing; please report it"
    )]
    NotEquivalent(&'static str, f64),
    /// A bias that no scale makes an integer of 32 bits.
    #[error(
        "the bias {bias:e} of layer `{layer}` does not fit into 32 bits at its scales; protect the layer"
    )]
    BiasRange {
        /// The layer.
        layer: String,
        /// The bias.
        bias: f32,
    },
    /// The step needs measured costs.
    #[error("{0} needs measured costs of the layers, and there are none here")]
    NoCosts(&'static str),
    /// The step needs a power sensor.
    #[error("no energy of `{target}`: {why}; choose `by = \"latency\"` or `by = \"bytes\"` there")]
    NoEnergy {
        /// The target.
        target: String,
        /// The reason for there being none.
        why: String,
    },
    /// A layer cannot be given the precision that the ledger names.
    #[error(
        "the ledger's decision on layer `{layer}` names the precision `{precision}`, which no quantize step gives"
    )]
    UnknownPrecision {
        /// The layer.
        layer: String,
        /// The precision.
        precision: String,
    },
    /// The step needs calibration samples.
    #[error("{0} needs calibration samples; give the study a [data] section")]
    NoCalibration(&'static str),
    /// The model cannot be distilled.
    #[error(transparent)]
    Distillation(#[from] DistillationError),
    /// The graph cannot be read or edited.
    #[error(transparent)]
    Graph(#[from] GraphError),
    /// Components cannot be judged.
    #[error(transparent)]
    Catalog(#[from] CatalogError),
    /// The graph cannot be run.
    #[error("calibrate")]
    Engine(#[from] EngineError),
}
