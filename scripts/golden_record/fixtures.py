"""Files that command lines are given: studies, tables of results, and broken input."""

import csv
import io
import shutil

import sample_data
import varying

EXAMPLE = "studies/digits_example"
MODEL, DATA, RUN = f"{EXAMPLE}/digits_cnn.onnx", f"{EXAMPLE}/digits.npz", f"{EXAMPLE}/run"
"""Model, samples and run of the example; paths are relative to the sandbox."""

HEAD = f"""[study]
name = "small"
owner = "golden record"
[model]
path = "{MODEL}"
[data]
path = "{DATA}"
[protocol]
probes = 0
"""
VARIANT = """[[variant]]
name = "half"
steps = [{ prune = "channels", ratio = 0.5 }]
"""
SMALL = HEAD + VARIANT + """[[variant]]
name = "half-int8"
from = "half"
steps = [{ quantize = "int8" }]
"""

WIDE = "splits = { calibrate = 0.5, select = 0.5, report = 0.5 }"

STUDIES = {
    "small.toml": SMALL,
    "other.toml": SMALL.replace("ratio = 0.5", "ratio = 0.25"),
    "unknown-key.toml": HEAD + VARIANT.replace("ratio", "rato"),
    "unknown-section.toml": HEAD + "[protocoll]\nblocks = 3\n",
    "no-toml.toml": "this is no study\n",
    "empty.toml": "",
    "wrong-metric.toml": HEAD + '[task]\nmetric = "acuracy"\n',
    "wrong-task.toml": HEAD + '[task]\nkind = "clasification"\n',
    "wrong-criterion.toml": HEAD + VARIANT.replace("ratio = 0.5", 'ratio = 0.5, criterion = "l3"'),
    "wrong-format.toml": HEAD + '[[variant]]\nname = "narrow"\nsteps = [{ quantize = "int7" }]\n',
    "wrong-type.toml": HEAD + VARIANT.replace("ratio = 0.5", 'ratio = "half"'),
    "wrong-ratio.toml": HEAD + VARIANT.replace("ratio = 0.5", "ratio = 1.5"),
    "two-amounts.toml": HEAD + VARIANT.replace("ratio = 0.5", "ratio = 0.5, count = 1"),
    "two-verbs.toml": HEAD + VARIANT.replace("ratio = 0.5", 'ratio = 0.5, quantize = "int8"'),
    "same-name.toml": HEAD + VARIANT + VARIANT,
    "no-parent.toml": HEAD + VARIANT.replace('"half"', '"half"\nfrom = "whole"'),
    "hostile-name.toml": HEAD + VARIANT.replace('"half"', '"../../escaped"'),
    "control-name.toml": HEAD + VARIANT.replace('"half"', '"half\\u001b[2J"'),
    "formula-name.toml": HEAD + VARIANT.replace('"half"', '"=cmd()"'),
    "no-match.toml": HEAD + VARIANT.replace("ratio = 0.5", 'ratio = 0.5, layers = "nowhere*"'),
    "unknown-engine.toml": HEAD + '[[variant]]\nname = "fast"\nengine = ["turbo"]\n',
    "unknown-target.toml": HEAD + VARIANT + '[[target]]\nname = "nowhere"\n',
    "unknown-slice.toml": HEAD.replace("[protocol]", 'slices = ["nothing"]\n[protocol]'),
    "wide-splits.toml": HEAD.replace("[protocol]", f"{WIDE}\n[protocol]"),
    "command-energy.toml": HEAD + '[energy]\nsource = "command"\ncommand = "true"\n',
    "no-model.toml": HEAD.replace(MODEL, "nowhere.onnx") + VARIANT,
    "broken-model.toml": HEAD.replace(MODEL, "broken.onnx") + VARIANT,
    "cut-model.toml": HEAD.replace(MODEL, "cut.onnx") + VARIANT,
    "no-data.toml": HEAD.replace(DATA, "nowhere.npz") + VARIANT,
    "broken-data.toml": HEAD.replace(DATA, "broken.npz") + VARIANT,
    "other-data.toml": HEAD.replace(DATA, "other.npz") + VARIANT,
    "few-data.toml": HEAD.replace(DATA, "few.npz") + VARIANT,
    "no-import.toml": HEAD + '[[variant]]\nname = "theirs"\nimport = "nowhere.onnx"\n',
}

MEASURED = {
    "run_id": "0123456789ab",
    "blocks": "20",
    "samples": "2000",
    "latency_p50_ns": "100000",
    "latency_p50_low_ns": "99000",
    "latency_p50_high_ns": "101000",
    "peak_rss_bytes": "30000000",
    "others_cpus": "0.10",
    "quiet_share_pct": "100.0",
    "valid": "true",
}
"""Figures of a quiet machine, as results.csv has them."""

FOREIGN = "engine,model,latency_p50_us,variant_id\nother 1.0,digits_cnn,250,\nother 1.0,int8,310,\n"
"""A table of another engine's tool."""


def write(work):
    """Writes all of them into the sandbox; the study of the example has been run."""
    for name, text in STUDIES.items():
        (work / name).write_text(text)
    model = (work / MODEL).read_bytes()
    (work / "broken.onnx").write_bytes(b"no model at all\n" * 9)
    (work / "cut.onnx").write_bytes(model[: len(model) // 2])
    (work / "hostile.onnx").write_bytes(model.replace(b"stem", b"=\x1b[m"))
    (work / "broken.npz").write_bytes(b"PK no archive")
    sample_data.write(work / "other.npz", "#   `other` float32 [batch, 3]\n", ("class", 10), 24)
    sample_data.write(work / "few.npz", "#   `image` float32 [batch, 1, 8, 8]\n", ("class", 10), 2)
    (work / "foreign.csv").write_text(FOREIGN)
    (work / "foreign-word.csv").write_text(FOREIGN.replace("310", "fast"))
    (work / "no-table.csv").write_text("a,b\n1,2\n")
    (work / "occupied").mkdir()
    (work / "occupied/letter.txt").write_text("not a run\n")
    results = (work / RUN / "results.csv").read_text()
    (work / "monday.csv").write_text(measured(results, "2026-01-05", {}))
    (work / "tuesday.csv").write_text(measured(results, "2026-01-06", {"int8": 0.8}))


def measured(results, day, slower):
    """A results.csv with the figures of a quiet machine; some variants by a factor slower."""
    rows = list(csv.DictReader(io.StringIO(results)))
    out = io.StringIO()
    writer = csv.DictWriter(out, rows[0].keys(), lineterminator="\n")
    writer.writeheader()
    for row in rows:
        row |= {name: "" for name in varying.RESULTS} | MEASURED
        row |= {"started_at": f"{day}T12:00:00.000Z"}
        if row["parent"]:
            factor = 1.5 * slower.get(row["variant"], 1.0)
            interval = {"speedup": factor, "speedup_low": factor - 0.01, "speedup_high": factor + 0.01}
            row |= {name: f"{value:.5f}" for name, value in interval.items()} | {"verdict": "faster"}
        writer.writerow(row)
    return out.getvalue()


def altered(work):
    """Copies of a run of which a file, or the manifest, was changed afterwards."""
    shutil.copytree(work / "small", work / "altered")
    with (work / "altered/variants/half.onnx").open("ab") as file:
        file.write(b"x")
    shutil.copytree(work / "small", work / "rewritten")
    ledger = work / "rewritten/ledger.jsonl"
    ledger.write_text(ledger.read_text().replace("golden record", "somebody else", 1))
