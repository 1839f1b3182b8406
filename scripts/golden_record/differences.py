"""Differences between two records, one line a field."""

MOST = 8
"""Lines about one file or command before the rest is only counted."""

LONGEST = 160
"""Characters of a value in a line."""

SECTIONS = {
    "studies": "study",
    "files": "files of",
    "answers": "answer of",
    "commands": "command",
    "help": "help of",
}
"""Sections of a record, and what an entry of each is called."""


def differences(before, now):
    """Lines that name the study or command, the file, and the field."""
    lines = []
    for section, noun in SECTIONS.items():
        old, new = before.get(section, {}), now.get(section, {})
        for name in sorted(old.keys() | new.keys()):
            if name not in old or name not in new:
                lines.append(f"{noun} {name}: only in the {'new' if name in new else 'old'} record")
                continue
            lines += entry_differences(f"{noun} {name}", old[name], new[name])
    return lines


def entry_differences(title, old, new):
    """Lines about one study or command, at most `MOST` a file."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [f"{title}: {line}" for line in field_differences("", old, new)]
    lines = []
    for file in sorted(old.keys() | new.keys()):
        if file not in old or file not in new:
            lines.append(f"{title}: {file}: only {'now' if file in new else 'before'}")
            continue
        # A changed entry of a ledger changes the ids of all that follow.
        found = sorted(field_differences("", old[file], new[file]), key=lambda line: ".entry_id: " in line)
        lines += [f"{title}: {file}: {line}" for line in found[:MOST]]
        if len(found) > MOST:
            lines.append(f"{title}: {file}: and {len(found) - MOST} more fields")
    return lines


def field_differences(field, old, new):
    """Fields that differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            within = f"{field}.{key}" if field else key
            if key not in old or key not in new:
                value = short_repr(old.get(key, new.get(key)))
                yield f"{within}: only {'now' if key in new else 'before'}: {value}"
            else:
                yield from field_differences(within, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from list_differences(field, old, new)
    elif old != new or type(old) is not type(new):
        yield f"{field + ': ' if field else ''}{short_repr(old)} before, {short_repr(new)} now"


def list_differences(field, old, new):
    """Members that one of two lists of strings lacks; of other lists, differences place by place."""
    if all(isinstance(value, str) for value in (*old, *new)) and set(old) != set(new):
        where = f"{field}: " if field else ""
        yield from (f"{where}{short_repr(value)} only before" for value in sorted(set(old) - set(new)))
        yield from (f"{where}{short_repr(value)} only now" for value in sorted(set(new) - set(old)))
        return
    if len(old) != len(new):
        yield f"{field}: {len(old)} elements before, {len(new)} now"
    for place, (left, right) in enumerate(zip(old, new)):
        yield from field_differences(f"{field}[{place}]", left, right)


def short_repr(value):
    """A value on one line."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
