//! Strangers' files through the program: whatever is in them, a verb ends by itself, with 0 or 2,
//! within ten seconds and bounded memory.
//!
//! `PARING_MUTANTS=COUNT` makes as many of each verb instead of a few; `PARING_MUTANT_VERBS=catalog,npz`
//! names some; `PARING_MUTANT_SEED` another beginning. What fails is kept below `PARING_MUTANTS_KEPT`.

mod common;

use common::mutation::Mutator;
use common::{digits, network, oddities, shared};
use ndarray::{Array1, Array4};
use paring::graph::Graph;
use paring::stats;
use rand::RngExt;
use std::collections::BTreeMap;
use std::io::Read;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// Longer is a hang: of the processor's time, because other work may share the machine.
const LIMIT: Duration = Duration::from_secs(10);
/// Longer is one whatever the processor did.
const PATIENCE: Duration = Duration::from_secs(60);
/// Memory that a process may write to, in KiB: 512 MiB above the model, what the program itself takes
/// without one, and arrays larger than the last-level cache, from which it reads how fast memory is.
fn memory_kib() -> u64 {
    const OWN: u64 = (512 + 160) << 10;
    let cache = std::fs::read_to_string("/sys/devices/system/cpu/cpu0/cache/index3/size");
    let cache = cache.ok().and_then(|size| size.trim().strip_suffix('K')?.parse::<u64>().ok());
    OWN + 6 * cache.unwrap_or(0)
}

const VERBS: [&str; 8] =
    ["catalog", "compress", "eval", "diff", "bench", "profile", "npz", "run-files"];

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Files that mutants are made of.
struct Corpus {
    models: Vec<(String, Vec<u8>)>,
    /// Samples of digits, few enough for every verb to be quick.
    data: PathBuf,
    /// A run directory that `compress` made.
    run: PathBuf,
}

fn samples(path: &Path) {
    let mut draw = stats::generator(5, "samples");
    let mut writer = ndarray_npy::NpzWriter::new(std::fs::File::create(path).unwrap());
    let image = Array4::from_shape_simple_fn((40, 1, 8, 8), || draw.random::<f32>());
    writer.add_array("image", &image).unwrap();
    writer.add_array("labels", &Array1::from_iter((0..40i64).map(|l| l % 10))).unwrap();
    writer.finish().unwrap();
}

fn corpus(folder: &Path) -> Corpus {
    let mut models = Vec::new();
    for name in ["digits_cnn.onnx", "digits_transformer.onnx"] {
        models.push((name.to_string(), std::fs::read(digits(name)).unwrap()));
    }
    for seed in 0..12 {
        models.push((format!("network-{seed}"), network::random(seed, 6).encode()));
        models.push((format!("oddity-{seed}"), oddities::random(seed, 6).0.encode()));
    }
    for folder in ["zoo", "mlperf-tiny"].into_iter().filter_map(shared) {
        let mut paths: Vec<PathBuf> =
            std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
        paths.retain(|path| path.extension().is_some_and(|e| e == "onnx"));
        paths.sort();
        for path in paths {
            models.push((path.display().to_string(), std::fs::read(path).unwrap()));
        }
    }
    let (run, data) = (folder.join("run"), folder.join("data.npz"));
    samples(&data);
    let study = study(folder, &digits("digits_cnn.onnx"), &data);
    let study = study.to_str().unwrap();
    let made = Command::new(env!("CARGO_BIN_EXE_paring"))
        .args(["compress", study, "--quiet", "--out", run.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    Corpus { models, data, run }
}

fn study(folder: &Path, model: &Path, data: &Path) -> PathBuf {
    let text = format!(
        "[study]\nname = \"mutant\"\nowner = \"tests\"\n[model]\npath = {model:?}\n[data]\npath = {data:?}\n\
         [protocol]\nblocks = 1\nsolo_ms = 2\npaired_ms = 2\n\
         [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5 }}]\n\
         [[variant]]\nname = \"int8\"\nsteps = [{{ quantize = \"int8\" }}]\n"
    );
    let path = folder.join("study.toml");
    std::fs::write(&path, text).unwrap();
    path
}

fn copy_tree(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap().flatten() {
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy_tree(&entry.path(), &target),
            false => drop(std::fs::copy(entry.path(), target).unwrap()),
        }
    }
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> =
        std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()).collect();
    entries.sort();
    for path in entries {
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
}

/// One mutant: its file, what was changed, and the command that reads it.
struct Mutant {
    what: String,
    arguments: Vec<String>,
}

fn mutant(corpus: &Corpus, verb: &str, number: u64, folder: &Path) -> Mutant {
    let mut draw = stats::generator(number, &format!("mutant {verb}"));
    let words = |words: &[&str]| words.iter().map(|w| (*w).to_string()).collect::<Vec<_>>();
    let text = |path: &Path| path.to_str().unwrap().to_string();
    let (data, cnn) = (text(&corpus.data), text(&digits("digits_cnn.onnx")));
    if verb == "npz" {
        let (bytes, what) = Mutator::new(&mut draw).archive();
        let path = folder.join("x.npz");
        std::fs::write(&path, bytes).unwrap();
        let path = text(&path);
        let arguments = match draw.random_range(0..3) {
            0 => words(&["eval", &cnn, "--data", &path, "--json"]),
            1 => words(&["eval", &cnn, "--data", &path, "--json", "--slice", "stroke_density"]),
            _ => words(&["catalog", &cnn, "--data", &path, "--json", "--probes", "2"]),
        };
        return Mutant { what, arguments };
    }
    if verb == "run-files" {
        let run = folder.join("run");
        copy_tree(&corpus.run, &run);
        let mut files = Vec::new();
        files_below(&run, &mut files);
        let path = files[draw.random_range(0..files.len())].clone();
        let bytes = std::fs::read(&path).unwrap();
        let mut mutator = Mutator::new(&mut draw);
        let (bytes, what) = match path.extension().and_then(|e| e.to_str()) {
            Some("onnx") => mutator.model(&bytes),
            Some("safetensors" | "parquet") => mutator.bytes(&bytes),
            _ => mutator.text(&bytes),
        };
        std::fs::write(&path, bytes).unwrap();
        let what = format!("{} {what}", path.strip_prefix(&run).unwrap().display());
        let run = text(&run);
        let study = text(&Path::new(&run).join("study.toml"));
        let arguments = match draw.random_range(0..6) {
            0 => words(&["sensitivity", &run]),
            1 => words(&["restore", &run, "--variant", "half", "--all"]),
            2 => words(&["compress", &study, "--quiet", "--out", &run]),
            3 => words(&["compare", &run, &run]),
            4 => words(&["note", &run, "a word"]),
            _ => {
                let out = text(&folder.join("out"));
                let short = ["--blocks", "1", "--solo-ms", "2", "--paired-ms", "2", "--quiet"];
                let all = ["bench", &run, "--random-inputs", "--out", &out];
                words(&[&all[..], &short[..]].concat())
            }
        };
        return Mutant { what, arguments };
    }
    let (name, bytes) = &corpus.models[draw.random_range(0..corpus.models.len())];
    let (bytes, what) = Mutator::new(&mut draw).model(bytes);
    let path = folder.join("m.onnx");
    std::fs::write(&path, bytes).unwrap();
    let model = text(&path);
    let original = folder.join("original.onnx");
    let out = text(&folder.join("out"));
    let arguments = match verb {
        "catalog" if draw.random_bool(0.5) => words(&["catalog", &model, "--json"]),
        "catalog" => words(&["catalog", &model, "--json", "--data", &data, "--probes", "2"]),
        "compress" => {
            let study = text(&study(folder, &path, Path::new(&data)));
            words(&["compress", &study, "--quiet", "--out", &out])
        }
        "eval" => words(&["eval", &model, "--data", &data, "--json"]),
        "diff" => {
            let whole = corpus.models.iter().find(|(other, _)| other == name);
            std::fs::write(&original, &whole.unwrap().1).unwrap();
            words(&["diff", &text(&original), &model, "--json"])
        }
        "profile" => words(&["profile", &model, "--data", &data, "--json"]),
        _ => words(&[
            "bench",
            &model,
            &cnn,
            "--random-inputs",
            "--blocks",
            "1",
            "--solo-ms",
            "2",
            "--paired-ms",
            "2",
            "--quiet",
            "--json",
            "--out",
            &out,
        ]),
    };
    Mutant { what: format!("{name} {what}"), arguments }
}

/// Time that a process and its ended children have had on processors.
fn processor_time(process: u32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
    // Behind the name in parentheses; hundredths of a second of user and system, own and children's.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest).split_whitespace();
    let ticks = fields.skip(11).take(4).filter_map(|field| field.parse::<u64>().ok()).sum::<u64>();
    Duration::from_millis(10 * ticks)
}

/// How a command ended: its status, `None` where it had to be killed, and its standard error.
fn ended(arguments: &[String]) -> (Option<ExitStatus>, String) {
    // Words without quotes: the files are in temporary folders.
    let limited = format!("ulimit -d {}; ulimit -c 0; exec \"$0\" \"$@\"", memory_kib());
    let mut child = Command::new("sh")
        .args(["-c", &limited, env!("CARGO_BIN_EXE_paring")])
        .args(arguments)
        .env("RUST_BACKTRACE", "0")
        .process_group(0)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut pipe = child.stderr.take().unwrap();
    let reader = std::thread::spawn(move || {
        let mut said = Vec::new();
        let _ = pipe.read_to_end(&mut said);
        String::from_utf8_lossy(&said).into_owned()
    });
    let begun = Instant::now();
    let status = loop {
        if let Some(status) = child.try_wait().unwrap() {
            break Some(status);
        }
        let over = begun.elapsed() > LIMIT && processor_time(child.id()) > LIMIT;
        if over || begun.elapsed() > PATIENCE {
            let group = format!("-{}", child.id());
            let _ = Command::new("kill").args(["-KILL", "--", &group]).status();
            let _ = child.wait();
            break None;
        }
        std::thread::sleep(Duration::from_millis(5));
    };
    (status, reader.join().unwrap())
}

/// What is wrong with an end; nothing where it was 0 or 2 and nothing panicked.
fn fault(verb: &str, status: Option<ExitStatus>, said: &str) -> Option<String> {
    // What is kept failed the integrity check: that is what happened to the files of a run.
    let allowed: &[i32] = if verb == "run-files" { &[0, 2, 5] } else { &[0, 2] };
    let plain: String = said
        .lines()
        .rfind(|line| line.contains("panicked") || line.contains("allocation"))
        .or(said.lines().last())
        .unwrap_or_default()
        .chars()
        .map(|c| if c.is_ascii_digit() { 'N' } else { c })
        .take(200)
        .collect();
    match status {
        None => Some(format!("hang: {plain}")),
        Some(status) if status.signal().is_some() => {
            Some(format!("signal {:?}: {plain}", status.signal()))
        }
        Some(status) if status.code().is_none_or(|code| !allowed.contains(&code)) => {
            Some(format!("exit {:?}: {plain}", status.code()))
        }
        Some(_) if said.contains("panicked at") => Some(format!("panic: {plain}")),
        Some(_) => None,
    }
}

fn run(corpus: &Corpus, verb: &str, count: u64, first: u64) -> BTreeMap<String, Vec<String>> {
    let kept = variable("PARING_MUTANTS_KEPT").map(PathBuf::from);
    let faults: Mutex<BTreeMap<String, Vec<String>>> = Mutex::default();
    let next = AtomicUsize::new(0);
    let workers = std::thread::available_parallelism().map_or(1, usize::from).min(8);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed) as u64;
                    if number >= count {
                        return;
                    }
                    let folder = tempfile::tempdir().unwrap();
                    let mutant = mutant(corpus, verb, first + number, folder.path());
                    let (status, said) = ended(&mutant.arguments);
                    let Some(fault) = fault(verb, status, &said) else { continue };
                    let fault = fault.replace(folder.path().to_str().unwrap(), "_");
                    let label = format!("{verb} {} ({})", first + number, mutant.what);
                    if let Some(kept) = &kept {
                        let to = kept.join(format!("{verb}-{}", first + number));
                        copy_tree(folder.path(), &to);
                        let line =
                            format!("{fault}\n{}\n{:?}\n{said}", mutant.what, mutant.arguments);
                        std::fs::write(to.join("what.txt"), line).unwrap();
                    }
                    faults.lock().unwrap().entry(fault).or_default().push(label);
                }
            });
        }
    });
    faults.into_inner().unwrap()
}

#[test]
fn strangers_files_end_with_an_answer_or_a_message() {
    let count = variable("PARING_MUTANTS").map_or(12, |count| count.parse().unwrap());
    let first = variable("PARING_MUTANT_SEED").map_or(0, |seed| seed.parse().unwrap());
    let verbs = variable("PARING_MUTANT_VERBS");
    let wanted =
        |verb: &&&str| verbs.as_ref().is_none_or(|all| all.split(',').any(|v| v == **verb));
    let folder = tempfile::tempdir().unwrap();
    let corpus = corpus(folder.path());
    // What the corpus itself is must pass, or the mutants say little.
    let whole = corpus.models.iter().filter(|(name, bytes)| {
        let path = folder.path().join("whole.onnx");
        std::fs::write(&path, bytes).unwrap();
        Graph::load(&path).inspect_err(|e| println!("{name}: {e}")).is_ok()
    });
    assert_eq!(whole.count(), corpus.models.len());
    let mut all = Vec::new();
    for verb in VERBS.iter().filter(wanted) {
        let begun = Instant::now();
        let faults = run(&corpus, verb, count, first);
        let wrong: usize = faults.values().map(Vec::len).sum();
        println!("{verb}: {count} mutants, {wrong} wrong, {:.0} s", begun.elapsed().as_secs_f64());
        for (fault, labels) in &faults {
            println!("  {:4} {fault}\n       {}", labels.len(), labels[0]);
        }
        all.extend(faults.into_keys());
    }
    assert!(all.is_empty(), "{} kinds of wrong ends", all.len());
}
