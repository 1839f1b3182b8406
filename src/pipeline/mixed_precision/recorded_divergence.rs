//! Divergences of single layers, read again from the file that a step left of them.

use crate::pipeline::Folders;
use paring_core::schema::LayerPrecision;
use paring_core::text::csv_cell_text;
use serde::Deserialize;

/// Divergence of the answers with one layer alone in one precision.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct RecordedDivergence {
    /// The layer.
    pub layer: String,
    /// The precision.
    pub precision: LayerPrecision,
    /// Mean Kullback-Leibler divergence, in nats.
    pub divergence_nats: f64,
}

/// Divergences that a step of a variant measured; none where no step did, or the file is not one that a
/// step wrote.
pub fn recorded_divergences(folders: &Folders, variant: &str) -> Vec<RecordedDivergence> {
    let path = folders.sensitivity().join(format!("{variant}.csv"));
    let Ok(bytes) = path.read() else { return vec![] };
    let mut reader = csv::Reader::from_reader(bytes.as_slice());
    let rows: Result<Vec<RecordedDivergence>, csv::Error> = reader.deserialize().collect();
    let named = |row: RecordedDivergence| RecordedDivergence {
        layer: csv_cell_text(&row.layer).to_string(),
        ..row
    };
    rows.unwrap_or_default().into_iter().map(named).collect()
}

#[cfg(test)]
mod tests {
    use super::super::precision_table::sensitivity_csv;
    use super::*;
    use paring_core::schema::{LayerSensitivity, PrecisionTable, SCHEMA, Sha256Hex};
    use std::collections::BTreeMap;

    #[test]
    fn divergences_are_those_that_were_written() {
        let precision = LayerPrecision::Weights4;
        let one = LayerSensitivity {
            layer: "a,\"b".into(),
            module: "a".into(),
            precision,
            time_ns: None,
            float_ns: Some(3.0),
            sqnr_db: None,
            divergence: 1.5e-7,
            flips: 0,
            accuracy_change: None,
            accuracy_change_when_left_out: None,
            divergence_saved_when_left_out: None,
            samples: 9,
        };
        let table = PrecisionTable {
            schema: SCHEMA,
            target: "host".into(),
            engine: String::new(),
            key: Sha256Hex::of(b""),
            layers_ns: BTreeMap::new(),
            by: Default::default(),
            options: Default::default(),
            layers_bytes: BTreeMap::new(),
            power_mw: BTreeMap::new(),
            given_uj: None,
            quantize_ns: vec![],
            dequantize_ns: vec![],
            sensitivity: vec![one],
            confirmed: vec![],
        };
        let run = tempfile::tempdir().unwrap();
        let folders = Folders::new(run.path());
        folders.sensitivity().join("v.csv").replace(&sensitivity_csv(&table).unwrap()).unwrap();
        let expected =
            RecordedDivergence { layer: "a,\"b".into(), precision, divergence_nats: 1.5e-7 };
        assert_eq!(recorded_divergences(&folders, "v"), [expected]);
        assert_eq!(recorded_divergences(&folders, "w"), []);
    }
}
