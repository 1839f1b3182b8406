//! The numbers that a training changes: weights, and the scales of a quantization that is simulated.

use super::adam::root_mean_square;
use super::trainable::TrainableTensor;
use crate::quantize::{LearnedScales, QuantizationSimulation, WeightQuantizer};
use std::collections::BTreeMap;

/// Learning rate of the logarithm of a scale's ratio to that of the start, relative to that of weights,
/// which is a share of their size.
const SCALE_RATE: f64 = 1.0;

/// Lists of numbers in one order: those of each tensor, the logarithms of the ratios of its scales where
/// it is quantized, and that of each activation's scale.
pub(super) type ParameterLists = Vec<Vec<f32>>;

/// A list of weights with its fake quantizer and the logarithms of its scales' ratios.
type QuantizedList<'l> = ((&'l Option<&'l WeightQuantizer>, &'l Vec<f32>), &'l Vec<f32>);

/// The parameters of a student, and their relation to what passes read.
pub(super) struct StudentParameters<'a> {
    tensors: &'a [TrainableTensor],
    /// The fake quantizer of each tensor.
    quantizers: Vec<Option<&'a WeightQuantizer>>,
    /// Ratios of activations' scales as tensors of one number.
    ratios: &'a [TrainableTensor],
}

impl<'a> StudentParameters<'a> {
    /// Those of `tensors` and of the `ratios` of a simulation's activations.
    pub(super) fn new(
        tensors: &'a [TrainableTensor],
        ratios: &'a [TrainableTensor],
        simulation: Option<&'a QuantizationSimulation>,
    ) -> StudentParameters<'a> {
        let quantizer = |tensor: &TrainableTensor| simulation?.quantizer(&tensor.name);
        let quantizers = tensors.iter().map(quantizer).collect();
        StudentParameters { tensors, quantizers, ratios }
    }

    /// The parameters before training.
    pub(super) fn start(&self) -> ParameterLists {
        let weights = self.tensors.iter().map(|own| own.values.clone());
        let scales = self.quantizers.iter().map(|own| vec![0.0; scale_count(*own)]);
        weights.chain(scales).chain(self.ratios.iter().map(|_| vec![0.0])).collect()
    }

    /// The size of each list, to which its learning rate is relative.
    pub(super) fn sizes(&self) -> Vec<f64> {
        let weights = self.tensors.iter().map(|own| root_mean_square(&own.values));
        let scales = self.quantizers.len() + self.ratios.len();
        weights.chain(std::iter::repeat_n(SCALE_RATE, scales)).collect()
    }

    /// The tensors as passes read them: weights on their grids, then the ratios of activations' scales.
    pub(super) fn values(&self, parameters: &ParameterLists) -> Vec<Vec<f32>> {
        let [weights, scales, ratios] = self.parts(parameters);
        let quantized = |((own, values), logs): QuantizedList| match own {
            Some(quantizer) => quantizer.fake_quantize(values, logs),
            None => Vec::clone(values),
        };
        let quantized = self.quantizers.iter().zip(weights).zip(scales).map(quantized);
        quantized.chain(ratios.iter().map(|logs| exponentials(logs))).collect()
    }

    /// The gradients of the parameters from those of what passes read. Weights that are to stay zero
    /// have none.
    pub(super) fn gradients(
        &self,
        parameters: &ParameterLists,
        read: Vec<Vec<f32>>,
    ) -> ParameterLists {
        let [weights, scales, ratios] = self.parts(parameters);
        let (mut of_weights, mut of_scales, mut of_ratios) = (Vec::new(), Vec::new(), Vec::new());
        let mut read = read.into_iter();
        for (position, own) in self.quantizers.iter().enumerate() {
            let upstream = read.next().unwrap_or_default();
            match own {
                Some(quantizer) => {
                    let (values, logs) = (&weights[position], &scales[position]);
                    let found = quantizer.gradients(values, logs, &upstream);
                    of_weights.push(found.weights);
                    of_scales.push(found.log_ratios);
                }
                None => {
                    of_weights.push(upstream);
                    of_scales.push(Vec::new());
                }
            }
        }
        for (logs, upstream) in ratios.iter().zip(read) {
            let each = exponentials(logs).into_iter().zip(upstream);
            of_ratios.push(each.map(|(ratio, gradient)| ratio * gradient).collect());
        }
        for (tensor, gradient) in self.tensors.iter().zip(&mut of_weights) {
            for (position, value) in gradient.iter_mut().enumerate() {
                if tensor.stays_zero(position) {
                    *value = 0.0;
                }
            }
        }
        of_weights.into_iter().chain(of_scales).chain(of_ratios).collect()
    }

    /// The scales of all quantized tensors before and behind training, by the tensor that they are of.
    pub(super) fn scales(&self, parameters: &ParameterLists) -> Vec<(String, [Vec<f32>; 2])> {
        let [_, scales, _] = self.parts(parameters);
        let each = self.tensors.iter().zip(&self.quantizers).zip(scales);
        let of_weights = each.filter_map(|((tensor, quantizer), logs)| {
            let quantizer = (*quantizer)?;
            let start = quantizer.scales(&vec![0.0; logs.len()]);
            Some((tensor.name.clone(), [start, quantizer.scales(logs)]))
        });
        of_weights.collect()
    }

    /// The scales as the quantization behind the training takes them.
    pub(super) fn learned_scales(
        &self,
        simulation: &QuantizationSimulation,
        parameters: &ParameterLists,
    ) -> LearnedScales {
        let [_, _, logs] = self.parts(parameters);
        let weights = self.scales(parameters).into_iter().map(|(name, [_, own])| (name, own));
        let each = self.ratios.iter().zip(logs);
        let ratios: BTreeMap<String, f32> = each
            .filter_map(|(ratio, logs)| Some((ratio.name.clone(), logs.first()?.exp())))
            .collect();
        simulation.learned_scales(&weights.collect(), &ratios)
    }

    /// Lists of weights, of their scales, and of activations' scales.
    fn parts<'p>(&self, parameters: &'p ParameterLists) -> [&'p [Vec<f32>]; 3] {
        let (weights, rest) = parameters.split_at(self.tensors.len());
        let (scales, ratios) = rest.split_at(self.quantizers.len());
        [weights, scales, ratios]
    }
}

fn scale_count(quantizer: Option<&WeightQuantizer>) -> usize {
    quantizer.map_or(0, WeightQuantizer::scale_count)
}

fn exponentials(logs: &[f32]) -> Vec<f32> {
    logs.iter().map(|log| log.exp()).collect()
}
