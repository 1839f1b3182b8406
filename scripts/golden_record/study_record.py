"""Makes a study's run and records it."""

import shutil

import frozen_tables
import run_record
import sample_data


class StudyRecorder:
    """Makes runs of studies below the sandbox's `studies`."""

    def __init__(self, program, frozen):
        """`frozen` holds the tables of times by study; where a study has none, they are measured."""
        self.program = program
        self.frozen = frozen

    def record(self, study):
        """The record of a study: exit codes and messages of its verbs, and every file of its run."""
        folder = self.folder(study)
        self.prepare(study, folder)
        if study.frozen:
            tables = self.frozen.get(study.name) or self.measured_tables(study, folder)
            self.frozen[study.name] = tables
            frozen_tables.write_tables(tables, folder / "run", self.program)
        made = self.make_variants(study, folder / "run")
        found = {"verb that made it": exit_and_messages(made)}
        if study.explain:
            explained = self.program.run(
                "explain", folder / "run", *study.explain, "--quiet", forecasts=f"{study.name}.jsonl"
            )
            found["verb that explained it"] = exit_and_messages(explained)
        if (folder / "run").is_dir():
            found |= run_record.run_directory_record(folder / "run", study.forecast)
        return found

    def folder(self, study):
        """Where a study, its model and its samples lie."""
        return self.program.work / "studies" / study.name

    def prepare(self, study, folder):
        """Writes a study beside copies of its model and samples."""
        folder.mkdir(parents=True)
        shutil.copyfile(study.model, folder / study.model.name)
        if study.data:
            shutil.copyfile(study.data, folder / study.data.name)
        else:
            listed = folder / "inputs.toml"
            self.program.run("init", folder / study.model.name, "--out", listed)
            samples = folder / "samples.npz"
            sample_data.write(samples, listed.read_text(), study.labels, study.samples)
        if study.after:
            variants = self.program.work / "studies" / study.after / "run/variants"
            shutil.copyfile(variants / "pruned-0.25.onnx", folder / "pruned.onnx")
            shutil.copyfile(variants / "int8.onnx", folder / "int8.onnx")
        (folder / "study.toml").write_text(study.toml())

    def make_variants(self, study, run):
        """Runs the verb that makes the variants."""
        verb = ("run", "--quick") if study.timed else ("compress", "--evaluate")
        arguments = (*verb, self.folder(study) / "study.toml", "--out", run, "--quiet")
        return self.program.run(*arguments, forecasts=f"{study.name}.jsonl")

    def measured_tables(self, study, folder):
        """Tables of times of a run on this machine."""
        run = folder / "measured"
        self.make_variants(study, run)
        return frozen_tables.read_tables(run, self.program)


def exit_and_messages(command):
    """Exit code and standard error of a verb."""
    return {"exit code": command.code, "standard error": command.stderr.splitlines()}
