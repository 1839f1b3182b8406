//! Learning of a run's forecaster from a few removals that are tried on samples that no variant is
//! reported on; it is kept with the run.

use super::forecaster::Forecaster;
use super::removal_trials::{ForecastBasis, ForecastBudget};
use super::try_removals::try_removals;
use crate::evaluate::EvaluationTask;
use crate::pipeline::PipelineError;
use crate::pipeline::predictions::EvaluationSetup;
use crate::pipeline::run_files::{Folders, read_json, replace_json};
use crate::pipeline::variants::{BASELINE, BaselineEstimates, RecipeInputs};
use paring_compress::{ChannelPruning, CompressError};
use paring_core::schema::{ForecastOutcome, Sha256Hex};
use paring_onnx::graph::Graph;
use serde_json::json;
use std::collections::BTreeMap;

/// Networks with more multiply-adds than this are not tried on: it would take longer than the study.
const MOST_MACS: u64 = 500_000_000;
/// Multiply-adds of all tries of a kind together, beyond which they are tried on fewer samples.
const BUDGET_MACS: u64 = 100_000_000_000;
/// Fewer samples would tell too little.
const FEWEST_SAMPLES: usize = 100;

/// Tries removals of each kind, and learns from them what others will do; `None` where nothing can be
/// learnt.
///
/// # Errors
/// [`PipelineError`] where the model cannot be analysed or evaluated.
pub fn forecaster(
    ground: &ForecastBasis,
    subject: &EvaluationSetup,
    probing: &ForecastBudget,
) -> Result<Option<Forecaster>, PipelineError> {
    let failed = |source: CompressError| PipelineError::Forecast(Box::new(source));
    let ForecastBasis { graph, bindings, .. } = *ground;
    let ForecastBudget { probes, reported, .. } = *probing;
    let facts = graph.facts(bindings.dims, bindings.batch).map_err(|e| failed(e.into()))?;
    let macs = graph.cost(&facts.shapes).macs.map(|macs| macs / bindings.batch.max(1) as u64);
    let Some(macs) = macs.filter(|macs| *macs <= MOST_MACS) else { return Ok(None) };
    if probes == 0 || subject.samples.is_empty() {
        return Ok(None);
    }
    let affordable = BUDGET_MACS / (macs.max(1) * probes as u64);
    let most = usize::try_from(affordable).unwrap_or(usize::MAX).max(FEWEST_SAMPLES);
    let every = subject.samples.len().div_ceil(most).max(1);
    let samples: Vec<usize> = subject.samples.iter().copied().step_by(every).collect();
    let subject = EvaluationSetup { samples: &samples, ..*subject };
    let trials = try_removals(ground, &subject, probing)?;
    Ok(Some(Forecaster::learn(trials, reported)))
}

/// Everything that decides what a run's forecaster learns.
struct ForecasterInputs<'a> {
    model: &'a Sha256Hex,
    calibration: &'a Sha256Hex,
    dims: &'a BTreeMap<String, usize>,
    seed: u64,
    samples: &'a [usize],
    task: &'a EvaluationTask,
    prunings: &'a [ChannelPruning],
    budget: ForecastBudget,
    version: &'a str,
}

impl ForecasterInputs<'_> {
    /// Hash of the canonical JSON of all of them.
    fn key(&self) -> Sha256Hex {
        let ForecastBudget { probes, reported, timed } = self.budget;
        Sha256Hex::of_json(&json!({
            "model": self.model,
            "calibration": self.calibration,
            "dims": self.dims,
            "seed": self.seed,
            "samples": self.samples,
            "task": self.task,
            "prunings": self.prunings,
            "budget": { "probes": probes, "reported": reported, "timed": timed },
            "version": self.version,
        }))
    }
}

/// A forecaster kept with the run, and the key of what it was learnt from.
#[derive(Clone, Debug, serde::Serialize, serde::Deserialize)]
struct StoredForecaster {
    key: Sha256Hex,
    forecaster: Option<Forecaster>,
}

impl BaselineEstimates {
    /// Learns the run's forecaster, or finds it learnt before; `subject` has the samples to try on, and
    /// a new forecaster is as unsure of itself as what came of `earlier` forecasts asks for.
    ///
    /// # Errors
    /// Those of [`forecaster`].
    pub fn learn(
        &mut self,
        folders: &Folders,
        inputs: &RecipeInputs,
        subject: &EvaluationSetup,
        prunings: &[ChannelPruning],
        probing: &ForecastBudget,
        earlier: &[ForecastOutcome],
    ) -> Result<(), PipelineError> {
        let Some(calibration) = &inputs.calibration else { return Ok(()) };
        let model = Sha256Hex::of_file(&inputs.model)
            .map_err(PipelineError::file("read", &inputs.model))?;
        let learnt_from = ForecasterInputs {
            model: &model,
            calibration: &calibration.sha256,
            dims: &inputs.dims,
            seed: inputs.seed,
            samples: subject.samples,
            task: subject.task,
            prunings,
            budget: *probing,
            version: env!("CARGO_PKG_VERSION"),
        };
        let key = learnt_from.key();
        let path = folders.forecaster();
        let kept: Option<StoredForecaster> = read_json(&path);
        if let Some(kept) = kept.filter(|kept| kept.key == key) {
            self.forecaster = kept.forecaster;
            return Ok(());
        }
        let failed = |source| PipelineError::Graph { variant: BASELINE.into(), source };
        let graph = Graph::load(&inputs.model).map_err(failed)?;
        let ground = ForecastBasis {
            graph: &graph,
            bindings: inputs.bindings(),
            calibration,
            prunings,
            seed: inputs.seed,
        };
        let found = forecaster(&ground, subject, probing)?;
        let found = found.map(|f| f.with_outcomes(earlier));
        replace_json(&path, &StoredForecaster { key, forecaster: found.clone() })?;
        self.forecaster = found;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use paring_compress::catalog::Criterion;

    #[test]
    fn a_key_is_the_hash_of_canonical_json() {
        let (model, calibration) = (Sha256Hex::of(b"model"), Sha256Hex::of(b"calibration"));
        let dims = BTreeMap::from([("height".to_string(), 8), ("a".to_string(), 2)]);
        let inputs = ForecasterInputs {
            model: &model,
            calibration: &calibration,
            dims: &dims,
            seed: 7,
            samples: &[0, 3, 12],
            task: &EvaluationTask::default(),
            prunings: &[ChannelPruning::channels(0.5, Criterion::Obs)],
            budget: ForecastBudget { probes: 12, reported: 400, timed: false },
            version: "0.1.0",
        };
        // sha256sum of the text that RFC 8785 gives: keys in order, no spaces.
        let golden = "a47231f7aa51e63ea739a54d3e0ce2dc368d22a0f7524ceed2b51eddb8495720";
        assert_eq!(inputs.key().as_str(), golden);
        let budget = ForecastBudget { timed: true, ..inputs.budget };
        assert_ne!(ForecasterInputs { budget, ..inputs }.key().as_str(), golden);
    }
}
