//! Run directories from somebody else, made to write, truncate or delete elsewhere: nothing outside
//! them changes, whatever verb they are given to.

mod common;
#[path = "common/runs.rs"]
mod runs;

use paring::schema::Sha256Hex;
use predicates::prelude::PredicateBooleanExt;
use predicates::str::contains;
use runs::{compressed, copy, edit, files, paring};
use serde_json::json;
use std::collections::BTreeMap;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// A folder with a run, and files beside it that nobody may touch.
struct World {
    folder: tempfile::TempDir,
    honest: PathBuf,
    before: BTreeMap<String, Sha256Hex>,
}

impl World {
    fn new() -> World {
        let folder = tempfile::tempdir().unwrap();
        let run = compressed(folder.path());
        let honest = copy(&run, &folder.path().join("honest"));
        let outside = folder.path().join("outside");
        std::fs::create_dir_all(outside.join("full")).unwrap();
        std::fs::write(outside.join("file"), "theirs, and no line's end").unwrap();
        std::fs::write(outside.join("full/.paring-1x1"), "theirs").unwrap();
        let before = files(&outside);
        World { folder, honest, before }
    }

    fn outside(&self) -> PathBuf {
        self.folder.path().join("outside")
    }

    fn run(&self) -> PathBuf {
        self.folder.path().join("run")
    }

    /// A fresh copy of the run with something in it changed.
    fn hostile(&self, change: impl FnOnce(&Path)) {
        let run = copy(&self.honest, &self.run());
        change(&run);
    }

    /// Gives the run to a verb; nothing outside may change, and nothing new lie there.
    #[track_caller]
    fn survives(&self, words: &[&str]) -> assert_cmd::assert::Assert {
        let (run, study) = (self.run(), self.folder.path().join("study.toml"));
        let place = |word: &&str| match *word {
            "RUN" => run.to_str().unwrap().to_string(),
            "STUDY" => study.to_str().unwrap().to_string(),
            other => other.to_string(),
        };
        let words: Vec<String> = words.iter().map(place).collect();
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        let ended = paring(self.folder.path(), &words);
        assert_eq!(files(&self.outside()), self.before, "{words:?} changed what lies outside");
        ended
    }

    /// All verbs that write into a run.
    #[track_caller]
    fn refused_by_all(&self, said: &str) {
        for words in [
            &["compress", "STUDY", "--out", "RUN"][..],
            &["run", "STUDY", "--out", "RUN", "--quick"],
            &["restore", "RUN", "--variant", "both", "--all"],
            &["restore", "RUN", "--variant", "both", "--pruned"],
            &["explain", "RUN", "--replicates", "1", "--groups", "1"],
            &["note", "RUN", "words"],
        ] {
            self.survives(words).failure().stderr(contains(said));
        }
    }
}

#[test]
fn a_link_anywhere_is_refused_and_not_followed() {
    let world = World::new();
    let (file, full) = (world.outside().join("file"), world.outside().join("full"));
    let link = |name: &str, to: &Path| {
        world.hostile(|run| {
            let place = run.join(name);
            match place.is_dir() {
                true => std::fs::remove_dir_all(&place).unwrap(),
                false => drop(std::fs::remove_file(&place)),
            }
            std::fs::create_dir_all(place.parent().unwrap()).unwrap();
            symlink(to, &place).unwrap();
        });
        world.refused_by_all("is a link");
    };
    let new = world.outside().join("new");
    for (name, to) in [
        ("ledger.jsonl", &file),
        ("ledger.jsonl", &new),
        (".lock", &new),
        ("run.manifest", &file),
        ("variants", &full),
        ("restored", &full),
        ("journal/host", &full),
        ("journal/host/blocks.jsonl", &file),
        ("experiments/experiments.jsonl", &file),
    ] {
        link(name, to);
    }
}

#[test]
fn a_protocol_that_is_a_link_is_no_run() {
    let world = World::new();
    world.hostile(|run| {
        std::fs::rename(run.join("protocol.json"), world.folder.path().join("elsewhere")).unwrap();
        symlink("../elsewhere", run.join("protocol.json")).unwrap();
    });
    world.survives(&["restore", "RUN", "--variant", "both", "--all"]).code(2);
    world.survives(&["compress", "STUDY", "--out", "RUN"]).code(2);
}

#[test]
fn a_second_name_of_a_file_elsewhere_is_not_written() {
    let world = World::new();
    world.hostile(|run| {
        std::fs::remove_file(run.join("ledger.jsonl")).unwrap();
        std::fs::hard_link(world.outside().join("file"), run.join("ledger.jsonl")).unwrap();
    });
    for words in [
        &["note", "RUN", "words"][..],
        &["compress", "STUDY", "--out", "RUN"],
        &["restore", "RUN", "--variant", "both", "--all"],
    ] {
        world.survives(words).failure();
    }
}

#[test]
fn a_record_names_no_file_elsewhere() {
    let world = World::new();
    let record = |run: &Path| run.join("variants/both.json");
    let outside = world.outside().join("file").to_str().unwrap().to_string();
    for (field, value, said) in [
        ("file", json!("../../outside/file"), "no usable file name"),
        ("file", json!(outside), "no usable file name"),
        ("name", json!("../../outside/new"), "no usable file name"),
        ("name", json!("pruned"), "it is the record of `pruned`"),
        ("parent", json!("../variants/pruned"), "no usable file name"),
        ("file_sha256", json!("../../outside/file"), "no SHA-256"),
        ("parings", json!(["../../outside/file"]), "no SHA-256"),
    ] {
        world.hostile(|run| edit(&record(run), |json| json[field] = value));
        for words in [
            &["restore", "RUN", "--variant", "both", "--all"][..],
            &["restore", "RUN", "--variant", "both", "--pruned"],
            &["explain", "RUN", "--variant", "both"],
            &["bench", "RUN", "--random-inputs", "--out", "RUN/bench"],
        ] {
            world.survives(words).code(5).stderr(contains(said));
        }
    }
}

#[test]
fn a_variant_name_that_is_typed_leads_nowhere_else() {
    let world = World::new();
    world.hostile(|run| {
        let record = std::fs::read(run.join("variants/both.json")).unwrap();
        std::fs::write(run.join("both.json"), record).unwrap();
    });
    for verb in ["restore", "explain"] {
        let all: &[&str] = if verb == "restore" { &["--all"] } else { &[] };
        world
            .survives(&[&[verb, "RUN", "--variant", "../both"], all].concat())
            .failure()
            .stderr(contains("../both").or(contains("outside the run directory")));
    }
}

#[test]
fn a_cycle_of_parents_ends() {
    let world = World::new();
    world.hostile(|run| {
        edit(&run.join("variants/pruned.json"), |json| json["parent"] = json!("both"));
    });
    for words in [
        &["restore", "RUN", "--variant", "both", "--all"][..],
        &["restore", "RUN", "--variant", "both", "--pruned"],
        &["explain", "RUN", "--variant", "both"],
    ] {
        world.survives(words).code(5).stderr(contains("is made from itself"));
    }
}

/// The agent finds a file beside the journal that says which governors to put back and which clocks to
/// release: none of them are this machine's.
#[test]
fn former_settings_of_a_machine_name_no_file_elsewhere() {
    let world = World::new();
    let outside = world.outside().join("file");
    for settings in [
        json!({ "schema": 1, "governors": [[outside, "performance"]] }),
        json!({ "schema": 1, "clocks": outside }),
    ] {
        world.hostile(|run| {
            std::fs::create_dir_all(run.join("journal/host")).unwrap();
            let kept = run.join("journal/host/blocks.machine.json");
            std::fs::write(kept, settings.to_string()).unwrap();
        });
        world
            .survives(&["run", "STUDY", "--out", "RUN"])
            .code(4)
            .stderr(contains("is not what an agent of this machine left"));
    }
    world.hostile(|run| {
        std::fs::create_dir_all(run.join("journal/host")).unwrap();
        symlink(&outside, run.join("journal/host/blocks.machine.json")).unwrap();
    });
    world.survives(&["run", "STUDY", "--out", "RUN"]).failure().stderr(contains("is a link"));
}

/// A pipe would hang whoever opens it.
#[test]
fn what_is_no_file_is_refused() {
    let world = World::new();
    world.hostile(|run| {
        std::fs::remove_file(run.join("ledger.jsonl")).unwrap();
        let made = std::process::Command::new("mkfifo").arg(run.join("ledger.jsonl")).status();
        assert!(made.unwrap().success());
    });
    world.refused_by_all("is no regular file");
}
