//! Adam, and the learning rate over the steps of a training.

/// Decay of the first and the second moment, and what keeps the division finite: the paper's own.
const DECAYS: (f32, f32) = (0.9, 0.999);
const EPSILON: f32 = 1e-8;
/// Share of the steps over which the rate rises from 0.
const WARM_UP: f64 = 0.05;

/// Sizes of tensors below which a step is no smaller: biases that begin at 0 must be able to move.
const SMALLEST_SIZE: f64 = 1e-3;

/// Adam without weight decay, over several lists of numbers. The rate of each is relative to its size, as
/// a rule the root mean square of its values at the start, so that one rate fits models of any scale.
///
/// Sources: D. Kingma & J. Ba 2015, arXiv 1412.6980, algorithm 1; relative steps as in N. Shazeer & M.
/// Stern 2018, arXiv 1804.04235, section 8.
#[derive(Clone, Debug)]
pub(super) struct AdamOptimizer {
    steps: i32,
    /// Sizes of the lists.
    sizes: Vec<f64>,
    /// First and second moments, one a number, list by list.
    moments: Vec<Vec<(f32, f32)>>,
}

impl AdamOptimizer {
    /// Moments of 0 for lists with these values and sizes.
    pub(super) fn new(weights: &[Vec<f32>], sizes: Vec<f64>) -> AdamOptimizer {
        AdamOptimizer {
            steps: 0,
            sizes,
            moments: weights.iter().map(|values| vec![(0.0, 0.0); values.len()]).collect(),
        }
    }

    /// Moves weights against their gradients.
    pub(super) fn update(&mut self, weights: &mut [Vec<f32>], gradients: &[Vec<f32>], rate: f64) {
        self.steps += 1;
        let (first, second) = DECAYS;
        // In 64 bits: 1 − 0.999ᵗ has few digits otherwise.
        let correction = |decay: f32| 1.0 - f64::from(decay).powi(self.steps);
        let rate = rate / correction(first);
        let root = correction(second).sqrt() as f32;
        let tensors = self.moments.iter_mut().zip(&self.sizes).zip(weights).zip(gradients);
        for (((moments, size), weights), gradients) in tensors {
            let rate = (rate * size) as f32;
            for ((moment, weight), gradient) in moments.iter_mut().zip(weights).zip(gradients) {
                moment.0 = first * moment.0 + (1.0 - first) * gradient;
                moment.1 = second * moment.1 + (1.0 - second) * gradient * gradient;
                *weight -= rate * moment.0 / (moment.1.sqrt() / root + EPSILON);
            }
        }
    }
}

/// The root mean square of a tensor's values, of which a step is a share.
pub(super) fn root_mean_square(values: &[f32]) -> f64 {
    let squares: f64 = values.iter().map(|value| f64::from(*value).powi(2)).sum();
    (squares / values.len().max(1) as f64).sqrt().max(SMALLEST_SIZE)
}

/// The share of the learning rate at a step, counted from 0: it rises linearly, then falls as half a
/// cosine to 0.
///
/// Source of the cosine: I. Loshchilov & F. Hutter 2017, arXiv 1608.03983.
pub(super) fn cosine_schedule(step: usize, steps: usize) -> f64 {
    let warm_up = (WARM_UP * steps as f64).ceil().max(1.0);
    let step = step as f64;
    if step < warm_up {
        return (step + 1.0) / warm_up;
    }
    let done = (step - warm_up) / (steps as f64 - warm_up).max(1.0);
    (1.0 + (std::f64::consts::PI * done.min(1.0)).cos()) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_steps_are_those_of_the_paper() {
        let mut weights = vec![vec![1.0, -2.0], vec![0.5]];
        assert!((root_mean_square(&weights[0]) - 2.5f64.sqrt()).abs() < 1e-12);
        let mut adam = AdamOptimizer::new(&weights, vec![1.0, 1.0]);
        adam.update(&mut weights, &[vec![0.1, -0.2], vec![0.0]], 0.01);
        // The first step is the rate times the gradient's sign.
        let near = |a: f32, b: f64| (f64::from(a) - b).abs() < 1e-6;
        assert!(near(weights[0][0], 0.99) && near(weights[0][1], -1.99), "{weights:?}");
        adam.update(&mut weights, &[vec![0.3, -0.2], vec![0.0]], 0.01);
        // m = 0.9·0.01 + 0.1·0.3 = 0.039, m̂ = 0.039 / 0.19;
        // v = 0.999·1e-5 + 1e-3·0.09 = 9.999e-5, v̂ = 9.999e-5 / 0.001999.
        let moved = 0.01 * (0.039 / 0.19) / (9.999e-5f64 / 0.001_999).sqrt();
        assert!(near(weights[0][0], 0.99 - moved), "{weights:?}");
        assert!(near(weights[0][1], -1.98), "{weights:?}");
        assert_eq!(weights[1][0], 0.5);
    }

    #[test]
    fn the_rate_rises_and_falls_to_nothing() {
        let rates: Vec<f64> = (0..100).map(|step| cosine_schedule(step, 100)).collect();
        assert_eq!((rates[0], rates[4], rates[5]), (0.2, 1.0, 1.0));
        assert!(rates[5..].windows(2).all(|pair| pair[0] >= pair[1]));
        assert!((rates[52] - 0.5).abs() < 0.02 && rates[99] < 1e-3, "{rates:?}");
        assert_eq!(cosine_schedule(0, 1), 1.0);
    }
}
