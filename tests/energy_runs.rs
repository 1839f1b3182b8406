//! Energy as a user meets it: `paring run` and `paring probe` on simulated machines.

mod common;

use assert_cmd::Command;
use common::{digits, skipped};
use paring::files::ConfinedPath;
use paring::measure::read_journal;
use paring::schema::{
    BlockData, BlockKind, BlockOutcome, BlockRecord, EnergyBlock, MissingReason, PrecisionObjective,
};
use predicates::prelude::*;
use predicates::str::contains;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

fn paring() -> Command {
    Command::new(env!("CARGO_BIN_EXE_paring"))
}

fn write(root: &Path, file: &str, content: impl ToString) {
    let path = root.join(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let aside = path.with_extension("new");
    std::fs::write(&aside, content.to_string()).unwrap();
    std::fs::rename(aside, path).unwrap();
}

/// The digits model alone, with short windows.
fn study(folder: &Path, energy: &str) -> PathBuf {
    let text = format!(
        "[study]\nname = \"test\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 2\nsolo_ms = 10\n[energy]\nwindows = 1\nrun_s = 1\nidle_s = 1\n{energy}",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

/// Runs a study and gives its only row.
fn run(study: &Path, out: &Path, more: &[&str]) -> BTreeMap<String, String> {
    paring().arg("run").arg(study).arg("--out").arg(out).args(more).assert().success();
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    assert_eq!(rows.len(), 1);
    rows[0].clone()
}

fn journal(out: &Path) -> Vec<BlockRecord> {
    read_journal(&ConfinedPath::file(&out.join("journal/host/blocks.jsonl"))).unwrap()
}

fn energy_blocks(records: &[BlockRecord]) -> Vec<&EnergyBlock> {
    let found = records.iter().filter_map(|record| match &record.outcome {
        BlockOutcome::Done { data: BlockData::Energy(block) } => Some(&**block),
        _ => None,
    });
    found.collect()
}

fn unix() -> Duration {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap()
}

const ZONE: &str = "sys/class/powercap/intel-rapl:0";

/// A processor whose counter moves with what this test's block processes really do: 2 W, and 8 W more
/// while one of them runs. Gives its log of (seconds since 1970, microjoules) at the end.
fn processor(root: &Path) -> (Sender<()>, JoinHandle<Vec<(f64, f64)>>) {
    let root = root.to_path_buf();
    write(&root, &format!("{ZONE}/name"), "package-0\n");
    write(&root, &format!("{ZONE}/max_energy_range_uj"), "10000000\n");
    write(&root, &format!("{ZONE}/energy_uj"), "9000000\n");
    let (stop, stopped) = channel();
    let thread = std::thread::spawn(move || {
        let (mut energy, mut log, mut before) = (9_000_000.0, Vec::new(), unix().as_secs_f64());
        while stopped.try_recv().is_err() {
            let now = unix().as_secs_f64();
            let watts = if a_block_runs(&root) { 10.0 } else { 2.0 };
            energy += watts * (now - before) * 1e6;
            before = now;
            log.push((now, energy));
            write(&root, &format!("{ZONE}/energy_uj"), energy as u64 % 10_000_000);
            std::thread::sleep(Duration::from_millis(3));
        }
        log
    });
    (stop, thread)
}

/// Whether the main thread of a block's process that measures into this folder's run is running.
fn a_block_runs(root: &Path) -> bool {
    let own = root.display().to_string();
    std::fs::read_dir("/proc").unwrap().flatten().any(|entry| {
        let read =
            |file: &str| std::fs::read_to_string(entry.path().join(file)).unwrap_or_default();
        let command = read("cmdline");
        let ours = command.contains("\0block\0") && command.contains(&own);
        ours && read("stat").rsplit(')').next().is_some_and(|rest| rest.starts_with(" R"))
    })
}

/// The counter's value at a time, linear between what was written.
fn at(log: &[(f64, f64)], time: f64) -> f64 {
    let after = log.partition_point(|(at, _)| *at < time);
    let ((t0, e0), (t1, e1)) = (log[after - 1], log[after]);
    e0 + (time - t0) / (t1 - t0) * (e1 - e0)
}

#[test]
fn a_simulated_processor_fills_the_columns_and_says_that_it_is_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let (stop, thread) = processor(root);
    let (study, out) = (study(root, ""), root.join("run"));
    let row = run(&study, &out, &["--sysfs-root", root.to_str().unwrap()]);
    stop.send(()).unwrap();
    let log = thread.join().unwrap();

    assert_eq!(row["energy_source"], "simulated:rapl package-0");
    assert_eq!(
        (row["energy_coverage"].as_str(), row["energy_missing"].as_str()),
        ("SoC (package-0)", "")
    );
    let figure = |column: &str| row[column].parse::<f64>().unwrap();
    let net = figure("energy_per_inference_uj");
    assert!(figure("energy_low_uj") <= net && net <= figure("energy_high_uj"));
    assert!(net < figure("energy_gross_uj"));
    assert!(figure("energy_idle_mw") < figure("energy_power_mw"));
    let records = journal(&out);
    let blocks = energy_blocks(&records);
    assert_eq!((blocks.len(), row["energy_windows"].as_str()), (1, "1"));
    for window in [&blocks[0].idle_before, &blocks[0].run, &blocks[0].idle_after] {
        let start = blocks[0].started_unix_ns as f64 / 1e9;
        let value = |time: paring::units::LatencyNs| at(&log, start + time.as_f64() / 1e9);
        let truth = value(window.end_ns) - value(window.start_ns);
        let found = *window.energy_uj.as_ref().unwrap();
        // While the counter stands still its last value is read; a busy machine stops it for long.
        let longest = log.windows(2).map(|pair| pair[1].0 - pair[0].0).fold(0.0, f64::max);
        let tolerance = 0.005 * truth + 10e6 * longest;
        assert!((found - truth).abs() < tolerance, "{found} instead of {truth}: {window:?}");
    }
    // The counter wraps every 1 to 5 s here, so a window holds a wrap.
    assert!(blocks[0].sensor.rate_hz > 5.0, "{:?}", blocks[0].sensor);
    // Energy comes last, and going on measures nothing again.
    assert_eq!(records.last().unwrap().attempt.key.kind, BlockKind::Energy);
    let before = std::fs::read(out.join("journal/host/blocks.jsonl")).unwrap();
    write(root, &format!("{ZONE}/energy_uj"), "5\n");
    let again = run(&study, &out, &["--sysfs-root", root.to_str().unwrap()]);
    assert_eq!(again["energy_per_inference_uj"], row["energy_per_inference_uj"]);
    assert!(std::fs::read(out.join("journal/host/blocks.jsonl")).unwrap() == before);
    // Without the simulated machine its figures do not count.
    let real = run(&study, &out, &[]);
    assert!(!real["energy_source"].contains("simulated"), "{real:?}");
}

#[test]
fn a_machine_without_sensors_has_a_reason_and_empty_cells() {
    let folder = tempfile::tempdir().unwrap();
    let bare = folder.path().join("bare");
    std::fs::create_dir(&bare).unwrap();
    let root = ["--sysfs-root", bare.to_str().unwrap()];
    let (own, out) = (study(folder.path(), ""), folder.path().join("run"));
    let columns =
        ["per_inference_uj", "low_uj", "high_uj", "gross_uj", "power_mw", "idle_mw", "source"];
    let empty = |row: &BTreeMap<String, String>, why: &str| {
        for column in columns {
            assert_eq!(row[&format!("energy_{column}")], "", "{column}");
        }
        assert!(row["energy_missing"].contains(why), "{}", row["energy_missing"]);
        assert!(!row["latency_p50_ns"].is_empty());
    };
    empty(&run(&own, &out, &root), "no power sensor on this machine");
    let timed = |out: &Path| {
        let records = journal(out);
        records.iter().filter(|r| r.attempt.key.kind != BlockKind::Energy).count()
    };
    let before = timed(&out);
    write(&bare, "proc/device-tree/model", "Raspberry Pi 4 Model B Rev 1.5\0");
    empty(
        &run(&own, &out, &root),
        "no current sensor on this board (Raspberry Pi 4 Model B Rev 1.5)",
    );
    // A sensor that the study names and that is not there is refused before anything is done.
    let named = study(folder.path(), "source = \"rapl\"\n");
    let refused = "`source = \"rapl\"` under [energy]: `host` cannot read it: no ";
    let mut command = paring();
    command.arg("run").arg(&named).arg("--out").arg(&out).args(root);
    command.assert().code(2).stderr(contains(refused).and(contains("intel-rapl:*")));
    empty(&run(&study(folder.path(), "source = \"none\"\n"), &out, &root), "asks for no energy");
    let failing =
        study(folder.path(), "source = \"command\"\ncommand = \"echo no meter >&2; exit 3\"\n");
    let trusted = [&root[..], &["--trust"]].concat();
    empty(&run(&failing, &out, &trusted), "failed: exit status: 3: no meter");
    let frozen = study(folder.path(), "");
    write(&bare, &format!("{ZONE}/name"), "package-0\n");
    write(&bare, &format!("{ZONE}/max_energy_range_uj"), "262143328850\n");
    write(&bare, &format!("{ZONE}/energy_uj"), "12345\n");
    empty(&run(&frozen, &out, &root), "the sensor does not update: 0 uJ");
    let records = journal(&out);
    let stale = energy_blocks(&records);
    assert!(stale.iter().all(|block| block.unread()), "the windows are kept with their reasons");
    assert_eq!(timed(&out), before, "latency is not measured again for other rules of energy");
    let quick = folder.path().join("quick");
    empty(&run(&frozen, &quick, &["--quick"]), "the quick protocol measures no energy");
}

#[test]
fn precisions_are_chosen_by_energy_where_a_sensor_sees_it() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let base = study(root, "");
    let by = |name: &str, by: &str| {
        format!(
            "[[variant]]\nname = {name:?}\n\
             steps = [{{ quantize = \"int8\", layers = \"measured\", by = {by:?} }}]\n"
        )
    };
    let variant = by("thrifty", "energy") + &by("small", "bytes");
    let text = std::fs::read_to_string(&base).unwrap();
    let text = text.replace("run_s = 1\nidle_s = 1", "run_s = 0.5\nidle_s = 0.5");
    std::fs::write(&base, format!("{text}{variant}")).unwrap();
    let compress = |root: &Path, out: &str| {
        let out = folder.path().join(out);
        let mut command = paring();
        command.arg("compress").arg(&base).arg("--out").arg(&out);
        (command.arg("--sysfs-root").arg(root).arg("--quiet").assert(), out)
    };
    let bare = root.join("bare");
    std::fs::create_dir(&bare).unwrap();
    let (ended, _) = compress(&bare, "without");
    ended.failure().stderr(contains("no energy of `host`: no power sensor on this machine"));

    let (stop, thread) = processor(root);
    let (ended, out) = compress(root, "with");
    ended.success();
    let table = |out: &Path, by: PrecisionObjective| {
        let tables = paring::pipeline::precision_tables(&paring::pipeline::Folders::new(out));
        tables.unwrap().into_iter().find(|table| table.by == by).unwrap()
    };
    let small = table(&out, PrecisionObjective::Bytes);
    assert!(small.layers_ns.is_empty() && !small.layers_bytes.is_empty());
    assert!(small.confirmed.iter().all(|one| one.speedup.is_none()));
    let found = table(&out, PrecisionObjective::Energy);
    // Whatever runs draws 8 W above idle here.
    for (precision, power) in &found.power_mw {
        assert!((power - 8_000.0).abs() < 800.0, "{precision}: {power} mW");
    }
    assert!(found.power_mw.len() > 4, "{:?}", found.power_mw);
    let given = found.given_uj.unwrap();
    for one in &found.confirmed {
        // Energy is power times time.
        let (energy, speedup) = (one.energy_uj.unwrap(), one.speedup.unwrap());
        let ratio = given.value / energy.value / speedup.value;
        assert!((ratio - 1.0).abs() < 0.35, "{ratio}: {one:?}");
    }
    let ledger = std::fs::read_to_string(out.join("ledger.jsonl")).unwrap();
    assert!(ledger.contains(
        "quantize int8, per tensor, minmax, corrected, layers measured on host, by energy"
    ));
    assert!(ledger.contains("mW above idle") && ledger.contains("uJ above idle"));
    // What is frozen is measured no more.
    compress(root, "with").0.success();
    assert_eq!(table(&out, PrecisionObjective::Energy), found);
    stop.send(()).unwrap();
    thread.join().unwrap();
}

/// The user's command notes every reading; none may fall into a block that times something.
#[test]
fn no_sensor_is_read_while_latency_is_measured() {
    let folder = tempfile::tempdir().unwrap();
    let notes = folder.path().join("notes");
    let command = format!(
        "source = \"command\"\ncoverage = \"board\"\ncommand = \"\"\"\nwhile :; do date +%s%N >> {}; \
         echo 3.$(date +%N); sleep 0.05; done\"\"\"\n",
        notes.display()
    );
    let (study, out) = (study(folder.path(), &command), folder.path().join("run"));
    run(&study, &out, &["--trust"]);
    let read: Vec<u128> = std::fs::read_to_string(&notes)
        .unwrap()
        .lines()
        .map(|line| line.parse().unwrap())
        .collect();
    let records = journal(&out);
    for record in &records {
        let started = humantime::parse_rfc3339(&record.started_at).unwrap();
        let started = started.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_nanos();
        let during = |at: &&u128| (started..started + u128::from(record.wall_ns.0)).contains(*at);
        let count = read.iter().filter(during).count();
        match record.attempt.key.kind {
            BlockKind::Energy => assert!(count > 10, "{count} readings"),
            _ => assert_eq!(count, 0, "read during {}", record.attempt.key),
        }
    }
    let blocks = energy_blocks(&records);
    assert!(blocks[0].sensor.name.starts_with("command while"), "{:?}", blocks[0].sensor);
    let power = blocks[0].run.power().unwrap().0;
    assert!((3_000.0..4_000.0).contains(&power), "{power}");
    // The command ended with its block.
    std::thread::sleep(Duration::from_millis(200));
    let size = || std::fs::metadata(&notes).unwrap().len();
    let after = size();
    std::thread::sleep(Duration::from_millis(300));
    assert_eq!(size(), after, "the command goes on");
}

#[test]
fn a_meter_s_log_may_come_after_the_run_and_from_another_clock() {
    let folder = tempfile::tempdir().unwrap();
    let study =
        study(folder.path(), "source = \"meter\"\nlog = \"usb.csv\"\ncoverage = \"board\"\n");
    let out = folder.path().join("run");
    let row = run(&study, &out, &[]);
    assert!(row["energy_missing"].contains("usb.csv: read the log"), "{}", row["energy_missing"]);
    let journal_file = out.join("journal/host/blocks.jsonl");
    let before = std::fs::read(&journal_file).unwrap();
    let records = journal(&out);
    let block = energy_blocks(&records)[0];
    assert_eq!(
        block.idle_before.energy_uj,
        Err(MissingReason("the meter's log was not read yet".into()))
    );
    // 2.5 W idle and 6 W loaded, fifty times a second, by a clock that knows nothing of the date.
    let start = block.started_unix_ns as f64 / 1e9 - 1_600_000_000.0;
    let lines = (-500..1_000).map(|i| {
        let at = f64::from(i) / 50.0;
        let on = |(from, to): &(_, _)| (seconds(*from)..seconds(*to)).contains(&at);
        let watts = if block.pulse_ns.iter().any(on) { 6.0 } else { 2.5 };
        format!("{:.3},{:.4}\n", start + at, watts + 0.01 * f64::from(i % 7))
    });
    let log: String = std::iter::once("time_s,power_w\n".to_string()).chain(lines).collect();
    std::fs::write(folder.path().join("usb.csv"), log).unwrap();
    let row = run(&study, &out, &[]);
    assert!(std::fs::read(&journal_file).unwrap() == before, "nothing is measured again");
    let figure = |column: &str| row[column].parse::<f64>().unwrap();
    assert!((figure("energy_power_mw") / 6_030.0 - 1.0).abs() < 0.01, "{row:?}");
    assert!((figure("energy_idle_mw") / 2_530.0 - 1.0).abs() < 0.02, "{row:?}");
    assert!(row["energy_source"].starts_with("meter ") && row["energy_coverage"] == "board");
}

fn seconds(time: paring::units::LatencyNs) -> f64 {
    time.as_f64() / 1e9
}

#[test]
fn probe_says_for_every_source_what_it_is_or_why_it_is_not_there() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let probe = || {
        let mut command = paring();
        command.args(["probe", "host", "--sysfs-root", root.to_str().unwrap()]);
        command
    };
    probe()
        .assert()
        .success()
        .stdout(contains("rapl     absent: no "))
        .stdout(contains("ina3221  absent: no ina3221 under"))
        .stdout(contains("pmic     absent: no vcgencmd: not a Raspberry Pi 5"))
        .stdout(contains("hwmon    absent: no power*_input under"))
        .stdout(contains("battery  absent: no battery under"))
        .stdout(contains("no energy: no power sensor on this machine"));
    write(root, "sys/class/hwmon/hwmon0/name", "ina238\n");
    write(root, "sys/class/hwmon/hwmon0/power1_input", "4000000\n");
    probe()
        .assert()
        .success()
        .stdout(contains("simulated:hwmon ina238/power1; covers what the shunt feeds"))
        .stdout(contains("energy comes from hwmon"));
    let answer = probe().arg("--json").output().unwrap();
    let found: serde_json::Value = serde_json::from_slice(&answer.stdout).unwrap();
    assert_eq!(found["energy"]["Ok"]["source"], "hwmon");
    assert!(!found["environment"]["kernels"]["f32"].as_array().unwrap().is_empty());
    paring()
        .args(["probe", "--sysfs-root", "/nowhere"])
        .assert()
        .code(2)
        .stderr(contains("no folder"));
    paring().args(["probe", "pi9"]).assert().code(2).stderr(contains("pi9"));
}

#[test]
fn a_key_that_probe_lists_can_be_typed_into_a_study() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for (number, microwatts) in [(0, 1_000_000), (1, 2_000_000)] {
        write(root, &format!("sys/class/hwmon/hwmon{number}/name"), "ina238\n");
        write(root, &format!("sys/class/hwmon/hwmon{number}/power1_input"), microwatts);
    }
    let simulated = ["--sysfs-root", root.to_str().unwrap()];
    let listed = "several inputs: `hwmon ina238@hwmon0/power1`, `hwmon ina238@hwmon1/power1`; \
                  name one as `source` under [energy]";
    paring().arg("probe").args(simulated).assert().success().stdout(contains(listed));
    for (key, milliwatts) in [("hwmon0", 1_000), ("hwmon1", 2_000)] {
        let study = study(root, &format!("source = \"hwmon ina238@{key}/power1\"\n"));
        let row = run(&study, &root.join(key), &simulated);
        // A file that nobody writes to is a sensor that stands still; its value says which it is.
        let stuck = format!("does not update: {milliwatts} mW");
        assert!(row["energy_missing"].contains(&stuck), "{}", row["energy_missing"]);
    }
}

#[test]
fn without_permission_probe_says_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    for file in ["name", "max_energy_range_uj", "energy_uj"] {
        write(
            root,
            &format!("{ZONE}/{file}"),
            if file == "name" { "package-0\n" } else { "100\n" },
        );
    }
    let counter = root.join(format!("{ZONE}/energy_uj"));
    let mode = |path: &Path, mode| {
        std::fs::set_permissions(path, PermissionsExt::from_mode(mode)).unwrap()
    };
    mode(&counter, 0o400);
    mode(root, 0o755);
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_paring"));
    command.args(["probe", "--sysfs-root"]).arg(root);
    if std::fs::metadata(root).map(|m| std::os::unix::fs::MetadataExt::uid(&m)).unwrap() == 0 {
        // Root may read everything: ask as nobody.
        command.uid(65_534).gid(65_534);
    } else {
        mode(&counter, 0o000);
    }
    let Ok(ended) = command.output() else {
        return skipped("nobody may not run the program from this folder");
    };
    let said = String::from_utf8_lossy(&ended.stdout);
    assert!(
        said.contains("no permission to read") && said.contains("sudo chmod a+r"),
        "{said}{ended:?}"
    );
}
