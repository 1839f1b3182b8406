//! A network in its own topology, as static SVG: each layer a bar of its width with every removed
//! channel at its original index, its precision by colour, and its share of time.

use super::markup::{MarkupElement, text};
use rust_sugiyama::configure::Config;

/// Box of a layer, and the room around it.
const WIDTH: f64 = 212.0;
const HEIGHT: f64 = 58.0;
const GAP: f64 = 26.0;
/// Bar inside the box.
const BAR: (f64, f64) = (192.0, 14.0);
/// Letters of a layer's name that fit.
const LETTERS: usize = 28;
/// Layers that are drawn one by one; beyond, those of a module become one box.
pub const MOST_LAYERS: usize = 220;

/// A layer as it is drawn.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct LayerBox {
    pub name: String,
    /// Part of the network that the layer belongs to.
    pub module: String,
    /// Second line of the box: precision, share of time and the like.
    pub facts: String,
    /// Channels of the baseline; 0 where nothing of the layer can be counted so.
    pub width: usize,
    /// Original indices of the channels that were removed.
    pub removed: Vec<usize>,
    /// Class of the colour: `f32`, `f16`, `int8` or `int4`.
    pub precision: String,
    /// Shown on hover and focus.
    pub note: String,
}

/// Draws layers and the edges between them (indices of `layers`); an empty network draws nothing.
pub fn topology(
    layers: &[LayerBox],
    edges: &[(usize, usize)],
    title: &str,
) -> Option<MarkupElement> {
    let (layers, edges) = match layers.len() > MOST_LAYERS {
        true => folded(layers, edges),
        false => (layers.to_vec(), edges.to_vec()),
    };
    if layers.is_empty() {
        return None;
    }
    let places = places(layers.len(), &edges);
    let most = |of: fn(&(f64, f64)) -> f64| places.iter().map(of).fold(0.0, f64::max);
    let (width, height) = (most(|p| p.0) + WIDTH + GAP, most(|p| p.1) + HEIGHT + GAP);
    let mut root = MarkupElement::new("svg");
    root.set("viewBox", &format!("0 0 {width:.0} {height:.0}"))
        .set("width", &format!("{width:.0}"))
        .set("class", "topology")
        .set("role", "group")
        .set("aria-label", title);
    for (from, to) in &edges {
        root.push(edge(places[*from], places[*to]));
    }
    for (layer, place) in layers.iter().zip(&places) {
        root.push(boxed(layer, *place));
    }
    Some(root)
}

/// Upper left corners of the boxes: flow from above to below, branches beside each other.
fn places(count: usize, edges: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let size = (WIDTH + GAP, HEIGHT + GAP);
    let vertices: Vec<(u32, (f64, f64))> = (0..count).map(|i| (i as u32, size)).collect();
    let edges: Vec<(u32, u32)> = edges.iter().map(|(a, b)| (*a as u32, *b as u32)).collect();
    let mut found = vec![(GAP / 2.0, GAP / 2.0); count];
    let mut left = GAP / 2.0;
    let config = Config { vertex_spacing: GAP, ..Config::default() };
    for (part, ..) in rust_sugiyama::from_vertices_and_edges(&vertices, &edges, &config) {
        let least = |of: fn(&(f64, f64)) -> f64| {
            part.iter().map(|(_, place)| of(place)).fold(f64::INFINITY, f64::min)
        };
        let most = part.iter().map(|(_, (x, _))| *x).fold(f64::NEG_INFINITY, f64::max);
        let (x0, y0) = (least(|p| p.0), least(|p| p.1));
        // The library lays flow upwards or downwards; sources belong above.
        for (index, (x, y)) in &part {
            if let Some(place) = found.get_mut(*index) {
                *place = (left + x - x0, GAP / 2.0 + (y - y0).abs());
            }
        }
        left += most - x0 + WIDTH + 2.0 * GAP;
    }
    let turned = edges.iter().filter(|(a, b)| found[*a as usize].1 > found[*b as usize].1).count();
    if turned * 2 > edges.len() {
        let lowest = found.iter().map(|(_, y)| *y).fold(0.0, f64::max);
        found.iter_mut().for_each(|(_, y)| *y = lowest - *y + GAP / 2.0);
    }
    found
}

fn edge((x0, y0): (f64, f64), (x1, y1): (f64, f64)) -> MarkupElement {
    let (from, to) = ((x0 + WIDTH / 2.0, y0 + HEIGHT), (x1 + WIDTH / 2.0, y1));
    let bend = ((to.1 - from.1) / 2.0).max(GAP / 2.0);
    let path = format!(
        "M{:.1} {:.1}C{:.1} {:.1} {:.1} {:.1} {:.1} {:.1}",
        from.0,
        from.1,
        from.0,
        from.1 + bend,
        to.0,
        to.1 - bend,
        to.0,
        to.1
    );
    let mut drawn = MarkupElement::new("path");
    drawn.set("class", "edge").set("d", &path);
    drawn
}

fn boxed(layer: &LayerBox, (x, y): (f64, f64)) -> MarkupElement {
    let mut group = MarkupElement::new("g");
    group
        .set("class", &format!("layer {}", layer.precision))
        .set("tabindex", "0")
        .set("role", "img");
    let mut title = MarkupElement::new("title");
    title.say(&layer.note);
    group.push(title);
    group.push(rectangle("box", (x, y), (WIDTH, HEIGHT)));
    group.push(text(&shortened(&layer.name), (x + 10.0, y + 16.0), "name"));
    let (bar_x, bar_y) = (x + 10.0, y + 22.0);
    group.push(rectangle("kept", (bar_x, bar_y), BAR));
    if layer.width > 0 {
        let each = BAR.0 / layer.width as f64;
        for (first, count) in stretches(&layer.removed) {
            let start = bar_x + each * first as f64;
            let size = ((each * count as f64).max(0.6), BAR.1);
            group.push(rectangle("gone", (start, bar_y), size));
        }
    }
    group.push(text(&layer.facts, (x + 10.0, y + 50.0), "small"));
    group
}

/// Stretches of consecutive indices: the first, and how many.
fn stretches(indices: &[usize]) -> Vec<(usize, usize)> {
    let mut sorted = indices.to_vec();
    sorted.sort_unstable();
    sorted.dedup();
    let mut found: Vec<(usize, usize)> = Vec::new();
    for index in sorted {
        match found.last_mut() {
            Some((first, count)) if *first + *count == index => *count += 1,
            _ => found.push((index, 1)),
        }
    }
    found
}

fn rectangle(class: &str, (x, y): (f64, f64), (width, height): (f64, f64)) -> MarkupElement {
    let mut drawn = MarkupElement::new("rect");
    drawn.set("class", class);
    for (name, value) in [("x", x), ("y", y), ("width", width), ("height", height)] {
        drawn.set(name, &format!("{value:.1}"));
    }
    drawn
}

fn shortened(name: &str) -> String {
    match name.chars().count() > LETTERS {
        // The end tells layers of one module apart.
        true => {
            let skip = name.chars().count() - (LETTERS - 1);
            std::iter::once('…').chain(name.chars().skip(skip)).collect()
        }
        false => name.to_string(),
    }
}

/// All layers of a module as one box each: its bar is their channels, one layer after the other.
fn folded(layers: &[LayerBox], edges: &[(usize, usize)]) -> (Vec<LayerBox>, Vec<(usize, usize)>) {
    let mut modules: Vec<LayerBox> = Vec::new();
    let mut counts: Vec<usize> = Vec::new();
    let mut place = Vec::new();
    for layer in layers {
        let at = modules.iter().position(|m| m.name == layer.module).unwrap_or_else(|| {
            let name = layer.module.clone();
            modules.push(LayerBox {
                name,
                precision: layer.precision.clone(),
                ..LayerBox::default()
            });
            counts.push(0);
            modules.len() - 1
        });
        let module = &mut modules[at];
        let before = module.width;
        module.removed.extend(layer.removed.iter().map(|index| before + index));
        module.width += layer.width;
        if module.precision != layer.precision {
            module.precision = "mixed".into();
        }
        module.note += &format!("{}\n", layer.note);
        counts[at] += 1;
        place.push(at);
    }
    for (module, count) in modules.iter_mut().zip(counts) {
        module.facts = format!(
            "{count} layers, {} of {} channels removed",
            module.removed.len(),
            module.width
        );
    }
    let mut between: Vec<(usize, usize)> =
        edges.iter().map(|(a, b)| (place[*a], place[*b])).filter(|(a, b)| a < b).collect();
    between.sort_unstable();
    between.dedup();
    (modules, between)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, width: usize, removed: &[usize]) -> LayerBox {
        let module = name.split('.').next().unwrap_or_default().to_string();
        LayerBox {
            name: name.into(),
            module,
            width,
            removed: removed.to_vec(),
            ..LayerBox::default()
        }
    }

    #[test]
    fn removed_channels_stand_at_their_original_indices() {
        assert_eq!(stretches(&[5, 3, 4, 9, 3]), [(3, 3), (9, 1)]);
        let drawn = topology(&[layer("a", 4, &[1])], &[], "one").unwrap().text();
        let quarter = BAR.0 / 4.0;
        let start = GAP / 2.0 + 10.0 + quarter;
        let expected = format!("class=\"gone\" x=\"{start:.1}\" y=\"35.0\" width=\"{quarter:.1}\"");
        assert!(drawn.contains(&expected), "{expected} is not in {drawn}");
    }

    #[test]
    fn flow_runs_from_above_to_below_and_boxes_do_not_cover_each_other() {
        let edges = [(0, 1), (0, 2), (1, 3), (2, 3), (3, 4), (0, 4)];
        let found = places(6, &edges);
        assert!(edges.iter().all(|(a, b)| found[*a].1 < found[*b].1), "{found:?}");
        for (i, one) in found.iter().enumerate() {
            for other in &found[i + 1..] {
                let apart = ((one.0 - other.0).abs(), (one.1 - other.1).abs());
                assert!(apart.0 >= WIDTH || apart.1 >= HEIGHT, "{found:?}");
            }
        }
    }

    #[test]
    fn large_networks_fold_by_module() {
        let name = |i: usize| format!("block{}.conv{i}", i / 50);
        let layers: Vec<LayerBox> = (0..2000).map(|i| layer(&name(i), 8, &[i % 8])).collect();
        let edges: Vec<(usize, usize)> = (1..2000).map(|i| (i - 1, i)).collect();
        let (modules, between) = folded(&layers, &edges);
        assert_eq!((modules.len(), between.len()), (40, 39));
        assert_eq!((modules[1].width, modules[1].removed.len()), (400, 50));
        assert_eq!(modules[0].facts, "50 layers, 50 of 400 channels removed");
        assert!(topology(&layers, &edges, "large").is_some());
        assert!(topology(&[], &[], "none").is_none());
    }
}
