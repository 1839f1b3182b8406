//! The CSV files of a run, one file each: units in the column names; what is missing is empty, and a
//! column says why.

mod comparison_csv;
#[cfg(test)]
mod csv_headers;
mod effects_csv;
mod flow_csv;
mod hits_csv;
mod layers_csv;
mod named_cell;
mod regimes_csv;
mod results_csv;
mod robustness_csv;
mod savings_csv;

pub use comparison_csv::comparison_csv;
pub(super) use effects_csv::effects_cells;
pub use effects_csv::effects_csv;
pub use flow_csv::flow_csv;
pub use hits_csv::hits_csv;
pub(super) use layers_csv::layers_cells;
pub use layers_csv::layers_csv;
pub(super) use named_cell::NamedCell;
pub use regimes_csv::regimes_csv;
pub(super) use results_csv::results_cells;
pub use results_csv::results_csv;
pub use robustness_csv::robustness_csv;
pub use savings_csv::savings_csv;
