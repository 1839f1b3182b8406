//! Feature flow as lines of text.

use super::layout::text_table::shortened_inside;
use paring_core::schema::{ActivationStatistics, AttentionHeadStatistics, LayerFlow};

/// A line for each layer.
pub fn flow_lines(layers: &[LayerFlow]) -> Vec<String> {
    let mut lines = vec![format!(
        "  {:<24} {:>12} {:>16} {:>13} {:>8}",
        "layer", "channels", "effective rank", "dead, %", "likeness"
    )];
    for layer in layers {
        let two = |of: &dyn Fn(&ActivationStatistics) -> String| match &layer.after {
            Some(after) => format!("{} → {}", of(&layer.before), of(after)),
            None => of(&layer.before),
        };
        lines.push(format!(
            "  {:<24} {:>12} {:>16} {:>13} {:>8}",
            shortened_inside(&layer.layer, 24),
            two(&|f| f.channels.to_string()),
            two(&|f| format!("{:.1}", f.effective_rank)),
            two(&|f| format!("{:.0}", 100.0 * f.dead)),
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

#[cfg(test)]
mod tests {
    use super::*;
    use insta::assert_snapshot;

    fn statistics(channels: usize, heads: Vec<AttentionHeadStatistics>) -> ActivationStatistics {
        ActivationStatistics {
            channels,
            rows: 64,
            mean: 0.0,
            deviation: 1.0,
            zeros: 0.5,
            dead: 0.125,
            effective_rank: channels as f64 / 3.0,
            heads,
        }
    }

    #[test]
    fn layers_before_and_after() {
        let head = AttentionHeadStatistics { entropy: 0.5, distance: 1.25 };
        let layer = |name: &str, heads: Vec<AttentionHeadStatistics>| LayerFlow {
            layer: name.into(),
            tensor: format!("{name}/out"),
            before: statistics(64, heads.clone()),
            after: Some(statistics(32, heads)),
            similarity: Some(0.987),
        };
        let gone = LayerFlow { after: None, similarity: None, ..layer("block3", vec![]) };
        let long = "encoder.layers.11.attention.projection.dense";
        let layers = [layer("encoder.0.attn", vec![head; 4]), layer(long, vec![]), gone];
        assert_snapshot!(flow_lines(&layers).join("\n"), @"
        layer                        channels   effective rank       dead, % likeness
        encoder.0.attn                64 → 32      21.3 → 10.7       12 → 12    0.987
          heads before: 0.50 nats 1.2 places, 0.50 nats 1.2 places, 0.50 nats 1.2 places, 0.50 nats 1.2 places
          heads after: 0.50 nats 1.2 places, 0.50 nats 1.2 places, 0.50 nats 1.2 places, 0.50 nats 1.2 places
        encoder.laye…ction.dense      64 → 32      21.3 → 10.7       12 → 12    0.987
        block3                             64             21.3            12        —
        ");
    }
}
