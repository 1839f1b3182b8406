//! The matrix that a Resize is along one axis.
//!
//! Source: the ONNX specification of Resize, coordinate transformations and nearest modes.

use crate::ops::gradient::{GradientRefusal, NodeGradient};

/// Position of an output's sample among the inputs'.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SampleCoordinate {
    HalfPixel,
    PytorchHalfPixel,
    AlignCorners,
    Asymmetric,
}

/// Rounding of a position to an entry.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NearestEntry {
    RoundPreferFloor,
    RoundPreferCeil,
    Floor,
    Ceil,
}

/// Interpolation of a Resize along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Interpolation {
    coordinate: SampleCoordinate,
    /// `None` of linear interpolation.
    nearest: Option<NearestEntry>,
}

impl Interpolation {
    /// The attributes of a Resize.
    pub(super) fn of(node: &NodeGradient) -> Result<Self, GradientRefusal> {
        let transformation = node.text("coordinate_transformation_mode");
        let coordinate = match transformation.as_str() {
            "" | "half_pixel" => SampleCoordinate::HalfPixel,
            "pytorch_half_pixel" => SampleCoordinate::PytorchHalfPixel,
            "align_corners" => SampleCoordinate::AlignCorners,
            "asymmetric" => SampleCoordinate::Asymmetric,
            other => return Err(node.refuse_form(&format!("coordinates `{other}`"))),
        };
        let rounding = node.text("nearest_mode");
        let nearest = match (node.text("mode").as_str(), rounding.as_str()) {
            ("linear", _) => None,
            ("" | "nearest", "" | "round_prefer_floor") => Some(NearestEntry::RoundPreferFloor),
            ("" | "nearest", "round_prefer_ceil") => Some(NearestEntry::RoundPreferCeil),
            ("" | "nearest", "floor") => Some(NearestEntry::Floor),
            ("" | "nearest", "ceil") => Some(NearestEntry::Ceil),
            (mode, _) => return Err(node.refuse_form(&format!("mode `{mode}`"))),
        };
        if node.int("antialias", 0) != 0 {
            return Err(node.refuse_form("antialiasing"));
        }
        Ok(Interpolation { coordinate, nearest })
    }

    fn position(self, at: usize, (from, to): (usize, usize), scale: f64) -> f64 {
        let at = at as f64;
        match self.coordinate {
            SampleCoordinate::PytorchHalfPixel if to <= 1 => 0.0,
            SampleCoordinate::HalfPixel | SampleCoordinate::PytorchHalfPixel => {
                (at + 0.5) / scale - 0.5
            }
            SampleCoordinate::AlignCorners if to <= 1 => 0.0,
            SampleCoordinate::AlignCorners => at * (from as f64 - 1.0) / (to as f64 - 1.0),
            SampleCoordinate::Asymmetric => at / scale,
        }
    }
}

/// The weight of every input entry in every output entry, shape `[from, to]`, inputs first.
pub(super) fn axis_matrix(
    interpolation: Interpolation,
    (from, to): (usize, usize),
    scale: f64,
) -> Vec<f32> {
    let mut matrix = vec![0.0; from * to];
    let last = from.saturating_sub(1) as f64;
    for at in 0..to {
        let position = interpolation.position(at, (from, to), scale);
        let mut add = |entry: f64, weight: f64| {
            let entry = entry.clamp(0.0, last) as usize;
            if let Some(place) = matrix.get_mut(entry * to + at) {
                *place += weight as f32;
            }
        };
        match interpolation.nearest {
            Some(NearestEntry::RoundPreferFloor) => add((position - 0.5).ceil(), 1.0),
            Some(NearestEntry::RoundPreferCeil) => add((position + 0.5).floor(), 1.0),
            Some(NearestEntry::Floor) => add(position.floor(), 1.0),
            Some(NearestEntry::Ceil) => add(position.ceil(), 1.0),
            None => {
                let low = position.floor();
                add(low, 1.0 - (position - low));
                add(low + 1.0, position - low);
            }
        }
    }
    matrix
}
