//! A person's words about a study, and the run that its protocol follows: never invented, and told to be
//! missing where they are.

use paring_core::number_format::counted;
use paring_core::schema::PredecessorRun;
use paring_core::text::shortened;
use std::collections::BTreeMap;

/// Said where nobody stated something.
pub(in crate::report) const NOT_STATED: &str = "not stated";
/// Keys of a study's words, in the order in which they are shown.
pub(in crate::report) const WORD_KEYS: [&str; 5] =
    ["purpose", "risk", "ethics", "review_by", "notes"];
/// Columns of the table of words.
pub(in crate::report) const WORD_COLUMNS: [&str; 2] = ["what", "words"];
/// Columns of the table of changes.
pub(in crate::report) const CHANGE_COLUMNS: [&str; 3] = ["field", "before", "now"];
/// Letters of a value that stand in the table of changes.
const MOST_LETTERS: usize = 200;

/// Owner and words, a row each.
pub(in crate::report) fn word_rows(
    owner: &str,
    words: &BTreeMap<String, String>,
) -> Vec<[String; 2]> {
    let stated = |text: &str| match text.trim().is_empty() {
        true => NOT_STATED.to_string(),
        false => text.to_string(),
    };
    let each = WORD_KEYS.iter().map(|key| {
        let text = words.get(*key).map_or("", String::as_str);
        [key.replace('_', " "), stated(text)]
    });
    std::iter::once(["owner".to_string(), stated(owner)]).chain(each).collect()
}

/// The run that this one follows, in a sentence.
pub fn predecessor_sentence(found: &PredecessorRun) -> String {
    let PredecessorRun { directory, run_id, protocol_sha256, changes } = found;
    let changed = match changes.len() {
        0 => "with the same protocol".to_string(),
        count => format!("with {} of the protocol", counted(count, "change")),
    };
    format!(
        "This run follows run {run_id} in {directory} (protocol {}), {changed}.",
        protocol_sha256.short()
    )
}

/// Changes since that run, field by field.
pub(in crate::report) fn change_rows(found: &PredecessorRun) -> Vec<[String; 3]> {
    let shown = |value: &Option<String>| {
        value.as_ref().map_or(String::new(), |text| shortened(text, MOST_LETTERS).into_owned())
    };
    let each = found.changes.iter();
    each.map(|own| [own.field.clone(), shown(&own.before), shown(&own.after)]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_stated_is_told_and_not_invented() {
        let words =
            [("risk".to_string(), "a missed digit".to_string()), ("notes".into(), " ".into())];
        let rows = word_rows("team", &words.into());
        let text: Vec<String> = rows.iter().map(|row| row.join(": ")).collect();
        assert_eq!(
            text,
            [
                "owner: team",
                "purpose: not stated",
                "risk: a missed digit",
                "ethics: not stated",
                "review by: not stated",
                "notes: not stated"
            ]
        );
    }
}
