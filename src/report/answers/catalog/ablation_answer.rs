//! Measured removals of single components, and criteria beside them: part of the answer of
//! `paring catalog`.

use super::gradient_change_text::gradient_change_text;
use crate::pipeline::{
    ComponentAblation, CriterionAgreement, CriterionComparison, CriterionVerdict,
};
use crate::report::answers::LabelOrigin;
use crate::report::interval_text::interval_text;
use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use paring_compress::catalog::GradientChange;
use paring_core::number_format::{counted, signed};
use paring_core::rank_correlation::spearman;
use paring_core::schema::ConfidenceInterval;
use serde::Serialize;
use std::collections::BTreeMap;

/// No column is left out and no name shortened: the answer has no `--wide`.
const WHOLE: TerminalLayout = TerminalLayout { color: false, wide: true, wrap: false };

/// Removals of single components, and criteria held against them.
#[derive(Clone, Debug, Serialize)]
pub struct AblationAnswer {
    /// Source of the classes that losses are about.
    pub labels: LabelOrigin,
    /// Seed of the choice of components and of the draws of intervals.
    pub seed: u64,
    /// Removals, in the order in which they were made.
    pub ablations: Vec<ComponentAblation>,
    /// Changes of gradients around removed components, by component; empty where nothing is known of
    /// gradients.
    pub gradient_changes: BTreeMap<String, GradientComparison>,
    /// Criteria side by side; `None` where too few components were removed.
    pub comparison: Option<CriterionComparison>,
}

/// One side of a change.
type ChangeSide = fn(&GradientChange) -> Option<f64>;

/// The change of the norms of gradients around a component that is gone.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct GradientComparison {
    /// Everything else keeping its gradient.
    pub expected: GradientChange,
    /// On the model without it.
    pub observed: GradientChange,
}

impl AblationAnswer {
    /// Lines for a person; `all` shows every removal.
    pub(super) fn lines(&self, all: bool) -> Vec<String> {
        let mut lines = vec![self.head()];
        if all && !self.ablations.is_empty() {
            lines.push(ablations_table(&self.ablations));
            for ComponentAblation { component, .. } in &self.ablations {
                let gradients = self.gradient_changes.get(component);
                let observed = gradients.and_then(|own| gradient_change_text(own.observed));
                lines.extend(observed.map(|text| format!("{component}: gradient norm {text}")));
            }
        }
        lines.extend(self.gradient_lines());
        match &self.comparison {
            Some(comparison) => lines.extend(comparison_lines(comparison)),
            None => lines.push(
                "criteria are not compared: that takes ten components that all of them judge"
                    .into(),
            ),
        }
        lines
    }

    /// Rank correlations of expected with observed changes of gradients, before and behind.
    fn gradient_lines(&self) -> Vec<String> {
        let sides: [(&str, ChangeSide); 2] =
            [("before", |own| own.before), ("behind", |own| own.behind)];
        let line = |(side, of): (&str, ChangeSide)| {
            let pair = |own: &GradientComparison| Some((of(&own.expected)?, of(&own.observed)?));
            let pairs: Vec<(f64, f64)> = self.gradient_changes.values().filter_map(pair).collect();
            let correlation = spearman(&pairs)?;
            Some(format!(
                "expected and observed change of the gradient norm at the weights {side} a removed component: rank correlation {correlation:+.2} over {}",
                counted(pairs.len(), "component")
            ))
        };
        sides.into_iter().filter_map(line).collect()
    }

    fn head(&self) -> String {
        let samples = self.ablations.iter().map(|own| own.samples).max().unwrap_or(0);
        let whose = match self.labels {
            LabelOrigin::Data => "",
            _ => ", classes being the whole model's own",
        };
        format!(
            "{} removed, each alone and without recovery, on {} that no criterion saw{whose}",
            counted(self.ablations.len(), "component"),
            counted(samples, "sample"),
        )
    }
}

/// Removals as a table; component ids are to be typed again, so nothing is shortened.
fn ablations_table(ablations: &[ComponentAblation]) -> String {
    let change = |own: &ComponentAblation| interval_text(own.loss_change, |value| signed(value, 5));
    let count = |of: Option<usize>| cell(of.map_or_else(String::new, |count| count.to_string()));
    let mut columns = vec![
        TextColumn::text("component", 0, ablations.iter().map(|own| cell(&own.component))),
        TextColumn::figures("change of loss", 0, ablations.iter().map(|own| cell(change(own)))),
        TextColumn::figures("flips", 0, ablations.iter().map(|own| cell(own.flips))),
        TextColumn::figures("regressions", 0, ablations.iter().map(|own| count(own.regressions))),
        TextColumn::figures("fixes", 0, ablations.iter().map(|own| count(own.fixes))),
    ];
    columns.retain(TextColumn::holds_something);
    fitted(columns, WHOLE)
}

fn comparison_lines(comparison: &CriterionComparison) -> Vec<String> {
    let criteria = &comparison.criteria;
    let of = |value: fn(&CriterionAgreement) -> Option<ConfidenceInterval>| {
        criteria.iter().map(|row| cell(correlation_text(value(row)))).collect::<Vec<_>>()
    };
    let columns = vec![
        TextColumn::text("criterion", 0, criteria.iter().map(|row| cell(&row.criterion))),
        TextColumn::figures("loss", 0, of(|row| Some(row.loss))),
        TextColumn::figures("loss within couplings", 0, of(|row| row.loss_within)),
        TextColumn::figures("flips", 0, of(|row| row.flips)),
    ];
    let mut lines = vec![
        format!(
            "rank correlation with the measured change, over {}, 95 % intervals:",
            counted(comparison.components, "component")
        ),
        fitted(columns, WHOLE),
        format!("over all components {}", verdict_text(&comparison.overall)),
    ];
    if let Some(within) = &comparison.within {
        lines.push(format!("within couplings {}", verdict_text(within)));
    }
    if let Some(repeatability) = comparison.repeatability {
        lines.push(format!(
            "the measured changes of one half of the samples correlate {repeatability:+.2} with those of the other"
        ));
    }
    lines
}

fn correlation_text(found: Option<ConfidenceInterval>) -> String {
    found.map_or_else(|| "—".into(), |found| interval_text(found, |value| signed(value, 2)))
}

fn verdict_text(verdict: &CriterionVerdict) -> String {
    match verdict {
        CriterionVerdict::Best { criterion } => format!("`{criterion}` predicts best"),
        CriterionVerdict::Undecided { criteria } => {
            let all: Vec<String> = criteria.iter().map(|own| format!("`{own}`")).collect();
            format!("it cannot be told which predicts best: {}", all.join(", "))
        }
        CriterionVerdict::NonePredicts => "no criterion predicts the loss beyond chance".into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ablation() -> ComponentAblation {
        ComponentAblation {
            component: "stem:3".into(),
            coupling: "stem".into(),
            samples: 250,
            loss_change: ConfidenceInterval { value: 0.5, low: 0.25, high: 0.625 },
            half_changes: [0.5, 0.5],
            flips: 3,
            regressions: Some(1),
            fixes: Some(2),
        }
    }

    #[test]
    fn criteria_stand_side_by_side_with_a_verdict() {
        let of = |value: f64| ConfidenceInterval { value, low: value - 0.25, high: value + 0.125 };
        let row = |criterion: &str, value| CriterionAgreement {
            criterion: criterion.into(),
            loss: of(value),
            loss_within: Some(of(value / 2.0)),
            flips: None,
        };
        let comparison = CriterionComparison {
            components: 12,
            repeatability: Some(0.875),
            criteria: vec![row("taylor", 0.75), row("l1", 0.5)],
            overall: CriterionVerdict::Best { criterion: "taylor".into() },
            within: Some(CriterionVerdict::Undecided {
                criteria: vec!["taylor".into(), "l1".into()],
            }),
        };
        let answer = AblationAnswer {
            labels: LabelOrigin::Data,
            seed: 0,
            ablations: vec![ablation()],
            gradient_changes: [("stem:3", 0.02), ("stem:4", 0.01), ("stem:5", 0.03)]
                .map(|(id, change)| {
                    let of = |before| GradientChange { before: Some(before), behind: None };
                    let (expected, observed) = (of(-change), of(-2.0 * change));
                    (id.to_string(), GradientComparison { expected, observed })
                })
                .into(),
            comparison: Some(comparison),
        };
        insta::assert_snapshot!(answer.lines(true).join("\n"), @"
        1 component removed, each alone and without recovery, on 250 samples that no criterion saw
        ───────────────────────────────────────────────────────────────────
        component                 change of loss  flips  regressions  fixes
        ───────────────────────────────────────────────────────────────────
        stem:3     +0.50000 [+0.25000, +0.62500]      3            1      2
        ───────────────────────────────────────────────────────────────────
        stem:3: gradient norm -4.0 % at the weights before it
        expected and observed change of the gradient norm at the weights before a removed component: rank correlation +1.00 over 3 components
        rank correlation with the measured change, over 12 components, 95 % intervals:
        ─────────────────────────────────────────────────────────────
        criterion                  loss  loss within couplings  flips
        ─────────────────────────────────────────────────────────────
        taylor     +0.75 [+0.50, +0.88]   +0.38 [+0.12, +0.50]      —
        l1         +0.50 [+0.25, +0.62]    +0.25 [0.00, +0.38]      —
        ─────────────────────────────────────────────────────────────
        over all components `taylor` predicts best
        within couplings it cannot be told which predicts best: `taylor`, `l1`
        the measured changes of one half of the samples correlate +0.88 with those of the other
        ");
    }
}
