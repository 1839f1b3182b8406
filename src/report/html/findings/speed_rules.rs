//! Findings about speed: integers that do not pay, time in copies, emulated targets.

use crate::report::ResultRow;
use crate::report::html::numbers::{count, nanoseconds, ratio};
use crate::report::html::page::ReportFinding;
use crate::report::html::run_report::RunReport;
use paring_core::schema::{LayerTable, LayerTime, SpeedVerdict};
use std::collections::{BTreeMap, BTreeSet};

/// Share of the time from which copies and conversions are worth a word.
const MUCH_GLUE: f64 = 0.2;
/// Layers and variants that a finding names.
const MOST_NAMED: usize = 4;
/// A layer in integers is worth a word where it takes so many times as long as in float.
const MUCH_SLOWER: f64 = 1.25;
/// Operators that compute in integers.
const INTEGER_OPERATORS: [&str; 4] =
    ["QLinearConv", "ConvInteger", "QLinearMatMul", "MatMulInteger"];

/// The step that quantizes layers only where that pays.
const MEASURED: &str =
    "steps = [{ quantize = \"int8\", layers = \"measured\" }]   # only where it pays";

/// Targets on which quantized variants are slower than the float baseline, and layers left in float.
pub(super) fn slower_in_integers(run: &RunReport) -> Vec<ReportFinding> {
    let is_slow = |row: &&ResultRow| {
        let speed = row.measurement.speed.as_ref();
        speed.is_ok_and(|s| s.verdict == SpeedVerdict::Slower) && mostly_in_integers(row)
    };
    let of = |target: &str| {
        let on_target = run.variant_rows().filter(|row| row.target == target);
        let slow: Vec<&ResultRow> = on_target.filter(is_slow).collect();
        let who = match slow.as_slice() {
            [] => return None,
            [one] => format!("{} is", one.label()),
            several => format!("{} variants are", several.len()),
        };
        Some(ReportFinding {
            headline: format!("{who} slower in integers than the baseline in float on {target}."),
            evidence: format!("{}{}", speedups(&slow), left_in_float(&slow)),
            command: MEASURED.into(),
        })
    };
    run.targets().into_iter().filter_map(of).collect()
}

/// True if more than half of the multiply-accumulates are in integers.
fn mostly_in_integers(row: &ResultRow) -> bool {
    let floats = |name: &str| matches!(name, "f32" | "f16");
    let mix = &row.variant.precision_mix;
    let share: f64 = mix.iter().filter(|(name, _)| !floats(name)).map(|(_, share)| share).sum();
    share > 0.5
}

/// Speed-ups of variants with their intervals.
fn speedups(rows: &[&ResultRow]) -> String {
    let named = rows.iter().filter_map(|row| {
        let speedup = row.measurement.speed.as_ref().ok()?.speedup;
        let [value, low, high] = [speedup.value, speedup.low, speedup.high].map(ratio);
        Some(match rows {
            [_] => format!("{value} (99 % CI {low} to {high})"),
            _ => format!("{} {value} (99 % CI {low} to {high})", row.label()),
        })
    });
    format!("Speed-up {}.", listed(&named.collect::<Vec<_>>()))
}

/// The first few of a list, and how many more there are.
fn listed(items: &[String]) -> String {
    let shown = items.iter().take(MOST_NAMED).cloned().collect::<Vec<_>>().join(", ");
    match items.len().saturating_sub(MOST_NAMED) {
        0 => shown,
        more => format!("{shown}, and {more} more"),
    }
}

/// Layers that steps refused to change, each once with its reason; empty without any.
fn left_in_float(rows: &[&ResultRow]) -> String {
    let mut by_reason: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for refused in rows.iter().flat_map(|row| &row.variant.refusals) {
        by_reason.entry(&refused.reason).or_default().insert(&refused.what);
    }
    let each = by_reason.into_iter().map(|(reason, layers)| {
        let layers: Vec<String> = layers.into_iter().map(String::from).collect();
        format!(" Left as it was: {} ({reason}).", listed(&layers))
    });
    each.collect()
}

/// A layer that is slower in integers: the time of all its nodes in the baseline and in the variant.
struct SlowLayer<'a> {
    float_ns: f64,
    own_ns: f64,
    /// The node that computes in integers.
    own: &'a LayerTime,
}

impl SlowLayer<'_> {
    fn lost_ns(&self) -> f64 {
        self.own_ns - self.float_ns
    }

    fn words(&self) -> String {
        format!(
            "{} {} instead of {} ({})",
            self.own.layer,
            nanoseconds(self.own_ns),
            nanoseconds(self.float_ns),
            match self.own.kernels.as_slice() {
                [] => "no kernel of its own".to_string(),
                kernels => kernels.join(", "),
            }
        )
    }
}

/// Targets on which single layers are slower in integers than in float; of several variants the one that
/// loses most by them.
pub(super) fn layers_slower_in_integers(run: &RunReport) -> Vec<ReportFinding> {
    let of = |target: &str| {
        let own = run.layers.iter().filter(|table| table.target == target);
        let all = own.map(|table| (table, slow_layers(run, table)));
        let all = all.filter(|(_, layers)| !layers.is_empty());
        let lost = |layers: &[SlowLayer]| layers.iter().map(SlowLayer::lost_ns).sum::<f64>();
        let (table, layers) = all.max_by(|a, b| lost(&a.1).total_cmp(&lost(&b.1)))?;
        let words: Vec<String> = layers.iter().map(SlowLayer::words).collect();
        let names: Vec<String> =
            layers.iter().take(MOST_NAMED).map(|l| format!("\"{}\"", l.own.layer)).collect();
        Some(ReportFinding {
            headline: format!(
                "int8 loses on {} of {} on {target}: {} longer than in float.",
                count(layers.len(), "layer"),
                table.variant,
                nanoseconds(lost(&layers))
            ),
            evidence: format!("{}; means over profiled runs, without intervals.", listed(&words)),
            command: format!(
                "protect = [{}]   # stay in float; or layers = \"measured\"",
                names.join(", ")
            ),
        })
    };
    run.targets().into_iter().filter_map(of).collect()
}

/// Layers of a variant in integers that take much longer than the baseline's, the worst first.
fn slow_layers<'a>(run: &'a RunReport, table: &'a LayerTable) -> Vec<SlowLayer<'a>> {
    let baseline = run.rows.iter().find(|row| row.variant.parent.is_none());
    let is_baseline = |other: &&LayerTable| {
        other.target == table.target
            && other.batch == table.batch
            && baseline.is_some_and(|row| row.variant.variant_id == other.variant_id)
    };
    let Some(float) = run.layers.iter().find(is_baseline) else { return vec![] };
    let (float, all) = (times_by_layer(float), times_by_layer(table));
    let integers = table.layers.iter().filter(|l| INTEGER_OPERATORS.contains(&l.operator.as_str()));
    let slow = integers.filter_map(|own| {
        let name = own.layer.as_str();
        let (float_ns, own_ns) = (*float.get(name)?, *all.get(name)?);
        (own_ns > MUCH_SLOWER * float_ns).then_some(SlowLayer { float_ns, own_ns, own })
    });
    let mut slow: Vec<SlowLayer> = slow.collect();
    slow.sort_by(|a, b| b.lost_ns().total_cmp(&a.lost_ns()));
    slow
}

/// Time of each layer: of its product and of what belongs to it.
fn times_by_layer(table: &LayerTable) -> BTreeMap<&str, f64> {
    let mut times = BTreeMap::new();
    for layer in &table.layers {
        *times.entry(layer.layer.as_str()).or_default() += layer.time_ns;
    }
    times
}

/// Targets on which a variant spends much of its time in layout copies, padding and conversions; of
/// several variants the one with the largest share, and the module where most of them are.
pub(super) fn time_in_copies(run: &RunReport) -> Vec<ReportFinding> {
    let share = |table: &LayerTable| {
        let total: f64 = table.layers.iter().map(|layer| layer.time_ns).sum();
        glue(table) / total.max(1.0)
    };
    let of = |target: &str| {
        let own = run.layers.iter().filter(|table| table.target == target);
        let many = own.clone().filter(|table| share(table) > MUCH_GLUE).count();
        let table = own.max_by(|a, b| share(a).total_cmp(&share(b)))?;
        let (module, most) = module_with_most_glue(table)?;
        (many > 0).then(|| ReportFinding {
            headline: format!(
                "{:.0} % of the time of {} on {target} is copies and conversions, most of it around {module}.",
                100.0 * share(table),
                table.variant
            ),
            evidence: format!(
                "{} per inference, of these {} around {module}. {} more than {:.0} %.",
                nanoseconds(glue(table)),
                nanoseconds(most),
                if many == 1 { "1 variant spends".into() } else { format!("{many} variants spend") },
                100.0 * MUCH_GLUE
            ),
            command: "engine = [\"conv_nhwc\"]   # another layout inside the engine; or steps = [{ tune = true }]".into(),
        })
    };
    run.targets().into_iter().filter_map(of).collect()
}

/// Time that a variant spends in copies and conversions, in nanoseconds.
fn glue(table: &LayerTable) -> f64 {
    table.layers.iter().map(|layer| layer.glue_ns).sum()
}

/// The module in which most of that time is spent, and how much.
fn module_with_most_glue(table: &LayerTable) -> Option<(&str, f64)> {
    let mut modules: BTreeMap<&str, f64> = BTreeMap::new();
    for layer in &table.layers {
        let module = if layer.module.is_empty() { &layer.layer } else { &layer.module };
        *modules.entry(module).or_default() += layer.glue_ns;
    }
    modules.into_iter().max_by(|a, b| a.1.total_cmp(&b.1))
}

/// Targets whose times say nothing about a board.
pub(super) fn emulated_targets(run: &RunReport) -> Vec<ReportFinding> {
    let emulated = |target: &&str| {
        run.rows.iter().any(|row| row.target == **target && row.environment.emulated)
    };
    let names: Vec<&str> = run.targets().into_iter().filter(emulated).collect();
    if names.is_empty() {
        return vec![];
    }
    vec![ReportFinding {
        headline: format!(
            "{} emulated.",
            match names.len() {
                1 => format!("{} is", names[0]),
                _ => format!("{} are", names.join(", ")),
            }
        ),
        evidence: "Predictions are those of its architecture; times are not a board's speed."
            .into(),
        command: String::new(),
    }]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::example_rows::example_row;
    use paring_core::schema::Sha256Hex;
    use paring_core::schema::{SCHEMA, StepRefusal};

    fn layer(name: &str, operator: &str, time_us: f64, glue_us: f64) -> LayerTime {
        let module = name.split_once('.').map_or(name, |(module, _)| module);
        LayerTime {
            layer: name.into(),
            module: module.into(),
            operator: operator.into(),
            time_ns: 1e3 * time_us,
            glue_ns: 1e3 * glue_us,
            kernels: vec!["generic_f32_4x4".into()],
            ..LayerTime::default()
        }
    }

    fn times(row: &ResultRow, layers: Vec<LayerTime>) -> LayerTable {
        let whole: f64 = layers.iter().map(|layer| layer.time_ns).sum();
        LayerTable {
            schema: SCHEMA,
            variant: row.variant.name.clone(),
            variant_id: row.variant.variant_id.clone(),
            target: row.target.clone(),
            emulated: false,
            batch: 1,
            runs: 10,
            plain_ns: whole,
            profiled_ns: whole,
            outside_ns: 0.0,
            layers,
        }
    }

    fn int8_row(name: &str, speedup: f64) -> ResultRow {
        let mut row = example_row(name, "pi4", Some(speedup), 0.0);
        row.variant.precision_mix = [("f32".to_string(), 0.1), ("int8".to_string(), 0.9)].into();
        row.variant.variant_id = Sha256Hex::of(name.as_bytes());
        row
    }

    fn words(found: &[ReportFinding]) -> Vec<String> {
        found.iter().map(|f| format!("{}\n{}\n{}", f.headline, f.evidence, f.command)).collect()
    }

    #[test]
    fn integers_that_are_slower_are_one_finding_per_target() {
        let mut slow = int8_row("int8", 0.65);
        slow.variant.refusals = vec![StepRefusal {
            parent_id: slow.variant.variant_id.clone(),
            variant: "int8".into(),
            step: "quantize int8".into(),
            what: "block1.dw".into(),
            reason: "the engine has no integer kernel for depthwise convolutions".into(),
        }];
        let rows =
            [example_row("baseline", "pi4", None, 0.0), slow.clone(), int8_row("faster", 1.5)];
        let expected = "int8 is slower in integers than the baseline in float on pi4.\n\
            Speed-up 0.650 (99 % CI 0.640 to 0.660). Left as it was: block1.dw (the engine has no \
            integer kernel for depthwise convolutions).\n\
            steps = [{ quantize = \"int8\", layers = \"measured\" }]   # only where it pays";
        assert_eq!(words(&slower_in_integers(&RunReport::of_rows(&rows))), [expected]);
        let mut other = slow.clone();
        other.variant.name = "int8-channel".into();
        let rows = [example_row("baseline", "pi4", None, 0.0), slow, other];
        let found = slower_in_integers(&RunReport::of_rows(&rows));
        assert!(found[0].headline.starts_with("2 variants are slower"), "{}", found[0].headline);
        assert_eq!(found[0].evidence.matches("block1.dw").count(), 1, "{}", found[0].evidence);
        let float = [example_row("nhwc", "pi4", Some(0.9), 0.0)];
        assert!(slower_in_integers(&RunReport::of_rows(&float)).is_empty());
    }

    #[test]
    fn layers_that_lose_in_integers_are_named_with_their_kernels() {
        let rows = [example_row("baseline", "pi4", None, 0.0), int8_row("int8", 1.1)];
        let mut float =
            ["stem", "block1.dw", "head"].map(|name| layer(name, "Conv", 10.0, 0.0)).to_vec();
        // What a layer's other nodes take counts too.
        float.push(layer("block1.dw", "Relu", 1.0, 0.0));
        let integers = vec![
            layer("stem", "QLinearConv", 4.0, 0.0),
            layer("block1.dw", "ConvInteger", 35.0, 0.0),
            layer("head", "Conv", 90.0, 0.0),
        ];
        let layers = [times(&rows[0], float), times(&rows[1], integers)];
        let run = RunReport { layers: &layers, ..RunReport::of_rows(&rows) };
        let expected = "int8 loses on 1 layer of int8 on pi4: 24.0 µs longer than in float.\n\
            block1.dw 35.0 µs instead of 11.0 µs (generic_f32_4x4); means over profiled runs, \
            without intervals.\n\
            protect = [\"block1.dw\"]   # stay in float; or layers = \"measured\"";
        assert_eq!(words(&layers_slower_in_integers(&run)), [expected]);
        let alone = RunReport { layers: &layers[1..], ..RunReport::of_rows(&rows) };
        assert!(layers_slower_in_integers(&alone).is_empty(), "no float to compare with");
    }

    #[test]
    fn copies_are_found_around_the_module_that_has_most_of_them() {
        let rows = [example_row("baseline", "pi4", None, 0.0)];
        let layers = [times(
            &rows[0],
            vec![
                layer("stem", "Conv", 40.0, 10.0),
                layer("block3.a", "Conv", 30.0, 12.0),
                layer("block3.b", "Conv", 30.0, 12.0),
            ],
        )];
        let run = RunReport { layers: &layers, ..RunReport::of_rows(&rows) };
        let found = words(&time_in_copies(&run));
        let expected = "34 % of the time of baseline on pi4 is copies and conversions, most of it \
            around block3.\n34.0 µs per inference, of these 24.0 µs around block3. 1 variant spends \
            more than 20 %.\nengine = [\"conv_nhwc\"]   # another layout inside the engine; or steps \
            = [{ tune = true }]";
        assert_eq!(found, [expected]);
        let few = [times(&rows[0], vec![layer("stem", "Conv", 40.0, 8.0)])];
        let run = RunReport { layers: &few, ..RunReport::of_rows(&rows) };
        assert!(time_in_copies(&run).is_empty());
    }

    #[test]
    fn emulated_targets_are_named_once() {
        let mut rows = ["baseline", "half"].map(|name| example_row(name, "pi4", Some(1.0), 0.0));
        assert!(emulated_targets(&RunReport::of_rows(&rows)).is_empty());
        rows.iter_mut().for_each(|row| row.environment.emulated = true);
        let found = emulated_targets(&RunReport::of_rows(&rows));
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].headline, "pi4 is emulated.");
    }
}
