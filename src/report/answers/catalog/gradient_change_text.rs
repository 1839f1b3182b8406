//! Changes of gradients around a component as text.

use paring_compress::catalog::GradientChange;

/// The change of the norms of gradients around a component; `None` where no weight has one.
pub(super) fn gradient_change_text(change: GradientChange) -> Option<String> {
    let side = |value: Option<f64>, side: &str| {
        value.map(|value| format!("{:+.1} % at the weights {side} it", 100.0 * value))
    };
    let sides = [side(change.before, "before"), side(change.behind, "behind")];
    let sides: Vec<String> = sides.into_iter().flatten().collect();
    (!sides.is_empty()).then(|| sides.join(" and "))
}
