//! Files of a run directory: their places, records of variants, models from elsewhere.

mod external_models;
mod folders;
mod json_files;
mod parquet_table;
mod variant_records;

pub use external_models::{ExternalModel, place, runs_once};
pub use folders::Folders;
pub use json_files::{read_json, replace, replace_json};
pub use parquet_table::{ColumnValues, ParquetError, TableColumn, parquet_table};
pub use variant_records::{ancestry, variant_names, variant_record};

pub(super) use variant_records::read_variant;
