"""The examples of docs/plugins.md, each added to a copy of the project as the page says."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.markdown import ROOT, Block, Page
from trainables.models.miniature import MODELS

# Where the laws of each kind of plugin are run, by the folder of the plugin.
LAWS = {
    "trainables/objectives": "tests/trainables/test_conformance.py",
    "trainables/regularisers": "tests/trainables/test_conformance.py",
    "trainables/data/sets": "tests/trainables/test_conformance.py",
    "sweep/samplers": "tests/sweep/test_conformance.py",
}
MIN_LAWS = 10  # that hold for any plugin which is listed
TRIAL = """
model: {{path: {model}, family: {family}}}
alignment: {{data: miniature, size: 50}}
objective: {{name: first_word, weight: 3.0}}
regulariser: {{name: kl_to_base, data: miniature}}
replay: {{data: miniature, ratio: 0.25}}
train: {{lr: 1.0e-3, steps: 10, batch_size: 8}}
evaluators: [{{name: stereoset, data: miniature, limit: 30}}]
"""
RUN = """
import sys
from trainables.__main__ import app
for file in sys.argv[1:]:
    app(["run", file], standalone_mode=False)
"""

EXAMPLES = [b for b in Page(ROOT / "docs/plugins.md").blocks if b.language == "python"]


def file_of(example: Block) -> Path:
    """Return the file that the paragraph before an example names."""
    return Path(re.findall(r"`([\w/]+\.py)`", example.before)[-1])


def list_in(folder: Path, module: str, text: str) -> None:
    """Import the class of a plugin in the __init__.py of its folder, and add it to the list there."""
    (name,) = re.findall(r"^class (\w+)", text, re.MULTILINE)
    file = folder / "__init__.py"
    before = file.read_text()
    union, num = re.subn(r"(\w+),(\s*Field\(discriminator)", rf"\1 | {name},\2", before)
    listed = union if num else re.sub(r"(SETS\b[^()]*\(\n)", rf"\1        {name}(),\n", before)
    assert listed != before, f"{file} has no list of plugins"
    imported = f"from {module} import {name}\n"
    file.write_text(re.sub(r"(?=^from )", imported, listed, count=1, flags=re.MULTILINE))


@pytest.fixture
def copy(tmp_path) -> Path:
    """The folder of a copy of the project."""
    for package in ("trainables", "sweep", "analysis", "tests"):
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, tmp_path / package, ignore=ignored)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def add(copy: Path, example: Block) -> Path:
    """Write an example into the copy, list it there, and return its file."""
    file = file_of(example)
    (copy / file).write_text(example.text)
    list_in((copy / file).parent, ".".join(file.with_suffix("").parts), example.text)
    return file


def run(copy: Path, *arguments: object) -> subprocess.CompletedProcess[str]:
    """Run Python with these arguments in the copy; return how it ended."""
    return subprocess.run(
        [sys.executable, *map(str, arguments)], cwd=copy, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(240)
@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: file_of(example).stem)
def test_an_example_that_is_listed_keeps_to_the_laws_of_its_kind(copy, example):
    file = add(copy, example)
    laws = run(
        copy, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--override-ini=addopts=",
        LAWS[str(file.parent)], "-k", f"{file.stem} or listed",
    )  # fmt: skip
    assert laws.returncode == 0, laws.stdout + laws.stderr
    assert int(re.findall(r"(\d+) passed", laws.stdout)[0]) >= MIN_LAWS


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(120)
def test_the_objective_trains_either_model(copy):
    (example,) = (each for each in EXAMPLES if file_of(each).stem == "first_word")
    assert sum(bool(line.strip()) for line in example.text.splitlines()) <= 15
    add(copy, example)
    files = [copy / f"{name}.yaml" for name in MODELS]
    for file, (name, family) in zip(files, MODELS.items(), strict=True):
        file.write_text(TRIAL.format(model=name, family=family))
    ended = run(copy, "-c", RUN, *files)
    assert ended.returncode == 0, ended.stderr
    contrasts = re.findall(r"contrast_rise +(-?[\d.]+)", ended.stdout)
    assert len(contrasts) == 2 * len(MODELS), "at the base and at the end"
    assert min(map(float, contrasts[1::2])) > 0, "stereotypes have lost more than their opposites"
