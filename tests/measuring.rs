//! The agent as a board's owner meets it: what it measures, and how it takes what goes wrong.

mod common;

use common::{digits, skipped};
use paring::arrays::{Array, Dtype, write_tensors};
use paring::files::ConfinedPath;
use paring::graph::{DimensionSize, Graph, Node, Weights};
use paring::measure::read_journal;
use paring::schema::{
    BlockData, BlockKind, BlockOutcome, BlockRecord, ConditionRules, EngineOptions,
    ExecutionSetting, Job, JobModel, SCHEMA, SampleRules, Sha256Hex,
};
use paring::units::LatencyNs;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const PARING: &str = env!("CARGO_BIN_EXE_paring");

fn ms(n: u64) -> LatencyNs {
    LatencyNs(n * 1_000_000)
}

/// Writes a job over the models, the first being the baseline, and gives its path.
fn job(folder: &Path, models: &[(&str, &Path)], change: impl FnOnce(&mut Job)) -> PathBuf {
    let image =
        ndarray::ArrayD::from_shape_fn(vec![8, 1, 8, 8], |at| (at[2] * at[3]) as f32 / 49.0);
    let inputs = write_tensors(&BTreeMap::from([("image".into(), Array::F32(image))])).unwrap();
    std::fs::write(folder.join("inputs.safetensors"), &inputs).unwrap();
    let models = models.iter().enumerate().map(|(index, (name, path))| {
        let sha256 = Sha256Hex::of_file(path).unwrap();
        JobModel {
            name: name.to_string(),
            variant_id: sha256.clone(),
            path: path.to_path_buf(),
            sha256,
            options: EngineOptions::default(),
            baseline: index == 0,
        }
    });
    let rules = SampleRules {
        warmup_min_ns: ms(5),
        warmup_max_ns: ms(50),
        solo_ns: ms(10),
        paired_ns: ms(10),
        burst_ns: ms(2),
        max_samples: 2_000,
        limit_ns: ms(20_000),
        retries: 1,
    };
    let mut job = Job {
        schema: SCHEMA,
        measurement_sha256: Sha256Hex::of(b"rules"),
        seed: 0,
        blocks: 1,
        stop: None,
        sustained_ns: None,
        rules,
        inputs: "inputs.safetensors".into(),
        inputs_sha256: Sha256Hex::of(&inputs),
        settings: vec![ExecutionSetting::of_batch(1)],
        affinity: vec![],
        conditions: ConditionRules::default(),
        emulated: false,
        dims: BTreeMap::new(),
        models: models.collect(),
        energy: None,
    };
    change(&mut job);
    let path = folder.join("job.json");
    std::fs::write(&path, serde_json::to_vec(&job).unwrap()).unwrap();
    path
}

fn run(job: &Path, journal: &Path) -> Output {
    Command::new(PARING).args(["agent", "run"]).args([job, journal]).output().unwrap()
}

/// A model that reads the image and does something large besides.
fn beside(path: &Path, build: impl FnOnce(&mut Graph) -> String) {
    let mut graph = Graph::empty("beside", 17);
    let sizes = [
        DimensionSize::Symbol("N".into()),
        DimensionSize::Fixed(1),
        DimensionSize::Fixed(8),
        DimensionSize::Fixed(8),
    ];
    graph.add_input("image", Dtype::F32, &sizes);
    let large = build(&mut graph);
    graph.set_weights("axes", Weights::i64(&[4], &[0, 1, 2, 3]));
    graph.add_node(node("ReduceMax", &[&large], "most"));
    graph.add_node(node("Add", &["image", "most"], "out"));
    graph.add_output("out");
    graph.save(path).unwrap();
}

fn node(operator: &str, inputs: &[&str], output: &str) -> Node {
    Node {
        name: output.to_string(),
        op_type: operator.to_string(),
        input: inputs.iter().map(ToString::to_string).collect(),
        output: vec![output.to_string()],
        ..Node::default()
    }
}

/// Products that take minutes.
fn slow(path: &Path) {
    beside(path, |graph| {
        let n = 1536;
        let weights: Vec<f32> = (0..n * n).map(|i| ((i * 7919) % 1000) as f32 / 1e6).collect();
        graph.set_weights("w", Weights::f32(&[n, n], &weights));
        graph.set_weights("column", Weights::i64(&[2], &[64, 1]));
        graph.set_weights("row", Weights::f32(&[1, n], &vec![0.5; n]));
        graph.set_weights("wide", Weights::i64(&[2], &[n as i64, n as i64]));
        graph.add_node(node("Reshape", &["image", "column"], "pixels"));
        graph.add_node(node("MatMul", &["pixels", "row"], "rows"));
        let mut at = "rows".to_string();
        for step in 0..3_000 {
            graph.add_node(node("MatMul", &[&at, "w"], &format!("product{step}")));
            at = format!("product{step}");
        }
        at
    });
}

/// Fifty gigabytes of something that depends on the input.
fn vast(path: &Path) {
    beside(path, |graph| {
        graph.set_weights("many", Weights::i64(&[5], &[200_000_000, 1, 1, 8, 8]));
        graph.add_node(node("Expand", &["image", "many"], "vast"));
        "vast".to_string()
    });
}

/// An operator that nobody has.
fn strange(path: &Path) {
    beside(path, |graph| {
        graph.add_node(node("Levitate", &["image"], "high"));
        "high".to_string()
    });
}

fn reasons(records: &[BlockRecord], job: &Job, name: &str) -> Vec<String> {
    let id = &job.models.iter().find(|m| m.name == name).unwrap().variant_id;
    let ours = records.iter().filter(|r| r.attempt.key.variant_id == *id);
    ours.map(|record| match &record.outcome {
        BlockOutcome::Failed { reason } => reason.clone(),
        BlockOutcome::Done { .. } => "done".into(),
    })
    .collect()
}

fn read_job(path: &Path) -> Job {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

#[test]
fn models_that_cannot_run_hang_or_need_too_much_die_alone() {
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name);
    slow(&at("slow.onnx"));
    vast(&at("vast.onnx"));
    strange(&at("strange.onnx"));
    let models = [
        ("fine", digits("digits_cnn.onnx")),
        ("slow", at("slow.onnx")),
        ("vast", at("vast.onnx")),
        ("strange", at("strange.onnx")),
    ];
    let models: Vec<(&str, &Path)> = models.iter().map(|(n, p)| (*n, p.as_path())).collect();
    let path = job(folder.path(), &models, |job| job.rules.limit_ns = ms(3_000));
    let journal = at("journal.jsonl");
    // Four gigabytes of address space for every process.
    let ended = Command::new("sh")
        .args(["-c", "ulimit -v 4000000; exec \"$0\" agent run \"$1\" \"$2\"", PARING])
        .args([&path, &journal])
        .output()
        .unwrap();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let (records, job) = (read_journal(&ConfinedPath::file(&journal)).unwrap(), read_job(&path));
    // More than once where the machine was busy.
    let fine = reasons(&records, &job, "fine");
    assert!(!fine.is_empty() && fine.iter().all(|reason| reason == "done"), "{fine:?}");
    for (name, expected) in [
        ("slow", "killed after the limit of 3 s"),
        ("vast", "allocat"),
        ("strange", "does not implement operator Levitate"),
    ] {
        let found = reasons(&records, &job, name);
        assert!(!found.is_empty() && found.iter().all(|r| r.contains(expected)), "{found:?}");
    }
}

/// Mounts a small file system, or says why not.
fn small_disk(folder: &Path) -> Option<PathBuf> {
    let disk = folder.join("disk");
    std::fs::create_dir(&disk).unwrap();
    let options = ["-t", "tmpfs", "-o", "size=48k", "tmpfs"];
    let mounted = Command::new("mount").args(options).arg(&disk).output();
    mounted.is_ok_and(|output| output.status.success()).then_some(disk)
}

#[test]
fn a_full_or_read_only_disk_ends_the_run_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let Some(disk) = small_disk(folder.path()) else {
        return skipped("cannot mount a small file system");
    };
    let remount = |options: &str| {
        let options = format!("remount,{options}");
        let status = Command::new("mount").args(["-o", &options]).arg(&disk).status().unwrap();
        assert!(status.success());
    };
    let model = digits("digits_cnn.onnx");
    let path = job(folder.path(), &[("fine", &model)], |job| job.blocks = 40);
    let journal = disk.join("journal.jsonl");
    let said = |ended: &Output| String::from_utf8_lossy(&ended.stderr).to_string();
    let full = run(&path, &journal);
    assert!(!full.status.success());
    assert!(said(&full).contains("append to journal"), "{}", said(&full));
    assert!(said(&full).contains("No space left"), "{}", said(&full));
    let whole = read_journal(&ConfinedPath::file(&journal)).unwrap().len();
    assert!((1..40).contains(&whole), "{whole}");
    remount("ro");
    let locked = run(&path, &journal);
    assert!(said(&locked).contains("open journal"), "{}", said(&locked));
    remount("rw,size=10m");
    assert!(run(&path, &journal).status.success());
    let after = read_journal(&ConfinedPath::file(&journal)).unwrap();
    let rounds: Vec<u32> = after.iter().map(|r| r.attempt.key.round).collect();
    // Every block once, but for those that were repeated on a busy machine.
    let mut once = rounds.clone();
    once.sort_unstable();
    once.dedup();
    assert_eq!((once.len(), &rounds[..whole]), (40, &rounds[..whole]));
    Command::new("umount").arg(&disk).status().unwrap();
}

/// The first block of a job, as one process.
fn block(text: &[u8]) -> BlockData {
    serde_json::from_slice(text).unwrap()
}

#[test]
fn peak_memory_is_what_time_says_and_a_large_parent_does_not_change_it() {
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let path = job(folder.path(), &[("fine", &model)], |_| {});
    let time = "/usr/bin/time";
    let peak = |data: &BlockData| match data {
        BlockData::Solo(solo) => solo.memory.end.vm_hwm_bytes.unwrap().0,
        _ => panic!("no solo block"),
    };
    // Half a gigabyte of this process: what a child inherits from it must not show.
    let ballast = vec![1u8; 512 << 20];
    let alone = Command::new(PARING)
        .args(["agent", "block"])
        .arg(&path)
        .args(["0", "0", &std::process::id().to_string()])
        .output()
        .unwrap();
    assert!(ballast.iter().all(|byte| *byte == 1));
    let own = peak(&block(&alone.stdout));
    assert!(own < 100 << 20, "{own}");
    if !Path::new(time).exists() {
        return skipped("no /usr/bin/time");
    }
    // The block wants to know its parent, which is `time`: `exec` keeps it.
    let script = "exec \"$0\" agent block \"$1\" 0 0 $PPID";
    let timed = Command::new("sh")
        .args(["-c", &format!("exec {time} -v sh -c '{script}' \"$0\" \"$1\""), PARING])
        .arg(&path)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&timed.stderr);
    let line = said.lines().find(|line| line.contains("Maximum resident set size")).unwrap();
    let time_says = line.rsplit(' ').next().unwrap().parse::<f64>().unwrap() * 1024.0;
    let ratio = peak(&block(&timed.stdout)) as f64 / time_says;
    eprintln!("VmHWM / time -v: {ratio:.4}; beside a parent of 512 MiB: {own} bytes");
    assert!((ratio - 1.0).abs() < 0.02, "{ratio}");
}

#[test]
fn every_setting_is_measured_and_stands_in_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let settings: Vec<ExecutionSetting> = [(1, 1, 1), (4, 2, 1), (1, 1, 2)]
        .map(|(batch, threads, streams)| ExecutionSetting { batch, threads, streams })
        .to_vec();
    let path = job(folder.path(), &[("fine", &model)], |job| {
        job.settings = settings.clone();
        job.affinity = vec![0];
        job.sustained_ns = Some(ms(2_500));
    });
    let journal = folder.path().join("journal.jsonl");
    let ended = run(&path, &journal);
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    let records = read_journal(&ConfinedPath::file(&journal)).unwrap();
    for setting in settings {
        let of = |kind| {
            let key =
                |r: &&BlockRecord| r.attempt.key.kind == kind && r.attempt.key.setting == setting;
            records.iter().find(key).unwrap()
        };
        let BlockOutcome::Done { data: BlockData::Solo(solo) } = &of(BlockKind::Solo).outcome
        else {
            panic!("{:?}", of(BlockKind::Solo).outcome)
        };
        assert_eq!(solo.bursts[0].wall_ns.is_some(), setting.streams > 1);
        let (weights, memory) = (solo.weights.unwrap(), solo.memory);
        // The file has 616 KiB; kernels pad what they pack, some of them not at all, and biases and
        // shapes are not packed.
        assert!((600_000..800_000).contains(&weights.model.0), "{weights:?}");
        let least = weights.model.0 - weights.model.0 / 20;
        assert!((least..2 * weights.model.0).contains(&weights.packed.0), "{weights:?}");
        let peak = |point: paring::schema::MemoryPoint| point.peak_heap_bytes.unwrap().0;
        assert!(peak(memory.loaded) >= weights.model.0 && peak(memory.after_runs) < 20 << 20);
        assert!(peak(memory.optimised) >= peak(memory.loaded));
        assert!(!solo.kernels.is_empty());
        let load = of(BlockKind::Sustained);
        let BlockOutcome::Done { data: BlockData::Sustained(load) } = &load.outcome else {
            panic!()
        };
        assert!(load.windows.len() >= 2 && load.windows.iter().all(|w| w.inferences > 10));
    }
}

#[test]
fn a_processor_that_is_not_there_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let path = job(folder.path(), &[("fine", &model)], |job| job.affinity = vec![0, 900]);
    let journal = folder.path().join("journal.jsonl");
    assert!(run(&path, &journal).status.success());
    let found =
        reasons(&read_journal(&ConfinedPath::file(&journal)).unwrap(), &read_job(&path), "fine");
    assert!(found[0].contains("keep the process on the processors [0, 900]"), "{found:?}");
}

#[test]
fn tiers_are_switched_off_in_a_process_of_their_own() {
    if !cfg!(target_arch = "x86_64") {
        return skipped("the tiers of this test are those of x86-64");
    }
    let folder = tempfile::tempdir().unwrap();
    let model = digits("digits_cnn.onnx");
    let without = |tiers: &[&str]| EngineOptions {
        without_isa: tiers.iter().map(ToString::to_string).collect(),
        ..EngineOptions::default()
    };
    let all = ["avx", "avx2", "fma", "f16c", "avx512f", "avx512vnni", "avx512fp16", "avxvnni"];
    let models = [("with", &*model), ("without", &*model), ("foreign", &*model)];
    let path = job(folder.path(), &models, |job| {
        job.models[1].variant_id = Sha256Hex::of(b"without");
        job.models[1].options = without(&all);
        job.models[2].variant_id = Sha256Hex::of(b"foreign");
        job.models[2].options = without(&["sve2"]);
    });
    let journal = folder.path().join("journal.jsonl");
    assert!(run(&path, &journal).status.success());
    let (records, job) = (read_journal(&ConfinedPath::file(&journal)).unwrap(), read_job(&path));
    let kernels = |id: &Sha256Hex| {
        let solo = records.iter().find_map(|r| match &r.outcome {
            BlockOutcome::Done { data: BlockData::Solo(solo) }
                if r.attempt.key.variant_id == *id =>
            {
                Some(solo.kernels.clone())
            }
            _ => None,
        });
        solo.unwrap()
    };
    let (with, without) = (kernels(&job.models[0].variant_id), kernels(&job.models[1].variant_id));
    assert!(
        without.iter().all(|name| !name.contains("avx") && !name.contains("fma")),
        "{without:?}"
    );
    let pair = records.iter().find_map(|r| match &r.outcome {
        BlockOutcome::Done { data: BlockData::Paired(pair) } => Some(pair),
        _ => None,
    });
    let pair = pair.unwrap();
    assert!(pair.alternating_on.is_some() && pair.pairs.len() >= 5);
    // On a machine that has any of them.
    let own = with.iter().any(|name| name.contains("avx") || name.contains("fma"));
    assert!(!own || with != without, "{with:?}");
    let foreign = reasons(&records, &job, "foreign");
    assert!(foreign.iter().all(|reason| reason.contains("sve2")), "{foreign:?}");
}

#[test]
fn a_study_sweeps_over_settings_and_says_what_tiers_bring() {
    let folder = tempfile::tempdir().unwrap();
    let (study, out) = (folder.path().join("study.toml"), folder.path().join("run"));
    let text = format!(
        "[study]\nname = \"t\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [protocol]\nblocks = 9\nwidth = 0.0001\nmost_blocks = 10\nsolo_ms = 5\npaired_ms = 20\n\
         threads = [1, 2]\nconditions = {{ most_celsius = 150.0 }}\n\
         [[variant]]\nname = \"plain\"\nwithout_isa = [\"avx512f\", \"avx2\", \"fma\"]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz"),
    );
    std::fs::write(&study, text).unwrap();
    let ended = Command::new(PARING)
        .args(["run", "--quiet"])
        .arg(&study)
        .arg("--out")
        .arg(&out)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).to_string();
    assert!(ended.status.success(), "{}", String::from_utf8_lossy(&ended.stderr));
    if cfg!(target_arch = "x86_64") {
        assert!(said.contains("kernels: plain") || said.contains("no effect: plain"), "{said}");
    }
    let mut reader = csv::Reader::from_path(out.join("results.csv")).unwrap();
    let rows: Vec<BTreeMap<String, String>> = reader.deserialize().map(Result::unwrap).collect();
    let shown: Vec<(&str, &str)> =
        rows.iter().map(|r| (r["variant"].as_str(), r["threads"].as_str())).collect();
    assert_eq!(shown, [("baseline", "1"), ("plain", "1"), ("baseline", "2"), ("plain", "2")]);
    for row in &rows {
        for column in ["peak_heap_bytes", "steady_heap_bytes", "model_bytes", "packed_bytes"] {
            assert!(row[column].parse::<u64>().unwrap() > 500_000, "{column} {row:?}");
        }
        assert!(!row["kernels"].is_empty() && !row["others_cpus"].is_empty());
        assert_eq!(row["sustained_missing"], "the rules ask for no long load");
    }
    // Paired blocks went on beyond nine, unless no machine was quiet enough to say how wide it is.
    let records =
        read_journal(&ConfinedPath::file(&out.join("journal/host/blocks.jsonl"))).unwrap();
    let last = records.iter().map(|r| (r.attempt.key.kind, r.attempt.key.round));
    let rounds = |kind| last.clone().filter(|(k, _)| *k == kind).map(|(_, round)| round).max();
    assert_eq!(rounds(BlockKind::Solo), Some(8));
    assert!(rounds(BlockKind::Paired) == Some(9) || rows.iter().any(|r| r["valid"] == "false"));
}
