//! The loop of training: epochs over drawn samples, updates of the weights, the best state on samples
//! that are not trained on.

use super::adam::{AdamOptimizer, cosine_schedule};
use super::error::DistillationError;
use super::passes::{DistillationPasses, PassArrays, PassGradients};
use super::samples::{AugmentedInputs, HeldOutLosses, HeldOutSamples, SamplePass, labels_of};
use super::settings::Distillation;
use super::student_parameters::{ParameterLists, StudentParameters};
use crate::catalog::Calibration;
use crate::gradient::GradientError;
use paring_core::schema::{EpochLoss, TrainingEnd};
use paring_core::stats;
use rand::seq::SliceRandom;
use rayon::prelude::*;
use std::time::{Duration, Instant};

/// States that are compared at most, evenly spread over the epochs.
const COMPARED_STATES: usize = 100;

/// Updates from which the time of all is estimated.
const TIMED_UPDATES: u32 = 4;

/// The state of a training, for whoever waits for it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct TrainingProgress {
    /// Epochs that are done.
    pub done: usize,
    /// All epochs.
    pub epochs: usize,
    /// Mean loss of the last epoch.
    pub loss: f64,
    /// The lowest loss so far on samples that are not trained on.
    pub best: f64,
}

/// Receiver of a training's progress.
pub type TrainingListener<'a> = dyn Fn(TrainingProgress) + Sync + 'a;

/// A training that is set up.
pub(super) struct Training<'a> {
    pub(super) passes: &'a DistillationPasses,
    pub(super) parameters: StudentParameters<'a>,
    pub(super) how: &'a Distillation,
    pub(super) calibration: &'a Calibration,
    /// Samples that choose the best state; without them the calibration samples do.
    pub(super) select: Option<&'a Calibration>,
    pub(super) seed: u64,
}

/// The result of a training.
pub(super) struct TrainedParameters {
    pub(super) parameters: ParameterLists,
    /// The epoch behind which they were so; 0 for the start.
    pub(super) epoch: usize,
    pub(super) curve: Vec<EpochLoss>,
    pub(super) epochs_done: usize,
    pub(super) steps: usize,
    pub(super) end: TrainingEnd,
}

/// A training between two epochs.
struct TrainingState<'a> {
    adam: AdamOptimizer,
    drawn: AugmentedInputs<'a>,
    /// Samples of an update.
    batch: usize,
    /// Updates in all.
    steps: usize,
    parameters: ParameterLists,
    held: HeldOutSamples<'a>,
    /// The lowest loss on the samples that are held out.
    best: f64,
    /// The losses of the best and of the last state that was compared.
    best_losses: HeldOutLosses,
    last_losses: HeldOutLosses,
    found: TrainedParameters,
}

impl TrainingState<'_> {
    /// Takes the last state of a whole training instead of the best one, where the samples that are held
    /// out cannot tell them apart: the rate has fallen to nothing there, and the lowest of many losses is
    /// partly luck.
    ///
    /// Source of the rule of one standard error: L. Breiman et al. 1984, Classification and Regression
    /// Trees, section 3.4.3.
    fn prefer_last(&mut self) {
        let whole = self.found.end == TrainingEnd::Epochs && self.found.epoch > 0;
        let start = self.found.curve.first().map_or(f64::NEG_INFINITY, |own| own.held_out);
        let better = self.last_losses.mean() < start;
        if whole && better && self.last_losses.within_standard_error(&self.best_losses) {
            self.found.parameters.clone_from(&self.parameters);
            self.found.epoch = self.found.epochs_done;
        }
    }
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

impl Training<'_> {
    /// Trains. A loss that is no number ends it with the best state so far.
    ///
    /// # Errors
    /// [`DistillationError`] where the engine fails or the teacher's answers are not finite.
    pub(super) fn run(
        &self,
        heard: &TrainingListener,
    ) -> Result<TrainedParameters, DistillationError> {
        let begun = Instant::now();
        let epochs = self.how.epochs(self.calibration.samples());
        let every = epochs.div_ceil(COMPARED_STATES);
        let mut state = self.start(epochs)?;
        let limit = self.how.limit_s.map(Duration::from_secs);
        let last = self.how.stopped_after.unwrap_or(epochs);
        for epoch in 1..=epochs {
            if epoch > last || limit.is_some_and(|limit| begun.elapsed() >= limit) {
                state.found.end = TrainingEnd::TimeLimit;
                break;
            }
            let compares = epoch % every == 0 || epoch == epochs;
            match self.epoch(&mut state, epoch, compares) {
                Ok(loss) => {
                    let best = state.best;
                    heard(TrainingProgress { done: epoch, epochs, loss, best });
                }
                Err(DistillationError::Gradient(GradientError::NotFinite(_))) => {
                    state.found.end = TrainingEnd::NotFinite;
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        state.prefer_last();
        Ok(state.found)
    }

    /// Time that the training takes, from a few updates and one comparison.
    ///
    /// # Errors
    /// Those of [`Training::run`].
    pub(super) fn estimated_time(&self) -> Result<Duration, DistillationError> {
        let epochs = self.how.epochs(self.calibration.samples());
        let mut state = self.start(epochs)?;
        let chosen: Vec<usize> = self.order(1).into_iter().take(state.batch).collect();
        let mut updates = Vec::new();
        for _ in 0..=TIMED_UPDATES {
            let begun = Instant::now();
            let made = self.step(&state.drawn, 1, &chosen, &state.parameters)?;
            state.adam.update(&mut state.parameters, &made.gradients, 0.0);
            updates.push(begun.elapsed());
        }
        let begun = Instant::now();
        state.held.losses(self.passes, &self.variables(&state.parameters))?;
        let comparison = begun.elapsed();
        // The first update is slower than those that follow.
        let update = updates[1..].iter().sum::<Duration>() / TIMED_UPDATES;
        let compared = epochs / epochs.div_ceil(COMPARED_STATES);
        let time = update.as_secs_f64() * state.steps as f64
            + comparison.as_secs_f64() * (compared + 1) as f64;
        let limit = self.how.limit_s.map_or(Duration::MAX, Duration::from_secs);
        Ok(Duration::try_from_secs_f64(time).unwrap_or(Duration::MAX).min(limit))
    }

    /// The state before the first epoch.
    fn start(&self, epochs: usize) -> Result<TrainingState<'_>, DistillationError> {
        let samples = self.calibration.samples();
        let batch = self.how.batch.min(samples).max(1);
        let parameters = self.parameters.start();
        let held = HeldOutSamples::new(self.select.unwrap_or(self.calibration), self.passes)?;
        let losses = held.losses(self.passes, &self.variables(&parameters))?;
        let best = losses.mean();
        let found = TrainedParameters {
            parameters: parameters.clone(),
            epoch: 0,
            curve: vec![EpochLoss { epoch: 0, training: None, held_out: best }],
            epochs_done: 0,
            steps: 0,
            end: TrainingEnd::Epochs,
        };
        Ok(TrainingState {
            adam: AdamOptimizer::new(&parameters, self.parameters.sizes()),
            drawn: AugmentedInputs::new(&self.calibration.inputs, self.how, self.seed),
            batch,
            steps: epochs * (samples / batch),
            parameters,
            held,
            best,
            best_losses: losses.clone(),
            last_losses: losses,
            found,
        })
    }

    /// Trains for one epoch and gives its mean loss; where the state `compares`, it is kept if it is the
    /// best so far.
    fn epoch(
        &self,
        state: &mut TrainingState,
        epoch: usize,
        compares: bool,
    ) -> Result<f64, DistillationError> {
        let mut losses = Vec::new();
        for chosen in self.order(epoch).chunks_exact(state.batch) {
            let rate = self.how.rate * cosine_schedule(state.found.steps, state.steps);
            let made = self.step(&state.drawn, epoch, chosen, &state.parameters)?;
            state.adam.update(&mut state.parameters, &made.gradients, rate);
            state.found.steps += 1;
            losses.push(made.loss);
        }
        state.found.epochs_done = epoch;
        let training = mean(&losses);
        if compares {
            let losses = state.held.losses(self.passes, &self.variables(&state.parameters))?;
            let held_out = losses.mean();
            state.found.curve.push(EpochLoss { epoch, training: Some(training), held_out });
            if held_out < state.best {
                state.best = held_out;
                state.best_losses.clone_from(&losses);
                state.found.parameters.clone_from(&state.parameters);
                state.found.epoch = epoch;
            }
            state.last_losses = losses;
        }
        Ok(training)
    }

    /// Samples in the order of an epoch.
    fn order(&self, epoch: usize) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.calibration.samples()).collect();
        order.shuffle(&mut stats::generator(self.seed, &format!("distill order {epoch}")));
        order
    }

    /// Mean loss and mean gradients over the samples of one update: passes run on all cores and are
    /// added up in their order.
    fn step(
        &self,
        drawn: &AugmentedInputs,
        epoch: usize,
        chosen: &[usize],
        parameters: &ParameterLists,
    ) -> Result<PassGradients, DistillationError> {
        let variables = self.variables(parameters);
        let divided = SamplePass::divide(chosen, self.passes.samples);
        let made: Vec<PassGradients> = divided
            .par_iter()
            .map(|pass| {
                let labels = labels_of(self.calibration, &pass.samples);
                let arrays = self.passes.answered(drawn.at(epoch, &pass.samples), &labels)?;
                self.passes.gradients(arrays, &variables)
            })
            .collect::<Result<_, DistillationError>>()?;
        let mut loss = 0.0;
        let mut gradients: Vec<Vec<f32>> = Vec::new();
        for (own, SamplePass { share, .. }) in made.iter().zip(&divided) {
            loss += own.loss * share;
            gradients.resize_with(own.gradients.len(), Vec::new);
            for (sum, part) in gradients.iter_mut().zip(&own.gradients) {
                sum.resize(part.len(), 0.0);
                sum.iter_mut().zip(part).for_each(|(sum, part)| *sum += part * *share as f32);
            }
        }
        let gradients = self.parameters.gradients(parameters, gradients);
        Ok(PassGradients { loss, gradients })
    }

    /// The parameters as passes read them: rounded where a quantization is simulated.
    fn variables(&self, parameters: &ParameterLists) -> PassArrays {
        self.passes.variables(&self.parameters.values(parameters))
    }
}
