"""Kinds of models and data that compression tools have got wrong, end to end: a table of verdicts.

Usage: run.py PROGRAM [--only WORD]… [--keep DIR]   (through scripts/cases, which makes the Python)
Ends with 1 if anything is WRONG.
"""

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import kinds_bodies
import kinds_cuts
import kinds_data
import kinds_domains
import kinds_formats
import kinds_layers
import kinds_names
import kinds_operators
import kinds_places
import kinds_readers
from case import Case, Trial
from judge import Row, short, wrong
from program import Program

MODULES = (
    kinds_names,
    kinds_layers,
    kinds_readers,
    kinds_domains,
    kinds_bodies,
    kinds_cuts,
    kinds_formats,
    kinds_places,
    kinds_operators,
    kinds_data,
)


def tried(number, case, program, scratch):
    """All rows of a kind; a fault of the trial itself is a row too."""
    folder = scratch / "models" / f"{number:03d}"
    try:
        if isinstance(case, Case):
            return Trial(case, program, folder).run()
        return list(case(program, folder))
    except Exception as error:
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = f"{type(error).__name__}: {error} ({Path(where.filename).name}:{where.lineno})"
        return [wrong(case.kind, "trial", "", "the trial itself failed", short(text, 300))]


def show(rows, widths):
    for row in rows:
        cells = (row.kind, row.step, row.right, row.found, row.verdict)
        print(
            "  ".join(short(c, w).ljust(w) for c, w in zip(cells, widths, strict=True)).rstrip(),
            flush=True,
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("program", type=Path)
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--keep", type=Path, metavar="DIR")
    asked = parser.parse_args()
    start = time.monotonic()
    scratch = (asked.keep or Path(tempfile.mkdtemp(prefix="paring-cases-"))).resolve()
    scratch.mkdir(parents=True, exist_ok=True)
    program = Program(asked.program.resolve(), scratch)
    cases = [case for module in MODULES for case in module.cases()]
    cases = [c for c in cases if all(word.lower() in c.kind.lower() for word in asked.only)]
    widths, rows = (48, 19, 22, 34, 80), []
    show([Row("kind", "step", "right", "found", "verdict")], widths)
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        found = [pool.submit(tried, k, c, program, scratch) for k, c in enumerate(cases)]
        for one in found:
            rows += one.result()
            show(one.result(), widths)
    if asked.keep:
        (scratch / "rows.json").write_text(json.dumps([vars(row) for row in rows], indent=1))
    bad = [row for row in rows if row.verdict == "WRONG"]
    for row in bad:
        print(
            f"\nWRONG  {row.kind} / {row.step}: {row.found}; right: {row.right}\n       {short(row.detail, 400)}"
        )
    refused = sum(row.verdict.startswith("REFUSED") for row in rows)
    good = len(rows) - refused - len(bad)
    print(
        f"\n{len(cases)} kinds, {len(rows)} rows: {good} ok, {refused} refused for a true reason, "
        f"{len(bad)} WRONG; {time.monotonic() - start:.0f} s"
    )
    if asked.keep is None:
        shutil.rmtree(scratch, ignore_errors=True)
    return 1 if bad else 0


sys.exit(main())
