//! The words of answers on standard output, as a person reads them: hashes and folders are left out, and
//! so is whatever depends on the processor.

mod common;

use assert_cmd::Command;
use common::digits;
use insta::assert_snapshot;
use std::path::Path;

/// Two steps, of which the first leaves a layer whole.
const STUDY: &str = "[study]\nname = \"small\"\nowner = \"tests\"\n[model]\npath = \"digits_cnn.onnx\"\n\
    [data]\npath = \"digits.npz\"\n[protocol]\nblocks = 2\nsolo_ms = 10\npaired_ms = 10\n\
    [[variant]]\nname = \"half\"\nsteps = [{ prune = \"channels\", ratio = 0.5 }]\n\
    [[variant]]\nname = \"half-nhwc\"\nfrom = \"half\"\nengine = [\"conv_nhwc\"]\n";

fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["digits_cnn.onnx", "digits.npz"] {
        std::fs::copy(digits(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("study.toml"), STUDY).unwrap();
    folder
}

/// Standard output of a command line that succeeds; SHA-256 sums and the folder are left out.
fn answer(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paring"));
    command.current_dir(folder).args(arguments).arg("--quiet");
    command.env("PARING_FORECASTS", folder.join("forecasts.jsonl"));
    command.env("PARING_INVENTORY", folder.join("targets.toml")).env("USER", "somebody");
    let ended = command.assert().success();
    let text = String::from_utf8_lossy(&ended.get_output().stdout).into_owned();
    without_sums(&text.replace(folder.to_str().unwrap(), "<folder>"))
}

/// `2026-12-01 02:00` as `<date>`, of the same width.
fn without_dates(text: &str) -> String {
    let words: Vec<&str> = text.split(' ').collect();
    let is_day = |word: &str| word.len() == 10 && word.matches('-').count() == 2;
    let mut out = Vec::new();
    let mut after_day = false;
    for word in words {
        out.push(match (is_day(word), after_day) {
            (true, _) => "<day>     ",
            (false, true) => "<time",
            (false, false) => word,
        });
        after_day = is_day(word);
    }
    out.join(" ")
}

/// Runs of 64 hexadecimal digits as `<sha256>`, and of 12 as `<id>`.
fn without_sums(text: &str) -> String {
    let is_digit = |c: char| c.is_ascii_digit() || ('a'..='f').contains(&c);
    let mut out = String::new();
    let mut rest = text;
    while let Some(start) = rest.find(is_digit) {
        let (before, from) = rest.split_at(start);
        let end = from.find(|c| !is_digit(c)).unwrap_or(from.len());
        let (digits, after) = from.split_at(end);
        out += before;
        out += match digits.len() {
            64 => "<sha256>",
            12 => "<id>",
            _ => digits,
        };
        rest = after;
    }
    out + rest
}

#[test]
fn a_study_from_its_beginning_to_its_end() {
    let folder = folder();
    let at = folder.path();
    let init = ["init", "digits_cnn.onnx", "--data", "digits.npz", "--out", "new.toml"];
    assert_snapshot!(answer(at, &init), @"wrote new.toml; next: paring run new.toml --dry-run");
    let json = ["init", "digits_cnn.onnx", "--data", "digits.npz", "--out", "a b.toml", "--json"];
    assert_snapshot!(answer(at, &json), @r#"
    {
      "next": "paring run 'a b.toml' --dry-run",
      "study": "a b.toml"
    }
    "#);
    assert_snapshot!(answer(at, &["run", "study.toml", "--dry-run"]), @"
    study `small`: digits_cnn.onnx on digits.npz
    samples: 199 to calibrate, 205 to select, 396 to report
    variants, beside the baseline:
      half                 from baseline     prune channels, ratio 0.5, criterion l1
      half-nhwc            from half         engine conv_nhwc
    target `host`: 10 blocks of fresh processes, about 1 s for a small model
    energy on `host`: 5 windows a variant, about 6 min 30 s more where it has a power sensor
    ");
    assert_snapshot!(answer(at, &["compress", "study.toml", "--out", "run"]), @"
    baseline             0 components removed, 155642 parameters, 630747 bytes, f32
    half                 184 components removed, 39810 parameters, 165653 bytes, f32
                         left `head` alone: node `head/Softmax` normalises over it
    half-nhwc            184 components removed, 39810 parameters, 165653 bytes, f32
    written to run; manifest <sha256>
    ");
    let note = ["note", "run", "seen", "--on", "half", "--by", "a reviewer"];
    assert_snapshot!(answer(at, &note), @"
    noted by a reviewer as entry <id>
    manifest <sha256>
    ");
    assert_snapshot!(answer(at, &["restore", "run", "--variant", "half", "--all"]), @"
    half: all 58 initializers are those of the baseline with SHA-256 <sha256>, bit for bit
    written to run/restored/half.all.onnx; manifest <sha256>
    ");
    let one = ["restore", "run", "--variant", "half", "--component", "stem:2"];
    assert_snapshot!(answer(at, &one), @"
    half: 183 components removed, 184 before; prune channels, ratio 0.5, criterion l1, replayed with 183 components (<id>)
    written to run/variants/half.restored-<id>.onnx; manifest <sha256>
    ");
    assert_snapshot!(answer(at, &["verify", "run"]), @"
    run holds: 27 files, 22 entries of the ledger, 4 variants, 0 rows of results
    manifest <sha256>
    ");
    let listed = answer(at, &["list", ".", "--wide"]);
    // The day is another one every time.
    assert_snapshot!(without_dates(&listed), @"
    ────────────────────────────────────────────────────────────────────────────
    run  begun (UTC)       study  model            variants  targets  state
    ────────────────────────────────────────────────────────────────────────────
    run  <day>      <time  small  digits_cnn.onnx         4           compressed
    ────────────────────────────────────────────────────────────────────────────
    1 run
    ");
}

#[test]
fn models_without_data() {
    let folder = folder();
    let at = folder.path();
    assert_snapshot!(answer(at, &["catalog", "digits_cnn.onnx"]), @"
    digits_cnn.onnx: 8 couplings, 368 components

    stem: 32 channels
      computed from nothing that can be removed; read by plain
      members: stem.weight[0], stem.bias[0], stem.bn.scale[0], stem.bn.bias[0], stem.bn.mean[0], stem.bn.var[0], plain.weight[1]
      each saves 446 parameters (1784 bytes), 28224 MACs, 768 bytes of activations
      least important by l2:
        stem:19          1.54862
        stem:24          1.56938
        stem:12          1.58240

    plain: 48 channels
      computed from stem; read by block1.pw
      members: plain.weight[0], plain.bn.scale[0], plain.bn.bias[0], plain.bn.mean[0], plain.bn.var[0], block1.dw.weight[0], block1.dw.bn.scale[0], block1.dw.bn.bias[0], block1.dw.bn.mean[0], block1.dw.bn.var[0], block1.pw.weight[1]
      each saves 369 parameters (1476 bytes), 23104 MACs, 1536 bytes of activations
      least important by l2:
        plain:38         2.41307
        plain:34         2.60233
        plain:45         2.61738

    block1.pw: 64 channels
      computed from plain; read by res1.skip, res1.a
      members: block1.pw.weight[0], block1.pw.bn.scale[0], block1.pw.bn.bias[0], block1.pw.bn.mean[0], block1.pw.bn.var[0], res1.skip.weight[1], res1.a.weight[1]
      each saves 692 parameters (2768 bytes), 13312 MACs, 768 bytes of activations
      least important by l2:
        block1.pw:49     2.74749
        block1.pw:8      2.76414
        block1.pw:59     2.79751

    res1.skip: 64 channels
      computed from block1.pw, res1.a, res2.a; read by res2.a, branch.left, branch.right
      members: res1.skip.weight[0], res1.skip.bn.scale[0], res1.skip.bn.bias[0], res1.skip.bn.mean[0], res1.skip.bn.var[0], res1.b.weight[0], res1.b.bn.scale[0], res1.b.bn.bias[0], res1.b.bn.mean[0], res1.b.bn.var[0], res2.a.weight[1], res2.b.weight[0], res2.b.bn.scale[0], res2.b.bn.bias[0], res2.b.bn.mean[0], res2.b.bn.var[0], branch.left.weight[1], branch.right.weight[1]
      each saves 1548 parameters (6192 bytes), 24576 MACs, 640 bytes of activations
      least important by l2:
        res1.skip:56     5.43509
        res1.skip:5      5.49902
        res1.skip:33     5.59733

    res1.a: 64 channels
      computed from block1.pw; read by res1.b
      members: res1.a.weight[0], res1.a.bn.scale[0], res1.a.bn.bias[0], res1.a.bn.mean[0], res1.a.bn.var[0], res1.b.weight[1]
      each saves 1156 parameters (4624 bytes), 18432 MACs, 192 bytes of activations
      least important by l2:
        res1.a:46        1.89402
        res1.a:7         1.89463
        res1.a:56        1.90700

    res2.a: 32 channels
      computed from res1.skip; read by res2.b
      members: res2.a.weight[0], res2.a.bn.scale[0], res2.a.bn.bias[0], res2.a.bn.mean[0], res2.a.bn.var[0], res2.b.weight[1]
      each saves 1156 parameters (4624 bytes), 18432 MACs, 192 bytes of activations
      least important by l2:
        res2.a:9         1.91641
        res2.a:12        1.94110
        res2.a:25        1.94354

    branch.left: 32 channels
      computed from res1.skip; read by head
      members: branch.left.weight[0], branch.left.bn.scale[0], branch.left.bn.bias[0], branch.left.bn.mean[0], branch.left.bn.var[0], head.weight[0]
      each saves 78 parameters (312 bytes), 1034 MACs, 264 bytes of activations
      least important by l2:
        branch.left:3    1.46088
        branch.left:19   1.66538
        branch.left:29   1.76961

    branch.right: 32 channels
      computed from res1.skip; read by head
      members: branch.right.weight[0], branch.right.bn.scale[0], branch.right.bn.bias[0], branch.right.bn.mean[0], branch.right.bn.var[0], head.weight[0]
      each saves 590 parameters (2360 bytes), 9226 MACs, 264 bytes of activations
      least important by l2:
        branch.right:8   1.71645
        branch.right:19  1.78693
        branch.right:0   1.81188

    block res1 can be left out: saves 74240 parameters (296960 bytes), 1179648 MACs, 24576 bytes of activations
    block res2 can be left out: saves 37248 parameters (148992 bytes), 589824 MACs, 18432 bytes of activations
    layer block1.dw can be left out: saves 624 parameters (2496 bytes), 27648 MACs, 24576 bytes of activations
    layer res1.b can be left out: saves 37120 parameters (148480 bytes), 589824 MACs, 8192 bytes of activations
    head: stays whole: node `head/Softmax` normalises over it
    ");
    answer(at, &["compress", "study.toml", "--out", "run"]);
    let diff = ["diff", "digits_cnn.onnx", "run/variants/half.onnx"];
    assert_snapshot!(answer(at, &diff), @"
    pruned: 16 of 32 channels of stem, 24 of 48 channels of plain, 32 of 64 channels of block1.pw, 32 of 64 channels of res1.skip, 32 of 64 channels of res1.a, 16 of 32 channels of res2.a and 2 more
    outputs differ by up to 96.5 % of the largest on 16 probes
    removed components:
      stem: 16 of 32 left, gone are 2, 3, 4, 6, 9, 10, 12, 14, 17, 19, 21, 24, 25, 26, 27, 30
      plain: 24 of 48 left, gone are 0, 4, 6, 7, 9, 14, 15, 18, 21, 22, 26, 27, 28, 31, 34, 35, 36, 37, 38, 43, 44, 45, 46, 47
      block1.pw: 32 of 64 left, gone are 1, 3, 8, 10, 11, 15, 17, 18, 22, 24, 27, 28, 32, 34, 35, 38, 39, 40, 41, 43, 45, 48, 49, 50, 51, 52, 55, 57, 58, 59, 60, 62
      res1.skip: 32 of 64 left, gone are 0, 1, 3, 4, 5, 9, 10, 11, 12, 13, 16, 18, 20, 23, 24, 25, 26, 27, 28, 29, 30, 33, 35, 41, 46, 47, 48, 51, 52, 55, 56, 62
      res1.a: 32 of 64 left, gone are 0, 1, 2, 5, 6, 7, 8, 9, 12, 13, 14, 19, 21, 24, 27, 30, 32, 33, 37, 38, 39, 42, 46, 51, 52, 53, 54, 55, 56, 57, 58, 62
      res2.a: 16 of 32 left, gone are 1, 3, 4, 5, 6, 9, 12, 15, 19, 20, 21, 22, 25, 27, 28, 30
      branch.left: 16 of 32 left, gone are 1, 3, 4, 6, 8, 11, 13, 18, 19, 20, 22, 24, 25, 27, 29, 30
      branch.right: 16 of 32 left, gone are 0, 2, 5, 6, 8, 9, 15, 16, 17, 19, 20, 22, 23, 25, 28, 30
    activations: not compared: no data were given
    ");
    assert_snapshot!(answer(at, &["gradient", "digits_cnn.onnx"]), @"
    no norms without data: give --data FILE; loss: cross entropy of `probs`
    ──────────────────────────────────────────────────────────────────
    layer         operator            at weights  at outputs  share, %
    ──────────────────────────────────────────────────────────────────
    stem          Conv                         -           -
    stem          BatchNormalization           -           -
    plain         Conv                         -           -
    plain         BatchNormalization           -           -
    block1.dw     Conv                         -           -
    block1.dw     BatchNormalization           -           -
    block1.pw     Conv                         -           -
    block1.pw     BatchNormalization           -           -
    res1.skip     Conv                         -           -
    res1.skip     BatchNormalization           -           -
    res1.a        Conv                         -           -
    res1.a        BatchNormalization           -           -
    res1.b        Conv                         -           -
    res1.b        BatchNormalization           -           -
    res2.a        Conv                         -           -
    res2.a        BatchNormalization           -           -
    res2.b        Conv                         -           -
    res2.b        BatchNormalization           -           -
    branch.left   Conv                         -           -
    branch.left   BatchNormalization           -           -
    branch.right  Conv                         -           -
    branch.right  BatchNormalization           -           -
    head          Gemm                         -           -
    ──────────────────────────────────────────────────────────────────
    gradient at input `image`: -
    every node between the layers and the loss passes a gradient
    ");
}

#[test]
fn a_plan_as_json() {
    let folder = folder();
    let at = folder.path();
    let plan = answer(at, &["run", "study.toml", "--dry-run", "--json", "--target", "host"]);
    assert_snapshot!(plan, @r#"
    {
      "blocks": 10,
      "data": "digits.npz",
      "energy_estimate_s": [
        {
          "s": 390,
          "target": "host"
        }
      ],
      "estimate_s": 1,
      "model": "digits_cnn.onnx",
      "quick": false,
      "recipes": [
        {
          "from": "baseline",
          "name": "half",
          "steps": [
            "prune channels, ratio 0.5, criterion l1"
          ]
        },
        {
          "from": "half",
          "name": "half-nhwc",
          "steps": [
            "engine conv_nhwc"
          ]
        }
      ],
      "regimes": [],
      "requirements": [],
      "splits": {
        "calibrate": 199,
        "report": 396,
        "select": 205
      },
      "study": "small",
      "targets": [
        {
          "address": "this machine",
          "name": "host",
          "profile": "host",
          "settings": [
            {
              "batch": 1,
              "streams": 1,
              "threads": 1
            }
          ]
        }
      ],
      "training_estimate_s": [],
      "undecidable": [],
      "variants": [
        "half",
        "half-nhwc"
      ]
    }
    "#);
}

#[test]
fn targets() {
    let folder = folder();
    let at = folder.path();
    let none = answer(at, &["target", "list"]);
    assert_snapshot!(none.lines().take(6).collect::<Vec<_>>().join("\n"), @"
    inventory <folder>/targets.toml
    ─────────────────────────────────────────────────────────────────────────────
    profile                kind of machine
    ─────────────────────────────────────────────────────────────────────────────
    host                   the machine that paring runs on
    x86-64                 any 64-bit x86 machine with Linux
    ");
    let inventory = "[[target]]\nname = \"shed\"\nextends = \"raspberry-pi-4\"\n\
        address = \"pi@shed.local\"\nport = 2222\n\
        [[target]]\nname = \"bench\"\nextends = \"raspberry-pi-5\"\naddress = \"pi@bench.local\"\n";
    std::fs::write(at.join("targets.toml"), inventory).unwrap();
    let some = answer(at, &["target", "list"]);
    assert_snapshot!(some.lines().take(8).collect::<Vec<_>>().join("\n"), @"
    inventory <folder>/targets.toml
    ──────────────────────────────────────────
    target  profile         address
    ──────────────────────────────────────────
    shed    raspberry-pi-4  pi@shed.local:2222
    bench   raspberry-pi-5  pi@bench.local
    ──────────────────────────────────────────
    --wide adds: labels
    ");
    let wide = answer(at, &["target", "list", "--wide"]);
    assert!(wide.contains("arch=aarch64,board=rpi5,core=cortex-a76"), "{wide}");
    assert_snapshot!(answer(at, &["target", "rename", "bench", "desk"]), @"`bench` is `desk` in <folder>/targets.toml");
    assert_snapshot!(answer(at, &["target", "remove", "shed"]), @"`shed` is no longer in <folder>/targets.toml");
    let left = std::fs::read_to_string(at.join("targets.toml")).unwrap();
    assert!(left.contains("name = \"desk\"") && !left.contains("shed"), "{left}");
}
