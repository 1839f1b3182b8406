//! Measured roofline of a machine: compute and memory peaks that layers are held against.

use serde::{Deserialize, Serialize};

/// The most that one core of a machine did under this engine.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct MachineRoofline {
    /// Format version.
    pub schema: u32,
    /// Engine and version.
    pub engine: String,
    /// Every kernel for matrix products that the machine runs.
    pub kernels: Vec<KernelPeak>,
    /// Reading speed by the size of what is read, ascending.
    pub reads: Vec<ReadBandwidth>,
}

/// A kernel at its best: operands packed and in cache.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct KernelPeak {
    /// The kernel's name.
    pub kernel: String,
    /// Precision of its operands: `f32`, `f16`, `int8`.
    pub precision: String,
    /// Billions of operations a second; a multiply-add is two.
    pub gops: f64,
}

/// Bandwidth of reading a buffer of one size over and over.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadBandwidth {
    /// The buffer.
    pub bytes: u64,
    /// Billions of bytes a second.
    pub gb_per_s: f64,
}

impl MachineRoofline {
    /// The best kernel of a precision, in billions of operations a second.
    pub fn compute(&self, precision: &str) -> Option<f64> {
        let own = self.kernels.iter().filter(|k| k.precision == precision);
        own.map(|k| k.gops).max_by(f64::total_cmp)
    }

    /// The precision that a kernel multiplies in; `None` of one that was not measured.
    pub fn precision_of(&self, kernel: &str) -> Option<&str> {
        self.kernels.iter().find(|k| k.kernel == kernel).map(|k| k.precision.as_str())
    }

    /// The speed at which so many bytes can be read, in billions a second: that of the smallest
    /// buffer that is no smaller, the largest's for more.
    pub fn bandwidth(&self, bytes: u64) -> Option<f64> {
        let fitting = self.reads.iter().find(|read| read.bytes >= bytes);
        fitting.or(self.reads.last()).map(|read| read.gb_per_s)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bandwidth_is_that_of_the_level_a_size_fits() {
        let read = |bytes, gb_per_s| ReadBandwidth { bytes, gb_per_s };
        let reads = vec![read(1_000, 80.0), read(1_000_000, 20.0)];
        let peaks = MachineRoofline { reads, ..MachineRoofline::default() };
        assert_eq!(peaks.bandwidth(1_000), Some(80.0));
        assert_eq!(peaks.bandwidth(1_001), Some(20.0));
        assert_eq!(peaks.bandwidth(9_000_000), Some(20.0));
        assert_eq!(MachineRoofline::default().bandwidth(1), None);
    }
}
