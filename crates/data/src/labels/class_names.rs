//! Names of classes, and the numbers that labels become: as a list says, else in the order of the letters.

use paring_core::text::shortened;
use paring_core::toml_input::nearest_name;
use std::collections::BTreeSet;

/// Names of classes that a message lists.
const SHOWN: usize = 12;

/// Labels as they were written, as numbers.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum ParsedLabels {
    /// Numbers, whole or not.
    Numbers(Vec<f64>),
    /// Classes, with the name of each.
    Classes(Vec<i64>, Vec<String>),
}

/// Reads labels. `given` are the names of the classes in the model's order; without them labels are
/// numbers, or names that are sorted.
///
/// # Errors
/// The position of the first label that cannot be read, and a sentence.
pub(crate) fn parse_labels(
    labels: &[String],
    given: &[String],
) -> Result<ParsedLabels, (usize, String)> {
    if let Some(position) = labels.iter().position(|label| label.trim().is_empty()) {
        return Err((position, "the label is empty".into()));
    }
    if !given.is_empty() {
        let classes = labels.iter().enumerate().map(|(position, label)| {
            class_of(label.trim(), given).map_err(|problem| (position, problem))
        });
        return Ok(ParsedLabels::Classes(classes.collect::<Result<_, _>>()?, given.to_vec()));
    }
    let numbers: Vec<Option<f64>> = labels.iter().map(|label| number(label)).collect();
    if numbers.iter().all(Option::is_some) {
        return Ok(ParsedLabels::Numbers(numbers.into_iter().flatten().collect()));
    }
    if let (Some(word), true) =
        (numbers.iter().position(Option::is_none), numbers.iter().any(Option::is_some))
    {
        let label = shortened(&labels[word], 60);
        return Err((
            word,
            format!(
                "the label `{label}` is not a number, and others are: write numbers alone, or names alone, or `classes` under [data]"
            ),
        ));
    }
    let names: BTreeSet<&str> = labels.iter().map(|label| label.trim()).collect();
    let names: Vec<String> = names.into_iter().map(str::to_string).collect();
    let class = |label: &String| names.binary_search_by(|name| name.as_str().cmp(label.trim()));
    let classes = labels.iter().filter_map(|label| class(label).ok()).map(|class| class as i64);
    Ok(ParsedLabels::Classes(classes.collect(), names))
}

fn number(label: &str) -> Option<f64> {
    label.trim().parse::<f64>().ok().filter(|number| number.is_finite())
}

/// The class that a label names, or whose number it is.
fn class_of(label: &str, given: &[String]) -> Result<i64, String> {
    if let Some(class) = given.iter().position(|name| name == label) {
        return Ok(class as i64);
    }
    let numbered = given.iter().all(|name| number(name).is_none());
    if let (true, Some(class)) = (numbered, label.parse::<usize>().ok()) {
        return match class < given.len() {
            true => Ok(class as i64),
            false => Err(format!(
                "the label {class} is no class: `classes` under [data] has {}, so labels are 0 to {}",
                given.len(),
                given.len() - 1
            )),
        };
    }
    let hint = match nearest_name(label, given.iter().map(String::as_str)) {
        Some(name) => format!("did you mean `{name}`?"),
        None => format!("they are {}", name_list(given)),
    };
    let label = shortened(label, 60);
    Err(format!("the label `{label}` is not among `classes` under [data]; {hint}"))
}

/// Names of classes for a message: the first dozen.
pub(crate) fn name_list(names: &[String]) -> String {
    let shown: Vec<String> =
        names.iter().take(SHOWN).map(|name| format!("`{}`", shortened(name, 40))).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(labels: &[&str]) -> Vec<String> {
        labels.iter().map(|label| label.to_string()).collect()
    }

    #[track_caller]
    fn reads(labels: &[&str], given: &[&str], classes: &[i64], names: &[&str]) {
        let found = parse_labels(&texts(labels), &texts(given)).unwrap();
        assert_eq!(found, ParsedLabels::Classes(classes.to_vec(), texts(names)));
    }

    #[track_caller]
    fn refused(labels: &[&str], given: &[&str], position: usize, said: &str) {
        let found = parse_labels(&texts(labels), &texts(given)).unwrap_err();
        assert_eq!(found, (position, said.to_string()));
    }

    #[test]
    fn names_are_sorted_or_as_listed() {
        reads(&["star", "galaxy", " star"], &[], &[1, 0, 1], &["galaxy", "star"]);
        let both = ["star", "galaxy"];
        reads(&["star", "galaxy"], &both, &[0, 1], &both);
        reads(&["1", "0"], &both, &[1, 0], &both);
        reads(&["7", "9"], &["9", "7"], &[1, 0], &["9", "7"]);
        let numbers = parse_labels(&texts(&["1", "2.5"]), &[]).unwrap();
        assert_eq!(numbers, ParsedLabels::Numbers(vec![1.0, 2.5]));
    }

    #[test]
    fn labels_that_are_no_class_are_named() {
        refused(
            &["0", "one"],
            &[],
            1,
            "the label `one` is not a number, and others are: write numbers alone, or names alone, or `classes` under [data]",
        );
        refused(&["a", ""], &[], 1, "the label is empty");
        refused(
            &["stra"],
            &["star", "galaxy"],
            0,
            "the label `stra` is not among `classes` under [data]; did you mean `star`?",
        );
        refused(
            &["quasar"],
            &["star", "galaxy"],
            0,
            "the label `quasar` is not among `classes` under [data]; they are `star`, `galaxy`",
        );
        refused(
            &["2"],
            &["star", "galaxy"],
            0,
            "the label 2 is no class: `classes` under [data] has 2, so labels are 0 to 1",
        );
    }
}
