"""Runs every verb on one model and holds each variant against ONNX Runtime."""

import json
import resource
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
from inputs import made
from reference import DTYPES, answers, decibels, first_line, problem, session, unsigned
from safetensors.numpy import load_file

SECONDS, BYTES = 600, 6 << 30
STEPS = {
    "l1": '{ prune = "channels", ratio = 0.25, criterion = "l1" }',
    "obs": '{ prune = "channels", ratio = 0.25, criterion = "obs", recover = "least-squares" }',
    "int8": '{ quantize = "int8" }',
    "int8-channel": '{ quantize = "int8", per = "channel" }',
    "int8-dynamic": '{ quantize = "int8-dynamic" }',
    "int8-weights": '{ quantize = "int8-weights" }',
    "int4-weights": '{ quantize = "int4-weights" }',
}
STUDY = """[study]
name = "real"
owner = "scripts/real-models"
[model]
path = {model}
[task]
kind = {task}
{output}
[data]
path = {data}
splits = {{ calibrate = 0.5, select = 0.0, report = 0.5, seed = 7 }}
[protocol]
probes = 0
[[variant]]
name = {name}
steps = [{step}]
"""
# What the engine says of a file that it cannot take; of a variant that is no reason to refuse.
ENGINE = ("Translating node", "ToTypedTranslator", "analyse ", "optimise ", "Failed analyse", "is not plain")
# Engines may differ by rounding: relative to the largest answer, and with integers, of which some
# round to the other side, in decibels; where these say little, by less than quantization itself.
FLOAT, INTEGER = 1e-3, 30.0


def limited():
    resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))


def ran(command):
    """Exit code, standard output, error text and seconds of a command under the limits."""
    begun = time.monotonic()
    child = subprocess.Popen(
        list(map(str, command)),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=limited,
    )
    try:
        out, err = child.communicate(timeout=SECONDS)
        code = child.returncode
    except subprocess.TimeoutExpired:
        child.kill()
        out, err = child.communicate()
        code = "timeout"
    seconds = round(time.monotonic() - begun, 1)
    return {"code": code, "out": out, "err": err.strip(), "seconds": seconds}


def verdict(done):
    """A verb's cell: ok, refused with its reason, or FAULT."""
    cell = {"seconds": done["seconds"]}
    lines = [line for line in done["err"].splitlines() if line.strip()]
    if done["code"] == 0:
        return {**cell, "verdict": "ok"}
    said = next((l for l in lines if l.startswith(("error", "paring:"))), lines[-1] if lines else "")
    if done["code"] == 2 and "panicked" not in done["err"]:
        return {**cell, "verdict": "refused", "reason": said}
    if done["code"] == "timeout":
        said = f"longer than {SECONDS} s"
    panic = next((" ".join(lines[i : i + 2]) for i, l in enumerate(lines) if "panicked" in l), said)
    return {**cell, "verdict": "FAULT", "reason": f"exit {done['code']}: {panic}"}


class Model:
    """One model in a folder of its own."""

    def __init__(self, entry, paring, folder):
        self.entry, self.paring, self.folder = entry, paring, folder
        self.path, self.data = Path(entry["path"]), folder / "data.npz"
        self.cells = {}

    def prepare(self):
        """Inputs, and the model's own answers as the labels; the answers that are to be met."""
        running = session(self.path)
        self.output = self.entry.get("output") or running.get_outputs()[0].name
        several = len(running.get_outputs()) > 1
        self.choice = ["--output", self.output] if several else []
        self.task = self.entry.get("task", "regression")
        count = self.entry.get("samples", 24)
        draw = np.random.default_rng(5)
        given, self.arrays, self.whole = self.entry.get("inputs", {}), {}, set()
        for wanted in running.get_inputs():
            guessed = {"kind": "normal" if "float" in wanted.type else "tokens:2"}
            guessed["shape"] = [d if isinstance(d, int) else 8 for d in wanted.shape[1:]]
            how = given.get(wanted.name, given.get("*", guessed))
            shape = [count, *how["shape"]]
            self.arrays[wanted.name] = made(draw, how["kind"], shape, DTYPES[wanted.type])
            self.whole |= {wanted.name} if how.get("whole") else set()
        self.expected = answers(unsigned(self.path), self.arrays, self.whole, self.output)
        self.full_check = problem(self.path, True) is None
        labels = self.expected
        if self.task == "classification":
            flat = labels.reshape(len(labels), -1)
            labels = flat.argmax(axis=1) if flat.shape[1] > 1 else (flat[:, 0] >= 0.5)
            labels = labels.astype(np.int64)
        np.savez(self.data, **self.arrays, labels=labels)

    def cell(self, verb, *arguments):
        done = ran([self.paring, *arguments])
        found = self.cells[verb] = verdict(done)
        runs = self.cells.get("eval", {}).get("verdict") == "ok"
        if runs and found["verdict"] == "refused" and any(words in found["reason"] for words in ENGINE):
            found["verdict"] = "FAULT"
        (self.folder / f"{verb}.err").write_text(done["err"])
        return done

    def fault(self, verb, reason):
        self.cells[verb] |= {"verdict": "FAULT", "reason": reason}

    def run(self):
        self.cell("catalog", "catalog", self.path, "--json")
        if "give --dims" in self.cells["catalog"].get("reason", ""):
            self.cell("catalog", "catalog", self.path, "--json", "--dims", self.sizes_of_dims())
        done = self.cell("catalog-data", "catalog", self.path, "--data", self.data, "--probes", "0", "--json")
        if done["code"] == 0:
            self.sizes(json.loads(done["out"]))
        extra = ["--data", self.data, "--task", self.task, *self.choice]
        self.cell("eval", "eval", self.path, *extra, "--predictions", self.folder / "own")
        if self.cells["eval"]["verdict"] == "ok":
            self.same("eval", self.path, self.folder / "own", self.expected, None)
        for name, step in STEPS.items():
            self.variant(name, step, extra)

    def sizes_of_dims(self):
        """Sizes of all dimensions that have none in the file, as `--dims` takes them."""
        sizes = {}
        for wanted in session(self.path).get_inputs():
            array = self.arrays[wanted.name]
            shape = array.shape[1:] if wanted.name in self.whole else array.shape
            for axis, (dim, size) in enumerate(zip(wanted.shape, shape)):
                if not isinstance(dim, int) and axis > 0:
                    sizes[dim or f"{wanted.name}:{axis}"] = size
        return ",".join(f"{name}={size}" for name, size in sizes.items())

    def sizes(self, catalog):
        couplings = catalog.get("couplings", [])
        self.cells["catalog-data"]["couplings"] = len(couplings)
        self.cells["catalog-data"]["refused"] = len(catalog.get("refused", []))

    def variant(self, name, step, extra):
        study, run = self.folder / f"{name}.toml", self.folder / name
        output = f"output = {json.dumps(self.output)}" if self.choice else ""
        text = {"model": json.dumps(str(self.path)), "data": json.dumps(str(self.data)), "step": step}
        text |= {"task": json.dumps(self.task), "name": json.dumps(name), "output": output}
        study.write_text(STUDY.format(**text))
        done = self.cell(name, "compress", study, "--out", run, "--json", "--quiet")
        (self.folder / f"{name}.json").write_text(done["out"])
        if done["code"] != 0:
            return
        record = json.loads(done["out"])["variants"][1]
        file, base = run / "variants" / record["file"], run / "variants" / "baseline.onnx"
        gone = [c for ids in record["components_removed"].values() for c in ids]
        self.cells[name] |= {"removed": len(gone), "precision": record["precision_mix"]}
        self.cells[name]["left"] = len(record["refusals"])
        self.hold(name, file, extra)
        self.cell(f"{name}/all", "restore", run, "--variant", name, "--all")
        if gone:
            self.cell(f"{name}/component", "restore", run, "--variant", name, "--component", gone[0])
        self.cell(f"{name}/diff", "diff", base, file, "--data", self.data, "--json")

    def hold(self, name, file, extra):
        found = problem(file, self.full_check)
        if found:
            return self.fault(name, found)
        own = self.folder / f"{name}-answers"
        self.cell(f"{name}/eval", "eval", self.path, file, *extra, "--predictions", own)
        if self.cells[f"{name}/eval"]["verdict"] != "ok":
            return None
        try:
            exact = unsigned(file)
            there = answers(exact, self.arrays, self.whole, self.output)
            if exact is not file:
                plain = answers(file, self.arrays, self.whole, self.output)
                self.cells[name]["as_it_is_db"] = round(decibels(there, plain), 1)
        except Exception as error:
            return self.fault(name, f"ONNX Runtime: {first_line(error)}")
        self.cells[name]["sqnr_db"] = round(decibels(self.expected, there), 1)
        integers = None if name in ("l1", "obs") else INTEGER
        return self.same(name, file, own, there, integers)

    def same(self, verb, file, own, expected, integers):
        """Holds the engine's answers against ONNX Runtime's."""
        found = load_file(own / f"{file.stem}.scores.safetensors")
        values = found["values"]
        expected = expected.reshape(len(values), -1)
        if values.shape[1] == 2 and expected.shape[1] == 1:
            values = values[:, 1:]
        # Of a model that pruning has broken the answers may be rounding alone.
        largest = max(float(np.abs(expected).max()), float(np.abs(self.expected).max())) or 1.0
        apart, alike = float(np.abs(values - expected).max()) / largest, decibels(expected, values)
        self.cells[verb] |= {"apart": float(f"{apart:.2g}"), "engines_db": round(alike, 1)}
        noise = self.cells[verb].get("sqnr_db", integers)
        if not (apart <= FLOAT or (integers is not None and alike >= min(integers, noise + 3))):
            self.fault(verb, f"engine and ONNX Runtime differ by {apart:.2g} of the largest answer, {alike:.0f} dB")


def examined(entry, paring, folder):
    """All cells of one model."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    model = Model(entry, paring, folder)
    try:
        model.prepare()
    except Exception as error:
        reason = f"ONNX Runtime cannot answer: {first_line(error)}"
        return {"prepare": {"verdict": "refused", "reason": reason}}
    model.run()
    return model.cells
