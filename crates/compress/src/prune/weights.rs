//! Setting single weights to zero: anywhere in a layer, or so many of every few.
//!
//! Dense kernels do not run faster for it; what it buys is a file that compresses better.

use super::recovery::{LayerFit, RecoveryBaseline, relative_error, write_bias};
use super::settings::{WeightPruning, WeightSparsity, weights_id};
use crate::catalog::{
    self, Calibration, CalibrationWalk, CatalogError, Criterion, InputRows, LinearLayer,
};
use crate::inverse_hessian::inverse_factor;
use crate::layer_selection::{required_calibration, select_layers};
use crate::rewrite::fold_batch_normalization;
use crate::{CompressError, DecisionDraft, Paring, StepResult};
use faer::prelude::*;
use faer::{Mat, Side};
use paring_agent::engine::DimensionBindings;
use paring_core::schema::{OriginalIndices, RemovedComponent};
use paring_core::stats;
use paring_onnx::graph::{ElementType, Graph, Weights};
use rand::RngExt;
use rayon::prelude::*;

/// Inputs among which weights are compared when the rest makes up for each at once.
const BLOCK: usize = 128;

/// At most so many weights of an output are solved exactly: the work grows with the cube.
const MOST_SOLVED: usize = 1_500;

/// Sets the least important weights of every layer to zero. Depthwise convolutions stay: they have
/// few weights, and each is needed.
///
/// # Errors
/// [`CompressError`] where nothing matches, samples are needed and there are none, or the criterion
/// judges something else.
pub fn prune_weights(
    mut graph: Graph,
    bindings: DimensionBindings,
    origins: OriginalIndices,
    how: &WeightPruning,
    calibration: Option<&Calibration>,
    seed: u64,
) -> Result<StepResult, CompressError> {
    if how.criterion == Criterion::Activation || how.criterion.needs_gradients() {
        let known = "`l1`, `l2`, `wanda`, `obs` and `random`";
        let what = "single weights";
        return Err(CatalogError::Criterion { criterion: how.criterion, what, known }.into());
    }
    let calibration = required_calibration(how.needs_data(), calibration)?;
    let folds = how.recover || how.criterion == Criterion::Obs;
    let mut decisions = if folds { fold_batch_normalization(&mut graph)? } else { Vec::new() };
    let facts = graph.facts(bindings.dims, bindings.batch)?;
    let layers = catalog::linears(&graph, &facts);
    let names: Vec<String> = layers.iter().map(|l| l.layer.clone()).collect();
    let of_layer = |pattern: &String| pattern.trim_end_matches("/weights").to_string();
    let protect: Vec<String> = how.protect.iter().map(of_layer).collect();
    let wanted = how.layers.as_ref().map(of_layer);
    let chosen = select_layers(&graph, &names, wanted.as_deref(), &protect)?;
    if !chosen.contains(&true) {
        return Err(CompressError::Nothing(
            "prune",
            "no layer has weights of 32-bit floats".into(),
        ));
    }
    let baseline = graph.clone();
    let rows = catalog::observe_all(&baseline, &layers, calibration.filter(|_| how.recover))?;
    let before = RecoveryBaseline::new(&baseline, &layers, &rows);
    let mut walk =
        calibration.map(|calibration| CalibrationWalk::new(&facts, calibration)).transpose()?;
    for ((layer, was), _) in layers.iter().zip(&rows).zip(chosen).filter(|(_, chosen)| *chosen) {
        let rows = match &mut walk {
            Some(walk) => walk.rows(&graph, layer, layer.features())?,
            None => InputRows::default(),
        };
        let start = match how.recover {
            true => {
                let target = before.target(layer, was)?;
                LayerFit::new(&graph, layer, &rows, target)?.least_squares(layer)?
            }
            false => catalog::with_bias(&graph, layer)?,
        };
        let thinning = LayerSparsifier::new(start, layer, &rows, how, seed)?;
        let draft = thinning.apply(&mut graph, calibration)?;
        decisions.push(draft);
    }
    Ok(StepResult::new(graph, origins, decisions))
}

/// One layer whose weights become fewer.
struct LayerSparsifier<'a> {
    layer: &'a LinearLayer,
    how: &'a WeightPruning,
    rows: Mat<f64>,
    /// Weights to start from, `[features, outputs]`, a bias last: those as they are, or, where they
    /// may change, those that come nearest to the baseline's outputs.
    given: Mat<f64>,
    /// The factors between a weight and its score: norms of inputs, or random numbers.
    factors: Mat<f64>,
    /// The factor U of H⁻¹ = Uᵀ·U, where inputs are known.
    upper: Option<Mat<f64>>,
}

impl<'a> LayerSparsifier<'a> {
    fn new(
        given: Mat<f64>,
        layer: &'a LinearLayer,
        rows: &InputRows,
        how: &'a WeightPruning,
        seed: u64,
    ) -> Result<Self, CatalogError> {
        let rows = rows.matrix(layer.affine());
        let needs = how.recover || how.criterion == Criterion::Obs;
        let upper = if needs { Some(inverse_factor(&rows, &layer.layer)?) } else { None };
        let mut draw = stats::generator(seed, &format!("random {}", layer.layer));
        let norm = |i: usize| rows.col(i).iter().map(|a| a * a).sum::<f64>().sqrt();
        let norms: Vec<f64> = match how.criterion {
            Criterion::Wanda => (0..layer.features()).map(norm).collect(),
            _ => vec![1.0; layer.features()],
        };
        let factors = Mat::from_fn(layer.features(), layer.columns(), |i, _| match how.criterion {
            Criterion::Random => draw.random::<f64>(),
            _ => norms[i],
        });
        Ok(LayerSparsifier { layer, how, rows, given, factors, upper })
    }

    /// The importance of a weight of this value.
    fn score(&self, weight: f64, input: usize, output: usize) -> f64 {
        match self.how.criterion {
            Criterion::Random => self.factors[(input, output)],
            Criterion::L2 => weight * weight,
            Criterion::Obs => {
                let u = self.upper.as_ref().map_or(1.0, |upper| upper[(input, input)]);
                (weight / u).powi(2)
            }
            _ => weight.abs() * self.factors[(input, output)],
        }
    }

    /// The weights that stay, made up for, and which of them are zero now; a row an input.
    ///
    /// Inputs in order, each zeroed weight's error handed to the inputs behind it: Frantar & Alistarh
    /// 2023, arXiv 2301.00774 (SparseGPT), whose blocks also decide among which weights is chosen.
    fn thinned(&self) -> (Mat<f64>, Vec<Vec<bool>>, f64) {
        let (features, outputs) = (self.layer.features(), self.layer.columns());
        let mut weights = self.given.clone();
        let mut gone = vec![vec![false; outputs]; features];
        let mut threshold = f64::NEG_INFINITY;
        let length = match self.how.sparsity {
            WeightSparsity::Groups { of, .. } => of,
            WeightSparsity::Ratio(_) | WeightSparsity::Score(_)
                if self.how.criterion == Criterion::Obs =>
            {
                BLOCK
            }
            _ => features,
        };
        for start in (0..features).step_by(length.max(1)) {
            let block = start..features.min(start + length);
            for (i, o, score) in self.chosen(&weights, block.clone()) {
                gone[i][o] = true;
                threshold = threshold.max(score);
            }
            for i in block {
                for o in (0..outputs).filter(|o| gone[i][*o]) {
                    let weight = weights[(i, o)];
                    weights[(i, o)] = 0.0;
                    let Some(upper) = self.upper.as_ref().filter(|_| self.how.recover) else {
                        continue;
                    };
                    let error = weight / upper[(i, i)];
                    for j in i + 1..weights.nrows() {
                        weights[(j, o)] -= error * upper[(i, j)];
                    }
                }
            }
        }
        if self.how.recover {
            self.settle(&mut weights, &gone);
        }
        (weights, gone, threshold)
    }

    /// Solves what stays of each output anew, min (w − given)ᵀ·H·(w − given): the pass before handed
    /// errors only to inputs behind.
    fn settle(&self, weights: &mut Mat<f64>, gone: &[Vec<bool>]) {
        let (damped, _) = catalog::damped(&self.rows);
        let goal = &damped * &self.given;
        let solve = |o: usize| -> Option<(Vec<usize>, Mat<f64>)> {
            let stays = |i: &usize| gone.get(*i).is_none_or(|row| !row[o]);
            let kept: Vec<usize> = (0..damped.nrows()).filter(stays).collect();
            // Beyond, what the pass before found has to do.
            if kept.len() > MOST_SOLVED {
                return None;
            }
            let h = Mat::from_fn(kept.len(), kept.len(), |i, j| damped[(kept[i], kept[j])]);
            let g = Mat::from_fn(kept.len(), 1, |i, _| goal[(kept[i], o)]);
            Some((kept, h.llt(Side::Lower).ok()?.solve(&g)))
        };
        let solved: Vec<_> = (0..weights.ncols()).into_par_iter().map(solve).collect();
        for (o, (kept, values)) in solved.into_iter().enumerate().filter_map(|(o, s)| Some((o, s?)))
        {
            kept.iter().enumerate().for_each(|(i, input)| weights[(*input, o)] = values[(i, 0)]);
        }
    }

    /// The weights of some inputs that go, with their scores.
    fn chosen(
        &self,
        weights: &Mat<f64>,
        inputs: std::ops::Range<usize>,
    ) -> Vec<(usize, usize, f64)> {
        let outputs = self.layer.columns();
        let of_output = |o: usize| -> Vec<(usize, usize, f64)> {
            let score = |i: usize| (i, o, self.score(weights[(i, o)], i, o));
            inputs.clone().map(score).collect()
        };
        let least = |mut scored: Vec<(usize, usize, f64)>, count: usize| {
            scored.sort_by(|a, b| a.2.total_cmp(&b.2).then((a.0, a.1).cmp(&(b.0, b.1))));
            scored.truncate(count);
            scored
        };
        let share = |ratio: f64, of: usize| (ratio * of as f64).round() as usize;
        match self.how.sparsity {
            WeightSparsity::Score(limit) => {
                (0..outputs).flat_map(of_output).filter(|(_, _, score)| *score <= limit).collect()
            }
            WeightSparsity::Groups { kept, of } if inputs.len() == of => {
                (0..outputs).flat_map(|o| least(of_output(o), of - kept)).collect()
            }
            // An incomplete group stays whole.
            WeightSparsity::Groups { .. } => Vec::new(),
            // Compared within an output, as its authors do; the others within the layer.
            WeightSparsity::Ratio(ratio) if self.how.criterion == Criterion::Wanda => {
                let count = share(ratio, inputs.len());
                (0..outputs).flat_map(|o| least(of_output(o), count)).collect()
            }
            WeightSparsity::Ratio(ratio) => {
                let scored: Vec<_> = (0..outputs).flat_map(of_output).collect();
                let count = share(ratio, scored.len());
                least(scored, count)
            }
        }
    }

    fn apply(
        &self,
        graph: &mut Graph,
        calibration: Option<&Calibration>,
    ) -> Result<DecisionDraft, CompressError> {
        let layer = self.layer;
        let (weights, gone, threshold) = self.thinned();
        let before = graph.weights(&layer.weights)?;
        let mut paring = Paring::default();
        let mask = Mat::from_fn(weights.nrows(), weights.ncols(), |i, o| {
            f64::from(u8::from(gone.get(i).is_none_or(|row| !row[o])))
        });
        if let Some(mask) =
            layer.write(&Weights::f32(&before.dims, &vec![1.0; before.len()]), &mask)
        {
            let bytes =
                mask.to_f32().unwrap_or_default().iter().map(|m| u8::from(*m != 0.0)).collect();
            let mask = Weights { dims: mask.dims, element: ElementType::U8, bytes };
            paring.0.insert(format!("{}#mask", layer.weights), mask);
        }
        if self.how.recover && layer.affine() {
            write_bias(graph, layer, &weights, &mut paring)?;
        }
        if let Some(written) = layer.write(&before, &weights) {
            graph.set_weights(&layer.weights, written);
        }
        paring.0.insert(layer.weights.clone(), before);
        let (zeros, all) =
            (gone.iter().flatten().filter(|g| **g).count(), gone.len() * weights.ncols());
        let mut reason = format!("{zeros} of {all} weights are zero now");
        if self.rows.nrows() > 0 {
            let error = self.error(&weights);
            reason += &format!(", its output is off by {error:.4} of its variance");
        }
        let id = weights_id(&layer.layer);
        Ok(DecisionDraft {
            operation: "prune weights".into(),
            coupling: layer.layer.clone(),
            components: vec![RemovedComponent { id, original_index: 0, score: threshold, rank: 0 }],
            criterion: Some(self.how.criterion.to_string()),
            threshold: threshold.is_finite().then_some(threshold),
            calibration_sha256: calibration.map(|c| c.sha256.clone()),
            paring,
            reason,
            ..DecisionDraft::default()
        })
    }

    /// Squared error of the output relative to its variance.
    fn error(&self, weights: &Mat<f64>) -> f64 {
        relative_error(&(&self.rows * weights), &(&self.rows * &self.given), false)
    }
}
