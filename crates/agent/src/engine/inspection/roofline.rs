//! Roofline of this machine under the engine's kernels, on one core.

use crate::engine::{ENGINE, EngineError, MatrixProduct, ProductPrecision};
use paring_core::schema::{KernelPeak, MachineRoofline, ReadBandwidth, SCHEMA};
use std::hint::black_box;
use std::time::{Duration, Instant};
use tract_linalg::Func;

/// Time spent on one figure.
const BUDGET: Duration = Duration::from_millis(12);
/// And at most, where a single call is slow.
const MOST: Duration = Duration::from_millis(150);
/// One reading of the clock covers at least this.
const CHUNK: Duration = Duration::from_micros(50);
/// Readings of one figure, lest the machine did something else during the only ones.
const CHUNKS: usize = 12;
/// From the first cache to main memory.
const SIZES: [usize; 6] = [16 << 10, 128 << 10, 1 << 20, 4 << 20, 16 << 20, 64 << 20];

/// Measures every kernel that this machine runs, operands packed and in cache, and how fast buffers
/// from 16 KiB to 64 MiB are read by the engine's fastest reading kernel. Half a second or so.
///
/// # Errors
/// [`EngineError::MatrixProduct`] where a kernel fails.
pub fn measure_roofline() -> Result<MachineRoofline, EngineError> {
    let mut kernels = Vec::new();
    for precision in [ProductPrecision::F32, ProductPrecision::F16, ProductPrecision::Int8] {
        for kernel in precision.kernels() {
            let mut product = MatrixProduct::under(precision, &kernel, 1)?;
            product.run()?;
            let ns = fastest_ns(&mut || product.run())?;
            let gops = 2.0 * product.macs() as f64 / ns;
            kernels.push(KernelPeak { kernel, precision: precision.to_string(), gops });
        }
    }
    Ok(MachineRoofline { schema: SCHEMA, engine: ENGINE.to_string(), kernels, reads: reads()? })
}

fn reads() -> Result<Vec<ReadBandwidth>, EngineError> {
    let failed = |e| EngineError::Product(format!("read memory: {e:#}"));
    let reader = Func::ReduceMax.reduce_f32().map_err(failed)?;
    let largest = SIZES.last().copied().unwrap_or(0);
    let buffer: Vec<f32> = (0..largest / 4).map(|i| (i % 1_000) as f32).collect();
    let of_size = |bytes: &usize| {
        let part = &buffer[..bytes / 4];
        let ns = fastest_ns(&mut || {
            black_box(reader.run(black_box(part)).map_err(failed)?);
            Ok(())
        })?;
        Ok(ReadBandwidth { bytes: *bytes as u64, gb_per_s: *bytes as f64 / ns })
    };
    SIZES.iter().map(of_size).collect()
}

/// The fastest mean of chunks of calls within the budget, in nanoseconds.
fn fastest_ns(work: &mut dyn FnMut() -> Result<(), EngineError>) -> Result<f64, EngineError> {
    let (begun, mut fastest, mut calls, mut chunks) = (Instant::now(), f64::INFINITY, 1u32, 0);
    loop {
        let start = Instant::now();
        for _ in 0..calls {
            work()?;
        }
        let took = start.elapsed();
        if took < CHUNK {
            calls = calls.saturating_mul(2);
            continue;
        }
        fastest = fastest.min(took.as_nanos() as f64 / f64::from(calls));
        chunks += 1;
        let spent = begun.elapsed();
        if (chunks >= CHUNKS && spent >= BUDGET) || spent >= MOST {
            return Ok(fastest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn peaks_know_every_kernel_and_size() {
        let found = measure_roofline().unwrap();
        assert!(found.kernels.iter().all(|k| k.gops > 0.0 && k.gops.is_finite()));
        assert!(found.compute("f32").is_some() && found.compute("int8").is_some());
        assert_eq!(found.reads.len(), SIZES.len());
        assert!(found.reads.iter().all(|r| r.gb_per_s > 0.0 && r.gb_per_s.is_finite()));
    }
}
