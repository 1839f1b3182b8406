//! No two modules of a crate need each other, directly or through others: read from the sources.
//!
//! A file is a module. It needs the file in which something that it names through `crate::`, `super::`
//! or `self::` is defined; what a `mod.rs` passes on with `pub use` is followed to where it stands.

#[path = "common/sources.rs"]
mod sources;

use sources::{code, sources};
use std::collections::{BTreeMap, BTreeSet};

/// A module's path inside its crate.
type Module = Vec<String>;

/// One crate: its modules, and what names stand for in each of them.
struct Crate {
    code: BTreeMap<Module, String>,
    imports: BTreeMap<Module, BTreeMap<String, Vec<String>>>,
}

impl Crate {
    fn new(code: BTreeMap<Module, String>) -> Crate {
        let imports = code.iter().map(|(module, text)| {
            let paths = uses(text).into_iter().flat_map(|(_, tree)| leaves(&tree));
            let named = paths.filter_map(|path| Some((path.last()?.clone(), path)));
            (module.clone(), named.collect())
        });
        Crate { imports: imports.collect(), code }
    }

    /// The module in which the last name of `path` is defined, seen from `from`.
    fn home(&self, from: &Module, path: &[String], depth: usize) -> Option<Module> {
        let mut at = from.clone();
        let mut rest = path;
        match rest.first()?.as_str() {
            "crate" => (at, rest) = (vec![], &rest[1..]),
            "self" => rest = &rest[1..],
            "super" => {
                while rest.first().is_some_and(|name| name == "super") {
                    at.pop();
                    rest = &rest[1..];
                }
            }
            name => {
                at.push(name.to_string());
                self.code.get(&at)?;
                rest = &rest[1..];
            }
        }
        while let Some(name) = rest.first() {
            let below: Module = [at.as_slice(), std::slice::from_ref(name)].concat();
            if !self.code.contains_key(&below) {
                break;
            }
            (at, rest) = (below, &rest[1..]);
        }
        let passed_on = rest.first().and_then(|name| self.imports.get(&at)?.get(name));
        if let Some(passed_on) = passed_on.filter(|known| *known != path && depth < 8) {
            let further: Vec<String> = [passed_on.as_slice(), &rest[1..]].concat();
            return self.home(&at, &further, depth + 1).or(Some(at));
        }
        self.code.contains_key(&at).then_some(at)
    }

    /// All modules that a module needs.
    fn needed(&self, module: &Module) -> BTreeSet<Module> {
        let text = &self.code[module];
        let passes_on = |public: &bool| *public && self.code.keys().any(|m| is_below(m, module));
        let imported = uses(text).into_iter().filter(|(public, _)| !passes_on(public));
        let imported = imported.flat_map(|(_, tree)| leaves(&tree));
        let all = imported.chain(inline(text));
        all.filter_map(|path| self.home(module, &path, 0)).filter(|m| m != module).collect()
    }

    /// Sets of modules each of which needs every other.
    fn cycles(&self) -> Vec<BTreeSet<Module>> {
        let direct: BTreeMap<&Module, BTreeSet<Module>> =
            self.code.keys().map(|module| (module, self.needed(module))).collect();
        let reached: BTreeMap<&Module, BTreeSet<Module>> =
            direct.keys().map(|module| (*module, reach(&direct, module))).collect();
        let with = |module: &Module| -> BTreeSet<Module> {
            let there = &reached[module];
            there.iter().filter(|other| reached[other].contains(module)).cloned().collect()
        };
        let all: BTreeSet<BTreeSet<Module>> = self.code.keys().map(with).collect();
        all.into_iter().filter(|cycle| cycle.len() > 1).collect()
    }
}

fn is_below(module: &Module, above: &Module) -> bool {
    module.len() > above.len() && module.starts_with(above)
}

fn reach(direct: &BTreeMap<&Module, BTreeSet<Module>>, from: &Module) -> BTreeSet<Module> {
    let mut reached = BTreeSet::new();
    let mut ahead: Vec<&Module> = direct[from].iter().collect();
    while let Some(next) = ahead.pop() {
        if reached.insert(next.clone()) {
            ahead.extend(&direct[next]);
        }
    }
    reached
}

/// All `use` declarations: whether they are public, and their trees.
fn uses(text: &str) -> Vec<(bool, String)> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices("use ") {
        let line = text[..start].rsplit('\n').next().unwrap_or_default().trim();
        let public = line.starts_with("pub");
        if line.is_empty() || public && !line.contains(' ') {
            let tree = text[start + 4..].split(';').next().unwrap_or_default();
            found.push((public, tree.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
    }
    found
}

/// Paths of a `use` tree.
fn leaves(tree: &str) -> Vec<Vec<String>> {
    let names = |path: &str| -> Vec<String> {
        let path = path.split(" as ").next().unwrap_or_default();
        path.split("::").map(|n| n.trim().to_string()).filter(|n| !n.is_empty()).collect()
    };
    let Some((before, inside)) = tree.trim().split_once('{') else {
        return if tree.trim().is_empty() { vec![] } else { vec![names(tree)] };
    };
    let (mut depth, mut item, mut found) = (0, String::new(), Vec::new());
    let before = names(before);
    for letter in inside.chars() {
        match letter {
            ',' | '}' if depth == 0 => {
                let below = leaves(&std::mem::take(&mut item));
                found.extend(below.into_iter().map(|path| [before.clone(), path].concat()));
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        item.push(letter);
    }
    found
}

/// Paths inside expressions and types.
fn inline(text: &str) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for root in ["crate::", "super::", "self::"] {
        for (start, _) in text.match_indices(root) {
            let end = text[start..].find(|c: char| !c.is_alphanumeric() && c != '_' && c != ':');
            let path = &text[start..end.map_or(text.len(), |end| start + end)];
            let starts = text[..start].chars().next_back();
            if starts.is_none_or(|c| !c.is_alphanumeric() && c != ':' && c != '_') {
                let names = path.split("::").filter(|name| !name.is_empty());
                found.push(names.map(str::to_string).collect());
            }
        }
    }
    found
}

fn crates() -> BTreeMap<String, Crate> {
    let mut modules: BTreeMap<String, BTreeMap<Module, String>> = BTreeMap::new();
    for (place, source) in sources() {
        let mut names: Vec<String> =
            place.with_extension("").iter().map(|n| n.to_string_lossy().into_owned()).collect();
        let crate_name = names.remove(0);
        if names.last().is_some_and(|name| name == "mod" || name == "lib") {
            names.pop();
        }
        modules.entry(crate_name).or_default().insert(names, code(&source));
    }
    modules.into_iter().map(|(name, code)| (name, Crate::new(code))).collect()
}

#[test]
fn no_module_needs_itself_through_others() {
    let mut wrong = Vec::new();
    for (name, one) in crates() {
        for cycle in one.cycles() {
            let files: Vec<String> = cycle.iter().map(|module| module.join("/")).collect();
            wrong.push(format!("{name}: {}", files.join(", ")));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn finds_a_cycle_behind_what_a_folder_passes_on() {
    let file = |path: &str, text: &str| {
        (path.split('/').filter(|n| !n.is_empty()).map(str::to_string).collect(), text.to_string())
    };
    let modules = [
        file("", "mod a;\nmod b;"),
        file("a", "mod one;\npub use one::{One, of};"),
        file("a/one", "use crate::b::Two;"),
        file("b", "use crate::{\n    a::{One as Other},\n};"),
    ];
    let cycles = Crate::new(modules.into()).cycles();
    let expected: BTreeSet<Module> = [vec!["a".into(), "one".into()], vec!["b".into()]].into();
    assert_eq!(cycles, [expected]);
    let apart = [file("", ""), file("a", "use crate::b::Two;"), file("b", "")];
    assert!(Crate::new(apart.into()).cycles().is_empty());
}
