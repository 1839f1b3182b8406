"""The program under examination: run in a folder of its own, with an environment of its own."""

import os
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

LIMIT_S = 900
"""Seconds after which a command counts as hung."""

HUNG = -1
"""Exit code of a command that was stopped."""

TIME = re.compile(r"\b\d+(\.\d+)? (ns|µs|us|ms|s|min|h)\b")
"""A duration in a message."""


@dataclass(frozen=True)
class CommandResult:
    """Exit code and output of a command."""

    code: int
    stdout: str
    stderr: str

    def first_line(self):
        """First line of standard error; none where it names a duration."""
        line = next(iter(self.stderr.splitlines()), "")
        return "" if TIME.search(line) else line


class Program:
    """paring in a sandbox: `work` is the working directory and holds home, caches and settings."""

    def __init__(self, path, work):
        self.path = str(path)
        self.work = work
        home = work / "home"
        for folder in ("home", "cache", "data", "config", "tmp"):
            (work / folder).mkdir(parents=True, exist_ok=True)
        self.environment = {
            "PATH": os.environ.get("PATH", "/usr/bin:/bin"),
            "LANG": "C.UTF-8",
            "TZ": "UTC",
            "NO_COLOR": "1",
            "USER": "golden",
            "HOME": str(home),
            "TMPDIR": str(work / "tmp"),
            "XDG_CACHE_HOME": str(work / "cache"),
            "XDG_DATA_HOME": str(work / "data"),
            "XDG_CONFIG_HOME": str(work / "config"),
            # A busy machine is no reason to refuse a model.
            "PARING_FIRST_LOAD_SECONDS": "600",
        }

    def run(self, *arguments, forecasts="forecasts.jsonl"):
        """Runs a command line; paths of the sandbox become `<work>` in what it says.

        `forecasts` is the forecaster's record: what it holds changes forecasts, so whatever runs at
        the same time or in another order has one of its own.
        """
        environment = self.environment | {"PARING_FORECASTS": str(self.work / forecasts)}
        command = [self.path, *map(str, arguments)]
        try:
            completed = subprocess.run(
                command,
                cwd=self.work,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=LIMIT_S,
            )
        except subprocess.TimeoutExpired:
            return CommandResult(HUNG, "", f"stopped after {LIMIT_S} seconds")
        return CommandResult(completed.returncode, self.decoded(completed.stdout), self.decoded(completed.stderr))

    def decoded(self, output):
        """Decodes output and hides the sandbox's path."""
        return self.without_work_path(output.decode("utf-8", "backslashreplace"))

    def without_work_path(self, text):
        """Replaces the sandbox's path in a text."""
        return text.replace(str(self.work), "<work>")


def version(path: Path):
    """What `--version` prints."""
    completed = subprocess.run([str(path), "--version"], capture_output=True, text=True, timeout=60)
    return completed.stdout.strip()
