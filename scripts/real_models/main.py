"""All models through all verbs, and the table of what came of it."""

import argparse
import json
import math
import sys
from pathlib import Path

import numpy as np
import onnx
from fetch import models
from verbs import STEPS, examined

COLUMNS = ["catalog", "catalog-data", "eval", *STEPS]


def described(path):
    """Parameters and opset of a model."""
    model = onnx.load(str(path), load_external_data=False)
    sizes = [math.prod(t.dims) for t in model.graph.initializer]
    sizes += [
        math.prod(a.t.dims) for n in model.graph.node if n.op_type == "Constant" for a in n.attribute if a.name == "value"
    ]
    opset = next(o.version for o in model.opset_import if o.domain in ("", "ai.onnx"))
    return {"params": int(np.sum(sizes)), "opset": opset}


# What a refusal says, as far as the table tells; the rest of the message names layers and files.
REASONS = [
    ("give --dims", "its shapes depend on sizes that `--dims` or data must give"),
    ("four-bit weights exist for matrix products alone", "it has no product with stored weights for four bits to go into"),
    ("cannot split four-bit weights", "the engine splits products behind a concatenation, and four-bit weights cannot be split"),
    ("has inputs; four-bit", "four-bit weights go by 32 inputs"),
    ("IfThenElse", "the engine cannot run an If whose branches give different shapes"),
    ("Attempt to squeeze", "the engine infers shapes of a branch that is never taken, and fails"),
    ("EmbedLayerNormalization", "the engine has no EmbedLayerNormalization of com.microsoft"),
    ("expected attribute 'axes'", "the engine has no Squeeze without axes"),
    ("cannot judge it", "what reads the prunable layers are states, which a criterion by data cannot weigh"),
    ("nothing to prune", "no layer can lose channels by this criterion: they feed outputs, states, sums or means over channels, reshapes of several axes, or operators without a rule"),
]


def short(reason):
    """A refusal's kind, or the message without paths."""
    for words, kind in REASONS:
        if words in reason:
            return kind
    words = [word.rsplit("/", 1)[-1] if word.startswith("/") else word for word in reason.split()]
    return " ".join(words).removeprefix("paring: ")


def cell(cells, column, notes):
    """One cell of the table: the verb and what follows from it."""
    own = {k: c for k, c in cells.items() if k == column or k.startswith(f"{column}/")}
    if not own:
        return ""
    worst = next((c for v in ("FAULT", "refused") for c in own.values() if c["verdict"] == v), own.get(column))
    if worst["verdict"] == "FAULT":
        return "**FAULT**"
    if worst["verdict"] == "refused":
        return f"({notes.setdefault(short(worst['reason']), len(notes) + 1)})"
    decibel = worst.get("sqnr_db")
    return "ok" if decibel is None else "same" if decibel > 150 else f"{decibel:.0f} dB"


def table(rows):
    head = ["model", "package", "M params", "opset", *COLUMNS]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    notes = {}
    for row in rows:
        if "prepare" in row["cells"]:
            note = notes.setdefault(short(row["cells"]["prepare"]["reason"]), len(notes) + 1)
            cells = [f"({note})"] * len(COLUMNS)
        else:
            cells = [cell(row["cells"], column, notes) for column in COLUMNS]
        package = row["package"].replace("==", " ")
        lines.append("| " + " | ".join([row["name"], package, f"{row['params'] / 1e6:.2f}", str(row["opset"]), *cells]) + " |")
    notes = [f"({number}) {kind}" for kind, number in notes.items()]
    return "\n".join(lines) + "\n\n" + "; ".join(notes)


def reasons(rows):
    """Every refusal and fault once, with the models and verbs that meet it."""
    found = {}
    for row in rows:
        for verb, one in row["cells"].items():
            if one["verdict"] != "ok":
                found.setdefault((one["verdict"], one["reason"]), []).append(f"{row['name']}:{verb}")
    return [f"{verdict} {', '.join(where)}: {reason}" for (verdict, reason), where in sorted(found.items())]


def main():
    ask = argparse.ArgumentParser()
    ask.add_argument("--paring", type=Path, required=True)
    ask.add_argument("--cache", type=Path, required=True)
    ask.add_argument("--shared", type=Path, required=True)
    ask.add_argument("--out", type=Path, required=True)
    ask.add_argument("--only", default="", help="models whose name has this part")
    ask.add_argument("--keep", action="store_true", help="keep what an earlier call found in the folder")
    given = ask.parse_args()
    rows = []
    for entry in models(given.cache / "packages", given.shared):
        if not any(part in entry["name"] for part in given.only.split(",")):
            continue
        result = given.out / f"{entry['name']}.json"
        if given.keep and result.exists():
            rows.append(json.loads(result.read_text()))
            continue
        cells = examined(entry, given.paring, given.out / entry["name"])
        row = {"name": entry["name"], "package": entry["package"], **described(entry["path"]), "cells": cells}
        result.write_text(json.dumps(row, indent=1))
        rows.append(row)
        counts = [sum(c["verdict"] == v for c in cells.values()) for v in ("ok", "refused", "FAULT")]
        print(f"{entry['name']:<24} ok {counts[0]}, refused {counts[1]}, faults {counts[2]}", flush=True)
    text = table(rows) + "\n\n" + "\n".join(reasons(rows)) + "\n"
    (given.out / "table.md").write_text(text)
    print(text)
    sys.exit(any(c["verdict"] == "FAULT" for row in rows for c in row["cells"].values()))


main()
