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


def cell(cells, column):
    """One cell of the table: the verb and what follows from it."""
    own = {k: c for k, c in cells.items() if k == column or k.startswith(f"{column}/")}
    if not own:
        return ""
    worst = next((c for c in own.values() if c["verdict"] == "FAULT"), own.get(column))
    if worst["verdict"] == "FAULT":
        return "**FAULT**"
    if worst["verdict"] == "refused":
        return "refused"
    if "sqnr_db" in worst:
        return f"ok, {min(worst['sqnr_db'], 999):.0f} dB" if worst["sqnr_db"] < 200 else "ok, same"
    return "ok"


def table(rows):
    head = ["model", "package", "params", "opset", *COLUMNS]
    lines = ["| " + " | ".join(head) + " |", "| --- " * len(head) + "|"]
    for row in rows:
        if "prepare" in row["cells"]:
            cells = ["no answers in ONNX Runtime"] + [""] * (len(COLUMNS) - 1)
        else:
            cells = [cell(row["cells"], column) for column in COLUMNS]
        params = f"{row['params'] / 1e6:.2f} M"
        lines.append("| " + " | ".join([row["name"], row["package"], params, str(row["opset"]), *cells]) + " |")
    return "\n".join(lines)


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
