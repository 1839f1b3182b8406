"""Tables of measured times, taken once and handed to every later run, so that steps which go by time
decide the same again."""

import json

KEPT = ("protocol.json", "costs/*.json")
"""Files that make a folder the run of its study, with its tables."""

STEP = 0.25
"""How much faster each form or assignment is made than the one before it: beyond any noise."""


def read_tables(run, program):
    """The tables of a run that was measured on this machine, their outcomes made clear."""
    tables = {}
    for path in (path for pattern in KEPT for path in sorted(run.glob(pattern))):
        table = json.loads(program.without_work_path(path.read_text()))
        name = path.relative_to(run).as_posix()
        tables[name] = with_clear_outcome(table) if name.startswith("costs/") else table
    return tables


def with_clear_outcome(table):
    """Sets the speed-ups of a table, so that something is decided and no noise decides it.

    Of the forms of a tune step (`tried`) the last changes most and is made the fastest; of the
    assignments of precisions (`confirmed`) the first is, because the last is float everywhere.
    """
    for measured in (table.get("tried", []), table.get("confirmed", [])[::-1]):
        for place, form in enumerate(measured, start=1):
            value = 1 + STEP * place
            form["speedup"] = {"value": value, "low": value - STEP / 4, "high": value + STEP / 4}
    return table


def write_tables(tables, run, program):
    """Writes tables into a folder that becomes the run."""
    for name, table in tables.items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # In one order, whether the tables were just taken or come out of a record.
        text = json.dumps(table, indent=2, sort_keys=True)
        path.write_text(text.replace("<work>", str(program.work)))
