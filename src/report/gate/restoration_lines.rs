//! A variant that failed, and what was put back, as lines of text.

use crate::govern::{RestoreAction, RestoreSearch, RestoreTrial};
use paring_core::number_format::{counted, significant};
use paring_core::schema::VariantRecord;
use serde::Serialize;

/// A variant, and what was put back.
#[derive(Clone, Debug, Serialize)]
pub struct VariantRestoration {
    /// The variant that failed.
    pub variant: String,
    /// Labels of its groups of decisions, by number.
    pub groups: Vec<String>,
    /// The size that the search went by: `macs`, or `bytes`.
    pub by: &'static str,
    /// Every trial, and what it led to; groups by number.
    pub search: RestoreSearch,
    /// The new variant; `None` where nothing was put back.
    pub restored: Option<VariantRecord>,
}

/// Lines about what was put back and taken out again, in order, with what each step gained and cost.
pub fn restoration_lines(found: &VariantRestoration) -> String {
    let VariantRestoration { variant, groups, search, by, restored } = found;
    let RestoreSearch { start, end, trials, .. } = search;
    let mut lines = vec![format!(
        "{variant}: {} of decisions, {} tried on the select split",
        counted(groups.len(), "group"),
        counted(trials.len(), "change")
    )];
    lines.extend(trials.iter().filter(|trial| trial.kept).map(|trial| step(trial, groups, by)));
    let outcome = match (start.passes, end.passes) {
        (true, _) => "meets the requirements on the select split as it is: nothing is put back",
        (false, true) => "meets the requirements on the select split",
        (false, false) => "does not meet the requirements whatever is put back",
    };
    lines.push(match restored {
        Some(made) => {
            format!("  {} {outcome}; the gate below judges it on the report split", made.name)
        }
        None => format!("  {variant} {outcome}"),
    });
    lines.join("\n")
}

fn step(trial: &RestoreTrial, groups: &[String], by: &str) -> String {
    let RestoreTrial { group, action, before, after, .. } = trial;
    let label = groups.get(*group).map_or("", String::as_str);
    // Sizes are whole numbers.
    let cost = format!("{:.0}", (after.cost - before.cost).abs());
    let by = if by == "macs" { "MACs" } else { by };
    match action {
        RestoreAction::Restore => format!(
            "  puts back {label}: shortfall {} to {}, {cost} {by} more",
            significant(before.shortfall),
            significant(after.shortfall)
        ),
        RestoreAction::Remove => {
            format!("  takes out {label} again, which others made needless: {cost} {by} less")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::govern::RestoredValue;

    #[test]
    fn what_was_put_back_is_named_with_its_price() {
        let value =
            |shortfall: f64, cost| RestoredValue { shortfall, cost, passes: shortfall == 0.0 };
        let (start, end) = (value(3.5, 1_000.0), value(0.0, 1_400.0));
        let trial = |group, action, before, after, kept| RestoreTrial {
            restored: vec![],
            group,
            action,
            before,
            after,
            kept,
        };
        let search = RestoreSearch {
            restored: vec![1],
            start,
            end,
            trials: vec![
                trial(0, RestoreAction::Restore, start, value(3.0, 1_100.0), false),
                trial(1, RestoreAction::Restore, start, end, true),
                trial(1, RestoreAction::Remove, end, start, false),
            ],
        };
        let groups = vec!["prune channels of a".to_string(), "prune channels of b".to_string()];
        let (variant, by) = ("half".to_string(), "macs");
        let found = VariantRestoration { variant, groups, by, search, restored: None };
        insta::assert_snapshot!(restoration_lines(&found), @"
        half: 2 groups of decisions, 3 changes tried on the select split
          puts back prune channels of b: shortfall 3.500 to 0, 400 MACs more
          half meets the requirements on the select split
        ");
    }
}
