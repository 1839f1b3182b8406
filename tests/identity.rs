//! What names things: the JSON of steps and its hashes, which later versions must not change, and runs
//! of an earlier format, which can be compared, explained, restored and verified.

mod common;

use common::paring;
use paring::boards::FolderTrust;
use paring::catalog::{ComponentKind, Criterion};
use paring::compress::distillation::Distillation;
use paring::compress::{
    BudgetAllocation, ChannelPruning, LayerPruning, PostTrainingQuantization, PruneAmount,
    PruneStructure, QuantizationFormat, QuantizationGranularity, RecoveryMethod, Step,
    WeightPruning, WeightSparsity,
};
use paring::schema::Sha256Hex;
use paring::study::{self, Protocol};
use predicates::str::contains;
use std::path::{Path, PathBuf};

#[track_caller]
fn named(step: &Step, json: &str, sha256: &str) {
    assert_eq!(step.identity().to_string(), json);
    assert_eq!(Sha256Hex::of_json(&step.identity()).short(), sha256, "{json}");
}

#[test]
fn steps_keep_their_names() {
    let channels = ChannelPruning::channels(0.5, Criterion::L1);
    named(
        &Step::Prune(channels.clone()),
        r#"{"prune":{"allocate":"uniform","amount":{"ratio":0.5},"criterion":"l1","lossy":false,"multiple":1,"recover":"none","what":"channels"}}"#,
        "72ff115741f1",
    );
    let heads = ChannelPruning {
        what: PruneStructure::Heads,
        amount: PruneAmount::Count(2),
        criterion: Criterion::Wanda,
        recover: RecoveryMethod::LeastSquares,
        allocate: BudgetAllocation::Sensitivity,
        multiple: 4,
        layers: Some("encoder.*".into()),
        protect: vec!["head".into()],
        lossy: true,
        frozen: Some([("encoder.0/head".to_string(), vec![1, 3])].into()),
    };
    named(
        &Step::Prune(heads),
        r#"{"prune":{"allocate":"sensitivity","amount":{"count":2},"criterion":"wanda","frozen":{"encoder.0/head":[1,3]},"layers":"encoder.*","lossy":true,"multiple":4,"protect":["head"],"recover":"least-squares","what":"heads"}}"#,
        "15e9f787ee89",
    );
    let sparsify = WeightPruning {
        sparsity: WeightSparsity::Groups { kept: 2, of: 4 },
        criterion: Criterion::Obs,
        recover: true,
        layers: None,
        protect: vec![],
    };
    named(
        &Step::Sparsify(sparsify),
        r#"{"sparsify":{"criterion":"obs","recover":true,"sparsity":{"groups":{"kept":2,"of":4}}}}"#,
        "0fb70a173494",
    );
    let bypass = LayerPruning {
        kind: ComponentKind::Block,
        amount: PruneAmount::Macs(0.8),
        criterion: Criterion::Activation,
        recover: RecoveryMethod::Statistics,
        layers: None,
        protect: vec![],
        frozen: None,
    };
    named(
        &Step::Bypass(bypass),
        r#"{"bypass":{"amount":{"macs":0.8},"criterion":"activation","kind":"block","recover":"statistics"}}"#,
        "64f3cdc0614f",
    );
    let int8 =
        PostTrainingQuantization::new(QuantizationFormat::Int8, QuantizationGranularity::Tensor);
    named(
        &Step::Quantize(int8),
        r#"{"quantize":{"by":"latency","correct":false,"depthwise":false,"equalize":false,"form":"operators","format":"int8","measured":false,"on":"host","ranges":"minmax","rounding":"nearest","weights":"tensor"}}"#,
        "2db9e2d19545",
    );
    named(
        &Step::Distill(Distillation::default()),
        r#"{"distill":{"batch":32,"features":1.0,"labels":0.0,"mix":0.5,"noise":0.1,"rate":0.01,"scores":1.0,"shift":0.05,"temperature":2.0}}"#,
        "58e290e568e5",
    );
    named(&Step::Tune { on: "host".into() }, r#"{"tune":{"on":"host"}}"#, "1bcb232f91e4");
    // Where a file lies is not what it is.
    let import = |path: &str| Step::Import { path: path.into(), sha256: Sha256Hex::of(b"model") };
    named(
        &import("a.onnx"),
        r#"{"import":{"sha256":"9372c470eeadd5ecd9c3c74c2b3cb633f8e2f2fad799250a0f70d652b6b825e4"}}"#,
        "aed14a6d7c53",
    );
    assert_eq!(import("a.onnx").identity(), import("b/c.onnx").identity());
}

/// A run that version 0.1.0 wrote, in a folder of its own.
struct Former {
    folder: tempfile::TempDir,
}

impl Former {
    fn new() -> Former {
        let kept = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/run-of-format-1");
        let folder = tempfile::tempdir().unwrap();
        copy(&kept, folder.path());
        Former { folder }
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_string()
    }

    fn paring(&self, words: &[&str]) -> assert_cmd::assert::Assert {
        paring(self.folder.path(), words)
    }
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        match path.is_dir() {
            true => copy(&path, &to),
            false => drop(std::fs::copy(path, to).unwrap()),
        }
    }
}

#[test]
fn a_study_keeps_its_hashes() {
    let former = Former::new();
    let study =
        study::load(&PathBuf::from(former.at("study.toml")), FolderTrust::Withheld).unwrap();
    let loaded = study::open(&study).unwrap();
    let protocol = Protocol::new(&study, &loaded, true);
    let found = [&protocol.recipes_sha256, &protocol.data_sha256, &protocol.gate_sha256];
    assert_eq!(
        found.map(|sha256| sha256.short().to_string()),
        ["bf7fe1060a66", "b88b6ceca990", "4f53cda18c2b"]
    );
}

#[test]
fn a_run_of_an_earlier_format_is_verified_compared_explained_and_restored() {
    let former = Former::new();
    let (run, study) = (former.at("run"), former.at("study.toml"));
    former.paring(&["verify", &run]).success().stdout(contains("3 variants"));
    former.paring(&["compare", &run, &run]).success().stdout(contains("half-int8"));
    let restore = ["restore", &run, "--variant", "half", "--all"];
    former.paring(&restore).success().stdout(contains("bit for bit"));
    let explain = ["explain", &run, "--study", &study, "--variant", "half", "--quiet"];
    let few = ["--replicates", "2", "--groups", "3"];
    former.paring(&[&explain[..], &few].concat()).success();
    assert!(Path::new(&former.at("run/explain.json")).exists());
    former.paring(&["verify", &run]).success();
}

#[test]
fn a_run_of_an_earlier_format_is_not_gone_on_with() {
    let former = Former::new();
    let (run, study) = (former.at("run"), former.at("study.toml"));
    for verb in ["run", "compress"] {
        former.paring(&[verb, &study, "--out", &run]).code(2).stderr(contains(
            "holds a run of an earlier format, which can be compared, explained, restored",
        ));
    }
    former.paring(&["verify", &run]).success();
}

/// What the study says otherwise than the run is noticed, with the words of either format.
#[test]
fn another_study_than_that_of_an_earlier_run_is_refused() {
    let former = Former::new();
    let (run, study) = (former.at("run"), former.at("study.toml"));
    let text = std::fs::read_to_string(&study).unwrap();
    let explain = ["explain", &run, "--study", &study, "--variant", "half", "--quiet"];
    for (from, to, what) in [
        ("ratio = 0.5", "ratio = 0.25", "other model, owner or variants"),
        ("noise = [0.1]", "noise = [0.2]", "other data, splits or metrics"),
    ] {
        std::fs::write(&study, text.replace(from, to)).unwrap();
        former.paring(&explain).code(2).stderr(contains(what));
    }
}
