//! A catalog as a tree for a person and as JSON for a machine.

use super::verb::{Found, Opened, Shown};
use crate::pipeline::Forecaster;
use paring_compress::catalog::{Coupling, Criterion, Dependencies, Kind, Savings};
use serde_json::json;
use std::path::Path;

/// For a person; `all` shows every component rather than the first few.
pub(super) fn tree(model: &Path, all: bool, opened: &Opened, found: &Found) {
    let couplings = &found.catalog.couplings;
    let components: usize = couplings.iter().map(|c| c.components.len()).sum();
    say!("{}: {} couplings, {components} components", model.display(), couplings.len());
    let each = couplings.iter().zip(&found.depends).zip(&found.shown).zip(&found.opaque);
    for (((coupling, depends), shown), opaque) in each {
        one(coupling, depends);
        if !opaque.is_empty() {
            say!(
                "  not judged by data: its reader {} does not weigh each channel by stored 32-bit floats of its own",
                opaque.join(", ")
            );
        }
        if let Some(first) = shown.first() {
            say!("  each saves {}", savings(&first.saves));
            if let Some(saved) = first.expected.latency_saved_ns {
                say!("  and, by the layers' times on this machine, about {:.2} us", saved / 1e3);
            }
        }
        let most = if all { shown.len() } else { shown.len().min(3) };
        let known = |c: &&Criterion| {
            let scored = shown.first().is_some_and(|s| s.scores.contains_key(&c.to_string()));
            **c != Criterion::Random && scored
        };
        let by = opened.criteria.iter().rfind(known);
        let by = by.map(Criterion::to_string).unwrap_or_default();
        say!("  {} {by}:", if all { "by" } else { "least important by" });
        shown[..most].iter().for_each(|component| say!("    {}", worth(component, &by)));
    }
    say!("");
    for (bypass, saves, score) in &found.bypasses {
        let what = if bypass.kind == Kind::Block { "block" } else { "layer" };
        let change = score.map_or_else(String::new, |s| {
            format!("; without it its output is off by {:.1} % of its power", 100.0 * s)
        });
        say!("{what} {} can be left out: saves {}{change}", bypass.id, savings(saves));
    }
    if opened.criteria.contains(&Criterion::Obs) {
        say!(
            "obs: by how much of their variance the outputs of the reading layers would be off,\n     their weights making up for the loss as well as they can; summed over the layers"
        );
    }
    match opened.forecaster.as_ref().and_then(Forecaster::evaluated) {
        Some((tried, samples)) => say!(
            "expected accuracy: learnt from {tried} removals that were tried on {samples} samples of this data"
        ),
        None if opened.calibration.is_some() => {
            say!("expected accuracy: not known; too little was or could be tried to learn from");
        }
        None => {}
    }
    for refused in &found.catalog.refused {
        say!("{}: stays whole: {}", refused.layer, refused.reason);
    }
}

fn one(coupling: &Coupling, depends: &Dependencies) {
    say!("\n{}: {} {}s", coupling.id, coupling.components.len(), coupling.kind);
    if let Some(lossy) = &coupling.lossy {
        say!("  lossy: {lossy}");
    }
    let list = |names: &[String]| match names {
        [] => "nothing that can be removed".to_string(),
        names => names.join(", "),
    };
    say!("  computed from {}; read by {}", list(&depends.reads), list(&depends.readers));
    let members = coupling.members.iter();
    let members: Vec<String> = members.map(|m| format!("{}[{}]", m.initializer, m.axis)).collect();
    say!("  members: {}", members.join(", "));
}

fn savings(saved: &Savings) -> String {
    let Savings { params, bytes, macs, activation_bytes } = saved;
    format!(
        "{params} parameters ({bytes} bytes), {macs} MACs, {activation_bytes} bytes of activations"
    )
}

fn worth(component: &Shown, by: &str) -> String {
    let score = component.scores.get(by).map_or_else(String::new, |score| format!("{score:.5}"));
    let mut line = format!("{:<16} {score}", component.id);
    if let Some(units) = component.expected.output_error {
        line += &format!(", outputs off by {units:.3e} squared");
    }
    if let Some(expected) = &component.expected.accuracy {
        let points = |share: f64| 100.0 * share;
        line += &format!(
            ", accuracy expected {:+.2} points [{:+.2}, {:+.2}]",
            points(expected.delta),
            points(expected.low),
            points(expected.high)
        );
    }
    line
}

/// For a machine.
pub(super) fn json(opened: &Opened, found: &Found) {
    let each = found.catalog.couplings.iter().zip(&found.depends);
    let couplings: Vec<_> = each
        .zip(found.shown.iter().zip(&found.opaque))
        .map(|((coupling, depends), (shown, opaque))| {
            json!({
                "id": coupling.id, "kind": coupling.kind, "lossy": coupling.lossy,
                "members": coupling.members, "dependencies": depends, "components": shown,
                "opaque_readers": opaque,
            })
        })
        .collect();
    let refused = found.catalog.refused.iter();
    let refused: Vec<_> =
        refused.map(|r| json!({ "layer": r.layer, "reason": r.reason })).collect();
    let bypasses = found.bypasses.iter().map(|(bypass, saves, score)| {
        json!({
            "id": bypass.id, "kind": bypass.kind, "layers": bypass.layers, "saves": saves,
            "activation": score,
        })
    });
    let bypasses: Vec<_> = bypasses.collect();
    let criteria: Vec<String> = opened.criteria.iter().map(Criterion::to_string).collect();
    say!(
        "{:#}",
        json!({
            "schema": 2, "criteria": criteria, "couplings": couplings, "bypasses": bypasses,
            "forecaster": opened.forecaster, "refused": refused,
        })
    );
}
