//! What people and other programs read: the CSV and the terminal's table.
//!
//! Derived from records, replaced as a whole, never a source of anything.

mod bench;
mod compare;
mod csv;
mod layers;
mod notes;
mod effects;
mod explanation;
mod flow;
mod hits;
mod quality;
mod results;
mod table;
mod robustness;
mod savings;
mod terminal;

pub use bench::{Timed, bench_table};
pub use compare::{
    Basis, CompareError, Compared, Comparison, Figures, Match, Rules, Series, Source, SourceKind,
    compare, comparison_csv, comparison_markdown, comparison_table,
};
pub use csv::{ReportError, results_csv};
pub use effects::effects_csv;
pub use explanation::{explanation_text, report_md};
pub use flow::{flow_csv, flow_lines};
pub use hits::{hits_csv, hits_lines};
pub use layers::{layers_csv, layers_table};
pub use quality::{evaluation_line, evaluation_text};
pub use results::{Row, RunFacts};
pub use robustness::{robustness_csv, robustness_lines};
pub use savings::savings_csv;
pub use terminal::{results_table, seconds};
