//! Feature flow as lines of text.

use paring_core::schema::{ActivationStatistics, AttentionHeadStatistics, LayerFlow};

/// A line for each layer.
pub fn flow_lines(layers: &[LayerFlow]) -> Vec<String> {
    let mut lines = vec![format!(
        "  {:<28} {:>14} {:>18} {:>15} {:>10}",
        "layer", "channels", "effective rank", "dead", "likeness"
    )];
    for layer in layers {
        let two = |of: &dyn Fn(&ActivationStatistics) -> String| match &layer.after {
            Some(after) => format!("{} → {}", of(&layer.before), of(after)),
            None => of(&layer.before),
        };
        lines.push(format!(
            "  {:<28} {:>14} {:>18} {:>15} {:>10}",
            layer.layer,
            two(&|f| f.channels.to_string()),
            two(&|f| format!("{:.1}", f.effective_rank)),
            two(&|f| format!("{:.0} %", 100.0 * f.dead)),
            layer.similarity.map_or("—".into(), |s| format!("{s:.3}"))
        ));
        for (model, flow) in [("before", Some(&layer.before)), ("after", layer.after.as_ref())] {
            let Some(flow) = flow.filter(|f| !f.heads.is_empty()) else { continue };
            let each = |h: &AttentionHeadStatistics| {
                format!("{:.2} nats {:.1} places", h.entropy, h.distance)
            };
            let heads: Vec<String> = flow.heads.iter().map(each).collect();
            lines.push(format!("    heads {model}: {}", heads.join(", ")));
        }
    }
    lines
}
