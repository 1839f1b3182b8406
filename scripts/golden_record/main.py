"""Makes a golden record of what paring writes, or compares a new one with it. Called by scripts/golden."""

import contextlib
import json
import os
import platform
import shutil
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import command_lines
import differences
import fixtures
import verb_answers
from program import Program, version
from studies import FIRST, STUDIES
from study_record import StudyRecorder

USAGE = "usage: scripts/golden record|compare FILE [PARING]"
SCHEMA = 1
"""Format of a record."""
AT_ONCE = 2 * (os.cpu_count() or 1)
"""Studies at the same time: no recorded figure is a time, and much of the work waits for the disk."""


def processor():
    """The processor's name: float kernels, so records, are of one kind of processor."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


class Recording:
    """A record in the making."""

    def __init__(self, path, work, frozen):
        """`frozen` holds tables of measured times by study, as an earlier record has them."""
        self.begun = time.monotonic()
        self.path = path
        self.program = Program(path, work)
        self.recorder = StudyRecorder(self.program, frozen)
        self.studies = {}
        self.verbs = {}

    def study(self, study):
        """Records a study."""
        self.studies[study.name] = self.recorder.record(study)
        self.progress(f"study {study.name}")

    def command_lines(self):
        """Records verbs and command lines, on the runs of the first studies."""
        fixtures.write(self.program.work)
        self.verbs["answers"] = verb_answers.answer_records(self.program)
        self.verbs["files"] = verb_answers.written_files(self.program)
        self.progress(f"{len(self.verbs['answers'])} answers of verbs")
        self.verbs["commands"] = command_lines.command_records(self.program)
        self.verbs["help"] = command_lines.help_texts(self.program)
        self.progress(f"{len(self.verbs['commands'])} command lines")

    def record(self):
        """The record of everything whose files are on this machine."""
        there = [study for study in STUDIES if study.is_available()]
        for study in STUDIES:
            if study not in there:
                print(f"skipped: {study.name}: {study.model.name} or its samples are not there", file=sys.stderr)
        with ThreadPoolExecutor(AT_ONCE) as pool:
            in_order = sorted(there, key=lambda study: study.name not in FIRST)
            first = {study.name: pool.submit(self.study, study) for study in in_order if not study.after}
            for name in FIRST:
                first[name].result()
            later = [pool.submit(self.study, study) for study in there if study.after]
            self.command_lines()
            for running in (*first.values(), *later):
                running.result()
        record = {
            "schema": SCHEMA,
            "paring": version(self.path),
            "processor": processor(),
            "frozen": self.recorder.frozen,
            "studies": self.studies,
            **self.verbs,
        }
        return json.loads(json.dumps(record))

    def progress(self, text):
        print(f"{time.monotonic() - self.begun:5.0f} s  {text}", file=sys.stderr, flush=True)


def refuse(message):
    """Ends with 2, which is no verdict on the program."""
    print(message, file=sys.stderr)
    sys.exit(2)


def read(path):
    """A record that was written before."""
    try:
        record = json.loads(path.read_text())
    except (OSError, ValueError) as error:
        refuse(f"cannot read the record {path}: {error}")
    if record.get("schema") != SCHEMA:
        refuse(f"{path} is no record of this script's format {SCHEMA}; make it anew")
    return record


def print_differences(before, now):
    """Prints what differs; 1 if anything does."""
    if before["processor"] != now["processor"]:
        print(f"note: the record is of another processor: {before['processor']}", file=sys.stderr)
    lines = differences.differences(before, now)
    print("\n".join(lines) if lines else f"no difference in {len(now['studies'])} studies, "
          f"{len(now['answers'])} answers, {len(now['commands'])} commands and {len(now['help'])} help texts")
    return int(bool(lines))


def main():
    if len(sys.argv) != 4 or sys.argv[1] not in ("record", "compare"):
        refuse(USAGE)
    verb, file, path = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]).resolve()
    if not os.access(path, os.X_OK):
        refuse(f"no program at {path}; build it, or name another")
    before = read(file) if verb == "compare" else None
    kept = os.environ.get("KEEP")
    if kept and Path(kept).exists():
        refuse(f"KEEP={kept} is there already; name a new folder")
    work = Path(kept) if kept else Path(tempfile.mkdtemp(prefix="paring-golden-"))
    try:
        now = Recording(path, work.resolve(), dict(before["frozen"]) if before else {}).record()
    finally:
        if not kept:
            shutil.rmtree(work, ignore_errors=True)
    if before:
        return print_differences(before, now)
    file.write_text(json.dumps(now, indent=1, sort_keys=True) + "\n")
    print(f"{file}: {len(now['studies'])} studies, {len(now['answers'])} answers, {len(now['commands'])} commands")
    return 0


if __name__ == "__main__":
    sys.exit(main())
