//! A variant that failed, and what was put back and why, as a table and lines of text.

use crate::govern::{RestorationChange, RestoreSearch, RestoreTrial, SearchEnd};
use crate::report::terminal::TerminalLayout;
use crate::report::terminal::layout::text_table::{TextColumn, cell, fitted};
use paring_core::number_format::{counted, decimal, signed, significant};
use paring_core::schema::VariantRecord;
use serde::Serialize;
use std::collections::BTreeSet;

/// A variant, and what was put back.
#[derive(Clone, Debug, Serialize)]
pub struct VariantRestoration {
    /// The variant that failed.
    pub variant: String,
    /// Labels of its groups of decisions, by number.
    pub groups: Vec<String>,
    /// Other settings of its quantize steps, by number.
    pub tunings: Vec<String>,
    /// Loss of the primary metric that an explanation counts to each group, where there is one.
    pub explained: Vec<Option<f64>>,
    /// Samples of the select split.
    pub samples: usize,
    /// The cost that the search went by: `macs`, `bytes`, `microseconds`, `millijoules`.
    pub by: &'static str,
    /// The target that measured costs are of.
    pub target: Option<String>,
    /// Every trial, and what it led to; groups by number, measured costs in nanoseconds or microjoules.
    pub search: RestoreSearch,
    /// The new variant; `None` where none passes.
    pub restored: Option<VariantRecord>,
}

/// A table of what was put back, tuned and taken out again, with what each gained, cost and was kept for;
/// then what was tried in vain, and why the search ended.
pub fn restoration_text(found: &VariantRestoration, layout: TerminalLayout) -> String {
    let VariantRestoration { variant, groups, search, by, target, .. } = found;
    let tried = match search.subsets.len() {
        0 => counted(search.trials.len(), "change"),
        sets => format!("all {sets} sets of them"),
    };
    let on = target.as_ref().map(|target| format!(" on {target}")).unwrap_or_default();
    let title = format!(
        "{variant}: {} of decisions, {tried} tried on {}, for the least {}{on}",
        counted(groups.len(), "group"),
        counted(found.samples, "select sample"),
        cost_words(by).0,
    );
    let mut text = layout.prose(&title);
    let kept: Vec<usize> = (0..search.trials.len()).filter(|at| search.trials[*at].kept).collect();
    if !kept.is_empty() {
        text = format!("{text}\n{}", fitted(columns(found, &kept), layout));
    }
    let below = [best_set(found), not_needed(found), needed(found), Some(outcome(found))];
    text + &layout.lines(below.into_iter().flatten())
}

/// The unit of a cost, and how many of the search's own make one.
fn cost_words(by: &str) -> (&'static str, f64) {
    match by {
        "bytes" => ("bytes", 1.0),
        "microseconds" => ("µs", 1e3),
        "millijoules" => ("mJ", 1e3),
        _ => ("MACs", 1.0),
    }
}

fn columns(found: &VariantRestoration, kept: &[usize]) -> Vec<TextColumn> {
    let trials = || kept.iter().map(|at| &found.search.trials[*at]);
    let (unit, one) = cost_words(found.by);
    let price = |trial: &RestoreTrial| {
        let price = trial.price() / one;
        if one > 1.0 { signed(price, 2) } else { signed(price, 0) }
    };
    let shortfall = |trial: &RestoreTrial| {
        let [before, after] = [trial.before, trial.after].map(|value| decimal(value.shortfall, 2));
        format!("{before} → {after}")
    };
    let why = kept.iter().map(|at| cell(why(found, *at)));
    let mut all = vec![
        TextColumn::text("kept", 0, trials().map(|trial| cell(words(found, &trial.change))))
            .whole(),
        TextColumn::figures("shortfall", 0, trials().map(|trial| cell(shortfall(trial)))),
        TextColumn::figures(unit, 0, trials().map(|trial| cell(price(trial)))),
        TextColumn::text("because it", 0, why),
    ];
    let explained = trials().map(|trial| cell(explained(found, &trial.change)));
    let explained = TextColumn::figures("explained loss", 1, explained);
    if explained.holds_something() {
        all.push(explained);
    }
    all
}

/// The loss that an explanation counts to a group.
fn explained(found: &VariantRestoration, change: &RestorationChange) -> String {
    match change {
        RestorationChange::Restore { group } => {
            let loss = found.explained.get(*group).copied().flatten();
            loss.map(significant).unwrap_or_default()
        }
        _ => String::new(),
    }
}

fn labels<'a>(found: &'a VariantRestoration, groups: &[usize]) -> String {
    let label = |group: &usize| found.groups.get(*group).map_or("", String::as_str);
    groups.iter().map(label).collect::<Vec<&'a str>>().join(", ")
}

fn words(found: &VariantRestoration, change: &RestorationChange) -> String {
    let tuning = |tuning: &usize| found.tunings.get(*tuning).map_or("", String::as_str);
    match change {
        RestorationChange::Restore { group } => format!("put back {}", labels(found, &[*group])),
        RestorationChange::Remove { group } => format!("take out {}", labels(found, &[*group])),
        RestorationChange::Exchange { removed, restored } => match restored.is_empty() {
            true => format!("take out {}", labels(found, removed)),
            false => format!("{} for {}", labels(found, restored), labels(found, removed)),
        },
        RestorationChange::Tune { tuning: own } => tuning(own).to_string(),
        RestorationChange::Reset { tuning: own } => format!("without {}", tuning(own)),
    }
}

/// The reason that the trial at a position was kept.
fn why(found: &VariantRestoration, at: usize) -> String {
    let trials = &found.search.trials;
    let trial = &trials[at];
    let (unit, _) = cost_words(found.by);
    let is_rival = |other: &&RestoreTrial| other.beside == trial.beside;
    match trial.change {
        RestorationChange::Restore { .. } => {
            let alike =
                |other: &&RestoreTrial| matches!(other.change, RestorationChange::Restore { .. });
            let rivals: Vec<_> = trials.iter().filter(is_rival).filter(alike).collect();
            let useful = rivals.iter().filter(|other| other.gain() > 0.0).count();
            match (rivals.len(), useful) {
                (1, _) => "gains, the last that is left".into(),
                (all, 1) => format!("alone of {all} gains"),
                (all, _) if trial.price() <= 0.0 => format!("gains most of {all} at no cost"),
                (all, _) => format!("gains most of {all} per {}", singular(unit)),
            }
        }
        RestorationChange::Tune { .. } => "gains, and no bits come back".into(),
        RestorationChange::Remove { .. } | RestorationChange::Reset { .. } => {
            "became needless".into()
        }
        RestorationChange::Exchange { .. } => "costs less and passes".into(),
    }
}

fn singular(unit: &str) -> &str {
    match unit {
        "MACs" => "MAC",
        "bytes" => "byte",
        other => other,
    }
}

/// The best of all sets.
fn best_set(found: &VariantRestoration) -> Option<String> {
    let RestoreSearch { restored, start, end, subsets, ended, .. } = &found.search;
    let (unit, one) = cost_words(found.by);
    (!subsets.is_empty() && *ended == SearchEnd::Passes).then(|| {
        format!(
            "cheapest set that passes: put back {}; {} {unit}",
            labels(found, restored),
            signed((end.cost - start.cost) / one, if one > 1.0 { 2 } else { 0 })
        )
    })
}

/// Groups and settings that gained nothing wherever they were tried.
fn not_needed(found: &VariantRestoration) -> Option<String> {
    let changes: Vec<&RestorationChange> = (found.search.trials.iter())
        .map(|trial| &trial.change)
        .filter(|change| {
            matches!(change, RestorationChange::Restore { .. } | RestorationChange::Tune { .. })
        })
        .collect();
    let is_vain = |change: &&RestorationChange| {
        let mut own = found.search.trials.iter().filter(|trial| trial.change == **change);
        own.all(|trial| trial.gain() <= 0.0)
    };
    let mut names: Vec<String> = Vec::new();
    for change in changes.into_iter().filter(is_vain) {
        let name = words(found, change).replacen("put back ", "", 1);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    (!names.is_empty()).then(|| format!("helps nowhere: {}", names.join("; ")))
}

/// Groups that were put back and could not be taken out again.
fn needed(found: &VariantRestoration) -> Option<String> {
    let restored: BTreeSet<usize> = found.search.restored.iter().copied().collect();
    let needed = found.search.trials.iter().filter_map(|trial| match trial.change {
        RestorationChange::Remove { group } if !trial.kept && restored.contains(&group) => {
            let left = decimal(trial.after.shortfall, 2);
            Some(format!("{} (shortfall {left})", labels(found, &[group])))
        }
        _ => None,
    });
    let needed: Vec<String> = needed.collect();
    (!needed.is_empty()).then(|| format!("fails without: {}", needed.join("; ")))
}

/// The reason that the search ended, and what came of it.
fn outcome(found: &VariantRestoration) -> String {
    let VariantRestoration { variant, search, restored, by, .. } = found;
    let (unit, one) = cost_words(by);
    let left = decimal(search.end.shortfall, 2);
    match (search.ended, restored) {
        (SearchEnd::PassesAsItIs, _) => format!(
            "stopped: {variant} meets the requirements on the select split as it is, and nothing is put back; more report samples would decide"
        ),
        (SearchEnd::Passes, Some(made)) => format!(
            "stopped: {} meets the requirements on the select split, {} {unit} more than {variant}; the gate below judges it on the report split",
            made.name,
            decimal((search.end.cost - search.start.cost) / one, if one > 1.0 { 2 } else { 0 }),
        ),
        (SearchEnd::Passes, None) => {
            "stopped: it meets the requirements on the select split".into()
        }
        (SearchEnd::NothingHelps, _) => format!(
            "stopped: {variant} cannot pass: nothing that is left decreases the shortfall of {left}; no variant is made"
        ),
        (SearchEnd::EverythingRestored, _) => format!(
            "stopped: {variant} cannot pass: with everything put back a shortfall of {left} is left; no variant is made"
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::govern::{RestorationState, RestoredValue};

    fn value(shortfall: f64, cost: f64) -> RestoredValue {
        RestoredValue { shortfall, cost, passes: shortfall == 0.0 }
    }

    /// A trial beside restored groups and tunings.
    fn trial(
        change: RestorationChange,
        (restored, tuned): (&[usize], &[usize]),
        (before, after): (RestoredValue, RestoredValue),
        kept: bool,
    ) -> RestoreTrial {
        let (restored, tuned) =
            (restored.iter().copied().collect(), tuned.iter().copied().collect());
        let beside = RestorationState { restored, tuned };
        RestoreTrial { beside, change, before, after, kept }
    }

    /// Lines without the widths of columns.
    fn collapsed(text: &str) -> Vec<String> {
        let lines = text.lines().filter(|line| !line.contains('─'));
        lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
    }

    fn restoration(search: RestoreSearch, by: &'static str) -> VariantRestoration {
        VariantRestoration {
            variant: "half".into(),
            groups: ["prune channels of a", "prune channels of b", "quantize int8 of a"]
                .map(String::from)
                .to_vec(),
            tunings: vec!["calibration = mse".into()],
            explained: vec![Some(0.031), None, None],
            samples: 200,
            by,
            target: (by == "microseconds").then(|| "pi4".into()),
            search,
            restored: None,
        }
    }

    #[test]
    fn what_was_put_back_stands_with_its_price_and_its_reason() {
        let (start, tuned, a, end) =
            (value(3.5, 1_000.0), value(3.1, 1_000.0), value(0.4, 13_345.0), value(0.0, 14_000.0));
        use RestorationChange::{Remove, Restore, Tune};
        let search = RestoreSearch {
            restored: vec![0, 1],
            tuned: vec![0],
            start,
            end,
            ended: SearchEnd::Passes,
            trials: vec![
                trial(Restore { group: 0 }, (&[], &[]), (start, a), false),
                trial(Restore { group: 2 }, (&[], &[]), (start, start), false),
                trial(Tune { tuning: 0 }, (&[], &[]), (start, tuned), true),
                trial(Restore { group: 0 }, (&[], &[0]), (tuned, a), true),
                trial(Restore { group: 1 }, (&[], &[0]), (tuned, value(3.0, 1_655.0)), false),
                trial(Restore { group: 1 }, (&[0], &[0]), (a, end), true),
                trial(Restore { group: 2 }, (&[0], &[0]), (a, a), false),
                trial(Remove { group: 0 }, (&[0, 1], &[0]), (end, value(2.8, 1_655.0)), false),
            ],
            subsets: vec![],
        };
        let layout = TerminalLayout { wide: true, ..TerminalLayout::default() };
        let text = restoration_text(&restoration(search.clone(), "macs"), layout);
        assert_eq!(
            collapsed(&text),
            [
                "half: 3 groups of decisions, 8 changes tried on 200 select samples, for the least MACs",
                "kept shortfall MACs because it explained loss",
                "calibration = mse 3.50 → 3.10 0 gains, and no bits come back",
                "put back prune channels of a 3.10 → 0.40 +12345 gains most of 2 per MAC 0.03100",
                "put back prune channels of b 0.40 → 0.00 +655 alone of 2 gains",
                "helps nowhere: quantize int8 of a",
                "fails without: prune channels of a (shortfall 2.80)",
                "stopped: it meets the requirements on the select split",
            ]
        );
        let times = collapsed(&restoration_text(&restoration(search, "microseconds"), layout));
        assert!(times[0].ends_with("for the least µs on pi4"), "{times:?}");
        assert!(times[4].contains(" +0.66 ") || times[4].contains(" +0.65 "), "{times:?}");
    }

    #[test]
    fn the_end_of_a_search_that_cannot_pass_says_so() {
        let (start, end) = (value(3.5, 1_000.0), value(1.25, 2_000.0));
        let search = |ended| RestoreSearch {
            restored: vec![],
            tuned: vec![],
            start,
            end,
            ended,
            trials: vec![],
            subsets: vec![],
        };
        let said = |ended| outcome(&restoration(search(ended), "macs"));
        assert!(
            said(SearchEnd::PassesAsItIs).contains("half meets the requirements on the select")
        );
        assert_eq!(
            said(SearchEnd::NothingHelps),
            "stopped: half cannot pass: nothing that is left decreases the shortfall of 1.25; no variant is made"
        );
        assert_eq!(
            said(SearchEnd::EverythingRestored),
            "stopped: half cannot pass: with everything put back a shortfall of 1.25 is left; no variant is made"
        );
    }
}
