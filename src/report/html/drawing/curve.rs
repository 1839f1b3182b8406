//! A signal as a curve, small enough to stand beside many others.

use super::markup::MarkupElement;

/// Width of the drawing in its own units.
const WIDTH: f64 = 240.0;
/// Height likewise.
const HEIGHT: f64 = 120.0;
/// Places along x; of a longer signal each place shows the lowest and the highest of its stretch.
const PLACES: usize = 240;

/// Draws numbers along one axis, from the least to the most of them; `words` say what they are.
pub fn curve(values: &[f64], words: &str) -> MarkupElement {
    let mut root = MarkupElement::new("svg");
    root.set("viewBox", &format!("0 0 {WIDTH} {HEIGHT}"))
        .set("preserveAspectRatio", "none")
        .set("role", "img")
        .set("aria-label", words);
    let finite = values.iter().copied().filter(|v| v.is_finite());
    let (low, high) =
        finite.fold((f64::INFINITY, f64::NEG_INFINITY), |(l, h), v| (l.min(v), h.max(v)));
    let span = if high > low { high - low } else { 1.0 };
    let up = |v: f64| HEIGHT - 3.0 - (v - low) / span * (HEIGHT - 6.0);
    let shown = stretches(values);
    let step = WIDTH / shown.len().max(2).saturating_sub(1) as f64;
    let mut path = String::new();
    for (place, value) in shown.iter().enumerate().filter(|(_, value)| value.is_finite()) {
        let letter = if path.is_empty() { 'M' } else { 'L' };
        path += &format!("{letter}{:.1} {:.1}", place as f64 * step, up(*value));
    }
    let mut drawn = MarkupElement::new("path");
    drawn.set("d", &path);
    root.push(drawn);
    root
}

/// All values; of more than fit, the lowest and the highest of each stretch in turn.
fn stretches(values: &[f64]) -> Vec<f64> {
    if values.len() <= PLACES {
        return values.to_vec();
    }
    let ends = values.chunks(values.len().div_ceil(PLACES / 2)).flat_map(|part| {
        let finite = || part.iter().copied().filter(|v| v.is_finite());
        [finite().fold(f64::INFINITY, f64::min), finite().fold(f64::NEG_INFINITY, f64::max)]
    });
    ends.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_lies_below_and_the_most_above() {
        let drawn = curve(&[0.0, 1.0, f64::NAN, 0.5], "x").text();
        assert!(drawn.contains("d=\"M0.0 117.0L80.0 3.0L240.0 60.0\""), "{drawn}");
        let mut long = vec![0.0; 10_000];
        long[5_000] = 9.0;
        let shown = stretches(&long);
        assert!(shown.len() <= PLACES && shown.contains(&9.0), "{}", shown.len());
        assert!(curve(&[], "none").text().contains("d=\"\""));
    }
}
