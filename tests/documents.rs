//! The documents against the sources: length of the README, links, files that are named, columns of CSV
//! files, keys of a study. Reads files, and knows of the code what its text says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    let folder = std::env::var_os("CARGO_MANIFEST_DIR").expect("Cargo says where the package is");
    PathBuf::from(folder)
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// All files with the extension below a folder of the repository, except in hidden folders and `target`.
fn files(folder: &str, extension: &str) -> Vec<PathBuf> {
    fn walk(folder: &Path, extension: &str, found: &mut Vec<PathBuf>) {
        let Ok(entries) = std::fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|entry| entry.path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if path.is_dir() && !path.is_symlink() && !name.starts_with('.') && name != "target" {
                walk(&path, extension, found);
            } else if path.is_file() && path.extension().is_some_and(|e| e == extension) {
                found.push(path);
            }
        }
    }
    let mut found = Vec::new();
    walk(&root().join(folder), extension, &mut found);
    found.sort();
    found
}

/// A Markdown text without its fenced code.
fn prose(text: &str) -> String {
    let mut fenced = false;
    let mut kept = String::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
        } else if !fenced {
            kept += line;
            kept.push('\n');
        }
    }
    kept
}

/// What stands between backticks.
fn code_spans(text: &str) -> Vec<String> {
    let in_line =
        |line: &str| line.split('`').skip(1).step_by(2).map(str::to_string).collect::<Vec<_>>();
    prose(text).lines().flat_map(in_line).collect()
}

/// Anchors of the headings, as GitHub makes them.
fn anchors(text: &str) -> BTreeSet<String> {
    let slug = |heading: &str| {
        let lower = heading.trim().to_lowercase();
        let kept = lower.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
        kept.map(|c| if c == ' ' { '-' } else { c }).collect::<String>()
    };
    let text = prose(text);
    text.lines().filter(|l| l.starts_with('#')).map(|l| slug(l.trim_start_matches('#'))).collect()
}

/// Targets of the links and images.
fn links(text: &str) -> Vec<String> {
    let text = prose(text);
    let behind = text.split("](").skip(1);
    behind.filter_map(|rest| Some(rest.split_once(')')?.0.to_string())).collect()
}

#[test]
fn the_readme_is_short() {
    let lines = read(&root().join("README.md")).lines().count();
    assert!(lines <= 150, "README.md has {lines} lines, more than 150: move details to docs/");
}

#[test]
fn links_lead_to_files_and_headings() {
    let mut wrong = Vec::new();
    for path in files("", "md") {
        let text = read(&path);
        for link in links(&text) {
            if link.contains("://") || link.starts_with("mailto:") {
                continue;
            }
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = match file {
                "" => path.clone(),
                file => path.parent().unwrap().join(file),
            };
            let known =
                anchor.is_empty() || target.is_file() && anchors(&read(&target)).contains(anchor);
            if !target.exists() || !known {
                wrong.push(format!("{}: {link}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "links that lead nowhere:\n{}", wrong.join("\n"));
}

/// A path of the repository, as documents write one; its folder where the file's name is a placeholder.
fn named_path(span: &str) -> Option<PathBuf> {
    const FOLDERS: [&str; 8] =
        ["src/", "crates/", "tests/", "scripts/", "docs/", "targets/", "examples/", "benches/"];
    let path = span.split_whitespace().next()?;
    if !FOLDERS.iter().any(|folder| path.starts_with(folder)) {
        return None;
    }
    let is_upper = |word: &str| word.len() > 2 && word.chars().all(|c| c.is_ascii_uppercase());
    let placeholder = |part: &&str| {
        let stem = part.split('.').next().unwrap_or_default();
        part.contains('*') || is_upper(stem.split('_').next().unwrap_or_default())
    };
    Some(path.trim_end_matches('/').split('/').take_while(|part| !placeholder(part)).collect())
}

#[test]
fn files_that_documents_name_exist() {
    let mut wrong = Vec::new();
    let mut named = 0;
    for document in files("", "md").iter().filter(|path| !path.ends_with("CHANGELOG.md")) {
        let spans = code_spans(&read(document));
        for path in spans.iter().filter_map(|span| named_path(span)).collect::<BTreeSet<_>>() {
            named += 1;
            if !root().join(&path).exists() {
                wrong.push(format!("{}: {}", document.display(), path.display()));
            }
        }
    }
    assert!(named > 100, "the documents name {named} files");
    assert!(wrong.is_empty(), "files that are not there:\n{}", wrong.join("\n"));
}

/// Types that CONTRIBUTING.md, ARCHITECTURE.md and GLOSSARY.md name are types of the sources.
#[test]
fn types_that_documents_name_exist() {
    let sources: String = ["src", "crates"]
        .iter()
        .flat_map(|folder| files(folder, "rs"))
        .map(|path| read(&path))
        .collect();
    let mut wrong = Vec::new();
    for document in ["CONTRIBUTING.md", "ARCHITECTURE.md", "GLOSSARY.md"] {
        for span in code_spans(&read(&root().join(document))) {
            let is_type = span.chars().all(|c| c.is_ascii_alphanumeric())
                && span.starts_with(|c: char| c.is_ascii_uppercase())
                && span.contains(|c: char| c.is_ascii_lowercase());
            let defined = |kind: &str| sources.contains(&format!("{kind} {span}"));
            let is_type = is_type && !["Option", "Debug", "Display"].contains(&span.as_str());
            if is_type && !["struct", "enum", "trait", "type"].iter().any(|kind| defined(kind)) {
                wrong.push(format!("{document}: {span}"));
            }
        }
    }
    assert!(wrong.is_empty(), "types that are not there:\n{}", wrong.join("\n"));
}

#[test]
fn the_glossary_is_short() {
    let text = read(&root().join("GLOSSARY.md"));
    let terms = table_rows(&text).len();
    assert!((20..=80).contains(&terms), "GLOSSARY.md has {terms} terms, at most 80 are useful");
}

/// The first cell of every row of the tables in a text, beside the first cell of the table's heading.
fn table_rows(text: &str) -> Vec<(String, String)> {
    let text = prose(text);
    let lines: Vec<&str> = text.lines().filter(|line| !line.is_empty()).collect();
    let first = |line: &str| {
        line.trim_start_matches('|').split(" |").next().unwrap_or_default().trim().to_string()
    };
    let (mut rows, mut heading) = (Vec::new(), String::new());
    for (position, line) in lines.iter().enumerate() {
        if lines.get(position + 1).is_some_and(|next| next.starts_with("| ---")) {
            heading = first(line);
        } else if line.starts_with('|') && !line.starts_with("| ---") {
            rows.push((heading.clone(), first(line)));
        }
    }
    rows
}

/// The code spans in the first cells of the tables whose heading begins so.
fn tabulated(text: &str, heading: &str) -> Vec<String> {
    let rows = table_rows(text).into_iter().filter(|(name, _)| name.starts_with(heading));
    rows.flat_map(|(_, cell)| code_spans(&cell)).collect()
}

/// The text of each section below a heading that begins with `level`.
fn sections(text: &str, level: &str) -> Vec<(String, String)> {
    let mut found: Vec<(String, String)> = Vec::new();
    for line in text.lines() {
        let hashes = line.chars().take_while(|c| *c == '#').count();
        if let Some(heading) = line.strip_prefix(level) {
            found.push((heading.to_string(), String::new()));
        } else if (1..=level.trim().len()).contains(&hashes) {
            found.push((String::new(), String::new()));
        } else if let Some((_, section)) = found.last_mut() {
            section.push_str(line);
            section.push('\n');
        }
    }
    found.retain(|(heading, _)| !heading.is_empty());
    found
}

fn is_column(text: &str) -> bool {
    let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !text.is_empty() && text.chars().all(fits)
}

/// A source without its comments and unit tests.
fn code(path: &Path) -> String {
    let text = read(path);
    let text = text.split("#[cfg(test)]").next().unwrap();
    text.lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .fold(String::new(), |kept, line| kept + line + "\n")
}

/// Lists of columns that a source may mean: each array of names; a heading in one literal; and the first
/// elements of all pairs.
fn column_lists(source: &str) -> Vec<BTreeSet<String>> {
    let literals: Vec<(usize, &str)> = {
        let mut all = Vec::new();
        let mut rest = 0;
        while let Some(start) = source[rest..].find('"').map(|at| rest + at) {
            let Some(end) = source[start + 1..].find('"').map(|at| start + 1 + at) else { break };
            all.push((start, &source[start + 1..end]));
            rest = end + 1;
        }
        all
    };
    let mut lists = Vec::new();
    for (_, literal) in &literals {
        let names: Vec<&str> = literal.trim_end_matches("\\n").split(',').collect();
        if names.len() > 5 && names.iter().all(|name| is_column(name)) {
            lists.push(names.into_iter().map(str::to_string).collect());
        }
    }
    let named = literals.iter().filter(|(_, literal)| is_column(literal));
    let opens = |at: usize| source[..at].trim_end().chars().next_back();
    let pairs = named.clone().filter(|(at, _)| opens(*at) == Some('('));
    lists.push(pairs.map(|(_, literal)| (*literal).to_string()).collect());
    for array in source.split("[&str; ").skip(1).filter_map(|rest| rest.split_once("] = [")) {
        let content = array.1.split("];").next().unwrap_or_default();
        let names = content.split('"').skip(1).step_by(2).filter(|name| is_column(name));
        lists.push(names.map(str::to_string).collect());
    }
    lists
}

#[test]
fn columns_of_csv_files_are_those_that_the_code_writes() {
    let mut written: Vec<(PathBuf, BTreeSet<String>)> = Vec::new();
    let mut folders: BTreeMap<PathBuf, BTreeSet<String>> = BTreeMap::new();
    for path in files("src", "rs") {
        for list in column_lists(&code(&path)) {
            let folder = folders.entry(path.parent().unwrap().to_path_buf()).or_default();
            folder.extend(list.iter().cloned());
            written.push((path.clone(), list));
        }
    }
    written.extend(folders);
    let text = read(&root().join("docs/run-directory.md"));
    let tables = sections(&text, "### ");
    let tables = tables.iter().filter(|(heading, _)| heading.ends_with(".csv"));
    assert!(tables.clone().count() >= 8, "docs/run-directory.md has lost a table");
    for (heading, section) in tables {
        let columns = tabulated(section, "columns");
        let documented: BTreeSet<String> = columns.iter().cloned().collect();
        assert_eq!(columns.len(), documented.len(), "{heading}: a column stands there twice");
        let distance = |list: &BTreeSet<String>| list.symmetric_difference(&documented).count();
        let (path, nearest) = written.iter().min_by_key(|(_, list)| distance(list)).unwrap();
        let extra: Vec<_> = documented.difference(nearest).collect();
        let missing: Vec<_> = nearest.difference(&documented).collect();
        assert!(
            extra.is_empty() && missing.is_empty(),
            "docs/run-directory.md, {heading}, is not what {} writes: without {missing:?}, with {extra:?}",
            path.display()
        );
    }
}

/// The columns of a run in the fixtures stand in the order that readers see; later versions may have more.
#[test]
fn columns_stand_in_the_order_of_the_files() {
    let text = read(&root().join("docs/run-directory.md"));
    let tables = sections(&text, "### ");
    let mut seen = 0;
    for path in files("tests/fixtures", "csv") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let Some((_, section)) = tables.iter().find(|(heading, _)| *heading == name) else {
            continue;
        };
        let content = read(&path);
        let mut documented = tabulated(section, "columns").into_iter();
        for column in content.lines().next().unwrap_or_default().split(',') {
            assert!(
                documented.any(|name| name == column),
                "docs/run-directory.md, {name}: `{column}` is missing or in another place"
            );
        }
        seen += 1;
    }
    assert!(seen > 0, "tests/fixtures has no results.csv");
}

/// The structs of a folder that are read and never written, and refuse unknown keys: their fields.
fn typed_structs(folder: &str) -> Vec<Vec<String>> {
    let sources: Vec<String> = files(folder, "rs").iter().map(|path| code(path)).collect();
    let items = sources.iter().flat_map(|source| source.split("#[derive(").skip(1));
    let typed = items.filter(|item| {
        let derived = item.split(')').next().unwrap_or_default();
        derived.contains("Deserialize") && !derived.contains(" Serialize")
    });
    typed.filter_map(strict_fields).collect()
}

/// The fields of a struct as they are written, where it refuses unknown keys.
fn strict_fields(item: &str) -> Option<Vec<String>> {
    let (head, body) = item.split_once('{')?;
    if !head.contains("deny_unknown_fields") || !head.contains("struct ") {
        return None;
    }
    let (mut fields, mut renamed) = (Vec::new(), None);
    for line in body.split("\n}").next().unwrap_or_default().lines().map(str::trim) {
        if let Some((_, name)) = line.split_once("rename = \"") {
            renamed = name.split('"').next().map(str::to_string);
        } else if let Some((field, _)) = line.split_once(": ").filter(|_| !line.starts_with('#')) {
            let field = field.split_whitespace().next_back().unwrap_or_default();
            fields.push(renamed.take().unwrap_or_else(|| field.to_string()));
        }
    }
    Some(fields)
}

/// The one struct of a folder that has these fields.
#[track_caller]
fn struct_with(folder: &str, fields: &[&str]) -> Vec<String> {
    let has = |of: &[String], key: &str| of.iter().any(|field| field == key);
    let mut structs = typed_structs(folder).into_iter();
    let found = structs.find(|of| fields.iter().all(|key| has(of, key)));
    found.unwrap_or_else(|| panic!("no struct in {folder} is read with the keys {fields:?}"))
}

#[track_caller]
fn same_keys(document: &str, heading: &str, known: &BTreeSet<String>) {
    let text = read(&root().join("docs").join(document));
    let documented: BTreeSet<String> = tabulated(&text, heading).into_iter().collect();
    let missing: Vec<_> = known.difference(&documented).collect();
    let unknown: Vec<_> = documented.difference(known).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "docs/{document}: no row for {missing:?}; no such keys {unknown:?}"
    );
}

#[test]
fn every_key_of_a_study_is_documented() {
    let sections = struct_with("src/study", &["study", "model", "data", "variant", "target"]);
    let kinds = ["prune", "quantize", "distill", "tune"].map(str::to_string);
    let mut known: BTreeSet<String> =
        typed_structs("src/study").into_iter().flatten().chain(kinds).collect();
    known.retain(|key| !sections.contains(key));
    assert!(known.len() > 60, "only {} keys in src/study", known.len());
    same_keys("study.md", "key", &known);
    for document in ["pruning.md", "quantization.md", "distilling.md"] {
        let text = read(&root().join("docs").join(document));
        let spans = tabulated(&text, "key").into_iter();
        let words = spans.flat_map(|span| span.split(" = ").next().map(str::to_string));
        let unknown: Vec<String> = words.filter(|word| !known.contains(word)).collect();
        assert!(unknown.is_empty(), "docs/{document}: no such keys {unknown:?}");
    }
}

#[test]
fn every_key_of_a_board_is_documented() {
    for (heading, fields) in [
        ("key of an entry", ["extends", "address"]),
        ("key of a profile", ["description", "models"]),
    ] {
        let known = struct_with("crates/boards/src", &fields).into_iter().collect();
        same_keys("boards.md", heading, &known);
    }
}
