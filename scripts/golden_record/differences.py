"""What differs between two records, one line a field."""

MOST = 8
"""Lines about one file or command before the rest is only counted."""

LONGEST = 160
"""Characters of a value in a line."""

SECTIONS = {
    "studies": "study",
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
            lines += entry(f"{noun} {name}", old[name], new[name])
    return lines


def entry(title, old, new):
    """Lines about one study or command, at most `MOST` a file."""
    if not (isinstance(old, dict) and isinstance(new, dict)):
        return [f"{title}: {line}" for line in compared("", old, new)]
    lines = []
    for file in sorted(old.keys() | new.keys()):
        if file not in old or file not in new:
            lines.append(f"{title}: {file}: only {'now' if file in new else 'before'}")
            continue
        # A changed entry of a ledger changes the ids of all that follow.
        found = sorted(compared("", old[file], new[file]), key=lambda line: ".entry_id: " in line)
        lines += [f"{title}: {file}: {line}" for line in found[:MOST]]
        if len(found) > MOST:
            lines.append(f"{title}: {file}: and {len(found) - MOST} more fields")
    return lines


def compared(field, old, new):
    """Fields that differ, with both values."""
    if isinstance(old, dict) and isinstance(new, dict):
        for key in sorted(old.keys() | new.keys()):
            within = f"{field}.{key}" if field else key
            if key not in old or key not in new:
                value = shown(old.get(key, new.get(key)))
                yield f"{within}: only {'now' if key in new else 'before'}: {value}"
            else:
                yield from compared(within, old[key], new[key])
    elif isinstance(old, list) and isinstance(new, list):
        yield from compared_lists(field, old, new)
    elif old != new or type(old) is not type(new):
        yield f"{field + ': ' if field else ''}{shown(old)} before, {shown(new)} now"


def compared_lists(field, old, new):
    """Members that one of two lists lacks, where they are texts; else what differs place by place."""
    if all(isinstance(value, str) for value in (*old, *new)) and set(old) != set(new):
        yield from (f"{field} lacks {shown(value)} now" for value in old if value not in set(new))
        yield from (f"{field} has {shown(value)} now" for value in new if value not in set(old))
        return
    if len(old) != len(new):
        yield f"{field}: {len(old)} elements before, {len(new)} now"
    for place, (left, right) in enumerate(zip(old, new)):
        yield from compared(f"{field}[{place}]", left, right)


def shown(value):
    """A value on one line."""
    text = repr(value)
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}…"
