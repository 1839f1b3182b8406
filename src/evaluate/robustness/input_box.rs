//! The range that inputs stay in while they are changed, and changes counted in that range.

use super::perturbations::InputSpread;
use ndarray::{ArrayD, Axis};
use paring_agent::arrays::Array;
use paring_core::schema::InputRangeSource;
use std::collections::BTreeMap;

/// Lower and upper ends of float inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct InputBox {
    bounds: BTreeMap<String, (f32, f32)>,
    /// Declared, or seen in the data.
    pub source: InputRangeSource,
}

impl InputBox {
    /// The declared range, else that of each input in the data. Inputs without a width are left out.
    pub fn new(spreads: &BTreeMap<String, InputSpread>, declared: Option<[f64; 2]>) -> InputBox {
        let bound = |spread: &InputSpread| match declared {
            Some([low, high]) => (low as f32, high as f32),
            None => (spread.low, spread.high),
        };
        let each = spreads.iter().map(|(name, spread)| (name.clone(), bound(spread)));
        let source = match declared {
            Some(_) => InputRangeSource::Declared,
            None => InputRangeSource::Observed,
        };
        InputBox { bounds: each.filter(|(_, (low, high))| low < high).collect(), source }
    }

    fn bounds(&self, input: &str) -> (f32, f32) {
        self.bounds.get(input).copied().unwrap_or((0.0, 0.0))
    }

    /// Widths of the ranges of inputs, in their order; 0 of inputs that have none.
    pub(super) fn spans<'a>(&'a self, inputs: &'a [String]) -> impl Iterator<Item = f32> + 'a {
        inputs.iter().map(|input| {
            let (low, high) = self.bounds(input);
            high - low
        })
    }

    /// A change of nothing, of the size of one sample.
    pub(super) fn no_change(
        &self,
        inputs: &BTreeMap<String, Array>,
        names: &[String],
    ) -> Vec<Vec<f32>> {
        let entries = |name: &String| {
            let shape = inputs.get(name).map_or(&[][..], Array::shape);
            shape.iter().skip(1).product()
        };
        names.iter().map(|name| vec![0.0; entries(name)]).collect()
    }

    /// Shortens the change of one sample so that it stays in the range. A sample that is outside already
    /// may stay there, but goes no further.
    pub(super) fn clip(
        &self,
        inputs: &BTreeMap<String, Array>,
        names: &[String],
        row: usize,
        change: &mut [Vec<f32>],
    ) {
        for (name, change) in names.iter().zip(change) {
            let Some(Array::F32(values)) = inputs.get(name) else { continue };
            let (low, high) = self.bounds(name);
            let span = high - low;
            if span <= 0.0 {
                change.fill(0.0);
                continue;
            }
            for (change, value) in change.iter_mut().zip(values.index_axis(Axis(0), row)) {
                let (down, up) = ((low - value) / span, (high - value) / span);
                *change = change.clamp(down.min(0.0), up.max(0.0));
            }
        }
    }

    /// Inputs of the samples in `rows` with their changes; inputs that are not attacked as they are.
    pub(super) fn changed(
        &self,
        inputs: &BTreeMap<String, Array>,
        names: &[String],
        rows: &[usize],
        changes: &[&[Vec<f32>]],
    ) -> BTreeMap<String, Array> {
        let each = inputs.iter().map(|(name, array)| {
            let own = array.take(rows);
            let place = names.iter().position(|attacked| attacked == name);
            let (Some(place), Array::F32(values)) = (place, &own) else {
                return (name.clone(), own);
            };
            let moved = self.moved(name, values, |row| {
                changes.get(row).and_then(|change| change.get(place)).map_or(&[], Vec::as_slice)
            });
            (name.clone(), Array::F32(moved))
        });
        each.collect()
    }

    fn moved<'c>(
        &self,
        name: &str,
        values: &ArrayD<f32>,
        change: impl Fn(usize) -> &'c [f32],
    ) -> ArrayD<f32> {
        let (low, high) = self.bounds(name);
        let span = high - low;
        let mut moved = values.clone();
        for (row, mut sample) in moved.axis_iter_mut(Axis(0)).enumerate() {
            for (value, change) in sample.iter_mut().zip(change(row)) {
                if *change != 0.0 {
                    // Rounding does not lead out of the range.
                    let (low, high) = (low.min(*value), high.max(*value));
                    *value = (*value + change * span).clamp(low, high);
                }
            }
        }
        moved
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ndarray::IxDyn;

    #[test]
    fn changes_stay_in_the_range_and_what_is_outside_goes_no_further() {
        let values = ArrayD::from_shape_vec(IxDyn(&[1, 3]), vec![0.25, 3.75, 5.0]).unwrap();
        let inputs = BTreeMap::from([("x".to_string(), Array::F32(values))]);
        let spread = InputSpread { low: 0.0, high: 4.0, deviation: 1.0 };
        let space = InputBox::new(&BTreeMap::from([("x".to_string(), spread)]), None);
        let names = ["x".to_string()];
        let mut change = vec![vec![-0.5, 0.5, 0.5]];
        space.clip(&inputs, &names, 0, &mut change);
        assert_eq!(change, [[-0.0625, 0.0625, 0.0]]);
        let moved = space.changed(&inputs, &names, &[0], &[&change]);
        let Array::F32(moved) = &moved["x"] else { panic!() };
        assert_eq!(moved.iter().copied().collect::<Vec<_>>(), [0.0, 4.0, 5.0]);
        let declared =
            InputBox::new(&BTreeMap::from([("x".to_string(), spread)]), Some([0.0, 8.0]));
        assert_eq!(declared.spans(&names).collect::<Vec<_>>(), [8.0]);
        assert_eq!(declared.source, InputRangeSource::Declared);
    }
}
