"""Tables of measured times, taken once and handed to every later run, so that steps which go by time
decide the same again."""

import json

KEPT = ("protocol.json", "costs/*.json")
"""Files that make a folder the run of its study, with its tables."""

STEP = 0.25
"""How much faster each form or assignment is made than the one before it: beyond any noise."""


def taken(run, program):
    """The tables of a run that was measured on this machine, their outcomes made clear.

    Which form of a model is fastest may change with the load of the machine; the last one that was
    tried is made the fastest, so that something is decided, and the same everywhere.
    """
    files = [path for pattern in KEPT for path in sorted(run.glob(pattern))]
    tables = {}
    for path in files:
        text = program.without_place(path.read_text())
        name = path.relative_to(run).as_posix()
        tables[name] = decided(json.loads(text)) if name.startswith("costs/") else json.loads(text)
    return tables


def decided(table):
    """Sets the speed-ups of forms (`tried`) and of assignments (`confirmed`)."""
    for measured in (table.get("tried", []), table.get("confirmed", [])):
        for place, form in enumerate(measured, start=1):
            value = 1 + STEP * place
            form["speedup"] = {"value": value, "low": value - STEP / 4, "high": value + STEP / 4}
    return table


def handed(tables, run, program):
    """Writes tables into a folder that becomes the run."""
    for name, table in tables.items():
        path = run / name
        path.parent.mkdir(parents=True, exist_ok=True)
        # In one order, whether the tables were just taken or come out of a record.
        text = json.dumps(table, indent=2, sort_keys=True)
        path.write_text(text.replace("<work>", str(program.work)))
