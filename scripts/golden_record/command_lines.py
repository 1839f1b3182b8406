"""Exit code and first line of standard error of many command lines, and the text that some print."""

import hashlib
import re

import fixtures
from fixtures import DATA, MODEL, RUN
from program import TIME

INT8 = f"{RUN}/variants/int8.onnx"
PRUNED = f"{RUN}/variants/pruned-0.25-int8.onnx"

DIGEST = re.compile(r"(?!0{64})[0-9a-f]{64}")
"""A SHA-256, but for the one that a command line names."""

VERBS = (
    "init run compress catalog eval diff bench compare profile probe sensitivity explain note flash restore "
    "verify runner target"
).split()
NESTED = ("flash prepare", "flash write", "flash verify", "target list", "target add", "target check", "target clean")

WITHOUT_OUTPUT = [
    "",
    "--version",
    "prune",
    "--color sometimes catalog",
    "run",
    "run nowhere.toml",
    "run small.toml --out occupied --quick",
    "run small.toml --dry-run --target nowhere",
    "compress other.toml --out small",
    f"run {RUN}",
    *(f"compress {name} --out refused-{name}" for name in fixtures.STUDIES if name not in ("small.toml", "other.toml")),
    "catalog",
    "catalog nowhere.onnx",
    "catalog broken.onnx",
    "catalog cut.onnx",
    "catalog .",
    f"catalog {MODEL} --probes many",
    f"catalog {MODEL} --dims N=x",
    f"catalog {MODEL} --data other.npz",
    f"eval {MODEL}",
    f"eval {MODEL} --data nowhere.npz",
    f"eval {MODEL} --data {DATA} --metric acuracy",
    f"eval {MODEL} --data {DATA} --task clasification",
    f"eval {MODEL} --data {DATA} --output nothing",
    f"eval {MODEL} --data {DATA} --slice nothing",
    f"eval {MODEL} --data {DATA} --threshold high",
    f"diff {MODEL}",
    f"diff {MODEL} nowhere.onnx",
    f"diff {MODEL} broken.onnx",
    f"bench {MODEL}",
    "bench nowhere.onnx --random-inputs",
    f"bench {MODEL} --random-inputs --engine turbo",
    f"compare {RUN}",
    "compare monday.csv nowhere",
    "compare monday.csv no-table.csv",
    "compare monday.csv monday.csv --fail-on regression",
    "compare monday.csv tuesday.csv --fail-on regression",
    "compare monday.csv foreign.csv --fail-on incomparable",
    "compare monday.csv foreign-word.csv",
    "compare monday.csv tuesday.csv --format picture",
    f"profile {MODEL}",
    f"profile {MODEL} --data {DATA} --target nowhere",
    "probe nowhere",
    f"sensitivity {RUN}",
    "sensitivity occupied",
    "explain nowhere",
    "explain small --variant nothing",
    "explain small --level channel",
    "note small",
    "note small words --on nothing",
    "restore small --variant half",
    "restore small --variant nothing --all",
    "restore small --variant half --component nothing:0",
    "verify occupied",
    "verify altered",
    "verify rewritten",
    f"verify small --expect {'0' * 64}",
    "verify small --expect abc",
    "target check nowhere",
    "target add nowhere.invalid --name x/y",
    "runner --target nowhere true",
    "flash verify nowhere.img occupied/letter.txt",
    "flash prepare nowhere.img --target x",
]
"""Command lines; words are separated by spaces."""

WITH_OUTPUT = [
    f"catalog {MODEL}",
    f"catalog {MODEL} --data {DATA} --probes 0",
    "catalog hostile.onnx",
    f"eval {MODEL} {INT8} --data {DATA}",
    f"diff {MODEL} {PRUNED}",
    f"diff {MODEL} {INT8} --data {DATA}",
    "compare monday.csv tuesday.csv",
    "compare monday.csv tuesday.csv --format markdown",
    "compare monday.csv tuesday.csv --format csv",
    "compare monday.csv foreign.csv",
    "target list",
    "sensitivity studies/digits_bytes/run",
]
"""Command lines whose standard output is recorded too, line by line and without durations."""


def command_records(program):
    """Exit codes and messages of all command lines; `verb_answers` has made the run `small`."""
    fixtures.altered(program.work)
    found = {}
    for line in [*WITHOUT_OUTPUT, *WITH_OUTPUT]:
        result = program.run(*line.split(), "--quiet", forecasts="commands.jsonl") if line else program.run()
        # Manifests and ledgers hold times, so hashes of them vary.
        message = DIGEST.sub("<sha256>", result.first_line())
        found[f"paring {line}"] = {"exit code": result.code, "standard error": message}
        if line in WITH_OUTPUT:
            found[f"paring {line}"]["standard output"] = numbered_lines(result.stdout)
    return found


def numbered_lines(text):
    """Lines of a text by their number, so that a difference names its line."""
    lines = enumerate(TIME.sub("<time>", text).splitlines(), start=1)
    return {f"line {place:04}": line.rstrip() for place, line in lines}


def help_texts(program):
    """SHA-256 of the help of the program and of every verb."""
    lines = ["--help", *(f"{verb} --help" for verb in (*VERBS, *NESTED))]
    return {
        f"paring {line}": hashlib.sha256(program.run(*line.split()).stdout.encode()).hexdigest() for line in lines
    }
