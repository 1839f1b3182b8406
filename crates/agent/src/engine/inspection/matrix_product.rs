//! Single matrix products under the kernels that the engine itself would choose for their shape.

use crate::engine::EngineError;
use paring_core::stats;
use rand::RngExt;
use std::fmt;
use tract_linalg::block_quant::Q4_0;
use tract_linalg::mmm::{
    AsInputValue, EagerPackedInput, FusedSpec, MMMInputValue, PanelExtractInput, Query,
    ScratchSpace, Suitable,
};
use tract_linalg::{MmmDispatch, WeightType};
use tract_onnx::prelude::*;

/// Precision of a matrix product's operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProductPrecision {
    /// Floats of 32 bits.
    F32,
    /// Floats of 16 bits, summed in 16 bits.
    F16,
    /// Integers of 8 bits, summed in 32.
    Int8,
    /// Weights of 4 bits in blocks of 32 with a scale each, activations and sums in 32-bit floats.
    Int4,
}

impl fmt::Display for ProductPrecision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            ProductPrecision::F32 => "f32",
            ProductPrecision::F16 => "f16",
            ProductPrecision::Int8 => "int8",
            ProductPrecision::Int4 => "int4",
        })
    }
}

/// Weights of 4 bits that share a scale.
const BLOCK: usize = 32;

impl ProductPrecision {
    fn query(self, (m, k, n): (usize, usize, usize)) -> Query {
        let plain = |accumulator| Query::plain(accumulator, Some(m), Some(k), Some(n));
        match self {
            ProductPrecision::F32 => plain(DatumType::F32),
            ProductPrecision::F16 => plain(DatumType::F16),
            ProductPrecision::Int8 => plain(DatumType::I32),
            ProductPrecision::Int4 => {
                Query { weight: WeightType::from(Q4_0), ..plain(DatumType::F32) }
            }
        }
    }

    fn accumulator(self) -> DatumType {
        match self {
            ProductPrecision::F32 | ProductPrecision::Int4 => DatumType::F32,
            ProductPrecision::F16 => DatumType::F16,
            ProductPrecision::Int8 => DatumType::I32,
        }
    }

    /// Every kernel of this precision that this machine runs, by name, the emulated ones left out.
    pub fn kernels(self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        for (kernel, _, _) in MmmDispatch::native().suitable(&self.query((1, 1, 1))) {
            if !kernel.emulated() && !names.iter().any(|name| name == kernel.name()) {
                names.push(kernel.name().to_string());
            }
        }
        names
    }
}

/// A product of an `m` by `k` matrix, packed beforehand as weights are, with a `k` by `n` one.
pub struct MatrixProduct {
    precision: ProductPrecision,
    size: (usize, usize, usize),
    kernel: Suitable,
    left: Box<dyn MMMInputValue>,
    right: Box<dyn MMMInputValue>,
    scratch: Box<dyn ScratchSpace>,
    result: Tensor,
    /// Operand precisions as the kernel sees them.
    operands: (Tensor, Tensor),
}

impl fmt::Debug for MatrixProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (m, k, n) = self.size;
        write!(f, "{} {m}x{k}x{n} {}", self.precision, self.kernel())
    }
}

impl MatrixProduct {
    /// A product of seeded random numbers, never zeros, under the kernel that the engine chooses for
    /// the shape.
    ///
    /// # Errors
    /// [`EngineError::MatrixProduct`] where no kernel of this machine can.
    pub fn new(
        precision: ProductPrecision,
        size: (usize, usize, usize),
        seed: u64,
    ) -> Result<MatrixProduct, EngineError> {
        let none = || EngineError::Product(format!("no kernel for {precision}"));
        let kernel = MmmDispatch::native().pick(&precision.query(size)).ok_or_else(none)?;
        Self::of(precision, size, kernel, seed)
    }

    /// Likewise, under the kernel of this name, at its own multiples of `m` and `n`.
    ///
    /// # Errors
    /// [`EngineError::MatrixProduct`] where this machine has no such kernel.
    pub fn under(
        precision: ProductPrecision,
        name: &str,
        seed: u64,
    ) -> Result<MatrixProduct, EngineError> {
        const SIDE: usize = 192;
        let none = || EngineError::Product(format!("no {precision} kernel `{name}`"));
        let mut suitable = MmmDispatch::native().suitable(&precision.query((1, 1, 1))).into_iter();
        let kernel = suitable.find(|(mmm, _, _)| mmm.name() == name).ok_or_else(none)?;
        let (mr, nr) = (kernel.0.mr(), kernel.0.nr());
        let (m, n) = (SIDE.next_multiple_of(mr), SIDE.next_multiple_of(nr));
        let n = if nr == 1 { 1 } else { n };
        Self::of(precision, (m, SIDE, n), kernel, seed)
    }

    fn of(
        precision: ProductPrecision,
        size: (usize, usize, usize),
        kernel: Suitable,
        seed: u64,
    ) -> Result<MatrixProduct, EngineError> {
        let (m, k, n) = size;
        if precision == ProductPrecision::Int4 && !k.is_multiple_of(BLOCK) {
            let problem =
                format!("int4 weights come in blocks of {BLOCK}, {k} is no multiple of it");
            return Err(EngineError::Product(problem));
        }
        let packed = || -> TractResult<MatrixProduct> {
            let (mmm, packing, extractor) = &kernel;
            let (format_left, format_right) = &mmm.packings()[*packing];
            let (a, b) = operands(precision, size, seed)?;
            let left = match extractor {
                None => format_left.prepare_one(&a, 1, 0)?,
                Some(extractor) => {
                    let packed = extractor.from.prepare_one(&a, 1, 0)?;
                    let data = packed.downcast_ref::<EagerPackedInput>().cloned();
                    let data = data.ok_or_else(|| TractError::msg("weights of another layout"))?;
                    Box::new(PanelExtractInput { format: extractor.clone(), data })
                }
            };
            let right = format_right.prepare_one(&b, 0, 1)?;
            let lossy = match extractor {
                Some(extractor) => extractor.from.simulate_precision_loss(a)?,
                None => format_left.simulate_precision_loss(a)?,
            };
            // SAFETY: the scratch space is the kernel's own.
            let scratch = unsafe { mmm.allocate_scratch_space() };
            let result = Tensor::zero_dt(precision.accumulator(), &[m, n])?;
            let operands = (lossy, b);
            Ok(MatrixProduct {
                precision,
                size,
                kernel: kernel.clone(),
                left,
                right,
                scratch,
                result,
                operands,
            })
        };
        packed().map_err(|e| EngineError::Product(format!("{precision} {m}x{k}x{n}: {e:#}")))
    }

    /// The kernel's name.
    pub fn kernel(&self) -> &str {
        self.kernel.0.name()
    }

    /// True if this machine has no arithmetic of this precision, so that the kernel converts every
    /// operation to another: thousands of times slower, and no figure of anything.
    pub fn emulated(&self) -> bool {
        self.kernel.0.emulated()
    }

    /// Multiply-adds.
    pub fn macs(&self) -> u64 {
        (self.size.0 * self.size.1 * self.size.2) as u64
    }

    /// Multiplies once.
    ///
    /// # Errors
    /// The engine's.
    pub fn run(&mut self) -> Result<(), EngineError> {
        let (m, _, n) = self.size;
        let (mmm, packing, _) = &self.kernel;
        // SAFETY: both operands were packed by this kernel's own formats, and the result has the
        // kernel's own type and `m` by `n` places.
        let done = unsafe {
            let store = mmm.c_view(Some(0), Some(1)).wrap(&self.result.view_mut());
            let product = FusedSpec::AddMatMul {
                a: AsInputValue::Borrowed(&*self.left),
                b: AsInputValue::Borrowed(&*self.right),
                packing: *packing,
            };
            mmm.run_with_scratch_space(
                m,
                n,
                &mut *self.scratch,
                &[product, FusedSpec::Store(store)],
            )
        };
        done.map_err(|e| EngineError::Product(format!("{self:?}: {e:#}")))
    }

    /// Multiplies once and holds the result against the naive loop, in a grid of at most 32 rows and
    /// 32 columns: the largest error relative to the sum of the magnitudes that were added up.
    ///
    /// # Errors
    /// The engine's.
    pub fn worst_error(&mut self) -> Result<f64, EngineError> {
        self.run()?;
        let (m, k, n) = self.size;
        let read = |tensor: &Tensor| -> TractResult<Vec<f64>> {
            let cast = tensor.cast_to::<f64>()?;
            Ok(cast.to_plain_array_view::<f64>()?.iter().copied().collect())
        };
        let all = read(&self.operands.0)
            .and_then(|a| Ok((a, read(&self.operands.1)?, read(&self.result)?)));
        let (a, b, c) = all.map_err(|e| EngineError::Product(format!("{self:?}: {e:#}")))?;
        let mut worst = 0.0f64;
        for row in (0..m).step_by(m.div_ceil(32)) {
            for column in (0..n).step_by(n.div_ceil(32)) {
                let terms = (0..k).map(|i| a[row * k + i] * b[i * n + column]);
                let (sum, size) = terms.fold((0.0, 0.0), |(s, z), t| (s + t, z + f64::abs(t)));
                worst = worst.max((c[row * n + column] - sum).abs() / f64::max(size, 1e-30));
            }
        }
        Ok(worst)
    }
}

/// Two matrices of seeded random numbers.
fn operands(
    precision: ProductPrecision,
    (m, k, n): (usize, usize, usize),
    seed: u64,
) -> TractResult<(Tensor, Tensor)> {
    let mut rng = stats::generator(seed, "product");
    let mut matrix = |rows: usize, columns: usize| -> TractResult<Tensor> {
        if precision == ProductPrecision::Int8 {
            let values: Vec<i8> =
                (0..rows * columns).map(|_| rng.random_range(-127..=127)).collect();
            return Tensor::from_shape(&[rows, columns], &values);
        }
        let values: Vec<f32> = (0..rows * columns).map(|_| rng.random_range(-1.0..1.0)).collect();
        let tensor = Tensor::from_shape(&[rows, columns], &values)?;
        match precision {
            ProductPrecision::F16 => Ok(tensor.cast_to_dt(DatumType::F16)?.into_owned()),
            _ => Ok(tensor),
        }
    };
    Ok((matrix(m, k)?, matrix(k, n)?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn right(precision: ProductPrecision, size: (usize, usize, usize), most: f64) {
        let mut product = MatrixProduct::new(precision, size, 1).unwrap();
        let worst = product.worst_error().unwrap();
        assert!(worst <= most, "{product:?}: {worst}");
    }

    #[test]
    fn products_equal_the_naive_loop() {
        for size in [(1, 64, 1), (33, 64, 17), (64, 288, 50), (10, 96, 1)] {
            right(ProductPrecision::F32, size, 1e-6);
            right(ProductPrecision::Int8, size, 0.0);
            right(ProductPrecision::Int4, size, 1e-6);
            right(ProductPrecision::F16, size, 2e-3);
        }
    }

    #[test]
    fn weights_that_fill_no_block_are_refused() {
        let refused =
            MatrixProduct::new(ProductPrecision::Int4, (16, 144, 10), 1).unwrap_err().to_string();
        let said = "matrix product: int4 weights come in blocks of 32, 144 is no multiple of it";
        assert_eq!(refused, said);
    }

    #[test]
    fn every_kernel_of_this_machine_multiplies_right() {
        for (precision, most) in [
            (ProductPrecision::F32, 1e-6),
            (ProductPrecision::Int8, 0.0),
            (ProductPrecision::Int4, 1e-6),
        ] {
            let names = precision.kernels();
            assert!(!names.is_empty());
            for name in names {
                let mut product = MatrixProduct::under(precision, &name, 2).unwrap();
                let worst = product.worst_error().unwrap();
                assert!(worst <= most, "{product:?}: {worst}");
            }
        }
    }
}
