//! Union-find over (tensor, axis, index): which entries must stay or go together.

use paring_onnx::ops::AxisConstraint;
use std::collections::{BTreeMap, HashMap};

/// One entry of one axis of one tensor.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct AxisEntry {
    pub(super) tensor: String,
    pub(super) axis: usize,
    pub(super) index: usize,
}

/// All entries of all axes of all tensors whose shapes are known.
#[derive(Debug, Default)]
pub(super) struct AxisEntries {
    shapes: BTreeMap<String, Vec<usize>>,
    starts: HashMap<String, usize>,
    parents: Vec<usize>,
    pins: HashMap<usize, String>,
    lossy: HashMap<usize, String>,
}

/// Entries that may go together.
#[derive(Clone, Debug)]
pub(super) struct EntryClass {
    /// In ascending order.
    pub(super) elements: Vec<AxisEntry>,
    /// The reason why the others change when it goes, if they do.
    pub(super) lossy: Option<String>,
}

impl AxisEntries {
    /// Starts with every entry on its own.
    pub(super) fn new(shapes: BTreeMap<String, Vec<usize>>) -> Self {
        let (mut starts, mut count) = (HashMap::new(), 0);
        for (tensor, shape) in &shapes {
            starts.insert(tensor.clone(), count);
            count += shape.iter().sum::<usize>();
        }
        let parents = (0..count).collect();
        AxisEntries { shapes, starts, parents, pins: HashMap::new(), lossy: HashMap::new() }
    }

    pub(super) fn shape(&self, tensor: &str) -> Option<&[usize]> {
        self.shapes.get(tensor).map(Vec::as_slice)
    }

    /// Applies a constraint of the node of that name.
    pub(super) fn apply(&mut self, constraint: AxisConstraint, node: &str) {
        match constraint {
            AxisConstraint::TieAxes { first, second } => self.tie_axes(first, second, node),
            AxisConstraint::TieEntries { first, second, count } => (0..count).for_each(|i| {
                let after = |(tensor, axis, index)| (tensor, axis, index + i);
                self.tie(after(first), after(second));
            }),
            AxisConstraint::Pin { axis: (tensor, axis), reason } => {
                self.pin_axis(tensor, axis, &reason);
            }
            AxisConstraint::Lossy { axis: (tensor, axis), reason } => {
                self.lossy_axis(tensor, axis, &reason);
            }
            AxisConstraint::Factor { whole, tensor, factors, last, reason } => {
                self.tie_factors(whole, (tensor, &factors), last, &reason);
            }
        }
    }

    /// Ties an axis to the one of its factors that carries the components; the others are kept.
    fn tie_factors(
        &mut self,
        whole: (&str, usize),
        (tensor, factors): (&str, &[usize]),
        last: bool,
        reason: &str,
    ) {
        let shape = self.shape(tensor).map(<[usize]>::to_vec).unwrap_or_default();
        let free: Vec<usize> = (0..factors.len())
            .filter(|place| self.pinned((tensor, factors[*place], 0)).is_none())
            .collect();
        let carrier = match (free.first(), free.last()) {
            (Some(first), Some(end)) => *(if last { end } else { first }),
            // All are kept: so is the whole, and for the first one's reason.
            _ => 0,
        };
        for (_, axis) in factors.iter().enumerate().filter(|(place, _)| *place != carrier) {
            self.pin_axis(tensor, *axis, reason);
        }
        let inner: usize = factors[carrier + 1..].iter().map(|axis| shape[*axis]).product();
        let width = shape[factors[carrier]];
        let total: usize = factors.iter().map(|axis| shape[*axis]).product();
        for index in 0..total {
            let component = index / inner % width;
            self.tie((whole.0, whole.1, index), (tensor, factors[carrier], component));
        }
    }

    /// Ties two entries together; entries that do not exist are ignored.
    pub(super) fn tie(&mut self, a: (&str, usize, usize), b: (&str, usize, usize)) {
        let (Some(a), Some(b)) = (self.id(a), self.id(b)) else { return };
        let (a, b) = (self.root(a), self.root(b));
        if a != b {
            self.parents[b] = a;
            if let Some(reason) = self.pins.remove(&b) {
                self.pins.entry(a).or_insert(reason);
            }
            if let Some(reason) = self.lossy.remove(&b) {
                self.lossy.entry(a).or_insert(reason);
            }
        }
    }

    /// Ties two axes entry by entry; axes of different lengths cannot be tied and are kept.
    pub(super) fn tie_axes(&mut self, a: (&str, usize), b: (&str, usize), node: &str) {
        let length = |e: &Self, (tensor, axis): (&str, usize)| Some(*e.shape(tensor)?.get(axis)?);
        match (length(self, a), length(self, b)) {
            (Some(n), Some(m)) if n == m => {
                (0..n).for_each(|i| self.tie((a.0, a.1, i), (b.0, b.1, i)));
            }
            (n, m) => {
                let reason = match (n, m) {
                    (Some(_), Some(_)) => format!("node `{node}` joins axes of different lengths"),
                    _ => format!(
                        "the shapes at node `{node}` are unknown, because the engine does not implement an operator there or before it, or too long to be divided"
                    ),
                };
                self.pin_axis(a.0, a.1, &reason);
                self.pin_axis(b.0, b.1, &reason);
            }
        }
    }

    /// Marks a whole axis as one that cannot be shortened.
    pub(super) fn pin_axis(&mut self, tensor: &str, axis: usize, reason: &str) {
        for root in self.roots(tensor, axis) {
            self.pins.entry(root).or_insert_with(|| reason.to_string());
        }
    }

    /// Marks a whole axis as one whose entries may go, but not without changing the others.
    pub(super) fn lossy_axis(&mut self, tensor: &str, axis: usize, reason: &str) {
        for root in self.roots(tensor, axis) {
            self.lossy.entry(root).or_insert_with(|| reason.to_string());
        }
    }

    fn roots(&mut self, tensor: &str, axis: usize) -> Vec<usize> {
        let length = self.shape(tensor).and_then(|s| s.get(axis)).copied().unwrap_or(0);
        let ids: Vec<usize> = (0..length).filter_map(|i| self.id((tensor, axis, i))).collect();
        ids.into_iter().map(|id| self.root(id)).collect()
    }

    /// Marks all axes of a tensor.
    pub(super) fn pin(&mut self, tensor: &str, reason: &str) {
        let rank = self.shape(tensor).map_or(0, <[usize]>::len);
        (0..rank).for_each(|axis| self.pin_axis(tensor, axis, reason));
    }

    /// The reason why an entry cannot go, if there is one.
    pub(super) fn pinned(&mut self, element: (&str, usize, usize)) -> Option<String> {
        let id = self.id(element)?;
        let root = self.root(id);
        self.pins.get(&root).cloned()
    }

    /// All sets of entries that may go.
    pub(super) fn free_classes(&mut self) -> Vec<EntryClass> {
        let mut classes: BTreeMap<usize, EntryClass> = BTreeMap::new();
        let shapes = std::mem::take(&mut self.shapes);
        for (tensor, shape) in &shapes {
            let mut id = self.starts[tensor];
            for (axis, length) in shape.iter().enumerate() {
                for index in 0..*length {
                    let root = self.root(id);
                    if !self.pins.contains_key(&root) {
                        let element = AxisEntry { tensor: tensor.clone(), axis, index };
                        let lossy = || self.lossy.get(&root).cloned();
                        let empty = || EntryClass { elements: Vec::new(), lossy: lossy() };
                        classes.entry(root).or_insert_with(empty).elements.push(element);
                    }
                    id += 1;
                }
            }
        }
        self.shapes = shapes;
        classes.into_values().collect()
    }

    fn id(&self, (tensor, axis, index): (&str, usize, usize)) -> Option<usize> {
        let shape = self.shapes.get(tensor)?;
        let inside = index < *shape.get(axis)?;
        inside.then(|| self.starts[tensor] + shape[..axis].iter().sum::<usize>() + index)
    }

    fn root(&mut self, mut id: usize) -> usize {
        while self.parents[id] != id {
            self.parents[id] = self.parents[self.parents[id]];
            id = self.parents[id];
        }
        id
    }
}
