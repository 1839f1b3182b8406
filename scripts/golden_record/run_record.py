"""Record of a run directory: hashes of what is the same in every run, and the rest field by field."""

import csv
import hashlib
import json
import re

import varying

TABLES = {
    "results.csv": varying.RESULTS,
    "layers.csv": varying.LAYERS,
    "effects.csv": varying.EFFECTS,
    "savings.csv": varying.SAVINGS,
}
"""CSV files and the columns of each that vary."""

NAME = re.compile(r"[0-9a-f]{64}(?=\.(safetensors|onnx)$)")
"""The hash that names a paring or the model of an experiment."""


def sha256(path):
    """SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def run_directory_record(run, forecast):
    """Every file of a run directory by its path in there: a hash or the content that does not vary.

    `forecast` says that decisions carry forecasts of times, which are left out then.
    """
    more = varying.FORECASTED if forecast else {}
    found = {}
    for path in sorted(run.rglob("*")):
        name = path.relative_to(run).as_posix()
        if not path.is_file() or name.split("/")[0] in varying.FOLDERS:
            continue
        if name in TABLES:
            found[name] = table(path, TABLES[name].keys() | more.keys())
        elif name == "ledger.jsonl":
            found[name] = ledger(path, more)
        elif name == "protocol.json":
            found[name] = varying.without(json.loads(path.read_text()), varying.PROTOCOL)
        elif name in ("explain.json", "forecaster.json") or name.endswith(".quality.json"):
            found[name] = content(path, more)
        elif forecast and name.startswith("variants/") and name.endswith(".json"):
            found[name] = content(path, more)
        elif name not in varying.FILES:
            add_hash(found, name, sha256(path))
    return found


def add_hash(found, name, digest):
    """Notes a file's hash; files that are named by their hash are one set a folder."""
    folder, _, file = name.rpartition("/")
    if NAME.match(file):
        right = file.startswith(digest)
        found.setdefault(folder, []).append(file if right else f"{file} holds {digest}")
    else:
        found[name] = digest


def content(path, more):
    """A JSON file without what varies."""
    return varying.without(json.loads(path.read_text()), varying.ANSWERS.keys() | more.keys())


def ledger(path, more):
    """The entries of a ledger, grouped by kind, step, and coupling or variant."""
    names = varying.LEDGER.keys() | varying.ANSWERS.keys() | more.keys()
    groups, timed = {}, False
    for line in path.read_text().splitlines():
        whole = json.loads(line)
        entry = varying.without(whole, names)
        body = entry["body"]
        timed = timed or body != whole["body"]
        if timed:
            del entry[varying.ENTRY_ID]
        named = [body.get(key) for key in ("step", "coupling", "what", "variant")]
        title = ": ".join([entry["kind"], *(name for name in named if isinstance(name, str))])
        groups.setdefault(title, []).append(entry)
    return groups


def table(path, left_out):
    """The rows of a CSV file without columns and rows of what is measured."""
    with path.open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row.get("metric") not in varying.TIMED_METRICS]
    return [{k: v for k, v in row.items() if k not in left_out} for row in rows]
