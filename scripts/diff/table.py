"""Runs `paring diff` on tampered models and on rewritten ones, and prints what it says of them.

Called by scripts/diff-table, which makes the environment."""

import json
import logging
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import onnx

from rewrites import made
from tamperings import tampered

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = [ROOT / "examples/digits", ROOT / "../shared/data/zoo", ROOT / "../shared/data/mlperf-tiny"]


def verdict(paring, base, variant):
    """The verdict and the conclusion."""
    command = [paring, "diff", base, variant, "--json"]
    answer = subprocess.run(command, capture_output=True, text=True, timeout=600)
    if answer.returncode:
        return "error", [answer.stderr.strip()]
    found = json.loads(answer.stdout)
    return found["verdict"], found["conclusion"]


def runs(path):
    """Whether a model is one that ONNX Runtime takes."""
    import onnxruntime as ort

    try:
        ort.InferenceSession(path, providers=["CPUExecutionProvider"])
        return True
    except Exception:
        return False


def tamperings(paring, models, folder, say):
    told = Counter()
    for base in models:
        for name, model in tampered(onnx.load(base)):
            variant = folder / "tampered.onnx"
            onnx.save(model, variant)
            if not runs(variant):
                continue
            found, lines = verdict(paring, base, variant)
            told[found] += 1
            say(found, base.stem, name, lines)
    return told


def right(expected, found, lines):
    """Whether a rewritten model is told as what it is."""
    if expected == "same":
        return found in ("identical", "same_function")
    wrong = ("pruned", "weights changed", "layers", "operators changed", "data flow", "not explained")
    return found == "changed" and lines[0].startswith("quantized") and not any(l.startswith(wrong) for l in lines)


def rewrites(paring, models, folder, say):
    told = {}
    for base in models:
        for name, expected, variant, refused in made(base, folder / base.stem):
            if refused:
                print(f"left out: {name} of {base.stem}: {refused}", file=sys.stderr)
                continue
            found, lines = verdict(paring, base, variant)
            fits = right(expected, found, lines)
            told.setdefault(name, Counter())[fits] += 1
            say("right" if fits else "WRONG", base.stem, name, lines)
    return told


def main():
    logging.disable(logging.WARNING)
    paring, listed = sys.argv[1], "--list" in sys.argv
    models = []
    for folder in FOLDERS:
        found = sorted(folder.glob("*.onnx"))
        models += found
        if not found:
            print(f"skipped: {folder.name} is not there", file=sys.stderr)

    def say(found, model, name, lines):
        if listed or found in ("WRONG", "identical", "same_function", "error"):
            print(f"{found:14} {model}: {name}: {' | '.join(lines)[:400]}", flush=True)

    with tempfile.TemporaryDirectory() as folder:
        told = tamperings(paring, models, Path(folder), say)
        same = rewrites(paring, models, Path(folder), say)
    count = sum(told.values())
    print(f"\n| {count} tampered models | told as |\n| --- | ---: |")
    for name in ("changed", "not_explained", "same_function", "identical", "error"):
        print(f"| {name} | {told[name]} |")
    print("\n| rewritten by | pairs | told as what they are |\n| --- | ---: | ---: |")
    for name, counts in same.items():
        print(f"| {name} | {sum(counts.values())} | {counts[True]} |")
    everything = sum((Counter(c) for c in same.values()), Counter())
    total = sum(everything.values())
    print(f"| all | {total} | {everything[True]} ({100 * everything[True] / max(total, 1):.0f} %) |")


main()
