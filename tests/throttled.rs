//! Conditions as a user meets them: `paring run` on a machine whose second processor is held back, by
//! a folder that is bound over the processors' in a mount namespace.

mod common;

use common::{digits, skipped};
use paring::files::ConfinedPath;
use paring::measure::read_journal;
use paring::schema::BlockRecord;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::mpsc::channel;
use std::time::Duration;

const PROCESSORS: &str = "/sys/devices/system/cpu";

/// A command in a mount namespace of its own, of root or of whoever may have one.
fn namespace() -> Option<Command> {
    let ways: [&[&str]; 2] = [&["-m"], &["-r", "-m"]];
    ways.into_iter().find_map(|options| {
        let command = |last: &[&str]| {
            let mut command = Command::new("unshare");
            command.args(options).args(last);
            command
        };
        let bind = format!("mount --bind /tmp {PROCESSORS}");
        let works = command(&["sh", "-c", &bind]).output().is_ok_and(|o| o.status.success());
        works.then(|| command(&[]))
    })
}

fn write(root: &Path, file: &str, content: String) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let aside = path.with_extension("new");
    std::fs::write(&aside, content).unwrap();
    std::fs::rename(aside, path).unwrap();
}

/// A processor's files: its frequency of 2.4 GHz in kilohertz, and how often it was throttled.
fn processor(root: &Path, number: usize, khz: u64, count: u64) {
    for (file, value) in [
        ("cpufreq/scaling_cur_freq", khz),
        ("cpufreq/scaling_max_freq", khz),
        ("cpufreq/cpuinfo_max_freq", 2_400_000),
        ("cpufreq/cpuinfo_min_freq", 408_000),
        ("thermal_throttle/core_throttle_count", count),
        ("thermal_throttle/package_throttle_count", count),
    ] {
        write(root, &format!("cpu{number}/{file}"), format!("{value}\n"));
    }
    let governor = if number == 0 { "schedutil\n" } else { "performance\n" };
    write(root, &format!("cpu{number}/cpufreq/scaling_governor"), governor.into());
}

/// Runs a study with blocks on one processor while the second is held back; gives the row and the
/// journal.
fn run(
    mut command: Command,
    folder: &Path,
    affinity: usize,
) -> (BTreeMap<String, String>, Vec<BlockRecord>) {
    let root = folder.join("cpu");
    for file in ["online", "possible", "present"] {
        let text = std::fs::read_to_string(Path::new(PROCESSORS).join(file)).unwrap();
        write(&root, file, text);
    }
    processor(&root, 0, 1_800_000, 0);
    processor(&root, 1, 600_000, 0);
    let study = folder.join("study.toml");
    let text = format!(
        "[study]\nname = \"test\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 2\nsolo_ms = 100\naffinity = [{affinity}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let (stop, stopped) = channel::<()>();
    let theirs = root.clone();
    let heat = std::thread::spawn(move || {
        let mut count = 0;
        while stopped.recv_timeout(Duration::from_millis(5)).is_err() {
            count += 1;
            processor(&theirs, 1, 600_000, count);
        }
    });
    let out: PathBuf = folder.join(format!("on-{affinity}"));
    let script = format!("mount --bind \"$0\" {PROCESSORS} && exec \"$@\"");
    command.args(["sh", "-c", &script]).arg(&root).arg(env!("CARGO_BIN_EXE_paring"));
    let ended = command.arg("run").arg(&study).arg("--out").arg(&out).output().unwrap();
    stop.send(()).unwrap();
    heat.join().unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    let row = reader.deserialize().next().unwrap().unwrap();
    (row, read_journal(&ConfinedPath::file(&out.join("journal/host/blocks.jsonl"))).unwrap())
}

#[test]
fn a_block_answers_for_its_own_processor_and_not_for_another() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return skipped("the machine has one processor");
    }
    if namespace().is_none() {
        return skipped("this user may not mount a folder in a namespace");
    }
    let folder = tempfile::tempdir().unwrap();
    let (row, blocks) = run(namespace().unwrap(), folder.path(), 1);
    assert_eq!((&*row["frequency_min_khz"], &*row["frequency_max_khz"]), ("600000", "600000"));
    assert_eq!((&*row["governor"], &*row["valid"]), ("performance", "false"));
    let why = &row["invalid_reason"];
    assert!(why.contains("core_throttle_count of processor 1 rose"), "{why}");
    assert!(blocks.iter().all(|block| block.invalid.len() == 2), "{blocks:?}");

    let (row, blocks) = run(namespace().unwrap(), folder.path(), 0);
    assert_eq!((&*row["frequency_min_khz"], &*row["frequency_max_khz"]), ("1800000", "1800000"));
    assert_eq!(row["governor"], "schedutil");
    assert!(
        !blocks.is_empty() && blocks.iter().all(|block| block.invalid.is_empty()),
        "{blocks:?}"
    );
}
