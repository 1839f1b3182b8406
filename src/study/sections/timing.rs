//! The `[protocol]` section: rules of timing.

use super::one_or_many::OneOrMany;
use super::requirements::RequirementSection;
use paring_agent::measure::MIN_BLOCKS;
use paring_core::schema::{ConditionRules, MOST_ROUNDS, ProcessorLoad, SampleRules, StopRule};
use paring_core::units::{LatencyNs, MilliCelsius};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use toml::Spanned;

/// Rules of timing, approval and requirements.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(in crate::study) struct ProtocolSection {
    /// Blocks (fresh processes) of each kind per variant; fewer than 9 give no verdict; default 10.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    blocks: Option<u32>,
    /// Seeds everything that is drawn.
    #[serde(default)]
    pub(in crate::study) seed: u64,
    /// Sampling time of a block with one variant, in milliseconds; default 150.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3_600_000))]
    solo_ms: Option<u64>,
    /// Sampling time of a block with a variant and the baseline, in milliseconds; default 300.
    #[serde(default)]
    #[schemars(range(min = 1, max = 3_600_000))]
    paired_ms: Option<u64>,
    /// Removals of each kind that are tried so that the cost of others can be forecast; default 14.
    #[serde(default)]
    #[schemars(range(max = 10_000))]
    pub(in crate::study) probes: Option<usize>,
    /// Threads of the engine in one inference; a list measures each. Default: the profile's.
    #[serde(default)]
    threads: Option<OneOrMany<usize>>,
    /// Inferences at the same time; a list measures each. Default 1.
    #[serde(default)]
    streams: Option<OneOrMany<usize>>,
    /// Numbers of the processors that blocks are kept on; default: all.
    #[serde(default)]
    affinity: Vec<usize>,
    /// Go on with paired blocks until the speed-up's interval is this narrow, relative to its value.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    width: Option<f64>,
    /// With `width`: the most blocks; default 100.
    #[serde(default)]
    #[schemars(range(min = 1, max = 10_000))]
    most_blocks: Option<u32>,
    /// With `width`: the most time; default 60.
    #[serde(default)]
    #[schemars(extend("exclusiveMinimum" = 0))]
    minutes: Option<f64>,
    /// A block that takes longer is killed, in seconds; default 300.
    #[serde(default)]
    #[schemars(range(min = 1))]
    limit_s: Option<u64>,
    /// Also run each variant this long without a pause, in seconds.
    #[serde(default)]
    #[schemars(range(min = 4))]
    sustained_s: Option<u64>,
    /// Conditions that make a block invalid, and settings of the machine.
    #[serde(default)]
    conditions: ConditionsSection,
    /// People who have to approve a variant, each with a key of their own.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100))]
    pub(in crate::study) approvals: Option<usize>,
    /// `paring run --target` brings only approved variants to targets that the study does not name.
    #[serde(default)]
    pub(in crate::study) require_approval: bool,
    /// SHA-256 of the public keys whose approvals count; default: any.
    #[serde(default)]
    pub(in crate::study) approval_keys: Vec<String>,
    /// Bounds that every variant has to keep.
    #[serde(default)]
    pub(in crate::study) require: Vec<RequirementSection>,
    /// Keys of `[study]` that must not be missing or empty.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub(in crate::study) require_words: Vec<Spanned<String>>,
}

/// Conditions that make a block invalid, and settings of the machine.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ConditionsSection {
    /// A block that sees more is invalid and repeated; default: the profile's.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 200.0))]
    most_celsius: Option<f64>,
    /// Likewise beside more work of other programs, in processors.
    #[serde(default)]
    #[schemars(range(min = 0.0, max = 10_000.0))]
    most_load: Option<f64>,
    /// Frequency governor, set before the run and put back after it.
    #[serde(default)]
    governor: Option<String>,
    /// Of a Jetson (`nvpmodel -m`), set and put back likewise.
    #[serde(default)]
    power_mode: Option<u32>,
    /// Of a Jetson: clocks at their maximum, put back after.
    #[serde(default)]
    jetson_clocks: bool,
    /// Repetitions of an invalid block; default 3.
    #[serde(default)]
    repeats: Option<u32>,
}

/// Rules of timing variants.
#[derive(Clone, Debug)]
pub struct TimingPlan {
    /// Blocks of each kind for each variant.
    pub blocks: u32,
    /// Rule for further paired blocks.
    pub stop: Option<StopRule>,
    /// Time that each variant also runs without a pause.
    pub sustained_ns: Option<LatencyNs>,
    /// Rules inside a block.
    pub rules: SampleRules,
    /// Threads of the engine in one inference; empty for what the target's profile says.
    pub threads: Vec<usize>,
    /// Concurrent inferences.
    pub streams: Vec<usize>,
    /// Processors that blocks are kept on.
    pub affinity: Vec<usize>,
    /// Conditions that make a block invalid, and settings of the machine.
    pub conditions: ConditionRules,
}

/// Blocks of each kind in the short protocol, which gives no verdicts.
pub const QUICK_BLOCKS: u32 = 3;
/// More threads or streams than this are a slip of the finger.
const MOST_THREADS: usize = 1024;
/// Sampling of a block takes an hour at most; `sustained_s` is for long loads.
const MOST_BLOCK_MS: u64 = 3_600_000;
/// Removals that are tried beforehand, of each kind.
const MOST_PROBES: usize = 10_000;
/// Blocks at most, with a width and no other limit.
const MOST_BLOCKS: u32 = 100;
/// Repetitions of a block in bad conditions.
const REPEATS: u32 = 3;

impl TimingPlan {
    /// Makes it the short protocol, which gives no verdicts.
    pub fn shorten(&mut self) {
        self.blocks = QUICK_BLOCKS;
        self.stop = None;
        self.sustained_ns = None;
        // There are no verdicts that a block in bad conditions could spoil.
        self.conditions.repeats = 0;
    }

    /// The rules that are not the default ones: they belong to the hash of the rules, and a rule that an
    /// older version did not know of leaves that hash as it was.
    pub(in crate::study) fn deviations(&self) -> Map<String, Value> {
        let mut deviations = Map::new();
        let mut add = |key: &str, value: Value, usual: bool| {
            if !usual {
                deviations.insert(key.to_string(), value);
            }
        };
        add("stop", json!(self.stop), self.stop.is_none());
        add("sustained_ns", json!(self.sustained_ns), self.sustained_ns.is_none());
        add("thread_list", json!(self.threads), self.threads.is_empty());
        add("streams", json!(self.streams), self.streams == [1]);
        add("affinity", json!(self.affinity), self.affinity.is_empty());
        let usual = ConditionRules { repeats: REPEATS, ..ConditionRules::default() };
        add("conditions", json!(self.conditions), self.conditions == usual);
        deviations
    }
}

/// The rules of timing without a `[protocol]` section.
///
/// # Errors
/// None that a user can bring about.
pub fn default_timing_plan() -> Result<TimingPlan, String> {
    timing_plan(&ProtocolSection::default())
}

/// Checks the section.
pub(in crate::study) fn timing_plan(section: &ProtocolSection) -> Result<TimingPlan, String> {
    if section.solo_ms == Some(0) || section.paired_ms == Some(0) {
        return Err("`solo_ms` and `paired_ms` under [protocol] must be 1 or more".into());
    }
    for (key, given) in [("solo_ms", section.solo_ms), ("paired_ms", section.paired_ms)] {
        if let Some(odd) = given.filter(|ms| *ms > MOST_BLOCK_MS) {
            return Err(format!(
                "`{key}` under [protocol] must be {MOST_BLOCK_MS} at most, it is {odd}"
            ));
        }
    }
    if let Some(odd) = section.probes.filter(|probes| *probes > MOST_PROBES) {
        return Err(format!(
            "`probes` under [protocol] must be {MOST_PROBES} at most, it is {odd}"
        ));
    }
    let blocks = match section.blocks.unwrap_or(10) {
        0 => return Err("`blocks` under [protocol] must be 1 or more".into()),
        blocks => at_most("blocks", blocks)?,
    };
    Ok(TimingPlan {
        blocks,
        stop: stop(section, blocks)?,
        sustained_ns: section.sustained_s.map(|s| LatencyNs(s.saturating_mul(1_000_000_000))),
        rules: rules(section)?,
        threads: counts("threads", section.threads.as_ref())?,
        streams: match counts("streams", section.streams.as_ref())? {
            none if none.is_empty() => vec![1],
            streams => streams,
        },
        affinity: section.affinity.clone(),
        conditions: conditions(&section.conditions)?,
    })
}

/// Paired blocks until an interval is `width` narrow, with the usual limits.
pub fn width_stop_rule(width: f64, blocks: u32) -> StopRule {
    let limit_ns = LatencyNs(3_600_000_000_000);
    StopRule { width, most_blocks: MOST_BLOCKS.max(blocks), limit_ns }
}

fn stop(section: &ProtocolSection, blocks: u32) -> Result<Option<StopRule>, String> {
    let Some(width) = section.width else {
        return match (section.most_blocks, section.minutes) {
            (None, None) => Ok(None),
            _ => Err("`most_blocks` and `minutes` under [protocol] go with a `width`".into()),
        };
    };
    if !(width > 0.0 && width < 1.0) {
        return Err(format!("`width` under [protocol] must be above 0 and below 1, it is {width}"));
    }
    if (blocks as usize) < MIN_BLOCKS {
        return Err(format!("`width` under [protocol] needs `blocks` of {MIN_BLOCKS} or more"));
    }
    let usual = width_stop_rule(width, blocks);
    let minutes = section.minutes.unwrap_or(usual.limit_ns.as_f64() / 60e9);
    if !(minutes > 0.0 && minutes <= 1e6) {
        return Err("`minutes` under [protocol] must be above 0".into());
    }
    let most_blocks = at_most("most_blocks", section.most_blocks.unwrap_or(usual.most_blocks))?;
    if most_blocks < blocks {
        return Err(format!("`most_blocks` is {most_blocks}, but `blocks` is {blocks} already"));
    }
    let limit_ns = LatencyNs((minutes * 60e9) as u64);
    Ok(Some(StopRule { width, most_blocks, limit_ns }))
}

fn at_most(key: &str, rounds: u32) -> Result<u32, String> {
    match rounds <= MOST_ROUNDS {
        true => Ok(rounds),
        false => {
            Err(format!("`{key}` under [protocol] must be {MOST_ROUNDS} at most, it is {rounds}"))
        }
    }
}

fn rules(section: &ProtocolSection) -> Result<SampleRules, String> {
    let ms = |given: Option<u64>, default: u64| {
        LatencyNs(given.unwrap_or(default).saturating_mul(1_000_000))
    };
    if section.limit_s == Some(0) {
        return Err("`limit_s` under [protocol] must be 1 or more".into());
    }
    if section.sustained_s.is_some_and(|seconds| seconds < 4) {
        return Err("`sustained_s` under [protocol] must be 4 or more".into());
    }
    Ok(SampleRules {
        warmup_min_ns: ms(None, 30),
        warmup_max_ns: ms(None, 1_000),
        solo_ns: ms(section.solo_ms, 150),
        paired_ns: ms(section.paired_ms, 300),
        burst_ns: ms(None, 2),
        max_samples: 2_000,
        limit_ns: LatencyNs(section.limit_s.unwrap_or(300).saturating_mul(1_000_000_000)),
        retries: 1,
    })
}

/// Each value once, in order.
fn counts(key: &str, given: Option<&OneOrMany<usize>>) -> Result<Vec<usize>, String> {
    let mut values = given.map(OneOrMany::values).unwrap_or_default();
    let mut seen = std::collections::BTreeSet::new();
    values.retain(|value| seen.insert(*value));
    match values.iter().find(|value| !(1..=MOST_THREADS).contains(*value)) {
        Some(odd) => {
            Err(format!("`{key}` under [protocol] must be from 1 to {MOST_THREADS}, it is {odd}"))
        }
        None => Ok(values),
    }
}

fn conditions(section: &ConditionsSection) -> Result<ConditionRules, String> {
    if let Some(odd) = section.most_celsius.filter(|degrees| !(0.0..=200.0).contains(degrees)) {
        return Err(format!("`most_celsius` under [protocol.conditions] is {odd}"));
    }
    if let Some(odd) = section.most_load.filter(|load| !(0.0..=1e4).contains(load)) {
        return Err(format!("`most_load` under [protocol.conditions] is {odd}"));
    }
    Ok(ConditionRules {
        most_mc: section.most_celsius.map(|degrees| MilliCelsius((degrees * 1000.0) as i64)),
        governor: section.governor.clone(),
        power_mode: section.power_mode.map(|mode| mode.to_string()),
        jetson_clocks: section.jetson_clocks,
        most_others: section.most_load.map(|load| ProcessorLoad((load * 100.0).round() as u32)),
        repeats: section.repeats.unwrap_or(REPEATS),
        // The target's to say.
        cool_down: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(text: &str) -> Result<TimingPlan, String> {
        timing_plan(&toml::from_str::<ProtocolSection>(text).unwrap())
    }

    #[track_caller]
    fn refused(text: &str, expected: &str) {
        assert_eq!(of(text).unwrap_err(), expected);
    }

    #[test]
    fn what_makes_no_sense_is_named() {
        refused("threads = [1, 0]", "`threads` under [protocol] must be from 1 to 1024, it is 0");
        refused("streams = 5000", "`streams` under [protocol] must be from 1 to 1024, it is 5000");
        refused("width = 1.5", "`width` under [protocol] must be above 0 and below 1, it is 1.5");
        refused("width = 0.01\nblocks = 5", "`width` under [protocol] needs `blocks` of 9 or more");
        refused(
            "blocks = 4000000000",
            "`blocks` under [protocol] must be 10000 at most, it is 4000000000",
        );
        refused("minutes = 2", "`most_blocks` and `minutes` under [protocol] go with a `width`");
        refused(
            "width = 0.01\nblocks = 10\nmost_blocks = 9",
            "`most_blocks` is 9, but `blocks` is 10 already",
        );
        refused(
            "conditions = { most_celsius = 900.0 }",
            "`most_celsius` under [protocol.conditions] is 900",
        );
    }

    #[test]
    fn what_is_not_typed_leaves_the_hash_of_the_rules_alone() {
        assert_eq!(of("").unwrap().deviations(), Map::new());
        let typed = of("threads = [2, 2, 1]\nconditions = { repeats = 0 }").unwrap();
        assert_eq!(typed.threads, [2, 1]);
        let mut keys: Vec<String> = typed.deviations().keys().cloned().collect();
        keys.sort();
        assert_eq!(keys, ["conditions", "thread_list"]);
    }
}
