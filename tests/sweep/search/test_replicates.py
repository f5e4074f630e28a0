"""Replicates of drawn recipes, by the spec and by request, on a real Optuna journal."""

import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from sweep.config.check import check, load
from sweep.search.searcher import ParetoSearch
from sweep.search.study import open_study
from sweep.tracking.control_requests import Requests, Rerun
from tests.sweep.conftest import GRID, POINTS
from tests.sweep.search.test_searcher import result, searcher
from trainables.schema.yaml_file import SpecError, read


def seeded(tiny, num_seeds, num_trials=7, text=None):
    """The spec TINY, or another, with replicates."""
    text = text or tiny.read_text().replace("trials: 4", f"trials: {num_trials}")
    tiny.write_text(f"{text}replicates: {{seeds: {num_seeds}}}\n")
    return load(tiny)[0]


def without_seed(config):
    return {key: value for key, value in config["trial"].items() if key != "seed"}


def run(search, num, failing=()):
    """Suggest and end so many trials one after another; return their configurations."""
    configs = []
    for _ in range(num):
        config = search.suggest("trial")
        assert isinstance(config, dict), config
        configs.append(config)
        search.on_trial_complete("trial", result(1.0, 1.0), error=config["number"] in failing)
    return configs


def test_each_drawn_recipe_runs_with_its_seed_and_the_next_ones(tiny, tmp_path):
    search, _, _ = searcher(seeded(tiny, 3), tmp_path / "journal")
    assert search.num_left == search.num_trials == 7
    configs = run(search, 7)
    assert search.suggest("more") == Searcher.FINISHED
    assert [config["number"] for config in configs] == list(range(7)), "dense, and each once"
    assert [config["trial"].get("seed", 0) for config in configs] == [0, 1, 2, 0, 1, 2, 0]
    assert [config.get("replicate_of") for config in configs] == [None, 0, 0, None, 3, 3, None]
    recipes = [config["recipe"] for config in configs]
    assert recipes == [recipes[0]] * 3 + [recipes[3]] * 3 + [recipes[6]]
    assert len(set(recipes)) == 3
    for start in (0, 3):
        assert without_seed(configs[start]) == without_seed(configs[start + 1])


def test_a_recipe_that_is_drawn_again_gets_no_further_replicates(tiny, tmp_path):
    text = tiny.read_text().replace("loguniform: [1, 100]", "choice: [1]")
    text = text.replace("loguniform: [1e-4, 1e-2]", "choice: [1e-3]").replace(
        "trials: 4", "trials: 9"
    )
    search, _, _ = searcher(seeded(tiny, 2, text=text), tmp_path / "journal")
    configs = run(search, 9)
    assert len({config["recipe"] for config in configs}) == 2
    replicates = [config for config in configs if config.get("replicate_of") is not None]
    assert len({config["recipe"] for config in replicates}) == len(replicates) == 2


def test_a_seed_of_the_trials_own_is_the_first_of_its_replicates(tiny, tmp_path):
    text = tiny.read_text().replace("  train:", "  seed: 40\n  train:")
    search, _, _ = searcher(seeded(tiny, 2, text=text), tmp_path / "journal")
    assert [config["trial"]["seed"] for config in run(search, 4)] == [40, 41, 40, 41]


def test_all_trials_of_the_study_are_told_to_optuna(tiny, tmp_path):
    search, study, ended = searcher(seeded(tiny, 3, 6), tmp_path / "journal")
    run(search, 6, failing=(1,))
    states = [trial.state for trial in study.trials]
    assert states.count(TrialState.COMPLETE) == 5
    assert [outcome.number for outcome in ended] == list(range(6))
    assert study.trials[2].params == study.trials[0].params


def test_a_killed_search_goes_on_as_an_undisturbed_one_after_every_write(tiny, tmp_path):
    """The journal has a line for each write, so a search that is killed leaves it cut after a line."""
    spec = seeded(tiny, 3)
    journal = tmp_path / "journal"
    search, study, _ = searcher(spec, journal)
    configs = run(search, 7)
    trials, lines = study.get_trials(), journal.read_bytes().splitlines(keepends=True)
    num_cuts = 0
    for end in range(len(lines) // 4, len(lines) - 1):
        cut = tmp_path / f"journal {end}"
        cut.write_bytes(b"".join(lines[:end]))
        search, study, _ = searcher(spec, cut)
        known = study.get_trials()
        if known and known[-1].params not in ({}, trials[len(known) - 1].params):
            continue  # between two parameters of one suggestion, milliseconds apart
        num_cuts += 1
        num_left = search.num_left
        again = run(search, num_left)
        assert again == configs[-num_left:], f"killed after line {end}: {lines[end - 1]!r}"
        assert search.suggest("more") == Searcher.FINISHED
        assert len(study.get_trials()) == 7
    assert num_cuts > 10


def test_trials_at_once_are_replicates_of_one_recipe(tiny, tmp_path):
    search, _, _ = searcher(seeded(tiny, 3), tmp_path / "journal")
    configs = [search.suggest(name) for name in "abcd"]
    assert [config.get("replicate_of") for config in configs] == [None, 0, 0, None]


def test_a_grid_runs_each_point_with_every_seed(tiny, tmp_path):
    spec = seeded(tiny, 2, text=GRID)
    assert spec.num_trials == 12
    search, study, _ = searcher(spec, tmp_path / "journal")
    configs = run(search, 12)
    assert search.suggest("more") == Searcher.FINISHED
    assert [trial.params for trial in study.trials] == [
        p for point in POINTS for p in (point, point)
    ]
    assert [config["trial"].get("seed", 0) for config in configs] == [0, 1] * 6


def test_a_larger_budget_completes_the_last_recipe_first(tiny, tmp_path):
    search, _, _ = searcher(seeded(tiny, 3, 4), tmp_path / "journal")
    run(search, 4)
    text = tiny.read_text().replace("trials: 4", "trials: 7")
    tiny.write_text(text)
    search, _, _ = searcher(load(tiny)[0], tmp_path / "journal")
    assert [c.get("replicate_of") for c in run(search, 3)] == [3, 3, None]


def test_a_replicate_that_failed_is_tried_again_with_its_seed(tiny, tmp_path):
    search, _, _ = searcher(
        seeded(tiny, 3, 6),
        tmp_path / "journal",
        lambda: Requests(retried_trials=frozenset([1])),
    )
    configs = run(search, 7, failing=(1,))
    assert [config["trial"].get("seed", 0) for config in configs] == [0, 1, 1, 2, 0, 1, 2]
    assert (configs[2]["retry_of"], configs[2]["replicate_of"]) == (1, 0)
    assert search.suggest("more") == Searcher.FINISHED


def test_what_is_no_valid_trial_gets_no_replicates(tiny, tmp_path):
    sizes = "batch_size: {int: [4, 8]}, accumulation: {choice: [2, 4]}"
    text = tiny.read_text().replace("batch_size: 4", sizes).replace("trials: 4", "trials: 30")
    search, _, _ = searcher(seeded(tiny, 2, text=text), tmp_path / "journal")
    configs = run(search, 30)
    faulty = [config["number"] for config in configs if "fault" in config]
    assert faulty
    assert all("replicate_of" not in config for config in configs if config["number"] in faulty)
    followed = {config["replicate_of"] for config in configs if "replicate_of" in config}
    assert not followed & set(faulty)


def test_reruns_are_trials_beyond_the_budget_with_the_requested_seeds(tiny, tmp_path):
    spec = load(tiny)[0]
    search, _, _ = searcher(spec, tmp_path / "journal")
    first = run(search, 4)
    requested = frozenset([Rerun(1, 5), Rerun(1, 6), Rerun(3, 1), Rerun(99, 1)])
    search, _, _ = searcher(spec, tmp_path / "journal", lambda: Requests(reruns=requested))
    assert (search.num_left, search.num_to_run, search.num_trials) == (0, 3, 7)
    configs = run(search, 3)
    assert search.suggest("more") == Searcher.FINISHED
    assert [(c["number"], c["trial"]["seed"], c["replicate_of"]) for c in configs] == [
        *((4, 5, 1), (5, 6, 1), (6, 1, 3)),
    ]
    assert [c["recipe"] for c in configs] == [first[1]["recipe"]] * 2 + [first[3]["recipe"]]
    search, _, _ = searcher(spec, tmp_path / "journal", lambda: Requests(reruns=requested))
    assert search.num_to_run == 0, "each request is carried out once"


def test_requests_alone_are_carried_out_on_demand(tiny, tmp_path):
    spec = load(tiny)[0]
    study = open_study(tmp_path / "journal", spec)
    search = ParetoSearch(spec, study, spec.metrics(), lambda outcome: None)
    run(search, 2)
    search.suggest("interrupted")
    requested = Requests(reruns=frozenset([Rerun(0, 9)]))
    search = ParetoSearch(
        spec, study, spec.metrics(), lambda outcome: None, lambda: requested, only_requested=True
    )
    (config,) = run(search, 1)
    assert (config["number"], config["trial"]["seed"]) == (3, 9)
    assert search.suggest("more") == Searcher.FINISHED


def test_a_searched_seed_and_replicates_are_refused_together(tiny):
    text = tiny.read_text().replace("  train:", "  seed: {choice: [0, 1]}\n  train:")
    tiny.write_text(f"{text}replicates: {{seeds: 2}}\n")
    with pytest.raises(SpecError, match=r"trial\.seed must be a number where replicates\.seeds is"):
        check(read(tiny))


def test_a_budget_beyond_the_points_and_seeds_of_a_grid_is_refused(tiny):
    tiny.write_text(f"{GRID}replicates: {{seeds: 2}}\nbudget: {{trials: 13}}\n")
    with pytest.raises(
        SpecError, match="at most 12, as the grid has 6 points of 2 seeds, but got 13"
    ):
        check(read(tiny))
