//! Fuzz targets: readers of strangers' files in this process, on mutants of files that the project
//! makes. None may panic, whatever it reads.
//!
//! As tests they take a few seconds. `scripts/fuzz MINUTES` goes on for longer; under `cargo bolero`
//! they are coverage-guided. The engine itself is not called on mutants, because it may end the
//! process: `tests/mutants.rs` does that through the program.

mod common;

use common::mutation::Mutator;
use common::surgery::quarter;
use common::{digits, network, oddities};
use paring::arrays::{Dim, Dtype, InputNeed};
use paring::boards::flash::BlockMap;
use paring::boards::{FolderTrust, Inventory, shipped_profile};
use paring::catalog::{Criterion, catalog};
use paring::compress::ChannelPruning;
use paring::data::{Dataset, DatasetRequest, DatasetRules};
use paring::engine::onnx;
use paring::files::ConfinedPath;
use paring::graph::{Graph, violations};
use paring::ledger::read_ledger;
use paring::measure::read_journal;
use paring::pipeline::{read_answers, read_json, read_outcomes};
use paring::report;
use paring::schema::{
    BlockAttempt, BlockConditions, BlockKey, BlockKind, BlockOutcome, BlockRecord,
    ExecutionSetting, Job, OriginalIndices, SCHEMA, Sha256Hex, TaskKind, VariantRecord,
};
use paring::stats;
use paring::study;
use paring::units::LatencyNs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;

/// Runs a target on inputs made from a seed and, for engines that look at coverage, bytes.
macro_rules! fuzz {
    ($name:ident, $target:expr) => {
        #[test]
        fn $name() {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().to_path_buf();
            bolero::check!().with_type::<(u64, Vec<u8>)>().for_each(|(seed, raw)| {
                let mut draw = stats::generator(*seed, stringify!($name));
                $target(&mut Mutator::new(&mut draw), raw.as_slice(), path.as_path())
            });
        }
    };
}

static MODELS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
    let mut models = vec![std::fs::read(digits("digits_transformer.onnx")).unwrap()];
    for seed in 0..24 {
        models.push(network::random(seed, 5).encode());
        models.push(oddities::random(seed, 5).0.encode());
    }
    models
});

/// A run directory without measurements.
static RUN: LazyLock<tempfile::TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let text = format!(
        "[study]\nname = \"fuzz\"\nowner = \"tests\"\n[model]\npath = {:?}\n[data]\npath = {:?}\n\
         [[variant]]\nname = \"half\"\nsteps = [{{ prune = \"channels\", ratio = 0.5 }}]\n",
        digits("digits_cnn.onnx"),
        digits("digits.npz")
    );
    let study = folder.path().join("study.toml");
    std::fs::write(&study, text).unwrap();
    let out = folder.path().join("run");
    let made = Command::new(env!("CARGO_BIN_EXE_paring"))
        .args(["compress", study.to_str().unwrap(), "--quiet", "--out", out.to_str().unwrap()])
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    folder
});

fn model(mutator: &mut Mutator) -> Vec<u8> {
    let position = mutator.below(MODELS.len());
    mutator.model(&MODELS[position]).0
}

fuzz!(onnx_files_are_read_and_validated, |mutator: &mut Mutator, raw: &[u8], folder: &Path| {
    let bytes = model(mutator);
    for bytes in [bytes.as_slice(), raw] {
        let _ = onnx::decode("mutant", bytes).is_ok();
        if let Ok(graph) = Graph::decode("mutant", bytes) {
            let _ = violations(&graph);
        }
    }
    let path = folder.join("mutant.onnx");
    std::fs::write(&path, bytes).unwrap();
    if let Ok(graph) = Graph::load(&path) {
        let _ = (graph.cost(&Default::default()), graph.skeleton().encode());
    }
});

/// Whether the program takes a model: it loads every one in a process of its own first, because the
/// engine may die of it or take all memory.
fn is_admitted(path: &Path) -> bool {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    let ended = command.arg("catalog").arg(path).output();
    ended.is_ok_and(|output| output.status.success())
}

/// Mutants of which the engine says the shapes; numbers stay small.
fn surgery(mutator: &mut Mutator, _: &[u8], folder: &Path) {
    let position = mutator.below(MODELS.len());
    mutator.small = true;
    let (bytes, _) = mutator.model(&MODELS[position]);
    let path = folder.join("mutant.onnx");
    std::fs::write(&path, bytes).unwrap();
    let Ok(graph) = Graph::load(&path) else { return };
    if !is_admitted(&path) {
        return;
    }
    let Ok(facts) = graph.facts(&Default::default(), 1) else { return };
    let Ok(found) = catalog(&graph, &facts, &OriginalIndices::default()) else { return };
    if found.couplings.is_empty() {
        return;
    }
    let pruning = ChannelPruning::channels(0.25, Criterion::L1);
    if let Some(made) = quarter_or_refusal(graph, &pruning) {
        let _ = made.encode();
    }
}

fn quarter_or_refusal(graph: Graph, pruning: &ChannelPruning) -> Option<Graph> {
    let at = common::surgery::AT;
    let made = paring::compress::prune_channels(
        graph,
        at,
        OriginalIndices::default(),
        pruning,
        None,
        None,
        0,
    );
    made.ok().map(|made| made.graph)
}

fuzz!(surgery_of_what_is_valid_does_not_panic, surgery);

fuzz!(archives_of_arrays_are_read, |mutator: &mut Mutator, raw: &[u8], folder: &Path| {
    mutator.small = true;
    let (bytes, _) = mutator.archive();
    let path = folder.join("mutant.npz");
    let dims = [1, 8, 8].into_iter().map(Dim::Fixed);
    let dims = std::iter::once(Dim::Symbol("N".into())).chain(dims).collect();
    let inputs = [InputNeed::batched("image", Dtype::F32, dims)];
    for bytes in [bytes.as_slice(), raw] {
        std::fs::write(&path, bytes).unwrap();
        let columns = vec!["stroke_density".to_string()];
        let wanted = DatasetRequest {
            inputs: &inputs,
            columns,
            extras: vec![],
            rules: DatasetRules::default(),
        };
        let _ = Dataset::load(&path, &wanted).is_ok();
        let _ = Dataset::load_within(&path, &wanted, 1 << 10).is_ok();
    }
});

fuzz!(studies_are_read, |mutator: &mut Mutator, raw: &[u8], folder: &Path| {
    let text = std::fs::read_to_string(digits("study.toml")).unwrap();
    let text = text.replace("\"digits_cnn.onnx\"", &format!("{:?}", digits("digits_cnn.onnx")));
    let text = text.replace("\"digits.npz\"", &format!("{:?}", digits("digits.npz")));
    let path = folder.join("study.toml");
    for bytes in [mutator.text(text.as_bytes()).0.as_slice(), raw] {
        std::fs::write(&path, bytes).unwrap();
        let _ = study::load(&path, FolderTrust::Withheld).is_ok();
    }
});

const INVENTORY: &str = "\
[[target]]\nname = \"kitchen\"\nextends = \"raspberry-pi-4\"\naddress = \"user@192.0.2.1\"\nport = 22\n\
labels = { room = \"kitchen\" }\n\n[[target]]\nname = \"nano\"\nextends = \"jetson-nano\"\n\
address = \"nano.example\"\nthreads = 4\nenv = { TRACT_CPU_ISA = \"+fp16\" }\n";

fuzz!(inventories_and_profiles_are_read, |mutator: &mut Mutator, raw: &[u8], folder: &Path| {
    let path = folder.join("targets.toml");
    for bytes in [mutator.text(INVENTORY.as_bytes()).0.as_slice(), raw] {
        std::fs::write(&path, bytes).unwrap();
        let _ = Inventory::default().add(&path, FolderTrust::Withheld).is_ok();
        let _ = shipped_profile(&String::from_utf8_lossy(bytes)).is_ok();
    }
});

fn record(number: u32) -> BlockRecord {
    let key = BlockKey {
        kind: BlockKind::Solo,
        variant_id: Sha256Hex::of(b"variant"),
        setting: ExecutionSetting::of_batch(1),
        round: number,
    };
    BlockRecord {
        schema: SCHEMA,
        measurement_sha256: Sha256Hex::of(b"rules"),
        attempt: BlockAttempt { key, number: 0 },
        started_at: "2026-01-01T00:00:00Z".into(),
        wall_ns: LatencyNs(1),
        agent_version: "0".into(),
        emulated: false,
        conditions: BlockConditions::default(),
        invalid: vec![],
        outcome: BlockOutcome::Failed { reason: "a \"quoted\"\nreason".into() },
    }
}

fuzz!(journals_are_read, |mutator: &mut Mutator, raw: &[u8], folder: &Path| {
    let path = folder.join("blocks.jsonl");
    let lines: Vec<String> =
        (0..3).map(|number| serde_json::to_string(&record(number)).unwrap()).collect();
    for bytes in [mutator.text(format!("{}\n", lines.join("\n")).as_bytes()).0.as_slice(), raw] {
        std::fs::write(&path, bytes).unwrap();
        let _ = read_journal(&ConfinedPath::file(&path)).is_ok();
    }
});

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for path in std::fs::read_dir(folder).unwrap().flatten().map(|entry| entry.path()) {
        match path.is_dir() {
            true => files_below(&path, found),
            false => found.push(path),
        }
    }
    found.sort();
}

fn run_files(mutator: &mut Mutator, raw: &[u8], folder: &Path) {
    static FILES: LazyLock<Vec<PathBuf>> = LazyLock::new(|| {
        let mut files = Vec::new();
        files_below(&RUN.path().join("run"), &mut files);
        files
    });
    let file = &FILES[mutator.below(FILES.len())];
    let bytes = std::fs::read(file).unwrap();
    let binary = file.extension().is_some_and(|e| e != "json" && e != "jsonl" && e != "toml");
    let (bytes, _) = if binary { mutator.bytes(&bytes) } else { mutator.text(&bytes) };
    let path = folder.join(file.file_name().unwrap());
    for bytes in [bytes.as_slice(), raw] {
        std::fs::write(&path, bytes).unwrap();
        let file = ConfinedPath::file(&path);
        let _ = read_json::<VariantRecord>(&file).is_some();
        let _ = read_json::<Job>(&file).is_some();
        let _ = read_ledger(&file).is_ok();
        let _ = read_outcomes(&path).is_ok();
        let _ = read_answers(&path, TaskKind::Classification).is_ok();
        let _ = report::ComparedSource::open(&path).is_ok();
    }
}

fuzz!(files_of_a_run_are_read, run_files);

/// A block map of an image of four blocks, two of them mapped; its own checksum is 64 zeros.
fn block_map() -> String {
    let zeros = "0".repeat(64);
    let checksum = Sha256Hex::of(&[0; 8192]);
    format!(
        "<?xml version=\"1.0\" ?>\n<bmap version=\"2.0\">\n<ImageSize> 16384 </ImageSize>\n\
         <BlockSize> 4096 </BlockSize>\n<BlocksCount> 4 </BlocksCount>\n\
         <MappedBlocksCount> 2 </MappedBlocksCount>\n<ChecksumType> sha256 </ChecksumType>\n\
         <BmapFileChecksum> {zeros} </BmapFileChecksum>\n<BlockMap>\n\
         <Range chksum=\"{checksum}\"> 0-1 </Range>\n</BlockMap>\n</bmap>\n"
    )
}

/// The map with its own checksum in it, which is taken with zeros in its place.
fn sealed(map: &[u8]) -> Vec<u8> {
    let text = String::from_utf8_lossy(map);
    text.replace(&"0".repeat(64), Sha256Hex::of(map).as_str()).into_bytes()
}

fuzz!(block_maps_are_read, |mutator: &mut Mutator, raw: &[u8], folder: &Path| {
    let image = folder.join("card.img");
    let path = folder.join("card.img.bmap");
    for bytes in [sealed(&mutator.text(block_map().as_bytes()).0).as_slice(), raw] {
        std::fs::write(&path, bytes).unwrap();
        if let Ok(Some(map)) = BlockMap::find(&image, Some(&path)) {
            let _ = map.mapped();
        }
    }
});

#[test]
fn what_the_targets_start_from_is_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("targets.toml");
    std::fs::write(&path, INVENTORY).unwrap();
    Inventory::default().add(&path, FolderTrust::Withheld).unwrap();
    let path = folder.path().join("card.img.bmap");
    std::fs::write(&path, sealed(block_map().as_bytes())).unwrap();
    let found = BlockMap::find(&folder.path().join("card.img"), Some(&path));
    assert_eq!(found.unwrap().map(|map| map.mapped()), Some(8192));
    let graph = Graph::decode("whole", &MODELS[1]).unwrap();
    assert!(
        quarter(graph, OriginalIndices::default(), &ChannelPruning::channels(0.25, Criterion::L1))
            .is_some()
    );
}
