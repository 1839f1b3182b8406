//! The kinds of steps: which section a step's table is, and what a key on the wrong kind belongs to.

use super::distill_step::DistillSection;
use super::prune_step::{BypassSection, ChannelPruningSection, WeightPruningSection};
use super::quantize_step::{
    DynamicInt8Section, F16Section, Int4WeightsSection, Int8WeightsSection, StaticInt8Section,
};
use super::step_error::{StepError, quoted_list};
use super::step_table::{FieldError, StepEntry, StepTable, keys_of};
use paring_compress::catalog::ComponentKind;
use paring_compress::{PruneStructure, QuantizationFormat, Step};
use paring_core::toml_input::nearest_name;
use schemars::{JsonSchema, Schema, SchemaGenerator};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;

/// A step whose keys and values are those of its kind.
#[derive(Clone, Debug)]
enum StepSection {
    Channels(PruneStructure, ChannelPruningSection),
    Weights(WeightPruningSection),
    Bypass(ComponentKind, BypassSection),
    StaticInt8(StaticInt8Section),
    DynamicInt8(DynamicInt8Section),
    Int8Weights(Int8WeightsSection),
    Int4Weights(Int4WeightsSection),
    F16(F16Section),
    Distill(DistillSection),
    Tune(TuneSection),
}

/// Value of `prune`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum PruneTarget {
    Channels,
    Heads,
    Weights,
    Layers,
    Blocks,
}

/// `tune = true` and `tune = "lossless"` mean the same: nothing that loses anything is tried.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged, expecting = "true or \"lossless\" belongs here")]
enum TuneValue {
    Switch(bool),
    Name(String),
}

/// Keys of `tune`: nothing about it is a matter of taste.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct TuneSection {
    /// The target whose measurements decide; default `host`.
    on: Option<String>,
}

/// The steps that a table means: one, and another one where it recovers by training.
///
/// # Errors
/// [`StepError`] names the key.
pub(super) fn steps(table: &StepTable) -> Result<Vec<Step>, StepError> {
    let offset = table.offset();
    section(table)?.steps().map_err(|problem| StepError::new(offset, problem))
}

/// The section of a table's kind.
fn section(table: &StepTable) -> Result<StepSection, StepError> {
    let kinds = ["prune", "quantize", "distill", "tune"].map(|kind| table.get(kind));
    match kinds {
        [Some(kind), None, None, None] => prune_section(table, kind),
        [None, Some(kind), None, None] => quantize_section(table, kind),
        [None, None, Some(kind), None] => distill_section(table, kind),
        [None, None, None, Some(kind)] => tune_section(table, kind),
        [None, None, None, None] => Err(misspelt_kind(table).unwrap_or_else(|| one_kind(table))),
        _ => Err(one_kind(table)),
    }
}

fn one_kind(table: &StepTable) -> StepError {
    StepError::new(table.offset(), "a step has one of `prune`, `quantize`, `distill` and `tune`")
}

/// The key that no kind of step has, in a step without a kind.
fn misspelt_kind(table: &StepTable) -> Option<StepError> {
    let known = all_keys();
    let unknown = table.entries.iter().find(|entry| !known.contains(&entry.key))?;
    Some(unknown_key(&unknown.key, unknown.offset, &known))
}

fn prune_section(table: &StepTable, kind: &StepEntry) -> Result<StepSection, StepError> {
    let target = table.read("prune").map_err(|error| not_among(error, kind, "prune"))?;
    Ok(match target {
        None | Some(PruneTarget::Channels) => {
            StepSection::Channels(PruneStructure::Channels, fields(table, kind)?)
        }
        Some(PruneTarget::Heads) => {
            StepSection::Channels(PruneStructure::Heads, fields(table, kind)?)
        }
        Some(PruneTarget::Weights) => StepSection::Weights(fields(table, kind)?),
        Some(PruneTarget::Layers) => {
            StepSection::Bypass(ComponentKind::Layer, fields(table, kind)?)
        }
        Some(PruneTarget::Blocks) => {
            StepSection::Bypass(ComponentKind::Block, fields(table, kind)?)
        }
    })
}

fn quantize_section(table: &StepTable, kind: &StepEntry) -> Result<StepSection, StepError> {
    let format = table.read("quantize").map_err(|error| not_among(error, kind, "quantize to"))?;
    Ok(match format {
        None | Some(QuantizationFormat::Int8) => StepSection::StaticInt8(fields(table, kind)?),
        Some(QuantizationFormat::Int8Dynamic) => StepSection::DynamicInt8(fields(table, kind)?),
        Some(QuantizationFormat::Int8Weights) => StepSection::Int8Weights(fields(table, kind)?),
        Some(QuantizationFormat::Int4Weights) => StepSection::Int4Weights(fields(table, kind)?),
        Some(QuantizationFormat::F16) => StepSection::F16(fields(table, kind)?),
    })
}

fn distill_section(table: &StepTable, kind: &StepEntry) -> Result<StepSection, StepError> {
    match table.read("distill")? {
        Some(true) => fields(table, kind).map(StepSection::Distill),
        _ => {
            let problem = "`distill` is true; leave the step out otherwise";
            Err(StepError::new(Some(kind.offset), problem))
        }
    }
}

fn tune_section(table: &StepTable, kind: &StepEntry) -> Result<StepSection, StepError> {
    let problem = match table.read("tune")? {
        Some(TuneValue::Switch(true)) => return fields(table, kind).map(StepSection::Tune),
        Some(TuneValue::Name(name)) if name == "lossless" => {
            return fields(table, kind).map(StepSection::Tune);
        }
        Some(TuneValue::Name(name)) => format!("`tune` is true or \"lossless\", not \"{name}\""),
        _ => "`tune` is true or \"lossless\"; leave the step out otherwise".into(),
    };
    Err(StepError::new(Some(kind.offset), problem))
}

/// The words for what cannot be pruned, or quantized to.
fn not_among(error: StepError, kind: &StepEntry, verb: &str) -> StepError {
    let Some(value) = kind.value.as_str() else { return error };
    let known = match verb {
        "prune" => "`channels`, `heads`, `weights`, `layers` and `blocks`",
        _ => "`int8`, `int8-dynamic`, `int8-weights`, `int4-weights` and `f16`",
    };
    StepError::new(Some(kind.offset), format!("cannot {verb} `{value}`; known are {known}"))
}

/// The section of a kind, or what an unknown key belongs to.
fn fields<T: DeserializeOwned>(table: &StepTable, kind: &StepEntry) -> Result<T, StepError> {
    table.section(&kind.key).map_err(|error| match error {
        FieldError::Value(error) => error,
        FieldError::Unknown { key, offset, known } => match owners(&key, &kind.key) {
            None => unknown_key(&key, offset, &known),
            Some(owners) => {
                let problem = format!("`{key}` belongs to {owners}, not to {}", kind.words());
                let hint = Some(format!("known there are `{}`", known.join("`, `")));
                StepError { hint, ..StepError::new(Some(offset), problem) }
            }
        },
    })
}

/// A key that no kind of step has.
fn unknown_key(key: &str, offset: usize, known: &[String]) -> StepError {
    let hint = match nearest_name(key, all_keys().iter().map(String::as_str)) {
        Some(near) => format!("did you mean `{near}`?"),
        None => {
            let mut seen = BTreeSet::new();
            let once: Vec<&str> =
                known.iter().map(String::as_str).filter(|known| seen.insert(*known)).collect();
            format!("known here are `{}`", once.join("`, `"))
        }
    };
    let problem = format!("unknown key `{key}`");
    StepError { hint: Some(hint), unknown_key: true, ..StepError::new(Some(offset), problem) }
}

/// The keys of all kinds, and those that tell the kinds apart.
fn all_keys() -> Vec<String> {
    let kinds = ["prune", "quantize", "distill", "tune"].map(str::to_string);
    KINDS.iter().flat_map(|kind| (kind.keys)()).chain(kinds).collect()
}

impl StepEntry {
    /// A kind as the study says it: `prune = "channels"`.
    fn words(&self) -> String {
        format!("`{} = {}`", self.key, self.value)
    }
}

/// A kind of step, and its keys.
pub(super) struct StepKind {
    pub(super) verb: &'static str,
    /// Values of the verb; none where it is true.
    names: &'static [&'static str],
    pub(super) words: &'static str,
    keys: fn() -> Vec<String>,
    pub(super) schema: fn(&mut SchemaGenerator) -> Schema,
}

pub(super) const KINDS: [StepKind; 10] = [
    StepKind {
        verb: "prune",
        names: &["channels", "heads"],
        words: "pruning channels or heads",
        keys: keys_of::<ChannelPruningSection>,
        schema: ChannelPruningSection::json_schema,
    },
    StepKind {
        verb: "prune",
        names: &["weights"],
        words: "`prune = \"weights\"`",
        keys: keys_of::<WeightPruningSection>,
        schema: WeightPruningSection::json_schema,
    },
    StepKind {
        verb: "prune",
        names: &["layers", "blocks"],
        words: "pruning layers or blocks",
        keys: keys_of::<BypassSection>,
        schema: BypassSection::json_schema,
    },
    StepKind {
        verb: "quantize",
        names: &["int8"],
        words: "`quantize = \"int8\"`",
        keys: keys_of::<StaticInt8Section>,
        schema: StaticInt8Section::json_schema,
    },
    StepKind {
        verb: "quantize",
        names: &["int8-dynamic"],
        words: "`quantize = \"int8-dynamic\"`",
        keys: keys_of::<DynamicInt8Section>,
        schema: DynamicInt8Section::json_schema,
    },
    StepKind {
        verb: "quantize",
        names: &["int8-weights"],
        words: "`quantize = \"int8-weights\"`",
        keys: keys_of::<Int8WeightsSection>,
        schema: Int8WeightsSection::json_schema,
    },
    StepKind {
        verb: "quantize",
        names: &["int4-weights"],
        words: "`quantize = \"int4-weights\"`",
        keys: keys_of::<Int4WeightsSection>,
        schema: Int4WeightsSection::json_schema,
    },
    StepKind {
        verb: "quantize",
        names: &["f16"],
        words: "`quantize = \"f16\"`",
        keys: keys_of::<F16Section>,
        schema: F16Section::json_schema,
    },
    StepKind {
        verb: "distill",
        names: &[],
        words: "`distill`",
        keys: keys_of::<DistillSection>,
        schema: DistillSection::json_schema,
    },
    StepKind {
        verb: "tune",
        names: &["lossless"],
        words: "`tune`",
        keys: keys_of::<TuneSection>,
        schema: TuneSection::json_schema,
    },
];

/// The kinds that have a key, in words: those of the same verb one by one, else the verbs.
fn owners(key: &str, verb: &str) -> Option<String> {
    let owners: Vec<&StepKind> =
        KINDS.iter().filter(|kind| (kind.keys)().iter().any(|known| known == key)).collect();
    let same_verb: Vec<&str> =
        owners.iter().filter(|kind| kind.verb == verb).map(|kind| kind.words).collect();
    let joined = |words: &[&str]| match words {
        [first @ .., last] if !first.is_empty() => format!("{} and {last}", first.join(", ")),
        words => words.concat(),
    };
    if !same_verb.is_empty() {
        return Some(joined(&same_verb));
    }
    let mut verbs: Vec<&str> = owners.iter().map(|kind| kind.verb).collect();
    verbs.dedup();
    match verbs.is_empty() {
        true => None,
        false => Some(format!("steps with {}", quoted_list(&verbs, "or"))),
    }
}

impl StepKind {
    /// Values of the verb in a study.
    pub(super) fn values(&self) -> Vec<Value> {
        let switch = matches!(self.verb, "distill" | "tune").then_some(Value::Bool(true));
        switch.into_iter().chain(self.names.iter().map(|name| Value::from(*name))).collect()
    }
}

impl StepSection {
    /// The steps that the section means.
    ///
    /// # Errors
    /// A sentence that names the key.
    fn steps(self) -> Result<Vec<Step>, String> {
        match self {
            StepSection::Channels(what, section) => section.step(what),
            StepSection::Weights(section) => section.step(),
            StepSection::Bypass(kind, section) => section.step(kind),
            StepSection::StaticInt8(section) => section.step(),
            StepSection::DynamicInt8(section) => section.step(),
            StepSection::Int8Weights(section) => section.step(),
            StepSection::Int4Weights(section) => section.step(),
            StepSection::F16(section) => section.step(),
            StepSection::Distill(section) => section.step().map(|step| vec![step]),
            StepSection::Tune(section) => {
                Ok(vec![Step::Tune { on: section.on.unwrap_or_else(|| "host".into()) }])
            }
        }
    }
}
