//! Tables and lines of text for a terminal.

mod bench_table;
mod evaluation_text;
mod explanation_text;
mod flow_lines;
mod hits_lines;
mod layers_table;
pub(super) mod layout;
mod measurement_notes;
mod metric_text;
mod results_table;
mod robustness_lines;
mod runs_table;

pub use bench_table::{BenchRow, bench_table};
pub use evaluation_text::{evaluation_line, evaluation_text};
pub use explanation_text::{explanation_text, machine_caveats, undone_line};
pub use flow_lines::flow_lines;
pub use hits_lines::hits_lines;
pub use layers_table::layers_table;
pub use layout::TerminalLayout;
pub(super) use metric_text::{signed_change, with_interval};
pub use results_table::{INTERVAL_LEVELS, quick_note, results_table};
pub use robustness_lines::robustness_lines;
pub use runs_table::{ListedRun, RunState, runs_table};
