"""The program under trial: its verbs, the studies it is given, and the files it leaves.

Owns command lines and run directories; judges nothing.
"""

import json
import os
import re
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

STEPS = {
    "prune l1": '{ prune = "channels", ratio = 0.5, criterion = "l1", recover = "none" }',
    "prune l2": '{ prune = "channels", ratio = 0.5, criterion = "l2", recover = "none" }',
    "prune random": '{ prune = "channels", ratio = 0.5, criterion = "random", recover = "none" }',
    "prune wanda": '{ prune = "channels", ratio = 0.5, criterion = "wanda", recover = "none" }',
    "prune activation": '{ prune = "channels", ratio = 0.5, criterion = "activation", recover = "none" }',
    "prune obs": '{ prune = "channels", ratio = 0.5, criterion = "obs", recover = "none" }',
    "prune obs+ls": '{ prune = "channels", ratio = 0.5, criterion = "obs", recover = "least-squares" }',
    "int8": '{ quantize = "int8", calibration = "minmax", per = "tensor" }',
    "int8 channel": '{ quantize = "int8", calibration = "minmax", per = "channel" }',
    "dynamic": '{ quantize = "int8-dynamic", per = "tensor" }',
    "dynamic channel": '{ quantize = "int8-dynamic", per = "channel" }',
    "weights": '{ quantize = "int8-weights", per = "tensor" }',
    "weights channel": '{ quantize = "int8-weights", per = "channel" }',
    "int4": '{ quantize = "int4-weights" }',
    "qdq": '{ quantize = "int8", calibration = "minmax", per = "tensor", form = "qdq" }',
    "qdq channel": '{ quantize = "int8", calibration = "minmax", per = "channel", form = "qdq" }',
    "prune, int8": '{ prune = "channels", ratio = 0.5, criterion = "l1" }, { quantize = "int8", per = "tensor" }',
    "gptq": '{ quantize = "int8", per = "channel", round = "gptq", correct = true }',
}

STUDY = """
[study]
name = "case"
owner = "scripts/cases"
[model]
path = "{model}"
{model_keys}
[task]
{task}
[data]
path = "{data}"
splits = {{ calibrate = 0.8, select = 0.1, report = 0.1, seed = 7 }}
[protocol]
blocks = 2
solo_ms = 20
paired_ms = 20
probes = 0
{variants}
[[target]]
name = "host"
"""


@dataclass
class Answer:
    """What one call left: exit code and words."""

    code: int
    out: str
    err: str

    @property
    def words(self):
        """The last line of what it said, errors first."""
        lines = (self.err.strip() or self.out.strip()).splitlines()
        return lines[-1] if lines else ""

    @property
    def panicked(self):
        return self.code not in (0, 2, 3, 4, 5) or "panicked at" in self.err


@dataclass
class Made:
    """One variant: its file, or why there is none."""

    step: str
    name: str
    run: Path = None
    file: Path = None
    reason: str = ""
    code: int = 0
    record: dict = field(default_factory=dict)
    filed: list = field(default_factory=list)

    @property
    def removed(self):
        """Original indices that went, by `initializer@axis`, with the width before."""
        return self.record.get("origins", {})

    @property
    def left_alone(self):
        """Reasons why parts stayed as they were."""
        given = self.record.get("refusals", []) + self.filed
        return [f"{r['what']}: {r['reason']}" for r in given]

    @property
    def all_reasons(self):
        """What was said of a variant that was not made, and what the ledger adds to it."""
        unsaid = [r for r in self.left_alone if r.split(": ", 1)[1] not in self.reason]
        return "; ledger: ".join([self.reason, *unsaid])


class Program:
    """A binary, with folders of its own for configuration and data."""

    def __init__(self, path, scratch):
        self.path, self.scratch = str(path), Path(scratch)

    def __call__(self, *words, cwd=None, timeout=120):
        home = {
            "XDG_CONFIG_HOME": str(self.scratch / "config"),
            "XDG_DATA_HOME": str(self.scratch / "data"),
            "PARING_FORECASTS": str(self.scratch / "forecasts.jsonl"),
        }
        command = [self.path, *map(str, words)]
        try:
            done = subprocess.run(
                command,
                cwd=cwd,
                capture_output=True,
                text=True,
                timeout=timeout,
                env={**os.environ, **home},
            )
        except subprocess.TimeoutExpired:
            return Answer(-1, "", f"no answer within {timeout} s")
        return Answer(done.returncode, done.stdout, done.stderr)

    def compress(self, folder, steps, task, model_keys="", data="data.npz", model="model.onnx"):
        """Makes one variant a step: all in one study, and each in its own where that fails whole."""
        made = self._study(folder, steps, task, model_keys, data, model, "all")
        if made is not None:
            return made
        each = {}
        for position, step in enumerate(steps):
            arguments = (folder, [step], task, model_keys, data, model, f"only-{position}")
            each.update(self._study(*arguments, alone=True))
        return each

    def _study(self, folder, steps, task, model_keys, data, model, stem, alone=False):
        names = {step: slug(step) for step in steps}
        variants = "".join(
            f'[[variant]]\nname = "{name}"\nsteps = [{STEPS[step]}]\n'
            for step, name in names.items()
        )
        text = STUDY.format(
            model=model, model_keys=model_keys, task=task, data=data, variants=variants
        )
        study = folder / f"{stem}.toml"
        study.write_text(text)
        run = self.scratch / "runs" / folder.name / stem
        answer = self("compress", study.name, "--json", "--quiet", "--out", run, cwd=folder)
        try:
            said = json.loads(answer.out)
        except ValueError:
            if not alone:
                return None
            [(step, name)] = names.items()
            return {step: Made(step, name, run, reason=answer.words, code=answer.code)}
        return {step: self._made(step, name, run, said, answer) for step, name in names.items()}

    @staticmethod
    def _made(step, name, run, said, answer):
        for record in said["variants"]:
            if record["name"] == name:
                return Made(step, name, run, run / "variants" / record["file"], record=record)
        reason = dict(map(tuple, said["not_made"])).get(name, answer.words)
        entries = [body for body in read_ledger(run) if body.get("variant") == name]
        filed = [r for body in entries for r in body.get("refusals", [])]
        return Made(step, name, run, reason=reason, code=answer.code, filed=filed)


def slug(step):
    return re.sub(r"[^a-z0-9]+", "-", step)


def read_safetensors(path):
    """All arrays of a file, by name."""
    raw = Path(path).read_bytes()
    size = int.from_bytes(raw[:8], "little")
    types = {"F32": "<f4", "F64": "<f8", "I64": "<i8", "U8": "u1", "BOOL": "?"}
    arrays = {}
    for name, entry in json.loads(raw[8 : 8 + size]).items():
        if name == "__metadata__":
            continue
        start, end = (8 + size + offset for offset in entry["data_offsets"])
        flat = np.frombuffer(raw[start:end], types[entry["dtype"]])
        arrays[name] = flat.reshape(entry["shape"])
    return arrays


def read_ledger(run):
    """Bodies of all entries."""
    lines = (run / "ledger.jsonl").read_text().splitlines()
    return [json.loads(line)["body"] for line in lines]
