//! The data of a study as a Croissant record that names them by their hash.
//!
//! Source: MLCommons Croissant 1.0.

use serde_json::{Map, Value, json};

/// Terms of the vocabulary that are called there as here.
const TERMS: [&str; 25] = [
    "citeAs",
    "column",
    "equivalentProperty",
    "extract",
    "field",
    "fileObject",
    "fileProperty",
    "fileSet",
    "format",
    "includes",
    "isLiveDataset",
    "jsonPath",
    "key",
    "md5",
    "parentField",
    "path",
    "recordSet",
    "references",
    "regex",
    "repeated",
    "replace",
    "samplingRate",
    "separator",
    "source",
    "subField",
];

/// A file of data that was found to be a run's.
#[derive(Clone, Debug)]
pub struct CroissantData {
    /// The study.
    pub study: String,
    /// The run.
    pub run_id: String,
    /// The file's name.
    pub file: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Hash of data, splits and metrics in the run's protocol.
    pub data_sha256: String,
    /// The study's purpose, in its owner's words.
    pub purpose: Option<String>,
}

/// The record. License, address and creators are not known, and so not in it.
pub fn croissant_record(data: &CroissantData) -> Value {
    let format = match data.file.rsplit_once('.') {
        Some((_, "npz")) => "application/zip",
        _ => "application/octet-stream",
    };
    let purpose = data.purpose.as_ref().map_or_else(String::new, |own| format!(" ({own})"));
    json!({
        "@context": context(),
        "@type": "sc:Dataset",
        "conformsTo": "http://mlcommons.org/croissant/1.0",
        "name": format!("data-of-{}", data.study),
        "description": format!(
            "Data that run {} of the study {}{purpose} calibrated, selected and reported on. Evidence from a run of paring, no claim of conformity. SHA-256 of data, splits and metrics in the run: {}.",
            data.run_id, data.study, data.data_sha256
        ),
        "distribution": [{
            "@type": "cr:FileObject",
            "@id": data.file,
            "name": data.file,
            "contentUrl": data.file,
            "contentSize": format!("{} B", data.bytes),
            "encodingFormat": format,
            "sha256": data.sha256,
        }],
    })
}

/// The context that readers of the format expect, whole.
fn context() -> Value {
    let mut context = Map::from_iter(
        [
            ("@language", "en"),
            ("@vocab", "https://schema.org/"),
            ("conformsTo", "dct:conformsTo"),
            ("cr", "http://mlcommons.org/croissant/"),
            ("dct", "http://purl.org/dc/terms/"),
            ("rai", "http://mlcommons.org/croissant/RAI/"),
            ("sc", "https://schema.org/"),
            ("transform", "cr:transform"),
        ]
        .map(|(key, value)| (key.to_string(), json!(value))),
    );
    context.extend(TERMS.map(|term| (term.to_string(), json!(format!("cr:{term}")))));
    for (key, kind) in [("data", "@json"), ("dataType", "@vocab"), ("examples", "@json")] {
        context.insert(key.into(), json!({ "@id": format!("cr:{key}"), "@type": kind }));
    }
    Value::Object(context)
}
