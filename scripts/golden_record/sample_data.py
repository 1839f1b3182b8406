"""Seeded samples for models that come without data, written as .npz files."""

import math
import random
import re
import struct
import zipfile

FORMATS = {
    "float32": ("<f4", "f"),
    "float64": ("<f8", "d"),
    "int64": ("<i8", "q"),
    "int32": ("<i4", "i"),
    "int8": ("|i1", "b"),
    "uint8": ("|u1", "B"),
}
"""numpy's name and `struct`'s letter of an element type."""

INPUT = re.compile(r"^# +`(?P<name>[^`]+)` (?P<type>\w+) \[(?P<shape>[^\]]*)\]$", re.MULTILINE)
"""An input as `paring init` lists it in the study that it writes."""

TOKENS = 64
"""Values of an integer input are below it: every vocabulary has as many."""


def inputs(study_text):
    """Name, element type and shape of one sample of every input that `paring init` listed."""
    found = []
    for match in INPUT.finditer(study_text):
        first, *rest = (part.strip() for part in match["shape"].split(","))
        if any(not size.isdigit() for size in rest):
            raise ValueError(f"input {match['name']} has free sizes: {match['shape']}")
        found.append((match["name"], match["type"], [int(size) for size in rest]))
    return found


def npy_bytes(kind, shape, values):
    """Bytes of an .npy file, format 1.0."""
    described, letter = FORMATS[kind]
    size = "".join(f"{n}, " for n in shape)
    header = f"{{'descr': '{described}', 'fortran_order': False, 'shape': ({size}), }}"
    header += " " * (-(len(header) + 11) % 64) + "\n"
    start = b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header.encode()
    return start + struct.pack(f"<{len(values)}{letter}", *values)


def input_values(draw, name, kind, sample, count):
    """Values of an input: normal numbers, tokens, or a mask that covers a prefix."""
    size = math.prod(sample)
    if kind.startswith("float"):
        return [draw.gauss(0, 1) for _ in range(count * size)]
    if "mask" in name:
        covered = [draw.randint(size // 2, size) for _ in range(count)]
        return [int(place < end) for end in covered for place in range(size)]
    return [draw.randrange(1, TOKENS) for _ in range(count * size)]


def label_values(draw, task, count):
    """Labels of a task: element type, shape and values; none without a task."""
    match task:
        case None:
            return None
        case ("class", classes):
            return "int64", [count], [draw.randrange(classes) for _ in range(count)]
        case ("targets", width):
            return "float32", [count, width], [draw.gauss(0, 1) for _ in range(count * width)]
        case ("marks", *shape, classes):
            size = count * math.prod(shape)
            return "int64", [count, *shape], [draw.randrange(classes) for _ in range(size)]
    raise ValueError(f"unknown labels: {task}")


def write(path, study_text, task, count):
    """Writes `count` samples of every input, labels of the task, slices and groups."""
    draw = random.Random(f"{path.name} {count}")
    arrays = {
        name: (kind, [count, *sample], input_values(draw, name, kind, sample, count))
        for name, kind, sample in inputs(study_text)
    }
    if not arrays:
        raise ValueError("paring init listed no inputs")
    labels = label_values(draw, task, count)
    if labels:
        arrays["labels"] = labels
    arrays["third"] = "int64", [count], [sample % 3 for sample in range(count)]
    arrays["speaker"] = "int64", [count], [sample // 2 for sample in range(count)]
    with zipfile.ZipFile(path, "w") as archive:
        for name, parts in arrays.items():
            # A fixed date: the same samples are the same bytes.
            entry = zipfile.ZipInfo(f"{name}.npy", (1980, 1, 1, 0, 0, 0))
            archive.writestr(entry, npy_bytes(*parts))
