//! The tables of runs with typed columns, for programs that read Parquet.

mod column_kind;
mod runs_csv;
mod typed_table;

pub use runs_csv::runs_csv;
pub use typed_table::{TableFile, parquet_files};
