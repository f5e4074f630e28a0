"""What the README says one can do."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from trainables.miniature import MODELS

ROOT = Path(__file__).parents[1]
TRIAL = """
model: {{path: {model}, family: {family}}}
alignment: {{data: miniature, size: 50}}
objective: {{name: first_word, weight: 3.0}}
regulariser: {{name: kl_to_base, data: miniature}}
replay: {{data: miniature, ratio: 0.25}}
train: {{lr: 1.0e-3, steps: 10, batch_size: 8}}
evaluators: [{{name: stereoset, data: miniature, limit: 30}}]
"""


@pytest.fixture(scope="module")
def with_the_example(tmp_path_factory):
    """A copy of the project to which the README's objective has been added as it says."""
    (example,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(), re.DOTALL)
    assert sum(bool(line.strip()) for line in example.splitlines()) <= 15
    copy = tmp_path_factory.mktemp("project")
    for package in ("trainables", "tests"):
        shutil.copytree(
            ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    (copy / "trainables/objectives/first_word.py").write_text(example)
    union = copy / "trainables/objectives/__init__.py"
    before = union.read_text()
    after = before.replace(
        "from trainables.objectives.gradient_ascent",
        "from trainables.objectives.first_word import FirstWord\n"
        "from trainables.objectives.gradient_ascent",
    ).replace("    | TaskVector,", "    | TaskVector\n    | FirstWord,")
    assert after.count("FirstWord") == 2
    union.write_text(after)
    (copy / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    return copy


def run(copy, *arguments):
    return subprocess.run(
        [sys.executable, *arguments], cwd=copy, capture_output=True, text=True,
        env=os.environ | {"PYTHONPATH": str(copy), "OMP_NUM_THREADS": "1"},
    )  # fmt: skip


RUN = """
import sys
from trainables.__main__ import app
for file in sys.argv[1:]:
    app(["run", file], standalone_mode=False)
"""


@pytest.mark.timeout(120)
def test_the_objective_of_the_readme_trains_either_model(with_the_example):
    files = []
    for name, family in MODELS.items():
        files.append(f"{name}.yaml")
        (with_the_example / files[-1]).write_text(TRIAL.format(model=name, family=family))
    done = run(with_the_example, "-c", RUN, *files)
    assert done.returncode == 0, done.stderr
    contrasts = re.findall(r"contrast_rise +(-?[\d.]+)", done.stdout)
    assert len(contrasts) == 2 * len(MODELS), "at the base and at the end"
    assert min(map(float, contrasts[1::2])) > 0, "stereotypes have lost more than their opposites"


@pytest.mark.timeout(240)
def test_it_keeps_to_the_laws_of_objectives_by_being_listed(with_the_example):
    done = run(
        with_the_example, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--override-ini=addopts=",
        "tests/trainables/test_conformance.py", "-k", "first_word or listed",
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    passed = int(re.findall(r"(\d+) passed", done.stdout)[0])
    assert passed > 25
