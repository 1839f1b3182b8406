"""A kind on trial: one model, the steps that it goes through, and what is right for each.

Owns the course of a case, from the files it needs to the rows it prints.
"""

import json
import threading
from dataclasses import dataclass, field

import numpy as np
import onnx

from judge import (
    EXACT,
    answers,
    gap,
    invalid,
    narrow_weights,
    ok,
    refused,
    short,
    sqnr,
    wrong,
    zeroed,
)
from program import read_ledger, read_safetensors, slug

ALL = (
    "prune l1",
    "prune obs+ls",
    "int8",
    "int8 channel",
    "dynamic",
    "weights channel",
    "int4",
    "qdq",
)
SURGERY = ("prune l1", "prune wanda", "prune activation", "prune obs")
INTEGER = ("int8", "int8 channel", "dynamic", "weights channel", "qdq")


@dataclass
class Case:
    """A model of one kind.

    `twin` computes the same with ordinary means; what a step does to it is what it must do to the
    model. `refusable` says, by step or verb (`*`: any), the pattern that a true refusal's reason
    matches; without an entry a refusal is wrong. `dead` says that half of the channels are zero, so
    that half can go without any change. `readers` are `(producer@axis, reader, axis, zero)` of
    models in which nothing is dead, for the reference with zeros written into the readers.
    """

    kind: str
    model: onnx.ModelProto
    feeds: dict
    twin: onnx.ModelProto = None
    steps: tuple = ALL
    refusable: dict = field(default_factory=dict)
    dead: bool = False
    readers: tuple = ()
    margin_db: float = 3.0
    floor_db: float = 20.0
    task: str = 'scores = "logits"'
    output: str = ""
    model_keys: str = ""
    batch: int = None
    verbs: tuple = ("catalog", "eval", "restore", "diff")
    place: object = None
    verbs_read_data: bool = False

    def truth(self, what):
        return self.refusable.get(what, self.refusable.get("*"))


_twins, _twin_lock = {}, threading.Lock()


class Trial:
    """A case under way in a folder of its own."""

    def __init__(self, case, program, folder):
        self.case, self.program, self.folder = case, program, folder
        self.rows = []

    def run(self):
        self.write(self.folder, self.case.model, self.case.place)
        self.base = answers(self.folder / "model.onnx", self.case.feeds, self.case.batch)
        self.write_data(self.folder)
        case = self.case
        arguments = (case.steps, case.task + self.named_output(), case.model_keys)
        self.made = self.program.compress(self.folder, *arguments) if case.steps else {}
        twins = self.twin_results(arguments)
        self.good = []
        for step, made in self.made.items():
            self.rows.append(self.judged(step, made, twins.get(step)))
        for verb in case.verbs:
            self.rows.append(getattr(self, verb)())
        return self.rows

    def named_output(self):
        return f'\noutput = "{self.case.output}"' if self.case.output else ""

    @staticmethod
    def write(folder, model, place=None):
        folder.mkdir(parents=True, exist_ok=True)
        if place:
            place(model, folder)
        else:
            onnx.save(model, folder / "model.onnx")

    def write_data(self, folder):
        names = [o.name for o in self.case.model.graph.output]
        scores = self.base[names.index(self.case.output) if self.case.output else 0]
        labels = scores.reshape(len(scores), -1).argmax(1).astype(np.int64)
        np.savez(folder / "data.npz", labels=labels, **self.case.feeds)

    def twin_results(self, arguments):
        """What each step does to the twin: dB, narrow weights and removed components."""
        if self.case.twin is None or not self.case.steps:
            return {}
        key = (self.case.twin.SerializeToString(), self.case.steps, arguments[1])
        with _twin_lock:
            found = _twins.setdefault(key, {"lock": threading.Lock()})
        with found["lock"]:
            if "results" not in found:
                found["results"] = self.try_twin(arguments)
        return found["results"]

    def try_twin(self, arguments):
        folder = self.folder.with_name(self.folder.name + "-twin")
        self.write(folder, self.case.twin)
        base = answers(folder / "model.onnx", self.case.feeds, self.case.batch)
        if gap(self.base, base) > 1e-4:
            raise AssertionError(f"{self.case.kind}: the twin computes something else")
        self.write_data(folder)
        results = {}
        for step, made in self.program.compress(folder, *arguments).items():
            if made.file is None or invalid(made.file):
                continue
            found = answers(made.file, self.case.feeds, self.case.batch)
            results[step] = {
                "db": sqnr(base, found),
                "gap": gap(base, found),
                "narrow": narrow_weights(onnx.load(made.file)),
                "found": found,
                "removed": removed_count(made),
            }
        return results

    def judged(self, step, made, twin):
        """The row of one variant."""
        kind, right = self.case.kind, self.right(step, twin)
        if made.file is None:
            if made.code != 2:
                return wrong(kind, step, right, f"exit code {made.code}", made.reason)
            return refused(kind, step, right, made.all_reasons, self.case.truth(step))
        fault = invalid(made.file)
        if fault:
            return wrong(kind, step, right, "invalid file", fault)
        try:
            found = answers(made.file, self.case.feeds, self.case.batch)
            row = self.compared(step, made, twin, found, right)
        except Exception as error:
            return wrong(kind, step, right, "does not run", short(str(error), 300))
        if row.verdict != "WRONG":
            self.good.append((made, found))
        return row

    def right(self, step, twin):
        if is_surgery(step):
            if self.case.dead:
                return f"gap ≤ {EXACT:g}"
            return "gap to zeros ≤ 1e-05" if self.case.readers else "gap to twin ≤ 1e-05"
        floor = self.floor(step, twin)
        return "equal" if np.isinf(floor) else f"≥ {floor:.1f} dB"

    def floor(self, step, twin):
        """Least SQNR: a little below what the twin has, and what its precision gives anyway."""
        floor = 10.0 if step == "int4" else self.case.floor_db
        if "prune" in step and not self.case.dead:
            floor = -np.inf
        return max(twin["db"] - self.case.margin_db, floor) if twin else floor

    def compared(self, step, made, twin, found, right):
        case, reasons = self.case, "; ".join(made.left_alone)
        if is_surgery(step):
            return self.pruned(step, made, twin, found, right)
        db = sqnr(self.base, found)
        shown = "equal" if np.isinf(db) and db > 0 else f"{db:.1f} dB"
        narrow = narrow_weights(onnx.load(made.file)) - narrow_weights(case.model)
        wanted = twin["narrow"] if twin else 1
        shown += f", {narrow} narrow"
        if db < self.floor(step, twin):
            return wrong(case.kind, step, right, shown, reasons)
        if narrow < wanted:
            row = refused(case.kind, step, f"{right}, {wanted} narrow", reasons, case.truth(step))
            row.found = shown
            return row
        return ok(case.kind, step, right, shown)

    def pruned(self, step, made, twin, found, right):
        case, count = self.case, removed_count(made)
        reasons = "; ".join(made.left_alone) or "nothing said"
        if count == 0:
            return refused(case.kind, step, right, f"nothing removed: {reasons}", case.truth(step))
        try:
            distance, bound = self.distance(step, made, twin, found)
        except LookupError as error:
            return wrong(case.kind, step, right, str(error), str(made.removed))
        shown = f"gap {distance:.1e}, {count} removed"
        untrue = untrue_forecast(made, self.base, found)
        if distance > bound or untrue:
            return wrong(case.kind, step, right, shown, untrue or reasons)
        if twin and count < twin["removed"]:
            row = refused(case.kind, step, f"{right}, {twin['removed']}", reasons, case.truth(step))
            row.found = shown
            return row
        return ok(case.kind, step, right, shown)

    def distance(self, step, made, twin, found):
        """Gap to what the variant has to be, and the largest that rounding explains."""
        case = self.case
        # Solving a layer anew is exact up to the damping of its equations.
        bound = 1e-3 if step.endswith("+ls") else EXACT
        if case.dead:
            return gap(self.base, found), bound
        if case.readers:
            reference, touched = zeroed(case.model, case.readers, made.removed)
            if not touched:
                raise LookupError(f"{removed_count(made)} removed elsewhere")
            path = self.folder / f"zeroed-{slug(step)}.onnx"
            onnx.save(reference, path)
            zeros = answers(path, case.feeds, case.batch)
            if step.endswith("+ls"):
                # Recovery may not be worse than zeros.
                return gap(self.base, found), 1.2 * gap(self.base, zeros)
            return gap(zeros, found), bound
        if twin is None:
            raise LookupError("the case names nothing to hold it against")
        if twin["removed"] == removed_count(made):
            return gap(twin["found"], found), bound
        # Less went than from the twin: the reasons are judged instead.
        return gap(self.base, found), np.inf

    def catalog(self):
        words = ["catalog", "model.onnx", "--json", "--quiet"]
        if self.case.verbs_read_data:
            words += ["--data", "data.npz", "--probes", 0]
        answer = self.program(*words, cwd=self.folder)
        if answer.code == 2:
            return refused(
                self.case.kind, "catalog", "exit 0", answer.words, self.case.truth("catalog")
            )
        if answer.code != 0:
            return wrong(self.case.kind, "catalog", "exit 0", f"exit {answer.code}", answer.words)
        count = len(json.loads(answer.out).get("couplings", []))
        return ok(self.case.kind, "catalog", "exit 0", f"{count} couplings")

    def eval(self):
        """The engine's answers against those of ONNX Runtime, on the same files."""
        kind, right = self.case.kind, "as ONNX Runtime"
        # Rounding to integers may fall to either side; floats may not differ.
        float_db = 40.0 if has_integers(self.case.model) else 80.0
        files = [(self.folder / "model.onnx", self.base, float_db)]
        files += [(m.file, f, float_db if is_surgery(m.step) else 25.0) for m, f in self.good]
        out = self.program.scratch / "answers" / self.folder.name
        command = ["eval", *(path for path, _, _ in files), "--data", "data.npz", "--quiet"]
        scores = "logits" if "logits" in self.case.task else "probabilities"
        command += ["--scores", scores, "--predictions", out, *self.case_flags()]
        answer = self.program(*command, cwd=self.folder)
        if answer.code == 2:
            return refused(kind, "eval", right, answer.words, self.case.truth("eval"))
        if answer.code != 0:
            return wrong(kind, "eval", right, f"exit {answer.code}", answer.words)
        names = [o.name for o in self.case.model.graph.output]
        position = names.index(self.case.output) if self.case.output else 0
        worst, where = np.inf, ""
        for path, expected, floor in files:
            given = read_safetensors(out / f"{path.stem}.scores.safetensors")["values"]
            wanted = self.read_as_asked(expected[position].reshape(len(given), -1))
            if wanted.shape != given.shape:
                return wrong(kind, "eval", right, f"shape {given.shape}", path.stem)
            margin = sqnr([wanted], [given]) - floor
            if margin < worst:
                worst, where = margin, f"{path.stem} {margin + floor:.1f} dB"
        if worst < 0:
            return wrong(kind, "eval", right, where)
        return ok(kind, "eval", right, f"{len(files)} files agree")

    def read_as_asked(self, scores):
        """Logits of classes are read as probabilities."""
        if "kind" in self.case.task or "probabilities" in self.case.task:
            return scores
        raised = np.exp(scores - scores.max(1, keepdims=True).astype(np.float64))
        return raised / raised.sum(1, keepdims=True)

    def case_flags(self):
        task = [line.split("=") for line in self.case.task.splitlines()]
        kinds = [value.strip(' "') for key, value in task if key.strip() == "kind"]
        flags = ["--task", kinds[0]] if kinds else []
        return flags + (["--output", self.case.output] if self.case.output else [])

    def restore(self):
        """Every variant back to the baseline, bit for bit."""
        kind, right, worst = self.case.kind, "the baseline", 0.0
        for made, _ in self.good:
            answer = self.program(
                "restore", made.run, "--variant", made.name, "--all", cwd=self.folder
            )
            if answer.code != 0:
                return wrong(
                    kind, "restore", right, f"{made.step}: exit {answer.code}", answer.words
                )
            path = made.run / "restored" / f"{made.name}.all.onnx"
            fault = invalid(path)
            if fault:
                return wrong(kind, "restore", right, f"{made.step}: invalid", fault)
            worst = max(worst, gap(self.base, answers(path, self.case.feeds, self.case.batch)))
            if worst > EXACT:
                return wrong(kind, "restore", right, f"{made.step}: gap {worst:.1e}")
        return ok(kind, "restore", right, f"{len(self.good)} variants, gap {worst:.0e}")

    def diff(self):
        """What the two files alone say, against what was removed."""
        kind, right = self.case.kind, "what was removed"
        for made, _ in self.good:
            words = ["diff", "model.onnx", made.file, "--json", "--quiet"]
            words += ["--data", "data.npz"] if self.case.verbs_read_data else []
            answer = self.program(*words, cwd=self.folder)
            if answer.code == 2:
                return refused(kind, "diff", right, answer.words, self.case.truth("diff"))
            if answer.code != 0:
                return wrong(kind, "diff", right, f"{made.step}: exit {answer.code}", answer.words)
            found = json.loads(answer.out)
            gone = sum(len(c["removed"]) for c in found["couplings"])
            if gone != removed_count(made):
                shown = f"{made.step}: {gone} of {removed_count(made)}"
                return wrong(kind, "diff", right, shown, "; ".join(found["unexplained"]))
        return ok(kind, "diff", right, f"{len(self.good)} variants")


def is_surgery(step):
    """Whether a step removes components and leaves numbers as they are."""
    return step.startswith("prune ")


def has_integers(model):
    return any(n.op_type in ("QuantizeLinear", "DynamicQuantizeLinear") for n in model.graph.node)


def removed_count(made):
    return sum(map(len, made.record.get("components_removed", {}).values()))


def untrue_forecast(made, base, found):
    """A decision that forecasts no change at all where there is one."""
    if gap(base, found) <= 1e-3 or made.step.endswith("+ls"):
        return ""
    forecasts = []
    for body in read_ledger(made.run):
        if body.get("components") and made.step.split()[1] == body.get("criterion"):
            forecasts += [f for f in body.get("expected", []) if f["metric"] == "output_error"]
    nothing = [f for f in forecasts if f["delta"] == f["low"] == f["high"] == 0]
    if forecasts and len(nothing) == len(forecasts):
        return "the ledger forecasts an output error of 0 where the answers change"
    return ""
