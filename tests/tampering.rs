//! `paring verify`: whatever is changed in a run is found, and nothing in honest ones.

mod common;
#[path = "common/kinds_of_tampering.rs"]
mod kinds_of_tampering;
#[path = "common/runs.rs"]
mod runs;

use kinds_of_tampering::{LEDGER, kinds, remanifested, rewrite};
use paring::pipeline::Folders;
use paring::schema::Sha256Hex;
use paring::signing::PrivateKey;
use paring::stats;
use paring::study::{
    RunDirectory, TrustedKeys, sign_run, sign_variant, verify, verify_run_signature,
    verify_signed_variants,
};
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use rand::RngExt;
use runs::{copy, files, measured, paring};
use serde_json::Value;
use std::path::{Path, PathBuf};

/// A number from the environment, for a longer run.
fn number(variable: &str, usual: usize) -> usize {
    std::env::var(variable).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

#[test]
fn every_kind_of_tampering_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let honest = copy(&run, &folder.path().join("honest"));
    let noted = verify(&run, None).unwrap().manifest_sha256;
    let kinds = kinds();
    assert!(kinds.len() >= 46, "{}", kinds.len());
    for (index, kind) in kinds.iter().enumerate() {
        copy(&honest, &run);
        (kind.act)(&run);
        let found = verify(&run, None).unwrap_err().to_string();
        assert!(found.starts_with(kind.file), "{index}, {}: {found}", kind.file);
        remanifested(&run);
        let fits = verify(&run, None);
        assert_eq!(fits.is_err(), kind.contradicts, "{index}, {}: {fits:?}", kind.file);
        let found = verify(&run, Some(noted.as_str())).unwrap_err().to_string();
        assert!(found.starts_with("run.manifest: its SHA-256"), "{index}: {found}");
    }
    let contradictory = kinds.iter().filter(|kind| kind.contradicts).count();
    eprintln!(
        "{} kinds of tampering were found, {contradictory} of them though the manifest was made to fit",
        kinds.len()
    );
}

/// Signs a run and its variants with a new key; gives the key.
fn signed(run: &Path) -> TrustedKeys {
    let key = PrivateKey::generate();
    let mut directory = RunDirectory::existing(run).unwrap();
    for variant in ["pruned", "both"] {
        sign_variant(&directory.folders, &directory.protocol, variant, &key).unwrap();
    }
    directory.seal().unwrap();
    sign_run(&directory.folders, &directory.protocol, &key).unwrap();
    let public = key.public();
    [(public.fingerprint().unwrap(), public)].into_iter().collect()
}

/// The first finding in a signed run.
fn finding(run: &Path, keys: &TrustedKeys) -> Option<String> {
    let folders = Folders::new(run);
    let found = verify_run_signature(&folders, keys).map(drop);
    let found = found.and_then(|()| verify(run, None).map(drop));
    let found = found.and_then(|()| verify_signed_variants(&folders, keys).map(drop));
    found.err().map(|error| error.to_string())
}

#[test]
fn a_signature_names_what_was_changed_whatever_the_manifest_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let keys = signed(&run);
    let honest = copy(&run, &folder.path().join("honest"));
    let kinds = kinds();
    for (index, kind) in kinds.iter().enumerate() {
        copy(&honest, &run);
        assert_eq!(finding(&run, &keys), None, "{index}");
        (kind.act)(&run);
        remanifested(&run);
        let found = finding(&run, &keys).unwrap();
        assert!(found.starts_with(kind.file), "{index}, {}: {found}", kind.file);
    }
    eprintln!("{} kinds of tampering were found by the signature", kinds.len());
}

#[test]
fn every_flipped_bit_is_found() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let keys = signed(&run);
    let paths: Vec<PathBuf> = files(&run).into_keys().map(|path| run.join(path)).collect();
    let mut rng = stats::generator(11, "flips");
    let flips = number("PARING_FLIPS", 100);
    for _ in 0..flips {
        let path = &paths[rng.random_range(0..paths.len())];
        let honest = std::fs::read(path).unwrap();
        if honest.is_empty() {
            continue;
        }
        let (byte, bit) = (rng.random_range(0..honest.len()), rng.random_range(0..8));
        let mut changed = honest.clone();
        changed[byte] ^= 1 << bit;
        std::fs::write(path, &changed).unwrap();
        let at = format!("bit {bit} of byte {byte} of {}", path.display());
        let signature = path.file_name().is_some_and(|name| name == "run.sig");
        assert!(signature || verify(&run, None).is_err(), "{at}");
        let found = finding(&run, &keys).unwrap_or_else(|| panic!("{at}"));
        let file = path.strip_prefix(&run).unwrap().display().to_string();
        assert!(found.starts_with(&format!("{file}: ")), "{at}: {found}");
        std::fs::write(path, &honest).unwrap();
    }
    verify(&run, None).unwrap();
    eprintln!("{flips} flipped bits were found");
}

#[test]
fn what_verbs_wrote_holds() {
    let each = number("PARING_HONEST", 1);
    let mut held = 0;
    for round in 0..each {
        let folder = tempfile::tempdir().unwrap();
        let study = runs::study(folder.path());
        let text = std::fs::read_to_string(&study).unwrap();
        let ratio = format!("ratio = 0.{}", 15 + 5 * (round % 10));
        std::fs::write(&study, text.replace("ratio = 0.25", &ratio)).unwrap();
        let (study, run) = (study.to_str().unwrap(), folder.path().join("run"));
        let (out, bench) = (run.to_str().unwrap(), folder.path().join("bench"));
        let restore = ["restore", out, "--variant", "both"];
        let explain = runs::explain(out, "2");
        let record = || std::fs::read(run.join("variants/both.json")).unwrap();
        let verbs: [&dyn Fn() -> Vec<String>; 9] = [
            &|| words(&["compress", study, "--out", out]),
            &|| words(&["run", study, "--out", out]),
            &|| words(&["run", study, "--out", out]),
            &|| words(&explain),
            &|| words(&[&restore[..], &["--all"]].concat()),
            &|| words(&[&restore[..], &["--pruned"]].concat()),
            &|| {
                let record: Value = serde_json::from_slice(&record()).unwrap();
                let removed = record["components_removed"].as_object().unwrap();
                let first = removed.values().next().unwrap()[0].as_str().unwrap();
                words(&[&restore[..], &["--component", first]].concat())
            },
            &|| words(&["note", out, "some words"]),
            &|| words(&["restore", out, "--variant", "none", "--all"]),
        ];
        for verb in verbs {
            let words = verb();
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let ended = paring(folder.path(), &words);
            let ended = if words.contains(&"none") { ended.code(2) } else { ended.success() };
            let said = String::from_utf8_lossy(&ended.get_output().stderr).into_owned();
            assert!(!said.contains("warning: "), "{words:?}: {said}");
            let found = verify(&run, None);
            held += 1;
            let found = found.unwrap_or_else(|error| panic!("after {words:?}: {error}"));
            let printed = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
            if !words.contains(&"none") {
                let last = printed.lines().last().unwrap();
                assert!(last.ends_with(found.manifest_sha256.as_str()), "{words:?}: {last}");
            }
        }
        let words = ["bench", out, "--blocks", "3", "--solo-ms", "10", "--paired-ms", "10"];
        let words = [&words[..], &["--out", bench.to_str().unwrap()]].concat();
        paring(folder.path(), &words).success();
        assert!(verify(&bench, None).unwrap().rows > 0);
        held += 1;
        paring(folder.path(), &["compare", out, bench.to_str().unwrap()])
            .success()
            .stderr(contains("warning: ").not());
    }
    eprintln!("{held} honest directories hold");
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| word.to_string()).collect()
}

#[test]
fn verbs_warn_of_what_does_not_hold_and_do_not_make_it_good() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let (out, bench) = (run.to_str().unwrap(), folder.path().join("bench"));
    rewrite(&run.join("results.csv"), |text| text.replace("small", "large"));
    let warned = || contains("warning: ").and(contains("results.csv: its SHA-256"));
    let explain = runs::explain(out, "1");
    let measure = ["bench", out, "--blocks", "3", "--solo-ms", "10", "--paired-ms", "10", "--out"];
    for words in [
        &["compare", out, out][..],
        &[&measure[..], &[bench.to_str().unwrap()]].concat(),
        &explain,
        &["note", out, "words"],
    ] {
        paring(folder.path(), words).success().stderr(warned());
        paring(folder.path(), &["verify", out])
            .code(5)
            .stderr(contains("results.csv: its SHA-256"));
    }
    // Written anew it is ours again.
    let study = folder.path().join("study.toml");
    paring(folder.path(), &["run", study.to_str().unwrap(), "--out", out, "--quick"]).success();
    paring(folder.path(), &["verify", out]).success().stdout(contains("holds"));
}

/// A ledger that lost its end does not get it back by what is appended.
#[test]
fn an_entry_does_not_make_a_shortened_ledger_good() {
    let folder = tempfile::tempdir().unwrap();
    let run = runs::compressed(folder.path());
    let out = run.to_str().unwrap();
    paring(folder.path(), &["note", out, "to be lost"]).success();
    rewrite(&run.join(LEDGER), |text| {
        let lines: Vec<&str> = text.lines().collect();
        lines[..lines.len() - 1].iter().map(|l| format!("{l}\n")).collect()
    });
    paring(folder.path(), &["note", out, "instead"]).success().stderr(contains("warning: "));
    paring(folder.path(), &["verify", out]).code(5).stderr(contains("ledger.jsonl"));
}

#[test]
fn a_run_of_an_older_version_has_no_manifest_and_no_warning() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    std::fs::remove_file(run.join("run.manifest")).unwrap();
    paring(folder.path(), &["verify", out]).code(2).stderr(contains("no run.manifest"));
    paring(folder.path(), &["compare", out, out]).success().stderr(contains("warning").not());
    paring(folder.path(), &["note", out, "w"]).success().stderr(contains("warning").not());
    paring(folder.path(), &["verify", out]).success();
    let sha256 = Sha256Hex::of_file(&run.join("run.manifest")).unwrap();
    let expect =
        |sha256: &Sha256Hex| ["verify", out, "--expect", sha256.as_str()].map(str::to_string);
    let given = |words: [String; 4]| paring(folder.path(), &words.each_ref().map(String::as_str));
    given(expect(&sha256)).success();
    given(expect(&Sha256Hex::zeros())).code(5).stderr(contains("its SHA-256 is"));
}

#[test]
fn a_report_that_the_records_do_not_give_is_found_whatever_the_manifest_says() {
    let folder = tempfile::tempdir().unwrap();
    let run = measured(folder.path());
    let out = run.to_str().unwrap();
    let holds = |run: &Path| {
        let both = contains("report.md is what the records give")
            .and(contains("report.html is what the records give"));
        paring(folder.path(), &["verify", run.to_str().unwrap()]).success().stdout(both);
    };
    holds(&run);
    // What verbs add later, and another place, change nothing in what the reports were made of.
    paring(folder.path(), &["note", out, "some words"]).success();
    paring(folder.path(), &["restore", out, "--variant", "both", "--pruned"]).success();
    holds(&run);
    holds(&copy(&run, &folder.path().join("an other/place")));
    paring(folder.path(), &["report", out, "--redact"]).success();
    holds(&run);
    let honest = copy(&run, &folder.path().join("honest"));
    for (file, from, to) in
        [("report.md", "baseline", "basis"), ("report.html", "</title>", " </title>")]
    {
        copy(&honest, &run);
        rewrite(&run.join(file), |text| text.replacen(from, to, 1));
        remanifested(&run);
        paring(folder.path(), &["verify", out])
            .code(5)
            .stderr(contains(format!("{file}: line")).and(contains("records give")));
    }
}
