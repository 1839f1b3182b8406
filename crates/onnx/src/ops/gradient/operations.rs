//! Operators that backward passes are made of, in forms that the engine and ONNX Runtime run alike.
//!
//! Of operator set 13 and later; operators whose form has changed since then are not emitted.

use super::emitter::{GradientEmitter, ShapedTensor};
use crate::graph::{ElementType, Weights, set_int, set_ints};

/// The shape of two tensors that are broadcast against each other.
fn broadcast(a: &[usize], b: &[usize]) -> Vec<usize> {
    let rank = a.len().max(b.len());
    let at = |dims: &[usize], axis: usize| match (axis + dims.len()).checked_sub(rank) {
        Some(own) => dims.get(own).copied().unwrap_or(1),
        None => 1,
    };
    (0..rank).map(|axis| if at(a, axis) == 1 { at(b, axis) } else { at(a, axis) }).collect()
}

impl GradientEmitter<'_> {
    /// A function of one tensor, value by value.
    pub fn unary(&mut self, op_type: &str, x: &ShapedTensor) -> ShapedTensor {
        self.emit(op_type, &[x], &x.dims, |_| {})
    }

    /// A function of two tensors that are broadcast against each other.
    pub fn binary(&mut self, op_type: &str, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        let dims = broadcast(&a.dims, &b.dims);
        self.emit(op_type, &[a, b], &dims, |_| {})
    }

    /// `a + b`
    pub fn add(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        self.binary("Add", a, b)
    }

    /// `a − b`
    pub fn sub(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        self.binary("Sub", a, b)
    }

    /// `a · b`
    pub fn mul(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        self.binary("Mul", a, b)
    }

    /// `a · b` of one number a channel, shape `[1, channels, 1, …]`: laid out for each sample, which
    /// the engine multiplies ten times as fast.
    pub fn mul_per_channel(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        let mut dims = b.dims.clone();
        dims[0] = a.dims[0];
        let each = self.expand(b, &dims);
        self.mul(a, &each)
    }

    /// `a / b`
    pub fn div(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        self.binary("Div", a, b)
    }

    /// `x · factor`
    pub fn scaled(&mut self, x: &ShapedTensor, factor: f32) -> ShapedTensor {
        if factor == 1.0 {
            return x.clone();
        }
        let factor = self.scalar(factor);
        self.mul(x, &factor)
    }

    /// `x + offset`
    pub fn shifted(&mut self, x: &ShapedTensor, offset: f32) -> ShapedTensor {
        let offset = self.scalar(offset);
        self.add(x, &offset)
    }

    /// `1 − x`
    pub fn complement(&mut self, x: &ShapedTensor) -> ShapedTensor {
        let one = self.scalar(1.0);
        self.sub(&one, x)
    }

    /// 1 where values are above a number, else 0.
    ///
    /// Made of arithmetic: the engine's comparisons with one number and its selections take ten to
    /// thirty times as long.
    pub fn above(&mut self, x: &ShapedTensor, value: f32) -> ShapedTensor {
        let over = if value == 0.0 { x.clone() } else { self.shifted(x, -value) };
        let over = self.unary("Relu", &over);
        self.unary("Sign", &over)
    }

    /// 1 where values are below a number, else 0.
    pub fn below(&mut self, x: &ShapedTensor, value: f32) -> ShapedTensor {
        let value = self.scalar(value);
        let under = self.sub(&value, x);
        let under = self.unary("Relu", &under);
        self.unary("Sign", &under)
    }

    /// 1 where two tensors have the same value, else 0.
    pub fn equal(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        let equal = self.binary("Equal", a, b);
        self.as_floats(&equal)
    }

    /// Truth values as floats.
    pub fn as_floats(&mut self, x: &ShapedTensor) -> ShapedTensor {
        let float = i64::from(ElementType::F32.0);
        self.emit("Cast", &[x], &x.dims, |node| set_int(node, "to", float))
    }

    /// The same values in another shape.
    pub fn reshape(&mut self, x: &ShapedTensor, dims: &[usize]) -> ShapedTensor {
        if x.dims == dims {
            return x.clone();
        }
        let list = self.sizes(dims);
        self.emit("Reshape", &[x, &list], dims, |_| {})
    }

    fn sizes(&mut self, dims: &[usize]) -> ShapedTensor {
        let sizes: Vec<i64> = dims.iter().map(|size| *size as i64).collect();
        self.list(&sizes)
    }

    /// Axes in another order.
    pub fn transpose(&mut self, x: &ShapedTensor, order: &[usize]) -> ShapedTensor {
        if order.iter().copied().eq(0..x.rank()) {
            return x.clone();
        }
        let dims: Vec<usize> = order.iter().map(|axis| x.dims[*axis]).collect();
        let order = order.iter().map(|axis| *axis as i64).collect();
        self.emit("Transpose", &[x], &dims, |node| set_ints(node, "perm", order))
    }

    /// The last two axes in the other order.
    pub fn flipped(&mut self, x: &ShapedTensor) -> ShapedTensor {
        let mut order: Vec<usize> = (0..x.rank()).collect();
        if let [.., a, b] = order.as_mut_slice() {
            std::mem::swap(a, b);
        }
        self.transpose(x, &order)
    }

    /// Sums over axes, which stay with size 1 or go.
    pub fn reduce_sum(&mut self, x: &ShapedTensor, axes: &[usize], keeps: bool) -> ShapedTensor {
        if axes.is_empty() {
            return x.clone();
        }
        let list = self.sizes(axes);
        let left = x.dims.iter().enumerate();
        let dims: Vec<usize> = match keeps {
            true => left.map(|(axis, size)| if axes.contains(&axis) { 1 } else { *size }).collect(),
            false => left.filter(|(axis, _)| !axes.contains(axis)).map(|(_, size)| *size).collect(),
        };
        let keeps = i64::from(keeps);
        self.emit("ReduceSum", &[x, &list], &dims, |node| set_int(node, "keepdims", keeps))
    }

    /// The sum over the axes along which a tensor of `dims` was broadcast to the shape of `x`.
    pub fn sum_to(&mut self, x: &ShapedTensor, dims: &[usize]) -> ShapedTensor {
        let lead = x.rank().saturating_sub(dims.len());
        let stretched = |axis: &usize| match axis.checked_sub(lead) {
            Some(own) => dims[own] == 1 && x.dims[*axis] != 1,
            None => true,
        };
        let axes: Vec<usize> = (0..x.rank()).filter(stretched).collect();
        let summed = self.reduce_sum(x, &axes, true);
        self.reshape(&summed, dims)
    }

    /// A tensor broadcast to a shape.
    pub fn expand(&mut self, x: &ShapedTensor, dims: &[usize]) -> ShapedTensor {
        if x.dims == dims {
            return x.clone();
        }
        let list = self.sizes(dims);
        self.emit("Expand", &[x, &list], dims, |_| {})
    }

    /// Zeros before and behind the entries of each axis.
    pub fn pad(&mut self, x: &ShapedTensor, before: &[usize], behind: &[usize]) -> ShapedTensor {
        self.pad_with(x, before, behind, 0.0)
    }

    /// Copies of a value before and behind the entries of each axis.
    pub fn pad_with(
        &mut self,
        x: &ShapedTensor,
        before: &[usize],
        behind: &[usize],
        value: f32,
    ) -> ShapedTensor {
        if before.iter().chain(behind).all(|count| *count == 0) {
            return x.clone();
        }
        let all: Vec<usize> = before.iter().chain(behind).copied().collect();
        let (list, value) = (self.sizes(&all), self.scalar(value));
        let sizes = x.dims.iter().zip(before).zip(behind);
        let dims: Vec<usize> = sizes.map(|((size, low), high)| size + low + high).collect();
        self.emit("Pad", &[x, &list, &value], &dims, |_| {})
    }

    /// `counts` entries of each axis from `starts` on, every `steps`-th.
    pub fn slice(
        &mut self,
        x: &ShapedTensor,
        starts: &[usize],
        counts: &[usize],
        steps: &[usize],
    ) -> ShapedTensor {
        let whole = |axis: &usize| starts[*axis] == 0 && counts[*axis] == x.dims[*axis];
        let axes: Vec<usize> = (0..x.rank()).filter(|axis| !whole(axis)).collect();
        if axes.is_empty() {
            return x.clone();
        }
        let of = |values: &dyn Fn(usize) -> usize| -> Vec<usize> {
            axes.iter().map(|axis| values(*axis)).collect()
        };
        let first = of(&|axis| starts[axis]);
        let end = of(&|axis| starts[axis] + counts[axis].saturating_sub(1) * steps[axis] + 1);
        let step = of(&|axis| steps[axis]);
        let lists = [&first, &end, &axes, &step].map(|values| self.sizes(values));
        let [first, end, axes, step] = &lists;
        self.emit("Slice", &[x, first, end, axes, step], counts, |_| {})
    }

    /// The entries of axes in the other order.
    pub fn reversed(&mut self, x: &ShapedTensor, axes: &[usize]) -> ShapedTensor {
        if axes.is_empty() {
            return x.clone();
        }
        let starts = self.list(&vec![-1; axes.len()]);
        let ends: Vec<i64> = axes.iter().map(|axis| -1 - x.dims[*axis] as i64).collect();
        let (ends, axes, steps) =
            (self.list(&ends), self.sizes(axes), self.list(&vec![-1; axes.len()]));
        self.emit("Slice", &[x, &starts, &ends, &axes, &steps], &x.dims, |_| {})
    }

    /// `steps − 1` zeros behind each entry of each axis.
    pub fn spread(&mut self, x: &ShapedTensor, steps: &[usize]) -> ShapedTensor {
        if steps.iter().all(|step| *step == 1) {
            return x.clone();
        }
        let (mut apart, mut behind, mut dims) = (Vec::new(), Vec::new(), Vec::new());
        for (size, step) in x.dims.iter().zip(steps) {
            dims.push(size * step);
            apart.push(*size);
            behind.push(0);
            if *step > 1 {
                apart.push(1);
                behind.push(step - 1);
            }
        }
        let split = self.reshape(x, &apart);
        let padded = self.pad(&split, &vec![0; behind.len()], &behind);
        self.reshape(&padded, &dims)
    }

    /// A function over one axis that gives the same shape.
    pub fn along(&mut self, op_type: &str, x: &ShapedTensor, axis: usize) -> ShapedTensor {
        self.emit(op_type, &[x], &x.dims, |node| set_int(node, "axis", axis as i64))
    }

    /// Parts one behind the other along an axis.
    pub fn concat(&mut self, parts: &[&ShapedTensor], axis: usize) -> ShapedTensor {
        let [first, rest @ ..] = parts else {
            return self.constant(Weights::f32(&[0], &[]));
        };
        if rest.is_empty() {
            return (*first).clone();
        }
        let mut dims = first.dims.clone();
        dims[axis] = parts.iter().map(|part| part.dims[axis]).sum();
        self.emit("Concat", parts, &dims, |node| set_int(node, "axis", axis as i64))
    }

    /// The product of the last two axes, those before them broadcast; both factors have two at least.
    pub fn matmul(&mut self, a: &ShapedTensor, b: &ShapedTensor) -> ShapedTensor {
        let (a_lead, b_lead) = (&a.dims[..a.rank() - 2], &b.dims[..b.rank() - 2]);
        let mut dims = broadcast(a_lead, b_lead);
        dims.extend([a.dims[a.rank() - 2], b.dims[b.rank() - 1]]);
        self.emit("MatMul", &[a, b], &dims, |_| {})
    }

    /// The sum of tensors of one shape; there is one at least.
    pub fn sum_of(&mut self, parts: &[ShapedTensor]) -> ShapedTensor {
        let mut sum = parts.first().cloned().unwrap_or_else(|| self.scalar(0.0));
        for part in parts.iter().skip(1) {
            sum = self.add(&sum, part);
        }
        sum
    }

    /// A gradient that belongs to the extreme `y` of `x` over axes, shared among all entries that
    /// have it; the axes have size 1 in `y` and `dy`.
    pub fn shared_among_equal(
        &mut self,
        x: &ShapedTensor,
        y: &ShapedTensor,
        dy: &ShapedTensor,
        axes: &[usize],
    ) -> ShapedTensor {
        let equal = self.equal(x, y);
        let count = self.reduce_sum(&equal, axes, true);
        let share = self.div(dy, &count);
        self.mul(&equal, &share)
    }

    /// The product of a matrix with every vector along an axis.
    pub fn along_axis(
        &mut self,
        matrix: &ShapedTensor,
        x: &ShapedTensor,
        axis: usize,
    ) -> ShapedTensor {
        let (lead, trail) = (&x.dims[..axis], &x.dims[axis + 1..]);
        let (before, behind): (usize, usize) = (lead.iter().product(), trail.iter().product());
        let stacked = self.reshape(x, &[before, x.dims[axis], behind]);
        let product = self.matmul(matrix, &stacked);
        let rows = matrix.dims[0];
        self.reshape(&product, &[lead, &[rows], trail].concat())
    }

    /// Zeros of a shape.
    pub fn zeros(&mut self, dims: &[usize]) -> ShapedTensor {
        let zero = self.scalar(0.0);
        self.expand(&zero, dims)
    }
}
