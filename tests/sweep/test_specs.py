"""Every shipped spec is valid and names its source, and together they use every plugin."""

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
    """The name of a spec below specs/, as published/cda."""
    return path.relative_to(SPECS).with_suffix("").as_posix()


def head(path: Path) -> str:
    """The comment at the beginning of a file."""
    lines = path.read_text(encoding="utf-8").splitlines()
    rest = next(n for n, line in enumerate(lines) if not line.startswith("#"))
    return "\n".join(lines[:rest])


def plugins_of(path: Path, key: str) -> set[str]:
    """The names of the plugins that the trials of a spec have under a key, defaults included."""
    trials = load(path)[0].trials()
    return {getattr(trial, key).name for trial in trials}


def test_every_file_below_specs_is_tested_and_shipped():
    files = {path for path in SPECS.rglob("*") if path.is_file()}
    assert files
    assert files == set(ALL)
    assert '"specs/**/*.yaml"' in (ROOT / "pyproject.toml").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", ALL, ids=name_of)
def test_a_spec_is_valid_has_the_name_of_its_file_and_says_how_it_is_run(path):
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
def test_the_menu_uses_every_plugin(file, key, union):
    names = {member.model_fields["name"].default for member in members(union)}
    assert plugins_of(SPECS / f"{file}.yaml", key) == names


# With these settings two steps move the weights visibly, and there is a text to read.
SETTINGS: dict[str, dict[str, Any]] = {
    "recadam": {"midpoint": 1, "strength": 100},
    "kl_to_base": {"data": "miniature", "texts": 2},
}


def combinations() -> Iterator[tuple[str, dict[str, Any]]]:
    """(name, tree) of every objective with every form on both miniatures.

    `per: sentence` is left out: it is `per: token` but for a factor.
    """
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


@pytest.mark.long
@pytest.mark.timeout(120)
@pytest.mark.parametrize(
    ("tree", "parity"),
    [pytest.param(tree, n % 2, id=name) for n, (name, tree) in enumerate(combinations())],
)
def test_an_objective_trains_with_every_regulariser_and_replay(tree, parity):
    """Half of the pairs of an objective and a regulariser have replay, so that each plugin meets it.

    The whole product is run by `sweep run sweep/specs/menu.yaml`.
    """
    torch.set_num_threads(1)  # more are slower on models this small
    for n, regulariser in enumerate(instances(AnyRegulariser)):
        ratio = 0.25 * ((n + parity) % 2)
        rest = {
            "alignment": {"data": "miniature", "size": 16},
            "regulariser": regulariser.model_dump(mode="json") | SETTINGS.get(regulariser.name, {}),
            "replay": {"data": "miniature", "ratio": ratio},
            "train": {"lr": 1e-3, "steps": 2, "batch_size": 4},
            "evaluators": ["weights"],
        }
        _, report = run_trial(TrialConfig.model_validate(tree | rest))
        assert all(map(math.isfinite, report.metrics.values())), (regulariser, ratio)
        assert report.metrics["forgetting/weights/distance_rise"] > 0, (regulariser, ratio)
