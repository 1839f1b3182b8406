//! Surgery on random networks of all operators that have a rule. `PARING_NETWORKS` says how many;
//! 1,000 and more are for a release.

mod common;

use common::surgery::{differ, loads, masked, pruned, rounding};
use common::{inputs_of, network, outputs};
use paring::compress::{undo, undo_tensors};
use paring::engine::ModelSource;
use proptest::prelude::*;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Components removed from all networks.
static REMOVED: AtomicUsize = AtomicUsize::new(0);

fn networks() -> u32 {
    std::env::var("PARING_NETWORKS").ok().and_then(|n| n.parse().ok()).unwrap_or(120)
}

#[test]
fn masked_equals_sliced_and_everything_comes_back() {
    let mut runner = proptest::test_runner::TestRunner::new(ProptestConfig {
        cases: networks(),
        failure_persistence: None,
        ..ProptestConfig::default()
    });
    let checked = runner.run(&(any::<u64>(), 1usize..14), |(seed, parts)| {
        let graph = network::random(seed, parts);
        prop_assert!(loads(&graph), "the engine does not load it");
        let Some(made) = pruned(&graph) else { return Ok(()) };
        let bytes = graph.encode();
        let inputs = inputs_of(ModelSource::Bytes("network", &bytes), 1);
        let masked = masked(&graph, &made);
        let difference = differ(&outputs(&masked, &inputs), &outputs(&made.graph, &inputs));
        // Some random networks cancel what they add and enlarge every rounding.
        let bound = if difference < 1e-5 { 1e-5 } else { 4.0 * rounding(&masked, &inputs) };
        prop_assert!(difference < bound, "masked and sliced differ by {difference}, over {bound}");
        let rest = undo_tensors(&graph, &made.graph, &made.decisions).unwrap();
        let parings: Vec<_> = made.decisions.iter().map(|d| d.paring.clone()).collect();
        let back = undo(&made.graph, &rest, &parings).unwrap();
        prop_assert_eq!(back.nodes(), graph.nodes());
        for name in graph.initializer_names() {
            prop_assert_eq!(back.weights(name).ok(), graph.weights(name).ok(), "{}", name);
        }
        let removed = made.decisions.iter().map(|d| d.components.len()).sum();
        REMOVED.fetch_add(removed, Ordering::Relaxed);
        Ok(())
    });
    checked.unwrap();
    let removed = REMOVED.load(Ordering::Relaxed);
    println!("{} random networks, {removed} components removed and put back", networks());
    assert!(removed > networks() as usize, "hardly anything could be removed");
}
