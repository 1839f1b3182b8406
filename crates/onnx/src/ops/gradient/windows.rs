//! Sliding windows of convolutions and pooling: their margins, and what is read through each place of
//! the window.

use super::emitter::{GradientEmitter, ShapedTensor};
use super::node_gradient::NodeGradient;
use super::refusal::GradientRefusal;
use crate::graph::{Node, Weights, set_ints};

/// Windows that slide over the spatial axes, which are all behind the first two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::ops) struct SlidingWindows {
    /// Spatial sizes of what the windows slide over.
    pub(in crate::ops) input: Vec<usize>,
    /// Number of positions of the window along each axis.
    pub(in crate::ops) output: Vec<usize>,
    pub(in crate::ops) kernel: Vec<usize>,
    pub(in crate::ops) strides: Vec<usize>,
    pub(in crate::ops) dilations: Vec<usize>,
    /// Margin before the first entry.
    pub(in crate::ops) before: Vec<usize>,
    /// Margin behind the last entry, as far as windows reach.
    pub(in crate::ops) behind: Vec<usize>,
}

impl SlidingWindows {
    /// The windows of a node: `input` and `output` are the spatial sizes of what they slide over and of
    /// their positions, `kernel` those of a window.
    pub(in crate::ops) fn new(
        node: &NodeGradient,
        (input, output): (&[usize], &[usize]),
        kernel: &[usize],
    ) -> Result<Self, GradientRefusal> {
        let rank = input.len();
        let (strides, dilations) = (sizes(node, "strides", rank)?, sizes(node, "dilations", rank)?);
        if output.len() != rank || kernel.len() != rank || kernel.contains(&0) {
            return Err(node.refuse_form("a window of another rank than its input"));
        }
        let reach = |axis: usize| span(axis, (output, kernel), (&strides, &dilations));
        let reach: Vec<usize> = (0..rank).map(reach).collect();
        let before = margins(node, input, &reach)?;
        let behind = (0..rank).map(|axis| reach[axis].saturating_sub(input[axis] + before[axis]));
        Ok(SlidingWindows {
            input: input.to_vec(),
            output: output.to_vec(),
            kernel: kernel.to_vec(),
            behind: behind.collect(),
            strides,
            dilations,
            before,
        })
    }

    /// Number of entries from the first that a window reads to the last, over all positions.
    pub(in crate::ops) fn reach(&self, axis: usize) -> usize {
        span(axis, (&self.output, &self.kernel), (&self.strides, &self.dilations))
    }

    /// Places of a window, the last axis fastest.
    pub(in crate::ops) fn places(&self) -> Vec<Vec<usize>> {
        let mut places = vec![Vec::new()];
        for size in &self.kernel {
            let longer = |place: &Vec<usize>| {
                let own = place.clone();
                (0..*size).map(move |at| [own.as_slice(), &[at]].concat())
            };
            places = places.iter().flat_map(longer).collect();
        }
        places
    }

    /// `x` with its margins filled with `value`.
    pub(in crate::ops) fn with_margins(
        &self,
        e: &mut GradientEmitter,
        x: &ShapedTensor,
        value: f32,
    ) -> ShapedTensor {
        e.pad_with(x, &spatial(0, &self.before), &spatial(0, &self.behind), value)
    }

    /// Values that all windows read at one place, of a tensor with margins.
    pub(in crate::ops) fn read_at(
        &self,
        e: &mut GradientEmitter,
        padded: &ShapedTensor,
        place: &[usize],
    ) -> ShapedTensor {
        let offsets: Vec<usize> = place.iter().zip(&self.dilations).map(|(a, d)| a * d).collect();
        let mut counts = padded.dims[..2].to_vec();
        counts.extend(&self.output);
        e.slice(padded, &spatial(0, &offsets), &counts, &spatial(1, &self.strides))
    }

    /// The adjoint of [`SlidingWindows::read_at`]: values of all windows at the entries that they read
    /// at one place, zeros elsewhere, margins included.
    pub(in crate::ops) fn written_at(
        &self,
        e: &mut GradientEmitter,
        values: &ShapedTensor,
        place: &[usize],
    ) -> ShapedTensor {
        let apart = e.spread(values, &spatial(1, &self.strides));
        let mut counts = values.dims[..2].to_vec();
        let span = |(count, stride): (&usize, &usize)| count.saturating_sub(1) * stride + 1;
        counts.extend(self.output.iter().zip(&self.strides).map(span));
        let ones = vec![1; counts.len()];
        let apart = e.slice(&apart, &vec![0; counts.len()], &counts, &ones);
        let offsets: Vec<usize> = place.iter().zip(&self.dilations).map(|(a, d)| a * d).collect();
        let behind: Vec<usize> = (0..offsets.len())
            .map(|axis| {
                let whole = self.before[axis] + self.input[axis] + self.behind[axis];
                whole - offsets[axis] - counts[axis + 2]
            })
            .collect();
        e.pad(&apart, &spatial(0, &offsets), &spatial(0, &behind))
    }

    /// The value of the one position of a window at every entry that it sees, zeros elsewhere; there
    /// are no gaps in the window.
    pub(in crate::ops) fn written_whole(
        &self,
        e: &mut GradientEmitter,
        value: &ShapedTensor,
    ) -> ShapedTensor {
        // Parts of the window lie in the margins.
        let (mut seen, mut lead, mut trail) = (value.dims[..2].to_vec(), Vec::new(), Vec::new());
        for axis in 0..self.kernel.len() {
            let end = self.kernel[axis].saturating_sub(self.before[axis]).min(self.input[axis]);
            seen.push(end);
            lead.push(0);
            trail.push(self.input[axis] - end);
        }
        let whole = e.expand(value, &seen);
        e.pad(&whole, &spatial(0, &lead), &spatial(0, &trail))
    }

    /// A tensor without its margins.
    pub(in crate::ops) fn without_margins(
        &self,
        e: &mut GradientEmitter,
        padded: &ShapedTensor,
    ) -> ShapedTensor {
        let mut counts = padded.dims[..2].to_vec();
        counts.extend(&self.input);
        let ones = vec![1; counts.len()];
        e.slice(padded, &spatial(0, &self.before), &counts, &ones)
    }

    /// Convolution attributes of windows over a tensor that has its margins already.
    pub(in crate::ops) fn set_steps(&self, node: &mut Node) {
        set_window(node, &self.kernel, &self.strides, &self.dilations);
    }

    /// Convolution attributes of the windows whose kernel is the positions of these: steps between
    /// positions are gaps in that kernel, and the other way round.
    pub(in crate::ops) fn set_exchanged_steps(&self, node: &mut Node) {
        set_window(node, &self.output, &self.dilations, &self.strides);
    }
}

fn set_window(node: &mut Node, kernel: &[usize], strides: &[usize], dilations: &[usize]) {
    let list = |values: &[usize]| values.iter().map(|value| *value as i64).collect();
    set_ints(node, "strides", list(strides));
    set_ints(node, "dilations", list(dilations));
    set_ints(node, "kernel_shape", list(kernel));
}

fn span(
    axis: usize,
    (output, kernel): (&[usize], &[usize]),
    (strides, dilations): (&[usize], &[usize]),
) -> usize {
    output[axis].saturating_sub(1) * strides[axis] + (kernel[axis] - 1) * dilations[axis] + 1
}

/// Numbers for the spatial axes behind the same for batch and channels.
fn spatial(lead: usize, values: &[usize]) -> Vec<usize> {
    [&[lead, lead], values].concat()
}

fn sizes(node: &NodeGradient, name: &str, rank: usize) -> Result<Vec<usize>, GradientRefusal> {
    let list = node.ints(name).filter(|list| !list.is_empty());
    let list: Option<Vec<usize>> = match list {
        Some(list) => list.iter().map(|v| usize::try_from(*v).ok().filter(|v| *v > 0)).collect(),
        None => Some(vec![1; rank]),
    };
    let list = list.filter(|list| list.len() == rank);
    list.ok_or_else(|| node.refuse_form(&format!("`{name}` of another rank")))
}

/// The margin before the first entry of each axis.
fn margins(
    node: &NodeGradient,
    input: &[usize],
    reach: &[usize],
) -> Result<Vec<usize>, GradientRefusal> {
    let rank = input.len();
    let same = |lower: usize| {
        let axes = reach.iter().zip(input);
        axes.map(|(reach, input)| (reach.saturating_sub(*input) + lower) / 2).collect()
    };
    match node.text("auto_pad").as_str() {
        "SAME_UPPER" => Ok(same(0)),
        "SAME_LOWER" => Ok(same(1)),
        "VALID" => Ok(vec![0; rank]),
        _ => {
            let Some(pads) = node.ints("pads").filter(|pads| !pads.is_empty()) else {
                return Ok(vec![0; rank]);
            };
            let first = pads.get(..rank).unwrap_or_default();
            let before: Option<Vec<usize>> =
                first.iter().map(|pad| usize::try_from(*pad).ok()).collect();
            let before = before.filter(|before| before.len() == rank);
            before.ok_or_else(|| node.refuse_form("`pads` of another rank"))
        }
    }
}

/// The share that each entry has in the mean of its window, one number a position: entries count
/// within `reached`.
pub(in crate::ops) fn entry_shares(
    windows: &SlidingWindows,
    reached: &[(usize, usize)],
) -> Weights {
    let axes: Vec<Vec<f32>> = (0..windows.input.len())
        .map(|axis| {
            let (low, high) = reached[axis];
            let start = |at: usize| at * windows.strides[axis];
            let entries = |at: usize| {
                (0..windows.kernel[axis]).map(move |k| start(at) + k * windows.dilations[axis])
            };
            let count = |at: usize| entries(at).filter(|e| (low..high).contains(e)).count() as f32;
            (0..windows.output[axis]).map(count).collect()
        })
        .collect();
    let mut values = vec![1.0];
    for counts in &axes {
        values = values.iter().flat_map(|v| counts.iter().map(move |c| v * c)).collect();
    }
    let shares: Vec<f32> = values.iter().map(|count: &f32| 1.0 / count.max(1.0)).collect();
    Weights::f32(&[&[1, 1], windows.output.as_slice()].concat(), &shares)
}
