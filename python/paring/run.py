"""A run directory as pandas frames."""

import csv
import json
from pathlib import Path

# A spreadsheet would run a cell that begins so; paring puts an apostrophe before it.
_FORMULA = ("=", "+", "-", "@")
_SCHEMA = 2


def load_run(folder):
    """The run in a folder, as `paring run --out FOLDER` left it.

    Nothing is read yet but ``protocol.json``; tables are read when they are asked for. Raises
    ``FileNotFoundError`` where the folder is no run directory, and ``ValueError`` where a newer paring wrote
    it.
    """
    return Run(folder)


class Run:
    """A run directory. ``results``, ``layers``, ``effects`` and ``predictions`` are pandas frames."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.protocol = json.loads((self.folder / "protocol.json").read_text(encoding="utf-8"))
        if self.protocol["schema"] > _SCHEMA:
            raise ValueError(f"{folder} has format {self.protocol['schema']}, this package reads up to {_SCHEMA}")
        self._kept = {}

    def __repr__(self):
        return f"Run({str(self.folder)!r}: {self.protocol['study']}, variants {', '.join(self.variants)})"

    @property
    def variants(self):
        """Names of all variants, the baseline first."""
        names = [path.stem for path in sorted((self.folder / "variants").glob("*.json"))]
        return sorted(names, key=lambda name: self.lineage(name)["parent"] is not None)

    def lineage(self, variant):
        """``variants/NAME.json``: ``origins`` are the original indices of what is left of each axis."""
        return json.loads((self.folder / "variants" / f"{_name(variant)}.json").read_text(encoding="utf-8"))

    def model(self, variant):
        """Path of a variant's ONNX file."""
        return self.folder / "variants" / self.lineage(variant)["file"]

    @property
    def results(self):
        """One row per variant, target and setting; rows of other engines have another ``engine``.

        The columns are those of docs/run-directory.md; a missing value is NaN, or ``""`` where words stand.
        """
        return self._frame("results.csv")

    @property
    def layers(self):
        """One row per layer of every variant, target and batch."""
        return self._frame("layers.csv")

    @property
    def effects(self):
        """One row per group of decisions and metric, of `paring explain`."""
        return self._frame("effects.csv", "`paring explain` writes it")

    @property
    def predictions(self):
        """One row per variant and report sample: label, class, confidence, margin, flip, slices."""
        pandas = _pandas()
        paths = sorted((self.folder / "predictions").glob("*.parquet"))
        frames = [pandas.read_parquet(path).assign(variant=path.stem) for path in paths]
        if not frames:
            raise FileNotFoundError(f"{self.folder} has no predictions; its data may have no labels")
        frame = pandas.concat(frames, ignore_index=True)
        return frame[["variant", *(name for name in frame.columns if name != "variant")]]

    @property
    def explanations(self):
        """``explain.json``: a dict per explained variant."""
        return json.loads((self.folder / "explain.json").read_text(encoding="utf-8"))

    @property
    def ledger(self):
        """The entries of the ledger in order, a dict each."""
        lines = (self.folder / "ledger.jsonl").read_text(encoding="utf-8").splitlines()
        return [json.loads(line) for line in lines]

    def _frame(self, name, hint="`paring run` writes it"):
        pandas = _pandas()
        path = self.folder / name
        if not path.exists():
            raise FileNotFoundError(f"{path}: {hint}")
        return pandas.DataFrame({column: _typed(cells, pandas) for column, cells in read_csv(path).items()})


def read_csv(path):
    """The cells of a CSV file of paring as text, by column, without the apostrophes that spreadsheets need."""
    with open(path, newline="", encoding="utf-8") as file:
        reader = csv.reader(file)
        header = next(reader)
        rows = [[_plain(cell) for cell in row] for row in reader]
    return {name: [row[index] for row in rows] for index, name in enumerate(header)}


def _plain(cell):
    stripped = cell.lstrip("'")
    return cell[1:] if cell.startswith("'") and stripped.startswith(_FORMULA) else cell


def _typed(cells, pandas):
    """Numbers where every cell that is not empty is one, truth values likewise, else text."""
    known = [cell for cell in cells if cell != ""]
    if known and all(cell in ("true", "false") for cell in known):
        return pandas.array([None if cell == "" else cell == "true" for cell in cells], dtype="boolean")
    try:
        numbers = [float("nan") if cell == "" else float(cell) for cell in cells]
    except ValueError:
        return cells
    # Hashes that are all digits would be no number any more.
    if any(len(cell) > 20 for cell in known) or not known:
        return cells
    whole = len(known) == len(cells) and all(cell.lstrip("-").isdigit() for cell in known)
    return [int(cell) for cell in cells] if whole else numbers


def _name(variant):
    if "/" in variant or variant in ("", ".", ".."):
        raise ValueError(f"{variant!r} is no name of a variant")
    return variant


def _pandas():
    try:
        import pandas
    except ImportError as error:
        raise ImportError("tables of a run are pandas frames: pip install pandas pyarrow") from error
    return pandas
