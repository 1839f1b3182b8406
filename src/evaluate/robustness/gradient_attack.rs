//! Attacks along gradients: the fast gradient method and projected gradient descent, under either norm.
//!
//! Changes are counted in ranges of the input. A sample is changed until it is mistaken, or for all
//! steps; what is kept is its first mistaken place, else the one of the largest loss.
//!
//! Sources: Goodfellow et al. 2015, arXiv 1412.6572; Madry et al. 2018, arXiv 1706.06083.

use super::attack_error::AttackError;
use super::attack_gradient::AttackGradient;
use super::input_box::InputBox;
use paring_agent::arrays::Array;
use paring_core::schema::{AttackMethod, AttackNorm};
use paring_core::stats;
use paring_data::Dataset;
use rand::RngExt;
use rayon::prelude::*;
use std::collections::BTreeMap;

/// Samples that are attacked at once.
const CHUNK: usize = 64;

/// Length of all steps together, in strengths: enough to reach any place from any other.
///
/// Source: Madry et al. 2018, section 5.
const REACH: f64 = 2.5;

/// One attack: method, bound and effort.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct GradientAttack {
    /// FGSM or PGD.
    pub method: AttackMethod,
    /// The norm that bounds a change.
    pub norm: AttackNorm,
    /// The bound, in ranges of the input.
    pub strength: f64,
    /// Steps of one run.
    pub steps: usize,
    /// Runs, the first from the sample itself.
    pub restarts: usize,
    /// Seeds the places from which the other runs start.
    pub seed: u64,
}

/// The place that an attack on one sample has found.
#[derive(Clone, Debug, Default)]
struct AttackedSample {
    /// Changes of each attacked input, in ranges.
    change: Vec<Vec<f32>>,
    loss: f64,
    fooled: bool,
}

/// Samples under attack: their inputs, the classes that they are held to, and the room for changes.
struct SampleRoom<'a> {
    samples: &'a [usize],
    classes: &'a [i64],
    inputs: BTreeMap<String, Array>,
    space: &'a InputBox,
}

impl GradientAttack {
    /// Inputs of `samples` changed so that a model mistakes them: row by row, for the class that each is
    /// held to.
    ///
    /// # Errors
    /// [`AttackError`] where inputs cannot be read or the backward pass fails.
    pub fn inputs(
        &self,
        gradient: &AttackGradient,
        space: &InputBox,
        data: &Dataset,
        (samples, classes): (&[usize], &[i64]),
    ) -> Result<Vec<BTreeMap<String, Array>>, AttackError> {
        let chunks: Vec<(&[usize], &[i64])> =
            samples.chunks(CHUNK).zip(classes.chunks(CHUNK)).collect();
        let attacked = |(samples, classes): (&[usize], &[i64])| {
            let inputs = data.inputs_at(samples)?;
            let room = SampleRoom { samples, classes, inputs, space };
            let found = self.attacked(gradient, &room)?;
            let rows: Vec<usize> = (0..samples.len()).collect();
            let changes: Vec<&[Vec<f32>]> = found.iter().map(|own| own.change.as_slice()).collect();
            Ok(space.changed(&room.inputs, gradient.inputs(), &rows, &changes))
        };
        chunks.into_par_iter().map(attacked).collect()
    }

    /// Samples of each part that [`GradientAttack::inputs`] gives.
    pub(super) fn chunks(samples: &[usize]) -> std::slice::Chunks<'_, usize> {
        samples.chunks(CHUNK)
    }

    fn attacked(
        &self,
        gradient: &AttackGradient,
        room: &SampleRoom,
    ) -> Result<Vec<AttackedSample>, AttackError> {
        let still = room.space.no_change(&room.inputs, gradient.inputs());
        let start = AttackedSample { change: still, loss: f64::NEG_INFINITY, fooled: false };
        let mut found = vec![start; room.samples.len()];
        for restart in 0..self.restarts.max(1) {
            let mut open: Vec<usize> = (0..found.len()).filter(|at| !found[*at].fooled).collect();
            let mut changes: Vec<Vec<Vec<f32>>> =
                open.iter().map(|at| self.start(restart, room, gradient.inputs(), *at)).collect();
            for step in 0..=self.steps {
                if open.is_empty() {
                    break;
                }
                let now: Vec<&[Vec<f32>]> = changes.iter().map(Vec::as_slice).collect();
                let inputs = room.space.changed(&room.inputs, gradient.inputs(), &open, &now);
                let classes: Vec<i64> = open.iter().map(|at| room.classes[*at]).collect();
                let seen = gradient.at(&inputs, &classes)?;
                let mut left = (Vec::new(), Vec::new());
                for ((at, mut change), here) in open.into_iter().zip(changes).zip(seen) {
                    let best = &mut found[at];
                    if here.fooled || here.loss > best.loss {
                        let (loss, fooled) = (here.loss, here.fooled);
                        *best = AttackedSample { change: change.clone(), loss, fooled };
                    }
                    if here.fooled || step == self.steps {
                        continue;
                    }
                    self.step(&mut change, &here.gradients, room, (gradient.inputs(), at));
                    left.0.push(at);
                    left.1.push(change);
                }
                (open, changes) = left;
            }
        }
        Ok(found)
    }

    /// The place from which a run starts: the sample itself, or a random place within the bound.
    fn start(
        &self,
        restart: usize,
        room: &SampleRoom,
        inputs: &[String],
        at: usize,
    ) -> Vec<Vec<f32>> {
        let mut change = room.space.no_change(&room.inputs, inputs);
        if restart == 0 {
            return change;
        }
        let purpose =
            format!("attack {:?} {} {restart} {}", self.norm, self.strength, room.samples[at]);
        let mut rng = stats::generator(self.seed, &purpose);
        let entries: usize = change.iter().map(Vec::len).sum();
        match self.norm {
            AttackNorm::L2 => {
                for value in change.iter_mut().flatten() {
                    *value = stats::standard_normal_pair(&mut rng)[0] as f32;
                }
                let share: f64 = rng.random();
                let radius = self.strength * share.powf(1.0 / entries.max(1) as f64);
                scale_to(&mut change, radius);
            }
            AttackNorm::Linf => {
                for value in change.iter_mut().flatten() {
                    *value = (self.strength * (2.0 * rng.random::<f64>() - 1.0)) as f32;
                }
            }
        }
        room.space.clip(&room.inputs, inputs, at, &mut change);
        change
    }

    /// One step along the gradient, back into the bound and the inputs' range.
    fn step(
        &self,
        change: &mut [Vec<f32>],
        gradients: &[Vec<f32>],
        room: &SampleRoom,
        (inputs, at): (&[String], usize),
    ) {
        let length = match self.method {
            AttackMethod::Fgsm => self.strength,
            _ => REACH * self.strength / self.steps.max(1) as f64,
        };
        // By the chain rule: a change counts in ranges.
        let slopes = || {
            let each = gradients.iter().zip(room.space.spans(inputs));
            each.flat_map(|(gradient, span)| gradient.iter().map(move |g| f64::from(g * span)))
        };
        let norm = slopes().map(|slope| slope * slope).sum::<f64>().sqrt();
        for (value, slope) in change.iter_mut().flatten().zip(slopes()) {
            let direction = match self.norm {
                AttackNorm::Linf if slope == 0.0 => 0.0,
                AttackNorm::Linf => slope.signum(),
                AttackNorm::L2 if norm > 0.0 => slope / norm,
                AttackNorm::L2 => 0.0,
            };
            *value += (length * direction) as f32;
        }
        match self.norm {
            AttackNorm::Linf => {
                let bound = self.strength as f32;
                change.iter_mut().flatten().for_each(|value| *value = value.clamp(-bound, bound));
            }
            AttackNorm::L2 if length_of(change) > self.strength => scale_to(change, self.strength),
            AttackNorm::L2 => {}
        }
        room.space.clip(&room.inputs, inputs, at, change);
    }
}

/// The root of the sum of all squares.
fn length_of(change: &[Vec<f32>]) -> f64 {
    change.iter().flatten().map(|value| f64::from(*value).powi(2)).sum::<f64>().sqrt()
}

/// Makes a change as long as `radius`; one of length 0 stays.
fn scale_to(change: &mut [Vec<f32>], radius: f64) {
    let length = length_of(change);
    if length > 0.0 {
        let factor = (radius / length) as f32;
        change.iter_mut().flatten().for_each(|value| *value *= factor);
    }
}
