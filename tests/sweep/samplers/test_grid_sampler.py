"""The points of a grid, in the order of their numbers, on a real Optuna journal."""

from ray.tune.search import Searcher

from sweep.config.check import load
from sweep.tracking.control_requests import Requests
from tests.sweep.conftest import GRID, POINTS
from tests.sweep.search.test_searcher import result, searcher


def test_trial_n_of_a_grid_is_point_n_once_each_then_it_finishes(tiny, tmp_path):
    tiny.write_text(GRID)
    search, study, _ = searcher(load(tiny)[0], tmp_path / "journal")
    for number in range(6):
        assert search.suggest(str(number))["number"] == number
        arguments = {"error": True} if number == 1 else {"result": result(1.0, 1.0)}
        search.on_trial_complete(str(number), **arguments)
    assert search.suggest("more") == Searcher.FINISHED
    assert [trial.params for trial in study.trials] == POINTS


def test_an_interrupted_grid_goes_on_without_a_gap(tiny, tmp_path):
    """It is killed with three trials running, the last before any of its parameters was suggested."""
    tiny.write_text(GRID)
    spec = load(tiny)[0]
    search, study, _ = searcher(spec, tmp_path / "journal")
    for name in "abc":
        search.suggest(name)
    search.on_trial_complete("b", result(1.0, 1.0))
    study.ask()
    search, study, _ = searcher(spec, tmp_path / "journal")
    assert search.num_left == 5
    assert [search.suggest(name)["number"] for name in "defgh"] == [0, 2, 3, 4, 5]
    assert search.suggest("more") is None
    assert [trial.params for trial in study.trials] == POINTS


def test_retries_are_no_points_of_a_grid(tiny, tmp_path):
    tiny.write_text(GRID)
    spec = load(tiny)[0]
    search, study, _ = searcher(
        spec, tmp_path / "journal", lambda: Requests(retried_trials=frozenset([1]))
    )
    for number in range(7):
        assert search.suggest(str(number))["number"] == number
        arguments = {"error": True} if number == 1 else {"result": result(1.0, 1.0)}
        search.on_trial_complete(str(number), **arguments)
    assert search.suggest("more") == Searcher.FINISHED
    assert [trial.params for trial in study.trials] == [*POINTS[:2], POINTS[1], *POINTS[2:]]
