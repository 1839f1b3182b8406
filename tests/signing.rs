//! Signatures and approvals, by the program: the package `model-signing` verifies what is signed here, and
//! whoever changes a run needs the key.
//!
//! Needs Python with model-signing: `scripts/test` makes one and names it in `PARING_SIGNING_PYTHON`.

mod common;
#[path = "common/kinds_of_tampering.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod kinds_of_tampering;
#[path = "common/runs.rs"]
mod runs;

use common::skipped;
use kinds_of_tampering::remanifested;
use paring::schema::Sha256Hex;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::{compressed, copy, paring};
use serde_json::Value;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A Python that has the package.
fn signing_python() -> Option<String> {
    let python = std::env::var("PARING_SIGNING_PYTHON").unwrap_or_else(|_| "python3".into());
    let has = Command::new(&python).args(["-c", "import model_signing.verifying"]).output();
    has.is_ok_and(|output| output.status.success()).then_some(python)
}

/// A pair of keys in a folder: the private one, and the public one.
fn key(folder: &Path, name: &str) -> (String, String) {
    let path = folder.join(name).to_str().unwrap().to_string();
    paring(folder, &["key", "new", &path]).success();
    let public = format!("{path}.pub");
    (path, public)
}

/// A compressed run that is signed, and the keys.
fn signed(folder: &Path) -> (PathBuf, String, String) {
    let run = compressed(folder);
    let (private, public) = key(folder, "signer");
    paring(folder, &["sign", run.to_str().unwrap(), "--key", &private]).success();
    (run, private, public)
}

#[test]
fn the_package_verifies_variants_and_the_run_and_refuses_tampered_ones() {
    let Some(python) = signing_python() else { return skipped("no Python with model-signing") };
    let folder = tempfile::tempdir().unwrap();
    let (run, _, public) = signed(folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scripts/model-signing");
    for signed in [run.join("signed/pruned"), run.join("signed/both"), run] {
        let output = Command::new(&python).arg(&script).arg(&signed).arg(&public).output().unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{said}{}", String::from_utf8_lossy(&output.stderr));
        assert!(said.contains("and refuses"), "{said}");
    }
}

#[test]
fn a_signed_run_verifies_with_its_key_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (run, _, public) = signed(folder.path());
    let (_, other) = key(folder.path(), "other");
    let run = run.to_str().unwrap();
    paring(folder.path(), &["verify", run, "--key", &public])
        .success()
        .stdout(contains("signed on ").and(contains("signed to hand over: both, pruned")));
    paring(folder.path(), &["verify", run, "--key", &other, "--key", &public]).success();
    paring(folder.path(), &["verify", run, "--key", &other])
        .code(5)
        .stderr(contains("run.sig: it was signed with the key"));
    // A variant alone, as it is handed over.
    let alone = copy(&Path::new(run).join("signed/pruned"), &folder.path().join("alone"));
    let handed_over = alone.to_str().unwrap();
    paring(folder.path(), &["verify", handed_over, "--key", &public])
        .success()
        .stdout(contains("holds: variant pruned, 4 files signed with the key"));
    paring(folder.path(), &["verify", handed_over]).code(2).stderr(contains("--key"));
    std::fs::write(alone.join("pruned.json"), "{}").unwrap();
    paring(folder.path(), &["verify", handed_over, "--key", &public])
        .code(5)
        .stderr(contains("pruned.json: its SHA-256"));
    // A note may follow; a file may not.
    paring(folder.path(), &["note", run, "words"]).success();
    paring(folder.path(), &["verify", run, "--key", &public])
        .success()
        .stdout(contains("1 entry of the ledger (notes, approvals) came after that"));
    paring(folder.path(), &["restore", run, "--variant", "both", "--all"]).success();
    paring(folder.path(), &["verify", run, "--key", &public])
        .code(5)
        .stderr(contains("ledger.jsonl: entry").and(contains("sign it again")));
}

#[test]
fn a_run_that_does_not_hold_is_not_signed() {
    let folder = tempfile::tempdir().unwrap();
    let run = compressed(folder.path());
    let (private, public) = key(folder.path(), "signer");
    let out = run.to_str().unwrap();
    paring(folder.path(), &["verify", out, "--key", &public])
        .code(5)
        .stderr(contains("run.sig: it is missing"));
    paring(folder.path(), &["sign", out, "--key", &public])
        .code(2)
        .stderr(contains("signer.pub: it is a public key"));
    paring(folder.path(), &["sign", out, "--key", &private, "--variant", "none"])
        .code(2)
        .stderr(contains("the run has no variant `none`"));
    std::fs::write(run.join("variants/pruned.kept.safetensors"), "changed").unwrap();
    paring(folder.path(), &["sign", out, "--key", &private])
        .code(5)
        .stderr(contains("variants/pruned.kept.safetensors: its SHA-256"));
    assert!(!run.join("run.sig").exists());
}

#[test]
fn keys_are_made_once_and_for_their_owner_alone() {
    let folder = tempfile::tempdir().unwrap();
    let (private, public) = key(folder.path(), "mine");
    let mode = std::fs::metadata(&private).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let before = Sha256Hex::of_file(Path::new(&private)).unwrap();
    paring(folder.path(), &["key", "new", &private]).code(2).stderr(contains("mine"));
    assert_eq!(Sha256Hex::of_file(Path::new(&private)).unwrap(), before);
    assert!(std::fs::read_to_string(public).unwrap().starts_with("-----BEGIN PUBLIC KEY-----"));
}

#[test]
fn provenance_names_the_baseline_the_recipe_and_the_samples() {
    let folder = tempfile::tempdir().unwrap();
    let (run, ..) = signed(folder.path());
    let bundle = std::fs::read(run.join("signed/both/provenance.json")).unwrap();
    let bundle: Value = serde_json::from_slice(&bundle).unwrap();
    let payload = bundle["dsseEnvelope"]["payload"].as_str().unwrap();
    let payload = paring::signing::from_base64(payload).unwrap();
    let statement: Value = serde_json::from_slice(&payload).unwrap();
    let hash = |file: &str| Sha256Hex::of_file(&run.join("variants").join(file)).unwrap();
    assert_eq!(statement["_type"], "https://in-toto.io/Statement/v1");
    assert_eq!(statement["predicateType"], "https://slsa.dev/provenance/v1");
    assert_eq!(statement["subject"][0]["digest"]["sha256"], hash("both.onnx").as_str());
    let build = &statement["predicate"]["buildDefinition"];
    assert_eq!(build["externalParameters"]["recipe"].as_array().unwrap().len(), 2);
    let made_of = &build["resolvedDependencies"][0];
    assert_eq!(made_of["name"], "baseline.onnx");
    assert_eq!(made_of["digest"]["sha256"], hash("baseline.onnx").as_str());
    let run_details = &statement["predicate"]["runDetails"];
    assert!(run_details["metadata"]["startedOn"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn four_eyes_approve_and_the_ledger_says_until_when() {
    let folder = tempfile::tempdir().unwrap();
    let study = runs::study(folder.path());
    let text = std::fs::read_to_string(&study).unwrap();
    let text = text.replace("[protocol]\n", "[protocol]\napprovals = 2\nrequire_approval = true\n");
    std::fs::write(&study, text).unwrap();
    let (study, run) = (study.to_str().unwrap(), folder.path().join("run"));
    let out = run.to_str().unwrap();
    paring(folder.path(), &["run", study, "--out", out, "--quick"]).success();
    let ((owner, _), (ann, _)) = (key(folder.path(), "owner"), key(folder.path(), "ann"));
    let approve = |by: &str, key: &str, more: &[&str]| {
        let words = ["approve", out, "--variant", "both", "--by", by, "--key", key];
        paring(folder.path(), &[&words[..], more].concat())
    };
    let shows = |words: &str| {
        paring(folder.path(), &["show", out]).success().stdout(contains(words));
    };
    shows("both is not approved: it has 0 of 2 approvals");
    approve("tests", &owner, &["--reason", "it is mine"])
        .success()
        .stdout(contains("both is not approved: it has 1 of 2 approvals"));
    // A second name with the same key is the same person.
    approve("Bob", &owner, &[]).success().stdout(contains("it has 1 of 2 approvals"));
    approve("Ann", &ann, &["--expires", "2001-01-01"]).code(2).stderr(contains("in the past"));
    approve("Ann", &ann, &["--expires", "2999-12-31"])
        .success()
        .stdout(contains("both is approved by Ann until 3000-01-01T00:00:00Z and"));
    shows("both is approved by Ann until");
    approve("Ann", &ann, &["--revoke"]).success().stdout(contains("Ann revoked it"));
    // Another machine than the study's own gets approved variants alone.
    let inventory =
        "[[target]]\nname = \"other\"\nextends = \"raspberry-pi-4\"\naddress = \"pi@127.0.0.1\"\n";
    std::fs::write(folder.path().join("targets.toml"), inventory).unwrap();
    paring(folder.path(), &["run", study, "--out", out, "--quick", "--target", "other", "--trust"])
        .code(5)
        .stderr(contains("must not go to `other`"));
    paring(folder.path(), &["run", study, "--out", out, "--quick", "--target", "host"]).success();
    // Fewer eyes are another run.
    let text = std::fs::read_to_string(study).unwrap();
    std::fs::write(study, text.replace("approvals = 2", "approvals = 1")).unwrap();
    paring(folder.path(), &["run", study, "--out", out, "--quick"])
        .code(2)
        .stderr(contains("other rules of approval"));
}

#[test]
fn an_approval_of_another_run_or_with_another_name_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let (run, private, public) = signed(folder.path());
    let honest = copy(&run, &folder.path().join("honest"));
    let out = run.to_str().unwrap();
    let words = ["approve", out, "--variant", "both", "--by", "Ann", "--key", &private];
    paring(folder.path(), &words).success();
    paring(folder.path(), &["verify", out, "--key", &public]).success();
    let ledger = std::fs::read_to_string(run.join("ledger.jsonl")).unwrap();
    let last: Value = serde_json::from_str(ledger.lines().last().unwrap()).unwrap();
    assert_eq!(last["kind"], "approval");
    let folders = paring::pipeline::Folders::new(&honest);
    let mut forged = paring::ledger::Ledger::open(&folders.ledger(), "Eve").unwrap();
    let mut body = last["body"].clone();
    body["approval"]["by"] = "Eve".into();
    let kind = paring::schema::LedgerEntryKind::Approval;
    forged.record(paring::schema::LedgerEntryBody { kind, body }).unwrap();
    drop(forged);
    remanifested(&honest);
    paring(folder.path(), &["verify", honest.to_str().unwrap()])
        .code(5)
        .stderr(contains("ledger.jsonl: the approval in line").and(contains("its signature")));
}
