//! The overlay files of one variant.

use super::netron_attachment::netron_attachment;
use super::overlay_model::OverlayModel;
use super::quantities::quantities;
use crate::report::html::RunReport;
use serde_json::Value;
use std::collections::BTreeMap;

/// A file.
#[derive(Clone, Debug, PartialEq)]
pub struct OverlayFile {
    /// Its name, in the folder of the variant.
    pub name: String,
    /// Its content.
    pub content: Value,
}

/// One file for model-explorer a quantity, and the attachment for Netron.
pub fn overlay_files(run: &RunReport, model: &OverlayModel) -> Vec<OverlayFile> {
    let quantities = quantities(run, model);
    let mut files: BTreeMap<String, Value> = BTreeMap::new();
    files.insert("netron.json".into(), netron_attachment(run, model, &quantities));
    for quantity in &quantities {
        if let Some(content) = quantity.node_data(model) {
            // A target may be called as another target with a batch size is.
            files.entry(format!("{}.json", quantity.file)).or_insert(content);
        }
    }
    files.into_iter().map(|(name, content)| OverlayFile { name, content }).collect()
}
