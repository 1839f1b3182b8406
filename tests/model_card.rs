//! Cards of variants, by the program: words of the study or none, figures of the records, and CycloneDX
//! by its own schema.
//!
//! Needs Python with cyclonedx-python-lib for the schema: `scripts/test` makes one and names it in
//! `PARING_SIGNING_PYTHON`.

mod common;
#[path = "common/runs.rs"]
mod runs;

use common::skipped;
use runs::paring;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A measured run whose study names slices, a purpose and ethics, and no risk.
fn run_with_words(folder: &Path) -> PathBuf {
    let study = runs::study(folder);
    let text = std::fs::read_to_string(&study).unwrap();
    let words =
        "owner = \"tests\"\npurpose = \"digits | on a board\"\nethics = \"none is *hidden*\"\n";
    let text = text.replace("owner = \"tests\"\n", words);
    let text = text.replace("[data]\n", "[data]\nslices = [\"stroke_density\"]\n");
    std::fs::write(&study, text).unwrap();
    let run = folder.join("run");
    let words = ["run", study.to_str().unwrap(), "--quick", "--out", run.to_str().unwrap()];
    paring(folder, &words).success();
    run
}

fn card(folder: &Path, run: &Path, format: &str) -> String {
    let words = ["card", run.to_str().unwrap(), "--variant", "both", "--format", format];
    let ended = paring(folder, &words).success();
    String::from_utf8(ended.get_output().stdout.clone()).unwrap()
}

/// The first sentence that CycloneDX's schema refuses a document with; `Ok(None)` of a valid one, an error
/// without the package.
fn schema_error(path: &Path) -> Result<Option<String>, String> {
    let python = std::env::var("PARING_SIGNING_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import cyclonedx.validation.json"]).output();
    if !has.is_ok_and(|output| output.status.success()) {
        return Err("no Python with cyclonedx-python-lib".into());
    }
    let script = "import sys\n\
        from cyclonedx.schema import SchemaVersion\n\
        from cyclonedx.validation.json import JsonStrictValidator\n\
        error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(open(sys.argv[1]).read())\n\
        print(error or '')\n";
    let output = Command::new(&python).args(["-c", script]).arg(path).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let said = String::from_utf8_lossy(&output.stdout).trim().to_string();
    Ok((!said.is_empty()).then_some(said))
}

#[test]
fn a_card_has_the_figures_of_the_records_and_invents_no_words() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_with_words(folder.path());
    let text = card(folder.path(), &run, "md");
    for line in [
        "# Model card: `both` of `small`",
        "| owner | tests |",
        "| purpose | digits \\| on a board |",
        "| risk | not stated |",
        "| ethics | none is \\*hidden\\* |",
        "## Quality by slice and class",
        "| `stroke_density = ",
        "| `class 3` |",
        "## Limits that the run shows",
        "- Measured with the short protocol, which gives no verdicts.",
        "- Its answers on disturbed inputs were not evaluated.",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert!(!text.to_lowercase().contains("complies"), "{text}");
    let quality = std::fs::read(run.join("predictions/both.quality.json")).unwrap();
    let quality: Value = serde_json::from_slice(&quality).unwrap();
    let bom: Value = serde_json::from_str(&card(folder.path(), &run, "cyclonedx")).unwrap();
    let own = &bom["metadata"]["component"];
    let metrics =
        own["modelCard"]["quantitativeAnalysis"]["performanceMetrics"].as_array().unwrap();
    let find = |name: &str, slice: Option<&str>| {
        let same = |m: &&Value| m["type"] == name && m["slice"].as_str() == slice;
        metrics.iter().find(same).unwrap_or_else(|| panic!("{name} of {slice:?}"))
    };
    let same = |metric: &Value, score: &Value| {
        let interval = &metric["confidenceInterval"];
        for (text, key) in [
            (&metric["value"], "value"),
            (&interval["lowerBound"], "low"),
            (&interval["upperBound"], "high"),
        ] {
            let number: f64 = text.as_str().unwrap().parse().unwrap();
            assert_eq!(number, score[key].as_f64().unwrap());
        }
    };
    same(find("accuracy", None), &quality["metrics"]["accuracy"]["value"]);
    for slice in quality["slices"].as_array().unwrap() {
        let name = format!("stroke_density = {}", slice["value"].as_str().unwrap());
        same(find("accuracy", Some(&name)), &slice["metrics"]["accuracy"]["value"]);
    }
    find("latency, median, ns", Some("target host"));
    let ancestors = own["pedigree"]["ancestors"].as_array().unwrap();
    let names: Vec<&str> = ancestors.iter().map(|own| own["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["pruned", "baseline"]);
    let considerations = &own["modelCard"]["considerations"];
    assert_eq!(considerations["useCases"][0], "digits | on a board");
    assert_eq!(considerations["ethicalConsiderations"][0]["name"], "none is *hidden*");
}

#[test]
fn a_bill_of_materials_is_valid_by_its_schema() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_with_words(folder.path());
    let path = folder.path().join("bom.json");
    let out = ["--variant", "both", "--format", "cyclonedx", "--out", path.to_str().unwrap()];
    paring(folder.path(), &[&["card", run.to_str().unwrap()][..], &out].concat()).success();
    match schema_error(&path) {
        Err(why) => return skipped(&why),
        Ok(error) => assert_eq!(error, None),
    }
    // The schema does refuse something.
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replace("machine-learning-model", "machine-learning")).unwrap();
    assert!(schema_error(&path).unwrap().is_some());
}

/// The model of SPDX 3.0.1 as its own package has it: types, vocabularies, required fields, ids.
const READ_SPDX: &str = "
import io, sys
from spdx_python_model import v3_0_1 as spdx
objects = spdx.SHACLObjectSet()
with open(sys.argv[1], 'rb') as f:
    spdx.JSONLDDeserializer().read(f, objects)
assert not objects.link(), objects.link()
spdx.JSONLDSerializer().write(objects, io.BytesIO())
print([own.name for own in objects.foreach_type(spdx.ai_AIPackage)])
";

/// What the package says of a document: its models, or an error. `Err` where there is no package.
fn spdx_models(path: &Path) -> Result<Result<String, String>, String> {
    let python = std::env::var("PARING_SIGNING_PYTHON").unwrap_or_else(|_| "python3".into());
    let read = Command::new(python).args(["-c", READ_SPDX]).arg(path).output();
    let read = read.map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&read.stderr).into_owned();
    match (read.status.success(), errors.contains("No module named")) {
        (true, _) => Ok(Ok(String::from_utf8_lossy(&read.stdout).into_owned())),
        (false, true) => Err("no Python with spdx-python-model".into()),
        (false, false) => Ok(Err(errors)),
    }
}

#[test]
fn an_spdx_document_is_read_by_the_package_of_its_model() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_with_words(folder.path());
    let path = folder.path().join("card.spdx.json");
    let out = ["--variant", "both", "--format", "spdx", "--out", path.to_str().unwrap()];
    paring(folder.path(), &[&["card", run.to_str().unwrap()][..], &out].concat()).success();
    let text = std::fs::read_to_string(&path).unwrap();
    let document: Value = serde_json::from_str(&text).unwrap();
    let graph = document["@graph"].as_array().unwrap();
    let own = graph.iter().find(|own| own["name"] == "both").unwrap();
    let metrics = own["ai_metric"].as_array().unwrap();
    assert!(metrics.iter().any(|metric| metric["key"] == "accuracy"), "{metrics:?}");
    assert!(own["ai_informationAboutApplication"] == "digits | on a board");
    assert!(!text.contains("ai_standardCompliance") && !text.contains("profileConformance"));
    let models = match spdx_models(&path) {
        Err(why) => return skipped(&why),
        Ok(models) => models.unwrap(),
    };
    for name in ["both", "pruned", "baseline"] {
        assert!(models.contains(&format!("'{name}'")), "{models}");
    }
    std::fs::write(&path, text.replace("\"sha256\"", "\"sha257\"")).unwrap();
    assert!(spdx_models(&path).unwrap().is_err());
}

#[test]
fn a_croissant_record_names_the_data_by_their_hash() {
    let folder = tempfile::tempdir().unwrap();
    let run = run_with_words(folder.path());
    let data = common::digits("digits.npz");
    let run = run.to_str().unwrap();
    let record = |data: &Path| {
        let words = ["card", run, "--format", "croissant", "--data", data.to_str().unwrap()];
        paring(folder.path(), &words)
    };
    let ended = record(&data).success();
    let text = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    let record_of_data: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(record_of_data["conformsTo"], "http://mlcommons.org/croissant/1.0");
    let file = &record_of_data["distribution"][0];
    let sha256 = paring::schema::Sha256Hex::of_file(&data).unwrap();
    assert_eq!((&file["@id"], &file["sha256"]), (&"digits.npz".into(), &sha256.as_str().into()));
    assert!(text.contains("no claim of conformity") && !text.contains("license"), "{text}");
    // Other data are not the run's, whatever they are called.
    let other = common::digits("digits_cnn.onnx");
    record(&other).failure();
    record(folder.path()).code(2).stderr(predicates::str::contains("is a folder"));
    paring(folder.path(), &["card", run, "--format", "croissant"]).code(2);
}
