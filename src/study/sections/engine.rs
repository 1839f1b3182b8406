//! `[[engine]]`: other engines that variants are measured in beside tract.

use super::one_or_many::OneOrMany;
use paring_core::schema::EngineProgram;
use schemars::JsonSchema;
use serde::Deserialize;

/// The engine that is always there.
const OWN_ENGINE: &str = "tract";

/// Another engine that variants are measured in, beside tract.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct EngineSection {
    /// Names the rows.
    #[schemars(regex(pattern = r"^[A-Za-z0-9_.-]+$"))]
    name: String,
    /// The program and its arguments.
    command: Vec<String>,
    /// Targets that it is measured on; all without it.
    #[serde(default)]
    on: Option<OneOrMany<String>>,
    /// Variants that are measured in it; all without it.
    #[serde(default)]
    variants: Vec<String>,
}

/// Another engine that variants are measured in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StudyEngine {
    /// Its name and its command, as the study has them.
    pub program: EngineProgram,
    /// Targets that it is measured on; empty for all.
    pub on: Vec<String>,
    /// Variants that are measured in it; empty for all.
    pub variants: Vec<String>,
}

impl StudyEngine {
    /// True where it is measured on a target.
    pub fn is_on(&self, target: &str) -> bool {
        self.on.is_empty() || self.on.iter().any(|name| name == target)
    }
}

/// Facts of a study that its engines refer to.
pub(in crate::study) struct EngineContext<'a> {
    /// Names of targets; `None` where they are those of an inventory.
    pub(in crate::study) targets: Option<Vec<&'a str>>,
    /// Names of variants, the baseline's among them.
    pub(in crate::study) variants: Vec<&'a str>,
    /// Numbers of inferences at the same time.
    pub(in crate::study) streams: &'a [usize],
}

/// Checks the sections.
///
/// # Errors
/// A sentence that names the key.
pub(in crate::study) fn study_engines(
    sections: Vec<EngineSection>,
    context: &EngineContext,
) -> Result<Vec<StudyEngine>, String> {
    let mut engines: Vec<StudyEngine> = Vec::new();
    for section in sections {
        let engine = checked(section, context)?;
        let name = &engine.program.name;
        let same_place = |other: &&StudyEngine| {
            let shared = |on: &String| other.is_on(on);
            other.program.name == *name
                && (engine.on.is_empty() || other.on.is_empty() || engine.on.iter().any(shared))
        };
        if engines.iter().any(|other| same_place(&other)) {
            return Err(format!(
                "two engines are called `{name}` on the same target; rename one, or give each its `on`"
            ));
        }
        engines.push(engine);
    }
    Ok(engines)
}

fn checked(section: EngineSection, context: &EngineContext) -> Result<StudyEngine, String> {
    let EngineSection { name, command, on, variants } = section;
    let plain = |c: char| c.is_ascii_alphanumeric() || ['-', '_', '.'].contains(&c);
    if name.is_empty() || name.len() > 64 || !name.chars().all(plain) {
        return Err(format!(
            "engine name `{}` must be made of letters, digits, `-`, `_` and `.`, 64 at most",
            name.escape_debug()
        ));
    }
    if name == OWN_ENGINE {
        return Err(format!("engine `{OWN_ENGINE}` is always measured; give another one its name"));
    }
    if command.first().is_none_or(|program| program.trim().is_empty()) {
        return Err(format!(
            "`command` of engine `{name}` is empty; write the program and its arguments: [\"python3\", \"engine.py\"]"
        ));
    }
    if command.iter().any(|word| word.contains('\0')) {
        return Err(format!("`command` of engine `{name}` holds a zero byte"));
    }
    let on = on.map(|on| on.values()).unwrap_or_default();
    let unknown = |known: &[&str], names: &[String]| {
        names.iter().find(|name| !known.contains(&name.as_str())).cloned()
    };
    if let Some(odd) = context.targets.as_ref().and_then(|known| unknown(known, &on)) {
        return Err(format!(
            "engine `{name}` is measured `on` `{odd}`, which is no target of the study"
        ));
    }
    if let Some(odd) = unknown(&context.variants, &variants) {
        return Err(format!("engine `{name}` runs `{odd}`, which is no variant of the study"));
    }
    if let Some(several) = context.streams.iter().find(|streams| **streams != 1) {
        return Err(format!(
            "engine `{name}` runs one inference at a time; `streams` under [protocol] is {several}, write 1"
        ));
    }
    Ok(StudyEngine { program: EngineProgram { name, command }, on, variants })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Deserialize)]
    struct Sections {
        engine: Vec<EngineSection>,
    }

    fn read(text: &str, streams: &[usize]) -> Result<Vec<StudyEngine>, String> {
        let context = EngineContext {
            targets: Some(vec!["host", "pi4"]),
            variants: vec!["baseline", "half"],
            streams,
        };
        study_engines(toml::from_str::<Sections>(text).unwrap().engine, &context)
    }

    #[test]
    fn one_name_may_have_a_command_for_each_target() {
        let text = "[[engine]]\nname = \"ort\"\ncommand = [\"a\"]\non = \"host\"\n\
                    [[engine]]\nname = \"ort\"\ncommand = [\"b\"]\non = [\"pi4\"]\nvariants = [\"half\"]\n";
        let found = read(text, &[1]).unwrap();
        assert!(found[0].is_on("host") && !found[0].is_on("pi4") && found[1].is_on("pi4"));
        assert_eq!(found[1].variants, ["half"]);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        let of = |name: &str, rest: &str| format!("[[engine]]\nname = {name:?}\n{rest}\n");
        let plain = of("ort", "command = [\"a\"]");
        for (text, expected) in [
            (of("a b", "command = [\"a\"]"), "engine name `a b` must be made of"),
            (of("tract", "command = [\"a\"]"), "engine `tract` is always measured"),
            (of("ort", "command = []"), "`command` of engine `ort` is empty"),
            (of("ort", "command = [\" \"]"), "`command` of engine `ort` is empty"),
            (of("ort", "command = [\"a\"]\non = \"pi5\""), "`on` `pi5`, which is no target"),
            (of("ort", "command = [\"a\"]\nvariants = [\"x\"]"), "runs `x`, which is no variant"),
            (format!("{plain}{plain}"), "two engines are called `ort` on the same target"),
        ] {
            let problem = read(&text, &[1]).unwrap_err();
            assert!(problem.contains(expected), "{problem}");
        }
        let problem = read(&plain, &[1, 4]).unwrap_err();
        assert!(problem.contains("`streams` under [protocol] is 4, write 1"), "{problem}");
    }
}
