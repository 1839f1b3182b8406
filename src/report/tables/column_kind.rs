//! Kind of each column of the CSV files: text, whole numbers, numbers, or true and false.

/// Kind of a column.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ColumnKind {
    Text,
    Whole,
    Real,
    Flag,
}

const FLAGS: [&str; 4] = ["emulated", "valid", "survives_reseeding", "sound"];

/// Numbers whose names do not say a unit that is counted in whole ones.
const WHOLE: [&str; 21] = [
    "schema",
    "components_removed",
    "params",
    "macs",
    "batch",
    "threads",
    "streams",
    "blocks",
    "samples",
    "energy_windows",
    "sustained_place_first",
    "sustained_place_last",
    "flips",
    "flips_right_to_wrong",
    "flips_wrong_to_right",
    "unusable",
    "position",
    "draws",
    "bytes_moved",
    "frequency_min_khz",
    "frequency_max_khz",
];

/// Endings of names that say a unit which is counted in whole ones.
const WHOLE_UNITS: [&str; 3] = ["_ns", "_bytes", "_mc"];

const TEXT: [&str; 48] = [
    "study",
    "run_id",
    "variant",
    "variant_id",
    "parent",
    "recipe",
    "precision",
    "precision_mix",
    "components_file",
    "target",
    "board",
    "arch",
    "cpu",
    "gpu_unused",
    "engine",
    "engine_options",
    "power_mode",
    "governor",
    "latency_missing",
    "speedup_missing",
    "verdict",
    "kernels",
    "energy_source",
    "energy_coverage",
    "energy_missing",
    "sustained_missing",
    "invalid_reason",
    "metric",
    "metric_missing",
    "data_sha256",
    "measurement_sha256",
    "gate",
    "gate_unmet",
    "agent_version",
    "started_at",
    "layer",
    "module",
    "operator",
    "bound",
    "group",
    "label",
    "step",
    "operation",
    "layers",
    "components",
    "decisions",
    "of",
    "unit",
];

/// Reasons and methods of effects.csv.
const WORDS: [&str; 3] = ["method", "missing", "unsound"];

impl ColumnKind {
    /// The kind of a column by its name.
    pub(super) fn of(column: &str) -> ColumnKind {
        if TEXT.contains(&column) || WORDS.contains(&column) {
            ColumnKind::Text
        } else if FLAGS.contains(&column) {
            ColumnKind::Flag
        } else if WHOLE.contains(&column) || WHOLE_UNITS.iter().any(|unit| column.ends_with(unit)) {
            ColumnKind::Whole
        } else {
            ColumnKind::Real
        }
    }
}
