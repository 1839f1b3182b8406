//! Learning what removals cost a model: a few are tried on samples that no variant is reported on.

use super::{Context, PipelineError};
use crate::catalog::{Calibration, Criterion, catalog};
use crate::compress::{Amount, CompressError, Pruning, Recovery, prune};
use crate::data::Dataset;
use crate::engine::{Bindings, Source};
use crate::evaluate::{Predictor, Scores};
use crate::graph::Graph;
use crate::record::{EngineOptions, Forecast, Forecaster, Origins, Sha256Hex, TrackRecord};
use crate::stats;
use rand::RngExt;

/// Networks with more multiply-adds than this are not tried on: it would take longer than the study.
const MOST_MACS: u64 = 500_000_000;
/// Shares of a coupling that are tried.
const RATIOS: [f64; 4] = [0.125, 0.25, 0.5, 0.75];

/// Labelled samples to try on.
#[derive(Clone, Copy, Debug)]
pub struct Trial<'a> {
    /// The dataset.
    pub data: &'a Dataset,
    /// Samples of it.
    pub samples: &'a [usize],
    /// Position of the output with the scores.
    pub output: usize,
    /// What the scores are.
    pub scores: Scores,
}

/// What a forecaster is learnt on, apart from the labelled samples.
#[derive(Clone, Copy, Debug)]
pub struct Ground<'a> {
    /// The baseline.
    pub graph: &'a Graph,
    /// At which shapes are taken.
    pub bindings: Bindings<'a>,
    /// Samples that removals are judged and made up for on.
    pub calibration: &'a Calibration,
    /// Seeds which removals are tried.
    pub seed: u64,
}

/// Tries `probes` removals by `obs` with least squares, of single couplings and of all; `None` where
/// nothing can be learnt.
///
/// # Errors
/// [`PipelineError`] where the model cannot be analysed or evaluated.
pub fn forecaster(
    ground: &Ground,
    trial: &Trial,
    probes: usize,
) -> Result<Option<Forecaster>, PipelineError> {
    let failed = |source: CompressError| PipelineError::Forecast(Box::new(source));
    let Ground { graph, bindings, calibration, seed } = *ground;
    let facts = graph.facts(bindings.dims, bindings.batch).map_err(|e| failed(e.into()))?;
    let couplings = catalog(graph, &facts, &Origins::default()).map_err(|e| failed(e.into()))?;
    let large = graph.cost(&facts.shapes).macs.is_none_or(|macs| macs > MOST_MACS);
    if large || probes == 0 || trial.samples.is_empty() {
        return Ok(None);
    }
    let (accuracy, classes) = trial.accuracy(graph, bindings)?;
    let mut draw = stats::generator(seed, "forecast");
    let mut tries = Vec::new();
    for probe in 0..probes {
        let ratio = RATIOS[draw.random_range(0..RATIOS.len())];
        let ids: Vec<&String> = couplings.couplings.iter().map(|c| &c.id).collect();
        // One at a time tells them apart, all at once tells how they add up.
        let layers = match probe % 2 {
            0 if !ids.is_empty() => Some(ids[draw.random_range(0..ids.len())].clone()),
            _ => None,
        };
        let recover = Recovery::LeastSquares;
        let plain = Pruning::channels(ratio, Criterion::Obs);
        let pruning = Pruning { amount: Amount::Ratio(ratio), recover, layers, ..plain };
        let made = prune(
            graph.clone(),
            bindings,
            Origins::default(),
            &pruning,
            Some(calibration),
            None,
            seed,
        );
        // A coupling that cannot be cut so is not what is asked about.
        let Ok(made) = made else { continue };
        let expected = made.decisions.iter().flat_map(|d| &d.expected);
        let errors = expected.filter(|f| f.metric == Forecast::OUTPUT_ERROR).map(|f| f.delta);
        let error: f64 = errors.sum();
        tries.push((error, accuracy - trial.accuracy(&made.graph, bindings)?.0));
    }
    Ok(Forecaster::learn(&tries, accuracy, classes, trial.samples.len()))
}

impl Trial<'_> {
    /// Share of right answers, and number of classes seen.
    fn accuracy(&self, graph: &Graph, bindings: Bindings) -> Result<(f64, usize), PipelineError> {
        let engine = |source| PipelineError::Engine { variant: "a trial".into(), source };
        let bytes = graph.encode();
        let source = Source::Bytes(graph.name(), &bytes);
        let options = EngineOptions::default();
        let Bindings { batch, dims } = bindings;
        let predictor = Predictor::load(source, batch, dims, &options, self.output, self.scores)
            .map_err(engine)?;
        let found = predictor
            .predict(self.data, self.samples, &|_| ())
            .map_err(|source| PipelineError::Predict { variant: "a trial".into(), source })?;
        let right = found.iter().filter(|p| p.is_right()).count();
        let classes = self.samples.iter().map(|s| self.data.labels[*s]).max().unwrap_or(0) + 1;
        Ok((right as f64 / found.len().max(1) as f64, classes as usize))
    }
}

/// A forecaster kept with the run, and what it was learnt from.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct Kept {
    key: Sha256Hex,
    forecaster: Option<Forecaster>,
}

impl Context {
    /// Learns the run's forecaster, or finds it learnt before; a new one is as unsure of itself as
    /// what came of earlier forecasts asks for.
    ///
    /// # Errors
    /// Those of [`forecaster`].
    pub fn learn(
        &mut self,
        trial: &Trial,
        probes: usize,
        earlier: &TrackRecord,
    ) -> Result<(), PipelineError> {
        let Some(calibration) = &self.calibration else { return Ok(()) };
        let model =
            Sha256Hex::of_file(&self.model).map_err(PipelineError::file("read", &self.model))?;
        let words = format!("{:?} {probes} {} {:?}", self.dims, self.seed, trial.samples);
        let parts =
            [model.as_str(), calibration.sha256.as_str(), &words, env!("CARGO_PKG_VERSION")];
        let key = Sha256Hex::of_parts(parts.iter().map(|p| p.as_bytes()));
        let path = self.folders.forecaster();
        let kept: Option<Kept> = super::read_json(&path);
        if let Some(kept) = kept.filter(|kept| kept.key == key) {
            self.forecaster = kept.forecaster;
            return Ok(());
        }
        let failed = |source| PipelineError::Graph { variant: super::BASELINE.into(), source };
        let graph = Graph::load(&self.model).map_err(failed)?;
        let bindings = Bindings { batch: self.batch, dims: &self.dims };
        let ground = Ground { graph: &graph, bindings, calibration, seed: self.seed };
        let found = forecaster(&ground, trial, probes)?.map(|f| f.widened(earlier));
        super::replace_json(&path, &Kept { key, forecaster: found.clone() })?;
        self.forecaster = found;
        Ok(())
    }
}
