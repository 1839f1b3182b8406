//! Pairs of nodes of two data flows: by topology and weights together.

use super::super::operators::WeightedOperator;
use super::alignment::{aligned, likeness};
use super::data_flow::{DataFlow, FlowNode, FlowSource, NodeLabels};
use std::collections::{BTreeMap, BTreeSet, VecDeque};

/// Weights that are at least so alike are one another's, wherever they stand.
const ANCHOR: f64 = 0.9;
/// Groups beyond this are matched in order.
const MOST_ALIKE: usize = 64;

/// One side: the flow and its operators with weights.
#[derive(Clone, Copy)]
pub(in crate::diff) struct FlowSide<'a> {
    pub(in crate::diff) flow: &'a DataFlow,
    pub(in crate::diff) operators: &'a [WeightedOperator],
}

/// Pairs of nodes.
#[derive(Default)]
pub(in crate::diff) struct NodePairs {
    /// Node of the variant by node of the baseline.
    pub(in crate::diff) there: BTreeMap<usize, usize>,
    /// The other way.
    pub(in crate::diff) back: BTreeMap<usize, usize>,
    /// Pairs of different kinds in the same place.
    pub(in crate::diff) replaced: Vec<(usize, usize)>,
}

struct NodePairing<'a> {
    base: FlowSide<'a>,
    variant: FlowSide<'a>,
    pairs: NodePairs,
}

/// Pairs nodes: those with the same surroundings first, then those with the same weights, then those
/// with the same past, the same future, or neighbours that are paired; at last operators with weights
/// in order, and nodes of different kinds between the same neighbours.
pub(in crate::diff) fn node_pairs(base: FlowSide, variant: FlowSide) -> NodePairs {
    let mut pairing = NodePairing { base, variant, pairs: NodePairs::default() };
    let (ours, theirs) = (base.flow.labels(), variant.flow.labels());
    pairing.by_label(&ours, &theirs, &|l, p| (l.before[p], l.behind[p]));
    pairing.propagate();
    pairing.by_weights();
    pairing.propagate();
    pairing.by_label(&ours, &theirs, &|l, p| (l.before[p], 0));
    pairing.propagate();
    pairing.by_label(&ours, &theirs, &|l, p| (l.behind[p], 0));
    pairing.propagate();
    for round in (2..ours.around.first().map_or(0, Vec::len)).rev() {
        pairing.by_label(&ours, &theirs, &|l, p| (l.around[p][round], 0));
        pairing.propagate();
    }
    pairing.in_order();
    pairing.propagate();
    pairing.replacements();
    pairing.pairs
}

impl NodePairing<'_> {
    fn enter(&mut self, a: usize, b: usize) {
        self.pairs.there.insert(a, b);
        self.pairs.back.insert(b, a);
    }

    fn open(&self) -> (Vec<usize>, Vec<usize>) {
        let ours = (0..self.base.flow.nodes.len()).filter(|p| !self.pairs.there.contains_key(p));
        let theirs =
            (0..self.variant.flow.nodes.len()).filter(|p| !self.pairs.back.contains_key(p));
        (ours.collect(), theirs.collect())
    }

    /// Pairs open nodes whose labels are as frequent on both sides. Of several, those with weights by
    /// likeness; others wait for their neighbours, and are taken in order where these do not tell.
    fn by_label(
        &mut self,
        ours: &NodeLabels,
        theirs: &NodeLabels,
        of: &dyn Fn(&NodeLabels, usize) -> (u64, u64),
    ) {
        let groups = |labels: &NodeLabels, open: Vec<usize>| {
            let mut found: BTreeMap<(u64, u64), Vec<usize>> = BTreeMap::new();
            open.into_iter().for_each(|p| found.entry(of(labels, p)).or_default().push(p));
            found
        };
        for last in [false, true] {
            let (left, right) = self.open();
            let (left, right) = (groups(ours, left), groups(theirs, right));
            for (label, own) in left {
                let Some(other) = right.get(&label).filter(|o| o.len() == own.len()) else {
                    continue;
                };
                let weighted = self.base.flow.nodes[own[0]].operator.is_some();
                match (own.as_slice(), other.as_slice()) {
                    ([a], [b]) => self.enter(*a, *b),
                    _ if weighted => self.most_alike(&own, other, f64::NEG_INFINITY),
                    _ if last => {
                        own.iter().zip(other).for_each(|(a, b)| self.enter(*a, *b));
                        self.propagate();
                    }
                    _ => {}
                }
            }
            self.propagate();
        }
    }

    fn weights(&self, a: usize, b: usize) -> Option<(&WeightedOperator, &WeightedOperator)> {
        let own = self.base.operators.get(self.base.flow.nodes[a].operator?)?;
        let other = self.variant.operators.get(self.variant.flow.nodes[b].operator?)?;
        Some((own, other))
    }

    /// Cosine of the weights of two nodes, 0 where their shapes differ.
    fn alike(&self, a: usize, b: usize) -> f64 {
        match self.weights(a, b) {
            Some((own, other)) if own.dims == other.dims => likeness(&own.values, &other.values),
            _ => 0.0,
        }
    }

    /// Pairs within a group, the most alike first and equals in order.
    fn most_alike(&mut self, ours: &[usize], theirs: &[usize], least: f64) {
        if ours.len() > MOST_ALIKE {
            if least == f64::NEG_INFINITY {
                ours.iter().zip(theirs).for_each(|(a, b)| self.enter(*a, *b));
            }
            return;
        }
        let mut all: Vec<(f64, usize, usize, usize)> = Vec::new();
        for (i, a) in ours.iter().enumerate() {
            for (j, b) in theirs.iter().enumerate() {
                // Hundredths: rounding does not decide.
                let alike = (100.0 * self.alike(*a, *b)).round() / 100.0;
                all.push((alike, i.abs_diff(j), *a, *b));
            }
        }
        all.sort_by(|x, y| y.0.total_cmp(&x.0).then((x.1, x.2).cmp(&(y.1, y.2))));
        for (alike, _, a, b) in all {
            let free = !self.pairs.there.contains_key(&a) && !self.pairs.back.contains_key(&b);
            if free && alike >= least {
                self.enter(a, b);
            }
        }
    }

    /// Pairs what is open and has nearly the same weights.
    fn by_weights(&mut self) {
        let (left, right) = self.open();
        let with_weights = |side: &FlowSide, open: Vec<usize>| {
            let mut found: BTreeMap<(String, [usize; 3]), Vec<usize>> = BTreeMap::new();
            for position in open {
                let node = &side.flow.nodes[position];
                if let Some(operator) = node.operator.and_then(|o| side.operators.get(o)) {
                    found.entry((node.kind.clone(), operator.dims)).or_default().push(position);
                }
            }
            found
        };
        let (left, right) = (with_weights(&self.base, left), with_weights(&self.variant, right));
        for (key, own) in left {
            if let Some(other) = right.get(&key) {
                self.most_alike(&own, other, ANCHOR);
            }
        }
    }

    /// Pairs neighbours of pairs: what both read in the same slot, and what alone reads both.
    fn propagate(&mut self) {
        // The nearest first: what is next to an anchor decides before what is far from all.
        let mut open: VecDeque<(usize, usize)> =
            self.pairs.there.iter().map(|(a, b)| (*a, *b)).collect();
        while let Some((a, b)) = open.pop_front() {
            let mut found = self.sources(a, b);
            found.extend(self.readers(a, b));
            for (x, y) in found {
                let free = !self.pairs.there.contains_key(&x) && !self.pairs.back.contains_key(&y);
                if free && self.base.flow.nodes[x].kind == self.variant.flow.nodes[y].kind {
                    self.enter(x, y);
                    open.push_back((x, y));
                }
            }
        }
    }

    fn sources(&self, a: usize, b: usize) -> Vec<(usize, usize)> {
        let (own, other) = (&self.base.flow.nodes[a], &self.variant.flow.nodes[b]);
        let nodes = |node: &FlowNode, taken: &BTreeMap<usize, usize>| -> Vec<(usize, usize)> {
            let from = node.sources.iter().enumerate().filter_map(|(slot, s)| match s {
                FlowSource::Node(from, _) if !taken.contains_key(from) => Some((slot, *from)),
                _ => None,
            });
            from.collect()
        };
        let (ours, theirs) = (nodes(own, &self.pairs.there), nodes(other, &self.pairs.back));
        let mut found = Vec::new();
        for (slot, x) in &ours {
            let kind = &self.base.flow.nodes[*x].kind;
            let same = |(other_slot, y): &&(usize, usize)| {
                self.variant.flow.nodes[*y].kind == *kind && (own.commutes() || other_slot == slot)
            };
            let alone = ours.iter().filter(|(_, o)| self.base.flow.nodes[*o].kind == *kind).count();
            let candidates: Vec<&(usize, usize)> = theirs.iter().filter(same).collect();
            if let ([(_, y)], true) = (candidates.as_slice(), alone == 1 || !own.commutes()) {
                found.push((*x, *y));
            }
        }
        found
    }

    fn readers(&self, a: usize, b: usize) -> Vec<(usize, usize)> {
        let mut found = Vec::new();
        let reading = |side: &FlowSide, of: usize, taken: &BTreeMap<usize, usize>| {
            let mut by_kind: BTreeMap<(String, usize), BTreeSet<usize>> = BTreeMap::new();
            for (reader, slot) in &side.flow.nodes[of].readers {
                let node = &side.flow.nodes[*reader];
                if !taken.contains_key(reader) {
                    let slot = if node.commutes() { 0 } else { *slot };
                    by_kind.entry((node.kind.clone(), slot)).or_default().insert(*reader);
                }
            }
            by_kind
        };
        let ours = reading(&self.base, a, &self.pairs.there);
        let theirs = reading(&self.variant, b, &self.pairs.back);
        for (key, own) in ours {
            if let (1, Some(other)) = (own.len(), theirs.get(&key).filter(|o| o.len() == 1)) {
                found.extend(own.into_iter().zip(other.iter().copied()));
            }
        }
        found
    }

    /// Operators with weights that are left, aligned in order.
    fn in_order(&mut self) {
        let (left, right) = self.open();
        let operators = |side: &FlowSide, open: Vec<usize>| -> Vec<(usize, usize)> {
            open.into_iter().filter_map(|p| Some((p, side.flow.nodes[p].operator?))).collect()
        };
        let (left, right) = (operators(&self.base, left), operators(&self.variant, right));
        let positions = |all: &[(usize, usize)]| all.iter().map(|(_, o)| *o).collect::<Vec<_>>();
        let found = aligned(
            self.base.operators,
            self.variant.operators,
            &positions(&left),
            &positions(&right),
        );
        for (x, y) in found {
            let a = left.iter().find(|(_, o)| *o == x).map(|(p, _)| *p);
            let b = right.iter().find(|(_, o)| *o == y).map(|(p, _)| *p);
            if let (Some(a), Some(b)) = (a, b) {
                self.enter(a, b);
            }
        }
    }

    /// Nodes of different kinds that read the same and are read by the same.
    fn replacements(&mut self) {
        let (left, _) = self.open();
        for a in left {
            let (_, right) = self.open();
            let fits: Vec<usize> = right.into_iter().filter(|b| self.same_place(a, *b)).collect();
            if let [b] = fits.as_slice() {
                self.enter(a, *b);
                self.pairs.replaced.push((a, *b));
            }
        }
    }

    fn same_place(&self, a: usize, b: usize) -> bool {
        let (own, other) = (&self.base.flow.nodes[a], &self.variant.flow.nodes[b]);
        let same = |x: &FlowSource, y: &FlowSource| match (x, y) {
            (FlowSource::Node(x, _), FlowSource::Node(y, _)) => self.pairs.there.get(x) == Some(y),
            (FlowSource::Input(x), FlowSource::Input(y)) => x == y,
            _ => false,
        };
        let reads = own.sources.iter().any(|x| other.sources.iter().any(|y| same(x, y)));
        let read = own
            .readers
            .iter()
            .any(|(x, _)| other.readers.iter().any(|(y, _)| self.pairs.there.get(x) == Some(y)));
        let ends = own.gives.iter().any(|g| other.gives.contains(g));
        reads && (read || ends)
    }
}
