//! Sweeps: a list in a step makes one variant for each of its values.

use super::step::steps;
use super::step_error::{RecipeError, StepError};
use super::step_table::{StepEntry, StepTable};
use paring_compress::Step;
use toml::Value;

/// Most variants of a study: a sweep over several lists multiplies.
const MOST_VARIANTS: usize = 10_000;
/// Longest name of a variant before a sweep completes it; file names are made from names.
const LONGEST_NAME: usize = 200;
/// Keys whose lists are swept over, the slowest first.
pub(super) const SWEPT_KEYS: [&str; 16] = [
    "ratio",
    "count",
    "score",
    "macs",
    "latency",
    "pattern",
    "criterion",
    "recover",
    "allocate",
    "calibration",
    "per",
    "round",
    "epochs",
    "rate",
    "temperature",
    "on",
];

/// One name and list of steps for every combination of the values that are lists.
pub(super) fn sweep(
    name: &str,
    tables: &[StepTable],
) -> Result<Vec<(String, Vec<Step>)>, RecipeError> {
    if name.len() > LONGEST_NAME {
        let start: String = name.chars().take(40).collect();
        return Err(format!("variant name `{start}…` is longer than {LONGEST_NAME} bytes").into());
    }
    let mut all = vec![(name.to_string(), Vec::new())];
    for table in tables {
        let combinations = combinations(table).saturating_mul(all.len());
        if combinations > MOST_VARIANTS {
            return Err(format!(
                "variant `{name}` sweeps over {combinations} combinations, more than {MOST_VARIANTS}"
            )
            .into());
        }
        let swept = swept_tables(table);
        let keys = swept.first().into_iter().flat_map(|(labels, _)| labels);
        for (key, _) in keys {
            if !name.contains(&format!("{{{key}}}")) {
                return Err(format!(
                    "variant `{name}` sweeps over `{key}`, so its name must contain `{{{key}}}`"
                )
                .into());
            }
        }
        let steps = swept.into_iter().map(|(labels, table)| Ok((labels, steps(&table)?)));
        let steps: Vec<(SweptValues, Vec<Step>)> =
            steps.collect::<Result<_, _>>().map_err(|e: StepError| e.of_variant(name))?;
        all = all.iter().flat_map(|before| with_each(before, &steps)).collect();
    }
    Ok(all)
}

/// A name and its steps, once with each of several further steps.
fn with_each(
    (name, steps): &(String, Vec<Step>),
    further: &[(SweptValues, Vec<Step>)],
) -> Vec<(String, Vec<Step>)> {
    let with = |(labels, own): &(SweptValues, Vec<Step>)| {
        let named = labels
            .iter()
            .fold(name.clone(), |name, (key, value)| name.replace(&format!("{{{key}}}"), value));
        (named, steps.iter().chain(own).cloned().collect())
    };
    further.iter().map(with).collect()
}

/// Number of tables that a table with lists makes.
fn combinations(table: &StepTable) -> usize {
    let lists = SWEPT_KEYS.iter().filter_map(|key| table.get(key)?.value.as_array());
    lists.map(|list| list.len().max(1)).fold(1, usize::saturating_mul)
}

/// Swept keys with their values, as variants' names have them.
type SweptValues = Vec<(&'static str, String)>;

/// A table for every combination of the values in lists. An empty list is as no key at all.
fn swept_tables(table: &StepTable) -> Vec<(SweptValues, StepTable)> {
    let mut all = vec![(SweptValues::new(), table.clone())];
    for key in SWEPT_KEYS {
        let list = table.get(key).and_then(|entry| entry.value.as_array());
        all = match list {
            None => all,
            Some(values) if values.is_empty() => {
                all.into_iter().map(|(labels, table)| (labels, table.without(key))).collect()
            }
            Some(values) => all
                .iter()
                .flat_map(|(labels, table)| {
                    values.iter().map(|value| {
                        let labels = labels.iter().cloned().chain([(key, label(value))]);
                        (labels.collect(), table.with(key, value))
                    })
                })
                .collect(),
        };
    }
    all
}

/// A value as a variant's name has it.
fn label(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        // Without the `.0` of whole numbers that TOML writes.
        Value::Float(number) => number.to_string(),
        other => other.to_string(),
    }
}

impl StepTable {
    fn without(&self, key: &str) -> StepTable {
        let entries = self.entries.iter().filter(|entry| entry.key != key).cloned();
        StepTable { entries: entries.collect() }
    }

    fn with(&self, key: &str, value: &Value) -> StepTable {
        let changed = |entry: &StepEntry| match entry.key == key {
            true => StepEntry { value: value.clone(), ..entry.clone() },
            false => entry.clone(),
        };
        StepTable { entries: self.entries.iter().map(changed).collect() }
    }
}
