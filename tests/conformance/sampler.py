"""The laws of samplers, on a real Optuna journal and without Ray."""

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import optuna
import pytest

from sweep.config.spec import Search
from sweep.search.searcher import ParetoSearch
from sweep.search.study import OPTUNA_STATES
from sweep.space import draw
from sweep.tracking.control_requests import Requests
from sweep.trial_request import RETRY_OF
from tests.conformance.searches import POINTS, SPACE, Sweep, check_all, spec_of

WITHOUT_MODEL = ("random", "grid")  # these suggest the same whatever earlier trials gave
NUM_STARTUP = {"nsga2": 50}  # trials that are drawn at random first
DEFAULT_NUM_STARTUP = 10  # as Optuna's other samplers have it


def _num_startup(sampler: Any) -> int:
    return NUM_STARTUP.get(sampler.name, DEFAULT_NUM_STARTUP)


def is_named_by_a_word_or_by_a_mapping(sampler: Any) -> None:
    by_word = Search.model_validate({"sampler": sampler.name}).sampler
    assert by_word == type(sampler)()
    assert Search.model_validate({"sampler": sampler.model_dump()}).sampler == sampler


def suggests_values_of_the_chosen_branch_alone_within_their_domains(sampler: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(spec_of(sampler), folder)
        configs = sweep.run(min(_num_startup(sampler) + 5, POINTS))
        check_all(sweep, configs, sampler)
    assert len({json.dumps(config["trial"]) for config in configs}) == len(configs)


def suggests_different_trials_at_the_same_time(sampler: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of(sampler)
        sweep = Sweep(spec, folder)
        sweep.run(min(_num_startup(sampler), POINTS - 4))
        configs = [sweep.search.suggest(f"trial {number}") for number in range(4)]
        check_all(sweep, configs, sampler)
    assert len({json.dumps(config["trial"]) for config in configs}) == 4


def takes_one_two_or_three_goals(sampler: Any) -> None:
    for num_goals in (1, 2, 3):
        with tempfile.TemporaryDirectory() as folder:
            sweep = Sweep(spec_of(sampler, num_goals), folder)
            configs = sweep.run(min(_num_startup(sampler) + 2, POINTS))
            check_all(sweep, configs, sampler)
            assert all(len(trial.values) == num_goals for trial in sweep.study.trials)


def suggests_though_no_trial_or_not_every_trial_is_feasible(sampler: Any) -> None:
    for bounded in ([9.0], [0.0, 9.0]):
        with tempfile.TemporaryDirectory() as folder:
            sweep = Sweep(spec_of(sampler), folder)
            for number in range(min(_num_startup(sampler), POINTS - 2)):
                sweep.run(1, bounded=bounded[number % len(bounded)])
            check_all(sweep, sweep.run(2), sampler)
            feasible = [all(e <= 0 for e in t.constraints.values()) for t in sweep.study.trials]
            assert sum(feasible) == 2 + (len(feasible) - 2) // 2 * (len(bounded) - 1)


def prefers_feasible_trials_if_it_uses_results(sampler: Any) -> None:
    """Option `cheap` costs 1 less than `allowed`, which the other parameters cannot make up for."""
    if sampler.name in WITHOUT_MODEL:
        return
    for is_bounded in (False, True):
        study, num_known = optuna.create_study(), 2 * _num_startup(sampler)
        for number in range(num_known + 12):
            study.sampler = sampler.build(number, {})
            trial = study.ask()
            is_cheap = trial.suggest_categorical("option", ["cheap", "allowed"]) == "cheap"
            rest = sum(trial.suggest_float(f"rest {n}", 0, 0.1) for n in range(3))
            if is_bounded:
                trial.set_constraint("bound", 1.0 if is_cheap else -1.0)
            study.tell(trial, rest - is_cheap)
        options = [trial.params["option"] for trial in study.trials[num_known:]]
        share = options.count("allowed") / len(options)
        assert share >= 0.7 if is_bounded else share <= 0.3


def suggests_valid_trials_after_trials_that_failed_or_were_pruned(sampler: Any) -> None:
    num = min(_num_startup(sampler) + 2, POINTS - 2)
    for ends in (["failed"], ["pruned"], ["complete", "failed", "pruned"]):
        with tempfile.TemporaryDirectory() as folder:
            sweep = Sweep(spec_of(sampler), folder)
            sweep.run(num, ends)
            configs = sweep.run(2)
            check_all(sweep, configs, sampler)
            states = [trial.state for trial in sweep.study.trials[:num]]
            assert states == [OPTUNA_STATES[ends[number % len(ends)]] for number in range(num)]


ASK = """
import json, sys
import optuna
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from sweep.space import draw
from sweep.config.spec import Search
optuna.logging.set_verbosity(optuna.logging.ERROR)
journal, sampler, tree = sys.argv[1], *map(json.loads, sys.argv[2:])
study = optuna.load_study(study_name="laws", storage=JournalStorage(JournalFileBackend(journal)))
study.sampler = Search(sampler=sampler).sampler.build(7, tree)
print(json.dumps(draw.suggest(tree, study.ask())))
"""


def suggests_the_same_in_any_process(sampler: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        spec = spec_of(sampler)
        Sweep(spec, folder).run(min(_num_startup(sampler) + 1, POINTS - 2))
        written = Path(folder, "journal").read_bytes()
        processes = []
        for seed in ("1", "2"):
            journal = Path(folder, f"journal {seed}")
            journal.write_bytes(written)
            arguments = [str(journal), sampler.model_dump_json(), json.dumps(spec.trial)]
            processes.append(
                subprocess.Popen(
                    [sys.executable, "-c", ASK, *arguments],
                    env=os.environ | {"PYTHONHASHSEED": seed, "OMP_NUM_THREADS": "1"},
                    stdout=subprocess.PIPE,
                    text=True,
                )
            )
        first, second = (json.loads(process.communicate()[0]) for process in processes)
        sweep = Sweep(spec, folder)
        sweep.study.sampler = sampler.build(7, spec.trial)
        third = draw.suggest(spec.trial, sweep.study.ask())
    assert first == second == third


def goes_on_after_a_kill_at_any_write_as_if_there_had_been_none(sampler: Any) -> None:
    """The journal has a line for each write, so a search that is killed leaves it cut after a line.

    After any cut, also between two parameters of one suggestion, the next suggestions are those of an
    undisturbed search.
    """
    num = min(_num_startup(sampler) + 3, POINTS - 1)
    ends = ("complete", "complete", "failed", "pruned")
    with tempfile.TemporaryDirectory() as folder:
        journal, num_lines = Path(folder, "journal"), []
        sweep, configs = Sweep(spec_of(sampler), folder), []
        for number in range(num):
            configs.append(sweep.suggest())
            sweep.tell(configs[-1], ends[number % len(ends)])
            num_lines.append(len(journal.read_bytes().splitlines()))
        lines = journal.read_bytes().splitlines(keepends=True)
        nums_params = set()
        for end in range(num_lines[-3], num_lines[-2]):
            journal.write_bytes(b"".join(lines[:end]))
            resumed = Sweep(spec_of(sampler), folder)
            nums_params.add(len(resumed.study.get_trials()[-1].params))
            for number in range(num - 2, num):
                config = resumed.suggest()
                assert config == configs[number], f"killed after line {end}: {lines[end - 1]!r}"
                resumed.tell(config, ends[number % len(ends)])
    assert nums_params >= {0, 1, 2}, "before its parameters, between them and after them"


def repeats_a_failed_trial_as_it_was_and_no_other(sampler: Any) -> None:
    spec = spec_of(sampler, num_trials=8)
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(spec, folder, lambda: Requests(retried_trials=frozenset([1, 3])))
        configs = sweep.run(10, ("complete", "failed"))
        assert sweep.search.suggest("more") == ParetoSearch.FINISHED
        trials = sweep.study.get_trials(deepcopy=False)
    retries = {config["number"]: config[RETRY_OF] for config in configs if RETRY_OF in config}
    assert sorted(retries.values()) == [1, 3]
    for number, failed in retries.items():
        assert trials[number].params == trials[failed].params
        assert configs[number]["trial"] == configs[failed]["trial"]
    new = [json.dumps(c["trial"]) for c in configs if RETRY_OF not in c]
    assert len(new) == len(set(new)) == 8


def ends_by_itself_after_all_points_if_it_is_exhaustive(sampler: Any) -> None:
    if not sampler.is_exhaustive:
        with pytest.raises(NotImplementedError):
            sampler.num_points(SPACE)
        return
    spec = spec_of(sampler, num_trials=None)
    assert spec.num_trials == sampler.num_points(spec.trial) == POINTS
    with tempfile.TemporaryDirectory() as folder:
        sweep = Sweep(spec, folder, lambda: Requests(retried_trials=frozenset([1, 3])))
        configs = sweep.run(POINTS + 2, ("complete", "failed"))
        assert sweep.search.suggest("more") == ParetoSearch.FINISHED
    points = [json.dumps(config["trial"]) for config in configs if RETRY_OF not in config]
    assert len(points) == len(set(points)) == POINTS, "retries are no points"
