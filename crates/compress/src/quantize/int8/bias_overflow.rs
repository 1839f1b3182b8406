//! Biases that are too large for 32-bit integers at the scales of their layers.

use crate::QuantizationGranularity;
use crate::quantize::affine::AffineQuantizer;
use crate::quantize::quantizable_layers::QuantizableLayer;
use crate::quantize::weight_grid::WeightGrid;
use std::collections::BTreeMap;

/// A bias takes no more than half of what 32 bits hold, so that the sums have the rest.
const MOST: f64 = (1u32 << 30) as f64;

/// Makes scales of weights large enough for the biases of static layers: bias / (input scale · weight
/// scale) must be a 32-bit integer. With a scale an output that output's own is raised: what its weights
/// lose is below 2⁻³⁰ of its bias. Gives the layers with one scale that has no room, with the reason.
pub(in crate::quantize) fn fit_biases(
    layers: &[QuantizableLayer],
    affines: &BTreeMap<String, AffineQuantizer>,
    grids: &mut BTreeMap<String, WeightGrid>,
) -> Vec<(String, String)> {
    let mut refused = Vec::new();
    for layer in layers.iter().filter(|layer| layer.scheme.is_static()) {
        let (Some(bias), Some(affine)) = (&layer.bias, affines.get(&layer.input)) else { continue };
        let Some(WeightGrid::Int8(grid)) = grids.get_mut(&layer.name) else { continue };
        for (output, bias) in bias.iter().enumerate() {
            let least = f64::from(bias.abs()) / (f64::from(affine.scale) * MOST);
            if f64::from(grid.of(output)) >= least {
                continue;
            }
            match layer.scheme.granularity() {
                QuantizationGranularity::Channel => grid.scales[output] = (least as f32).next_up(),
                QuantizationGranularity::Tensor => {
                    let reason = format!(
                        "its bias {bias:e} does not fit into 32 bits at the scale {:e} of all its weights; a scale a channel (`per = \"channel\"`) has room for it",
                        grid.of(output)
                    );
                    refused.push((layer.name.clone(), reason));
                    break;
                }
            }
        }
    }
    refused
}
