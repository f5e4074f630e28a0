"""Every shipped sweep: it is right, it says where it comes from, and none leaves a plugin out."""

import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch

from sweep.config.check import load
from tests.conformance import describe, instances, members
from trainables.assets import catalogue
from trainables.config import TrialConfig
from trainables.models import miniature
from trainables.objectives import AnyObjective
from trainables.parameters import AnyParameters
from trainables.regularisers import AnyRegulariser
from trainables.trial import run_trial

ROOT = Path(__file__).parents[2]
SPECS = ROOT / "sweep" / "specs"
PUBLISHED = sorted((SPECS / "published").glob("*.yaml"))
ALL = [*sorted(SPECS.glob("*.yaml")), *PUBLISHED]


def name_of(path: Path) -> str:
    return path.relative_to(SPECS).with_suffix("").as_posix()


def head(path: Path) -> str:
    """The comment with which a file begins."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rest = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(lines[:rest])


def chosen(path: Path, key: str) -> set[str]:
    """The names that a spec has under a key of its trials, none or all where it has none."""
    trials = load(path)[0].trials()
    return {getattr(trial, key).name for trial in trials}


def test_every_file_below_specs_is_looked_at_and_shipped():
    found = {path for path in SPECS.rglob("*") if path.is_file()}
    assert found == set(ALL)
    assert '"specs/**/*.yaml"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_it_is_right_and_named_as_its_file_and_says_how_it_is_run(path):
    spec, _ = load(path)
    assert spec.name == path.stem
    assert f"sweep run {path.relative_to(ROOT).as_posix()}" in head(path)
    for name in {trial.model.path for trial in spec.trials()}:
        known = name in miniature.MODELS or name in catalogue.CATALOGUE
        assert known or re.fullmatch(r"[\w.-]+/[\w.-]+", name), "as the Hub names a model"


@pytest.mark.parametrize("path", PUBLISHED, ids=name_of)
def test_a_published_method_names_its_source_and_runs_on_a_grid(path):
    spec, _ = load(path)
    assert re.search(r"arXiv \d{4}\.\d{5}|\d{4}\.[a-z]+-[a-z]+\.\d+", head(path))
    assert spec.search.sampler.name == "grid"
    assert not any(trial.allow_overlap for trial in spec.trials())


@pytest.mark.parametrize(
    ("file", "key", "union"),
    [
        ("menu", "objective", AnyObjective),
        ("menu", "regulariser", AnyRegulariser),
        ("parameters", "parameters", AnyParameters),
    ],
)
def test_the_menu_has_every_plugin(file, key, union):
    known = {member.model_fields["name"].default for member in members(union)}
    assert chosen(SPECS / f"{file}.yaml", key) == known


# What two steps need to be seen to move the weights, or to have a text to read.
SETTINGS: dict[str, dict[str, Any]] = {
    "recadam": {"midpoint": 1, "strength": 100},
    "kl_to_base": {"data": "miniature", "texts": 2},
}


def combinations() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every form of every objective on both miniatures; a mean over tokens or their sum is one form."""
    for model, family in miniature.MODELS.items():
        for objective in instances(AnyObjective):
            if "per" in type(objective).model_fields and objective.per == "sentence":
                continue
            yield (
                f"{model} {describe(objective)}",
                {
                    "model": {"path": model, "family": family},
                    "objective": objective.model_dump(mode="json"),
                },
            )


@pytest.mark.slow
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("tree", "parity"),
    [pytest.param(tree, n % 2, id=name) for n, (name, tree) in enumerate(combinations())],
)
def test_an_objective_trains_with_every_regulariser_and_replay(tree, parity):
    """Every pair of an objective and a regulariser, half of them with replay: each of either kind
    meets it (the whole product is what `sweep run sweep/specs/menu.yaml` is for).
    """
    torch.set_num_threads(1)  # more are slower on models this small
    for n, regulariser in enumerate(instances(AnyRegulariser)):
        ratio = 0.25 * ((n + parity) % 2)
        more = {
            "alignment": {"data": "miniature", "size": 16},
            "regulariser": regulariser.model_dump(mode="json") | SETTINGS.get(regulariser.name, {}),
            "replay": {"data": "miniature", "ratio": ratio},
            "train": {"lr": 1e-3, "steps": 2, "batch_size": 4},
            "evaluators": ["weights"],
        }
        _, report = run_trial(TrialConfig.model_validate(tree | more))
        assert all(map(math.isfinite, report.metrics.values())), (regulariser, ratio)
        assert report.metrics["forgetting/weights/distance_rise"] > 0, (regulariser, ratio)
