"""The schema of a spec: what its values mean, and which are refused."""

import math

import pytest

from sweep.config.check import load
from sweep.config.spec import Bound, SweepSpec
from sweep.samplers import Tpe
from tests.sweep.config.conftest import refusal
from tests.sweep.conftest import GRID, TINY


@pytest.mark.parametrize("budget", ["", "budget: {hours: 1}", "budget: {trials: 6}"])
def test_a_grid_has_as_many_trials_as_points_unless_the_budget_says_otherwise(tmp_path, budget):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID + budget)
    assert load(path)[0].num_trials == 6


def test_settings_of_a_sampler_follow_its_name(tmp_path):
    path = tmp_path / "tiny.yaml"
    path.write_text(TINY.replace("sampler: random", "sampler: {name: tpe, startup: 20}"))
    assert load(path)[0].search.sampler == Tpe(startup=20)


def test_a_grid_may_run_its_first_points_alone(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(GRID + "budget: {trials: 2}\n")
    assert load(path)[0].num_trials == 2


@pytest.mark.parametrize(
    ("checkpoints", "sentence"),
    [
        ("{resume: true, storage_path: kept}", "must be the absolute path of a folder that all nodes share, or s3://BUCKET/PREFIX (or another that fsspec knows), but got 'kept'"),
        ("{resume: true, storage_path: 's4://kept/x'}", "but got 's4://kept/x'"),
        ("{resume: true, storage_path: 'simplecache:///a/b::file:///x'}", "must be the absolute path of a folder"),
        ("{resume: true, storage_path: 'file:///a::file:///x'}", "must be the absolute path of a folder"),
        ("{resume: true, storage_path: 's3://key:secret@kept/x'}", "must hold no keys (and so no @ and no ?), which would be recorded: set AWS_ACCESS_KEY_ID"),
        ("{resume: true, storage_path: 's3://key:a/secret@kept/x'}", "must hold no keys (and so no @ and no ?)"),
        ("{resume: true, storage_path: 's3://kept/x?secret_key=secret'}", "must hold no keys (and so no @ and no ?)"),
        ("{resume: true, storage_path: 's5://key:secret@kept/x'}", "must hold no keys (and so no @ and no ?)"),
        ("{storage_path: /kept}", "must have resume: true, model: true, or both, where storage_path is given, but has neither"),
    ],
)  # fmt: skip
def test_where_checkpoints_cannot_be_kept_is_one_sentence(tmp_path, checkpoints, sentence):
    (fault,) = refusal(tmp_path, TINY + f"checkpoints: {checkpoints}\n")
    assert fault.startswith(":17: checkpoints")
    assert sentence in fault
    assert "secret" not in fault


def test_a_spec_survives_its_own_dump(tiny):
    spec, _ = load(tiny)
    assert SweepSpec.model_validate(spec.model_dump()) == spec


@pytest.mark.parametrize(
    ("bound", "value", "excess"),
    [
        (Bound(max=0.3), 0.5, 0.2),
        (Bound(max=0.3), 0.1, -0.2),
        (Bound(min=2.0), 0.5, 1.5),
        (Bound(min=2.0, max=4.0), 3.5, -0.5),
        (Bound(min=2.0, max=4.0), 4.0, 0.0),
        (Bound(max=1.0), math.inf, math.inf),
    ],
)
def test_the_excess_of_a_value_is_its_distance_beyond_the_nearer_limit(bound, value, excess):
    assert bound.excess(value) == pytest.approx(excess)


def test_limits_the_wrong_way_round_are_refused():
    with pytest.raises(ValueError, match=r"must have min <= max, but got 4\.0 and 2\.0"):
        Bound(min=4.0, max=2.0)


def test_a_trial_is_allowed_if_every_constraint_holds(tiny):
    rise, gap = "forgetting/general/nll_rise", "bias/miniature/gap"
    tiny.write_text(TINY + f"constraints: {{{rise}: {{max: 0.3}}, {gap}: {{min: 1.0}}}}\n")
    spec, _ = load(tiny)
    assert spec.allows({rise: 0.3, gap: 1.0})
    assert not spec.allows({rise: 0.31, gap: 1.0})
    assert not spec.allows({rise: 0.3, gap: 0.9})


@pytest.mark.parametrize(
    ("replay", "has_shortfall"),
    [
        ("{data: miniature, ratio: 0.5}", True),
        ("{choice: [null, {data: miniature, ratio: 0.5}]}", False),
    ],
)
def test_the_metrics_of_a_sweep_are_those_that_every_trial_reports(tiny, replay, has_shortfall):
    tiny.write_text(TINY.replace("evaluators:", f"replay: {replay}\n  evaluators:"))
    metrics = load(tiny)[0].metrics()
    assert ("cost/replay/shortfall" in metrics) == has_shortfall
    assert "bias/miniature/gap" in metrics
