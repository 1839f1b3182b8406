//! A network in its own topology, as static SVG: each layer a bar of its width with every removed
//! channel at its original index, its precision by colour, and its share of time.

use super::layer_box::LayerBox;
use super::markup::{MarkupElement, text};
use super::network_folding::{FoldedNetwork, merged};
use rust_sugiyama::configure::Config;

/// Box of a layer, and the room around it.
const WIDTH: f64 = 212.0;
const HEIGHT: f64 = 62.0;
const GAP: f64 = 24.0;
/// Room inside the box, to its left and right.
const INSET: f64 = 10.0;
/// Bar inside the box.
const BAR: (f64, f64) = (WIDTH - 2.0 * INSET, 13.0);
/// Height of the line that shows the share of time.
const TIME: f64 = 3.0;
/// Longer names stand in no table as a whole.
const LONGEST_FILTER: usize = 160;
/// Letters of a layer's name that fit.
const LETTERS: usize = 25;

/// The places of a network's layers, the same in the drawings of all variants.
pub struct NetworkDrawing {
    network: FoldedNetwork,
    places: Vec<(f64, f64)>,
}

impl NetworkDrawing {
    /// Lays layers out: the module of each, and the edges between them (positions). Large networks fold.
    pub fn new(modules: &[&str], edges: &[(usize, usize)]) -> NetworkDrawing {
        let network = FoldedNetwork::new(modules, edges);
        let places = places(network.groups.len(), &network.edges);
        NetworkDrawing { network, places }
    }

    /// Draws the layers of a variant, in the order in which they were laid out; an empty network draws
    /// nothing.
    pub fn draw(&self, layers: &[LayerBox], title: &str) -> Option<MarkupElement> {
        if self.places.is_empty() {
            return None;
        }
        let most = |of: fn(&(f64, f64)) -> f64| self.places.iter().map(of).fold(0.0, f64::max);
        let (width, height) =
            (most(|p| p.0) + WIDTH + GAP / 2.0, most(|p| p.1) + HEIGHT + GAP / 2.0);
        let mut root = MarkupElement::new("svg");
        root.set("viewBox", &format!("0 0 {width:.0} {height:.0}"))
            .set("width", &format!("{width:.0}"))
            .set("class", "topology")
            .set("role", "group")
            .set("aria-label", title);
        for (from, to) in &self.network.edges {
            root.push(edge(self.places[*from], self.places[*to]));
        }
        let boxes: Vec<LayerBox> =
            self.network.groups.iter().map(|group| merged(group, layers)).collect();
        let longest = boxes.iter().filter_map(|layer| layer.share).fold(0.0, f64::max);
        for (layer, place) in boxes.iter().zip(&self.places) {
            root.push(boxed(layer, *place, longest));
        }
        Some(root)
    }
}

/// Upper left corners of the boxes: flow from above to below, branches beside each other.
fn places(count: usize, edges: &[(usize, usize)]) -> Vec<(f64, f64)> {
    let size = (WIDTH, HEIGHT);
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

fn boxed(layer: &LayerBox, (x, y): (f64, f64), longest: f64) -> MarkupElement {
    let mut group = MarkupElement::new("g");
    group
        .set("class", &format!("layer {}", layer.precision))
        .set("tabindex", "0")
        .set("role", "img");
    // A box of neighbours has no name that its layers' decisions could be found by.
    if !layer.name.contains('…') && layer.name.len() <= LONGEST_FILTER {
        group.set("data-layer", &layer.name);
    }
    let mut title = MarkupElement::new("title");
    title.say(&layer.note);
    group.push(title);
    group.push(rectangle("box", (x, y), (WIDTH, HEIGHT)));
    let (left, right) = (x + INSET, x + WIDTH - INSET);
    group.push(text(&shortened(&layer.name), (left, y + 17.0), "name"));
    if let Some(share) = layer.share {
        group.push(text(&format!("{:.0} %", 100.0 * share), (right, y + 17.0), "small end"));
    }
    let bar_y = y + 24.0;
    if layer.width > 0 {
        group.push(rectangle("kept", (left, bar_y), BAR));
        let each = BAR.0 / layer.width as f64;
        // One path for all: a large network has thousands of stretches.
        let gone = stretches(&layer.removed).into_iter().map(|(first, count)| {
            let start = left + each * first as f64;
            let width = (each * count as f64).max(0.6);
            format!("M{start:.1} {bar_y:.1}h{width:.1}v{:.1}h-{width:.1}z", BAR.1)
        });
        let gone: String = gone.collect();
        if !gone.is_empty() {
            let mut drawn = MarkupElement::new("path");
            drawn.set("class", "gone").set("d", &gone);
            group.push(drawn);
        }
    }
    group.push(text(&layer.facts, (left, y + 51.0), "small"));
    if let Some(share) = layer.share.filter(|_| longest > 0.0) {
        let size = ((BAR.0 * share / longest).max(0.6), TIME);
        group.push(rectangle("time", (left, y + HEIGHT - TIME - 2.0), size));
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn layer(name: &str, width: usize, removed: &[usize], share: Option<f64>) -> LayerBox {
        let removed = removed.to_vec();
        LayerBox { name: name.into(), width, removed, share, ..LayerBox::default() }
    }

    #[test]
    fn removed_channels_stand_at_their_original_indices() {
        assert_eq!(stretches(&[5, 3, 4, 9, 3]), [(3, 3), (9, 1)]);
        let drawing = NetworkDrawing::new(&["a"], &[]);
        let drawn = drawing.draw(&[layer("a", 4, &[1], None)], "one").unwrap().text();
        let quarter = BAR.0 / 4.0;
        let start = GAP / 2.0 + INSET + quarter;
        let path = format!("M{start:.1} 36.0h{quarter:.1}v{:.1}h-{quarter:.1}z", BAR.1);
        let expected = format!("class=\"gone\" d=\"{path}\"");
        assert!(drawn.contains(&expected), "{expected} is not in {drawn}");
        assert!(!drawn.contains("class=\"time\""), "{drawn}");
    }

    #[test]
    fn the_layer_that_takes_most_time_has_the_longest_line() {
        let layers = [layer("a", 4, &[], Some(0.2)), layer("b", 4, &[], Some(0.4))];
        let drawing = NetworkDrawing::new(&["a", "b"], &[(0, 1)]);
        let drawn = drawing.draw(&layers, "two").unwrap().text();
        let lines: Vec<&str> = drawn.split("class=\"time\"").skip(1).collect();
        assert!(lines[0].contains(&format!("width=\"{:.1}\"", BAR.0 / 2.0)), "{}", lines[0]);
        assert!(lines[1].contains(&format!("width=\"{:.1}\"", BAR.0)), "{}", lines[1]);
        assert!(drawn.contains(">40 %</text>"), "{drawn}");
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
    fn an_empty_network_draws_nothing() {
        assert!(NetworkDrawing::new(&[], &[]).draw(&[], "none").is_none());
    }
}
