//! Sizes and names that keep the code findable: functions, files and folders stay small, every type
//! has a name of its own, and doc comments begin with what a thing is.

#[path = "common/sources.rs"]
mod sources;

use sources::{code, sources};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

const FILE_LINES: usize = 400;
const FUNCTION_LINES: usize = 60;
const FOLDER_FILES: usize = 12;

/// First words of a sentence that goes around the noun that a reader searches for.
const QUESTION_WORDS: [&str; 9] =
    ["What", "How", "Whether", "Which", "So", "Why", "Where", "When", "Who"];

/// The name that a line declares behind one of `keywords`, if it declares one.
fn declared<'a>(line: &'a str, keywords: &[&str]) -> Option<&'a str> {
    let mut words = line.split_whitespace().peekable();
    words.next_if(|word| word.starts_with("pub"));
    // `pub(in some::path)` is two words.
    words.next_if(|word| word.ends_with(')') && !word.contains('('));
    while words.next_if(|word| ["const", "unsafe", "async", "extern"].contains(word)).is_some() {}
    words.next().filter(|word| keywords.contains(word))?;
    let name = words.next()?;
    Some(name.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or(name))
}

#[test]
fn every_file_says_what_it_owns_and_stays_small() {
    let mut wrong = Vec::new();
    for (place, source) in sources() {
        if !source.starts_with("//!") {
            wrong.push(format!("{} has no //!", place.display()));
        }
        let lines = source.lines().count();
        if lines > FILE_LINES {
            wrong.push(format!("{} has {lines} lines", place.display()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn functions_are_short() {
    let mut wrong = Vec::new();
    for (place, source) in sources() {
        let lines: Vec<&str> = source.lines().collect();
        for (start, line) in lines.iter().enumerate() {
            let Some(name) = declared(line, &["fn"]) else { continue };
            let indent = &line[..line.len() - line.trim_start().len()];
            let end = format!("{indent}}}");
            let length = match line.ends_with('}') {
                true => 1,
                false => lines[start..].iter().position(|l| **l == end).map_or(1, |n| n + 1),
            };
            if length > FUNCTION_LINES {
                wrong.push(format!("{} {name}: {length} lines", place.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn folders_can_be_taken_in_at_a_glance() {
    let mut counts: BTreeMap<PathBuf, usize> = BTreeMap::new();
    for place in sources().keys() {
        *counts.entry(place.parent().unwrap().to_path_buf()).or_default() += 1;
    }
    counts.retain(|_, count| *count > FOLDER_FILES);
    assert!(counts.is_empty(), "{counts:#?}");
}

#[test]
fn no_type_name_is_defined_twice() {
    let mut places: BTreeMap<String, BTreeSet<PathBuf>> = BTreeMap::new();
    for (place, source) in sources() {
        let text = code(&source);
        // Not associated types, which are indented.
        for line in text.lines().filter(|line| !line.starts_with(' ')) {
            if let Some(name) = declared(line, &["struct", "enum", "trait", "type", "union"]) {
                places.entry(name.to_string()).or_default().insert(place.clone());
            }
        }
    }
    places.retain(|_, files| files.len() > 1);
    assert!(places.is_empty(), "{places:#?}");
}

#[test]
fn doc_comments_begin_with_a_noun_or_a_verb() {
    let mut wrong = Vec::new();
    for (place, source) in sources() {
        let mut inside = false;
        for (number, line) in source.lines().enumerate() {
            let text = line.trim();
            let doc = text.strip_prefix("///").or_else(|| text.strip_prefix("//!"));
            let first = doc.filter(|_| !inside).and_then(|doc| doc.split_whitespace().next());
            if first.is_some_and(|word| QUESTION_WORDS.contains(&word.trim_end_matches(','))) {
                wrong.push(format!("{}:{}: {text}", place.display(), number + 1));
            }
            inside = doc.is_some();
        }
    }
    assert!(wrong.is_empty(), "{} of them:\n{}", wrong.len(), wrong.join("\n"));
}
