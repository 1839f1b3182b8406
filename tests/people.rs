//! Records that people sign, by the program: approvals and protocols with ssh keys that `ssh-keygen` verifies
//! too, statements of the gate and of audits that others read, boards that unapproved variants do not reach.

mod common;
#[path = "common/kinds_of_tampering.rs"]
#[allow(dead_code, reason = "each test binary uses a part")]
mod kinds_of_tampering;
#[path = "common/runs.rs"]
mod runs;

use common::{digits, skipped};
use kinds_of_tampering::remanifested;
use paring::files::ConfinedPath;
use paring::ledger::{Ledger, read_ledger};
use paring::schema::{LedgerEntryBody, LedgerEntryKind};
use paring::signing::{InTotoStatement, PrivateKey, SignedBundle, from_base64};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::{compressed, copy, paring};
use serde_json::Value;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A pair of ssh keys in a folder: the private one, and the public one; `None` without ssh-keygen.
fn ssh_key(folder: &Path, name: &str, passphrase: &str) -> Option<(String, String)> {
    let path = folder.join(name).to_str()?.to_string();
    let words = ["-q", "-t", "ed25519", "-C", "a comment", "-N", passphrase, "-f", &path];
    let made = Command::new("ssh-keygen").args(words).status();
    let public = format!("{path}.pub");
    made.is_ok_and(|status| status.success()).then_some((path, public))
}

fn p256_key(folder: &Path, name: &str) -> (String, String) {
    let path = folder.join(name).to_str().unwrap().to_string();
    paring(folder, &["key", "new", &path]).success();
    let public = format!("{path}.pub");
    (path, public)
}

/// The last entry of a ledger.
fn last_entry(run: &Path) -> Value {
    let ledger = std::fs::read_to_string(run.join("ledger.jsonl")).unwrap();
    serde_json::from_str(ledger.lines().last().unwrap()).unwrap()
}

/// Outcome of `ssh-keygen -Y verify` for a message.
fn ssh_keygen_accepts(folder: &Path, allowed: &Path, signature: &str, message: &[u8]) -> bool {
    let file = folder.join("signature");
    std::fs::write(&file, signature).unwrap();
    let mut child = Command::new("ssh-keygen")
        .args(["-Y", "verify", "-I", "ann@example.org", "-n", "paring", "-f"])
        .arg(allowed)
        .arg("-s")
        .arg(&file)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    child.stdin.take().unwrap().write_all(message).unwrap();
    child.wait().unwrap().success()
}

#[test]
fn an_approval_with_an_ssh_key_holds_here_and_for_ssh_keygen() {
    let folder = tempfile::tempdir().unwrap();
    let Some((ann, ann_public)) = ssh_key(folder.path(), "ann", "") else {
        return skipped("no ssh-keygen");
    };
    let (_, bob_public) = ssh_key(folder.path(), "bob", "").unwrap();
    let (encrypted, _) = ssh_key(folder.path(), "encrypted", "secret").unwrap();
    let run = compressed(folder.path());
    let out = run.to_str().unwrap();
    let approve = |key: &str| {
        let words = ["approve", out, "--variant", "both", "--by", "Ann", "--key", key];
        paring(folder.path(), &words)
    };
    approve(&encrypted).code(2).stderr(contains("encrypted").and(contains("ssh-keygen -p")));
    approve(&ann_public).code(2).stderr(contains("it is a public key"));
    approve(&ann).success().stdout(contains("both is approved by Ann"));
    let verify = |signers: &str| paring(folder.path(), &["verify", out, "--signers", signers]);
    verify(&ann_public).success().stdout(contains("Ann approved both on"));
    verify(&bob_public).code(5).stderr(contains("ledger.jsonl: line").and(contains("--signers")));
    let allowed = folder.path().join("allowed_signers");
    let public = std::fs::read_to_string(&ann_public).unwrap();
    std::fs::write(&allowed, format!("ann@example.org namespaces=\"paring\" {public}")).unwrap();
    verify(allowed.to_str().unwrap()).success().stdout(contains("of ann@example.org"));
    paring(folder.path(), &["verify", out]).success().stdout(contains("owner was not checked"));
    // What was signed is canonical JSON, which a shell can take out of the ledger.
    let body = last_entry(&run)["body"].clone();
    let message = serde_json::to_vec(&body["approval"]).unwrap();
    let signature = body["signature"].as_str().unwrap();
    assert!(ssh_keygen_accepts(folder.path(), &allowed, signature, &message));
    assert!(!ssh_keygen_accepts(folder.path(), &allowed, signature, &message[1..]));
    // Runs and variants need a key that model-signing verifies.
    paring(folder.path(), &["sign", out, "--key", &ann])
        .code(2)
        .stderr(contains("it is a key of OpenSSH"));
}

/// Writes the ledger anew, its chain in order, with its entries in another order.
fn reordered(run: &Path, change: impl FnOnce(&mut Vec<(LedgerEntryKind, Value)>)) {
    let path = ConfinedPath::root(run).join("ledger.jsonl");
    let entries = read_ledger(&path).unwrap();
    let actor = entries[0].actor.clone();
    let mut bodies: Vec<_> = entries.into_iter().map(|e| (e.kind, e.body)).collect();
    change(&mut bodies);
    std::fs::remove_file(&path).unwrap();
    let mut ledger = Ledger::open(&path, &actor).unwrap();
    for (kind, body) in bodies {
        ledger.record(LedgerEntryBody { kind, body }).unwrap();
    }
    drop(ledger);
    remanifested(run);
}

#[test]
fn a_protocol_signed_before_the_first_look_is_told_from_one_after() {
    let folder = tempfile::tempdir().unwrap();
    let run = compressed(folder.path());
    let (out, study) = (run.to_str().unwrap(), folder.path().join("study.toml"));
    let (key, public) = p256_key(folder.path(), "ann");
    let sign =
        |by: &str| paring(folder.path(), &["sign", out, "--protocol", "--by", by, "--key", &key]);
    sign(" ").code(2).stderr(contains("--by is empty"));
    sign("Ann").success().stdout(contains("before the first look at the report split"));
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", out]).success();
    paring(folder.path(), &["verify", out, "--signers", &public])
        .success()
        .stdout(contains("Ann signed the protocol").and(contains(", before the first look")));
    let report = std::fs::read_to_string(run.join("report.md")).unwrap();
    assert!(report.contains("signed, before the first look"), "{report}");
    sign("Bob").success().stdout(contains("AFTER the first look at the report split (line"));
    // Whoever can write the ledger cannot move the signature, nor put it under other rules.
    let forged = copy(&run, &folder.path().join("forged"));
    reordered(&forged, |entries| {
        let bob = entries.pop().unwrap();
        let ann = entries.iter().position(|(k, _)| *k == LedgerEntryKind::ProtocolSignature);
        entries.insert(ann.unwrap() + 1, bob);
    });
    paring(folder.path(), &["verify", forged.to_str().unwrap()])
        .code(5)
        .stderr(contains("ledger.jsonl: the signature in line").and(contains("stands behind")));
    let forged = copy(&run, &folder.path().join("other-rules"));
    runs::edit(&forged.join("protocol.json"), |protocol| {
        protocol["recipes_sha256"] = protocol["data_sha256"].clone();
    });
    remanifested(&forged);
    paring(folder.path(), &["verify", forged.to_str().unwrap()])
        .code(5)
        .stderr(contains("it is under another recipes_sha256 than protocol.json has"));
}

/// A measured run whose variants have requirements, signed, with the keys.
fn signed_with_requirements(folder: &Path) -> (PathBuf, String, String) {
    let study = runs::study(folder);
    let text = std::fs::read_to_string(&study).unwrap();
    let require = "[[protocol.require]]\nmetric = \"file_bytes_ratio\"\nmax = 0.8\n\
         [[protocol.require]]\nmetric = \"accuracy_drop\"\nmax = 0.5\n[[variant]]\nname = \"pruned\"";
    let text = text.replacen("[[variant]]\nname = \"pruned\"", require, 1);
    std::fs::write(&study, text).unwrap();
    let run = folder.join("run");
    let out = run.to_str().unwrap();
    paring(folder, &["run", study.to_str().unwrap(), "--out", out, "--quick"]).success();
    let (private, public) = p256_key(folder, "signer");
    paring(folder, &["sign", out, "--key", &private]).success();
    (run, private, public)
}

fn statement(file: &Path) -> InTotoStatement {
    let bundle: Value = serde_json::from_slice(&std::fs::read(file).unwrap()).unwrap();
    let payload = from_base64(bundle["dsseEnvelope"]["payload"].as_str().unwrap()).unwrap();
    serde_json::from_slice(&payload).unwrap()
}

/// What in-toto's own package makes of the statements in files, and of the predicate of test results. Its
/// message of a verification summary has another type of `verifiedLevels` than SLSA's specification.
const READ_PREDICATES: &str = "
import json, sys
from google.protobuf import json_format
from in_toto_attestation.predicates.test_result.v0 import test_result_pb2
from in_toto_attestation.v1 import statement as statements, statement_pb2
import base64
kinds = {'https://in-toto.io/attestation/test-result/v0.1': test_result_pb2.TestResult}
for path in sys.argv[1:]:
    payload = base64.b64decode(json.load(open(path))['dsseEnvelope']['payload'])
    whole = json_format.Parse(payload, statement_pb2.Statement())
    statements.Statement.copy_from_pb(whole).validate()
    value = json.loads(payload)
    # Fields of our own are named by a URI; all others have to be the predicate's.
    own = {k: v for k, v in value['predicate'].items() if ':' not in k}
    if value['predicateType'] in kinds:
        own = json_format.ParseDict(own, kinds[value['predicateType']]())
        own = json_format.MessageToJson(own, indent=None)
    print(value['predicateType'], own)
";

#[test]
fn statements_of_the_gate_and_of_an_audit_are_signed_and_read_by_others() {
    let folder = tempfile::tempdir().unwrap();
    let (run, private, public) = signed_with_requirements(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &["verify", out, "--key", &public]).success();
    let file = run.join("signed/both/gate.json");
    let gate = statement(&file);
    assert_eq!(gate.predicate_type, "https://in-toto.io/attestation/test-result/v0.1");
    let named = |field: &str| gate.predicate[field].as_array().unwrap().clone();
    assert_eq!(named("passedTests").len() + named("failedTests").len(), 2, "{}", gate.predicate);
    assert_eq!(gate.predicate["result"] == "PASSED", named("failedTests").is_empty());
    assert!(named("passedTests").iter().any(|own| own == "file_bytes_ratio ≤ 0.8"));
    // An audit, checked as a file.
    let (auditor, auditor_public) = p256_key(folder.path(), "auditor");
    let audit = folder.path().join("audit.json");
    let (model, written) = (digits("digits_cnn.onnx"), audit.to_str().unwrap());
    let words = ["verify", out, "--baseline", model.to_str().unwrap()];
    let more = ["--audit", written, "--audit-key", &auditor];
    paring(folder.path(), &[&words[..], &more].concat()).success();
    let verify = |key: &str| paring(folder.path(), &["verify", written, "--key", key]);
    verify(&auditor_public).success().stdout(
        contains("https://slsa.dev/verification_summary/v1, PASSED").and(contains("both.onnx")),
    );
    verify(&public).code(5).stderr(contains("audit.json: it was signed with the key"));
    // The fields that SLSA's specification requires, of its types.
    let summary = statement(&audit).predicate;
    for text in ["timeVerified", "resourceUri", "verificationResult"] {
        assert!(summary[text].is_string(), "{text}: {summary}");
    }
    assert!(summary["verifier"]["id"].is_string() && summary["policy"]["digest"].is_object());
    assert!(summary["verifiedLevels"].is_array() && summary["inputAttestations"].is_array());
    // Verdicts that the records do not give, signed with the right key by whoever has it.
    let mut lie = gate.clone();
    lie.predicate["passedTests"] = Value::Array(vec!["accuracy_drop ≤ 0.5".into()]);
    let key = PrivateKey::from_pem(&std::fs::read_to_string(private).unwrap()).unwrap();
    let forged = copy(&run, &folder.path().join("forged"));
    forge(&forged, &lie, &key);
    paring(folder.path(), &["verify", forged.to_str().unwrap(), "--key", &public])
        .code(5)
        .stderr(contains("signed/both/gate.json: its verdicts on `both` are not those"));
    let python = std::env::var("PARING_SIGNING_PYTHON").unwrap_or_else(|_| "python3".into());
    let read = Command::new(&python).args(["-c", READ_PREDICATES]).arg(&file).arg(&audit).output();
    let Ok(read) = read else { return skipped("no Python with in-toto-attestation") };
    let errors = String::from_utf8_lossy(&read.stderr);
    if errors.contains("No module named") {
        return skipped("no Python with in-toto-attestation");
    }
    let said = String::from_utf8_lossy(&read.stdout);
    assert!(read.status.success(), "{errors}");
    assert!(said.contains("passedTests") && said.contains("verificationResult"), "{said}");
}

/// Puts other verdicts into a signed run, and makes everything else fit.
fn forge(run: &Path, verdicts: &InTotoStatement, key: &PrivateKey) {
    use paring::schema::Sha256Hex;
    use paring::signing::FolderSignature;
    let folder = run.join("signed/both");
    let bundle = SignedBundle::sign(verdicts, key).unwrap().to_json().unwrap();
    std::fs::write(folder.join("gate.json"), &bundle).unwrap();
    let own = statement(&folder.join("model.sig"));
    let mut signature = FolderSignature::from_statement(own).unwrap();
    signature.files.insert("gate.json".into(), Sha256Hex::of(&bundle));
    let signed = SignedBundle::sign(&signature.statement().unwrap(), key).unwrap();
    std::fs::write(folder.join("model.sig"), signed.to_json().unwrap()).unwrap();
    remanifested(run);
    let mut directory = paring::study::RunDirectory::existing(run).unwrap();
    directory.seal().unwrap();
    paring::study::sign_run(&directory.folders, &directory.protocol, key).unwrap();
}

#[test]
fn no_verb_brings_an_unapproved_variant_to_a_board_that_the_study_does_not_name() {
    let folder = tempfile::tempdir().unwrap();
    let study = runs::study(folder.path());
    let text = std::fs::read_to_string(&study).unwrap();
    std::fs::write(&study, text.replace("[protocol]\n", "[protocol]\nrequire_approval = true\n"))
        .unwrap();
    let run = folder.path().join("run");
    let out = run.to_str().unwrap();
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", out, "--quick"]).success();
    // No variant of the run, and never read.
    std::fs::create_dir_all(run.join("restored")).unwrap();
    std::fs::write(run.join("restored/odd.onnx"), "another model").unwrap();
    let inventory = folder.path().join("targets.toml");
    let text =
        "[[target]]\nname = \"other\"\nextends = \"raspberry-pi-4\"\naddress = \"pi@127.0.0.1\"\n";
    std::fs::write(&inventory, text).unwrap();
    let data = digits("digits.npz");
    let data = data.to_str().unwrap();
    let place = |file: &str| run.join(file).to_str().unwrap().to_string();
    let (variant, restored) = (place("variants/both.onnx"), place("restored/odd.onnx"));
    let blocked = |words: &[&str], lacking: &str| {
        assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"))
            .env("PARING_DATA", folder.path().join("data"))
            .current_dir(folder.path())
            .args(words)
            .args(["--target", "other", "--trust"])
            .assert()
            .code(5)
            .stderr(contains("must not go to `other`").and(contains(lacking.to_string())));
    };
    let lacking = "it has 0 of 1 approvals";
    blocked(&["run", study.to_str().unwrap(), "--out", out, "--quick"], lacking);
    blocked(&["bench", out], lacking);
    blocked(&["bench", &variant], lacking);
    blocked(&["bench", &restored], "restored/odd.onnx is no variant of the run");
    blocked(&["eval", &variant, "--data", data], lacking);
    blocked(&["profile", &variant, "--data", data], lacking);
    blocked(&["explain", out, "--variant", "both"], lacking);
    std::fs::remove_dir_all(run.join("restored")).unwrap();
    // Approved, it goes on to the board, which does not answer.
    let (key, _) = p256_key(folder.path(), "ann");
    let words = ["approve", out, "--variant", "both", "--by", "Ann", "--key", &key];
    paring(folder.path(), &words).success();
    assert_cmd::Command::new(env!("CARGO_BIN_EXE_paring"))
        .env("PARING_DATA", folder.path().join("data"))
        .current_dir(folder.path())
        .args(["eval", &variant, "--data", data, "--target", "other", "--trust"])
        .assert()
        .failure()
        .stderr(contains("must not go to").not());
}
