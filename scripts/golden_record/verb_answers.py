"""Answers of the verbs with `--json`: the set of paths and, where nothing is timed, the values."""

import json
import re

import run_record
import varying
from fixtures import DATA, MODEL, RUN

DIGEST = re.compile(r"^[0-9a-f]{64}$")

PRUNED, INT8 = f"{RUN}/variants/pruned-0.25-int8.onnx", f"{RUN}/variants/int8.onnx"
TRANSFORMER = "studies/digits_transformer/digits_transformer.onnx"
FUSED = "studies/digits_transformer/run/variants/heads-int8.onnx"
UNTIL_DONE = ("--minutes", "60")
SHORT = ("--blocks", "2", "--solo-ms", "10", "--paired-ms", "10")

VALUES = {
    "catalog": ("catalog", MODEL),
    "catalog --data": ("catalog", MODEL, "--data", DATA, "--probes", "0", "--all"),
    "catalog of attention": ("catalog", TRANSFORMER),
    "eval": ("eval", MODEL, INT8, PRUNED, "--data", DATA, "--slice", "stroke_density"),
    "eval --robustness": ("eval", MODEL, "--data", DATA, "--robustness"),
    "eval --flow": ("eval", MODEL, PRUNED, "--data", DATA, "--flow", "--predictions", "answers", "--csv"),
    "diff of one file": ("diff", MODEL, MODEL),
    "diff": ("diff", MODEL, PRUNED),
    "diff --data": ("diff", MODEL, INT8, "--data", DATA),
    "diff of attention": ("diff", TRANSFORMER, FUSED),
    "diff of strangers": ("diff", MODEL, TRANSFORMER),
    "compress": ("compress", "small.toml", "--out", "small", "--evaluate"),
    "sensitivity": ("sensitivity", "studies/digits_bytes/run"),
    "verify": ("verify", "small"),
    "compare": ("compare", "monday.csv", "tuesday.csv"),
    "compare of three": ("compare", "monday.csv", "monday.csv", "tuesday.csv"),
    "restore --all": ("restore", "small", "--variant", "half-int8", "--all"),
    "restore --pruned": ("restore", "small", "--variant", "half-int8", "--pruned"),
    "restore --component": ("restore", "small", "--variant", "half", "--component", "stem:4"),
    "note": ("note", "small", "a person's words", "--on", "half"),
    "init": ("init", MODEL, "--data", DATA, "--out", "begun.toml"),
    "target list": ("target", "list"),
    "explain": ("explain", "small", "--variant", "half-int8", "--level", "step", "--replicates", "1", *UNTIL_DONE),
}
"""Command lines whose values are recorded, in the order in which they run."""

TIMED = {
    "probe": ("probe",),
    "profile": ("profile", MODEL, "--data", DATA),
    "bench": ("bench", MODEL, INT8, "--random-inputs", *SHORT, "--out", "bench"),
    "run --dry-run": ("run", "small.toml", "--dry-run"),
    "run": ("run", "small.toml", "--quick", "--out", "small-run"),
}
"""Command lines of whose answers only the paths are recorded."""

OPEN = {"speed", "latency", "sensors"}
"""Values of timed answers that are there or not with the load of the machine: no paths below them."""


def answer_records(program):
    """The answers of all verbs."""
    values = {name: answer_record(program, line, True) for name, line in VALUES.items()}
    return values | {name: answer_record(program, line, False) for name, line in TIMED.items()}


def written_files(program):
    """Files that those verbs wrote: a run with restored variants and notes, predictions, and a new study."""
    begun = program.work / "begun.toml"
    return {
        "the verbs on a small study": run_record.run_directory_record(program.work / "small", False),
        "eval --predictions": run_record.run_directory_record(program.work / "answers", False),
        "init": {begun.name: begun.read_text().splitlines() if begun.exists() else []},
    }


def answer_record(program, line, with_values):
    """One answer: exit code, first line of standard error, paths, and values."""
    result = program.run(*line, "--json", "--quiet", forecasts="answers.jsonl")
    found = {"exit code": result.code, "standard error": result.first_line()}
    try:
        value = json.loads(result.stdout)
    except ValueError:
        return found | {"standard output": "is no JSON"}
    found["paths"] = sorted(set(paths(value, "", set() if with_values else OPEN)))
    if with_values:
        found["values"] = varying.without(value, varying.ANSWERS)
    return found


def paths(value, at, stop):
    """The path of every leaf; members of lists share theirs, and so do hashes."""
    match value:
        case dict() if value:
            for key, inner in value.items():
                within = f"{at}.{'<sha256>' if DIGEST.match(key) else key}"
                yield from [within] if key in stop else paths(inner, within, stop)
        case list() if value:
            for inner in value:
                yield from paths(inner, f"{at}[]", stop)
        case _:
            yield at or "."

