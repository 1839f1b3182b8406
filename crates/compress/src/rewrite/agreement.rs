//! Agreement of two models' outputs on all calibration samples.

use crate::calibration_plan::calibration_plan;
use crate::catalog::Calibration;
use crate::{CompressError, DecisionRule};
use paring_core::schema::EngineOptions;
use paring_onnx::graph::Graph;

/// Outputs may differ by so much of the largest, and nothing may be predicted differently.
pub const LOSSLESS: f64 = 1e-5;

/// Agreement of two models' outputs on all calibration samples.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct OutputAgreement {
    /// Largest difference of outputs, relative to the largest output.
    pub apart: f64,
    /// Predictions that are other classes.
    pub flips: usize,
    /// Samples that were looked at.
    pub samples: usize,
}

impl OutputAgreement {
    /// True if the two compute the same, rounding apart.
    pub fn lossless(&self) -> bool {
        self.apart <= LOSSLESS && self.flips == 0
    }
}

/// Runs two models on all calibration samples.
///
/// # Errors
/// The engine's; outputs that are no numbers.
pub fn agreement(
    a: (&Graph, &EngineOptions),
    b: (&Graph, &EngineOptions),
    calibration: &Calibration,
    reading: DecisionRule,
) -> Result<OutputAgreement, CompressError> {
    let load = |(graph, options)| calibration_plan(graph, calibration, options);
    let (a, b) = (load(a)?, load(b)?);
    let (mut apart, mut largest, mut flips) = (0.0f64, f64::from(f32::MIN_POSITIVE), 0);
    for batch in 0..calibration.batches() {
        let arrays = calibration.arrays(batch);
        let left = a.run_numbers(&a.inputs(&arrays)?)?;
        let right = b.run_numbers(&b.inputs(&arrays)?)?;
        for (left, right) in left.iter().zip(&right) {
            for (x, y) in left.iter().zip(right) {
                largest = largest.max(f64::from(x.abs()));
                // A difference that is no number is as large as any.
                let off = f64::from((x - y).abs());
                apart = if off.is_nan() { f64::INFINITY } else { apart.max(off) };
            }
            // What moves numbers that are no classes, `apart` says.
            let rows = |output| reading.rows(output, calibration.batch);
            let both = rows(left).into_iter().zip(rows(right));
            flips += both.filter(|(was, is)| reading.changed(was, is, f64::INFINITY)).count();
        }
    }
    let samples = calibration.batches() * calibration.batch;
    Ok(OutputAgreement { apart: apart / largest, flips, samples })
}
