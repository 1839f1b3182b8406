//! Folding of large networks: layers of one module, or else neighbours in the graph's order, become one box.

use super::layer_box::LayerBox;
use std::collections::BTreeMap;

/// Layers that are drawn one by one; of more, several become one box.
const MOST_BOXES: usize = 220;
/// Folded by modules into fewer boxes than these, a network would show nothing of its course.
const LEAST_BOXES: usize = 12;
/// Boxes of neighbours, where modules are of no help.
const RUNS: usize = 100;
/// Lines of a folded box's note.
const MOST_LINES: usize = 12;

/// Layers that share a box.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct LayerGroup {
    /// Name of the module; `None` where the layers have names alone.
    module: Option<String>,
    /// Positions of the layers.
    members: Vec<usize>,
}

/// Groups of layers, and the edges between groups.
pub(super) struct FoldedNetwork {
    pub groups: Vec<LayerGroup>,
    /// Positions of groups.
    pub edges: Vec<(usize, usize)>,
}

impl FoldedNetwork {
    /// Folds a network where it has too many layers: the module of each, and the edges between them.
    pub(super) fn new(modules: &[&str], edges: &[(usize, usize)]) -> FoldedNetwork {
        let groups = match modules.len() > MOST_BOXES {
            false => (0..modules.len())
                .map(|at| LayerGroup { module: None, members: vec![at] })
                .collect(),
            true => by_module(modules).unwrap_or_else(|| runs(modules.len())),
        };
        let mut place = vec![0; modules.len()];
        for (at, group) in groups.iter().enumerate() {
            group.members.iter().for_each(|member| place[*member] = at);
        }
        let between = edges.iter().map(|(a, b)| (place[*a], place[*b]));
        // What flows back into a module is no course that a drawing from above to below could show.
        let mut between: Vec<(usize, usize)> = between.filter(|(a, b)| a < b).collect();
        between.sort_unstable();
        between.dedup();
        FoldedNetwork { groups, edges: between }
    }
}

/// Modules of the deepest level that are few enough; `None` where they are too few, or no level helps.
fn by_module(modules: &[&str]) -> Option<Vec<LayerGroup>> {
    let mut names: Vec<&str> = modules.to_vec();
    loop {
        let mut order: BTreeMap<&str, usize> = BTreeMap::new();
        let mut groups: Vec<LayerGroup> = Vec::new();
        for (position, name) in names.iter().enumerate() {
            let at = *order.entry(name).or_insert(groups.len());
            if at == groups.len() {
                groups.push(LayerGroup { module: Some((*name).to_string()), members: vec![] });
            }
            groups[at].members.push(position);
        }
        if groups.len() <= MOST_BOXES {
            return (groups.len() >= LEAST_BOXES).then_some(groups);
        }
        let shorter: Vec<&str> = names.iter().map(|name| parent(name)).collect();
        if shorter == names {
            return None;
        }
        names = shorter;
    }
}

/// A module's name without its last part; a name of one part stays.
fn parent(module: &str) -> &str {
    match module.rsplit_once(['/', '.']) {
        Some((outer, _)) if !outer.is_empty() => outer,
        _ => module,
    }
}

/// About [`RUNS`] groups of neighbours.
fn runs(layers: usize) -> Vec<LayerGroup> {
    let positions: Vec<usize> = (0..layers).collect();
    let each = positions.chunks(layers.div_ceil(RUNS).max(1));
    each.map(|part| LayerGroup { module: None, members: part.to_vec() }).collect()
}

/// The box of a group: its bar is the channels of its layers, one layer after the other.
pub(super) fn merged(group: &LayerGroup, layers: &[LayerBox]) -> LayerBox {
    let members: Vec<&LayerBox> = group.members.iter().filter_map(|at| layers.get(*at)).collect();
    let [first, .., last] = members.as_slice() else {
        return members.first().map_or_else(LayerBox::default, |only| (*only).clone());
    };
    let name = group.module.clone().unwrap_or_else(|| format!("{} … {}", first.name, last.name));
    let (mut width, mut removed) = (0, Vec::new());
    for layer in &members {
        removed.extend(layer.removed.iter().map(|index| width + index));
        width += layer.width;
    }
    let shares: Vec<f64> = members.iter().filter_map(|layer| layer.share).collect();
    let one = members.iter().all(|layer| layer.precision == first.precision);
    LayerBox {
        facts: format!("{} layers · {} of {width} ch", members.len(), width - removed.len()),
        width,
        removed,
        precision: if one { first.precision.clone() } else { "mixed".into() },
        share: (!shares.is_empty()).then(|| shares.iter().sum()),
        note: note(&name, &members),
        name,
    }
}

/// Notes of the layers that changed, as many as can be read.
fn note(name: &str, members: &[&LayerBox]) -> String {
    let changed =
        members.iter().filter(|layer| !layer.removed.is_empty() || layer.precision != "f32");
    let notes: Vec<&str> = changed.map(|layer| layer.note.as_str()).collect();
    let mut lines = vec![format!("{name}: {} layers, {} changed", members.len(), notes.len())];
    lines.extend(notes.iter().take(MOST_LINES).map(|note| note.replace('\n', "; ")));
    if notes.len() > MOST_LINES {
        lines.push(format!("and {} more; the table below has all", notes.len() - MOST_LINES));
    }
    lines.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folded(names: &[String]) -> FoldedNetwork {
        let modules: Vec<&str> = names.iter().map(|name| parent(name)).collect();
        let edges: Vec<(usize, usize)> = (1..names.len()).map(|i| (i - 1, i)).collect();
        FoldedNetwork::new(&modules, &edges)
    }

    fn layers(names: &[String]) -> Vec<LayerBox> {
        let layer = |(i, name): (usize, &String)| LayerBox {
            name: name.clone(),
            width: 8,
            removed: vec![i % 8],
            share: Some(1.0 / names.len() as f64),
            precision: "f32".into(),
            note: name.clone(),
            ..LayerBox::default()
        };
        names.iter().enumerate().map(layer).collect()
    }

    #[test]
    fn large_networks_fold_by_module() {
        let names: Vec<String> = (0..2000).map(|i| format!("block{}.conv{i}", i / 50)).collect();
        let found = folded(&names);
        assert_eq!((found.groups.len(), found.edges.len()), (40, 39));
        let one = merged(&found.groups[1], &layers(&names));
        assert_eq!((one.name.as_str(), one.width, one.removed.len()), ("block1", 400, 50));
        assert_eq!(one.facts, "50 layers · 350 of 400 ch");
        assert!((one.share.unwrap() - 0.025).abs() < 1e-12);
        assert!(one.note.starts_with("block1: 50 layers, 50 changed\n"), "{}", one.note);
        assert!(one.note.ends_with("and 38 more; the table below has all"), "{}", one.note);
    }

    #[test]
    fn modules_of_an_outer_level_are_taken_where_the_inner_ones_are_too_many() {
        let name = |i: usize| format!("/stage{}/unit{}/conv{i}", i / 50, i / 2);
        let found = folded(&(0..2000).map(name).collect::<Vec<_>>());
        assert_eq!(found.groups.len(), 40);
        assert_eq!(found.groups[39].module.as_deref(), Some("/stage39"));
    }

    #[test]
    fn neighbours_fold_where_modules_do_not_help() {
        for prefix in ["Conv_", "model."] {
            let names: Vec<String> = (0..2000).map(|i| format!("{prefix}{i}")).collect();
            let found = folded(&names);
            assert_eq!((found.groups.len(), found.edges.len()), (100, 99));
            let one = merged(&found.groups[0], &layers(&names));
            assert_eq!(one.name, format!("{prefix}0 … {prefix}19"));
        }
    }

    #[test]
    fn small_networks_stay_as_they_are() {
        let names: Vec<String> = (0..220).map(|i| format!("a.{i}")).collect();
        let found = folded(&names);
        assert_eq!(found.groups.len(), 220);
        assert_eq!(merged(&found.groups[7], &layers(&names)).name, "a.7");
    }
}
