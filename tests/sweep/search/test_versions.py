"""A space that grows, on a real Optuna journal."""

import json

import optuna
import pytest
from optuna.trial import TrialState

from sweep.config.check import load
from sweep.search import versions
from sweep.search.searcher import ParetoSearch
from sweep.search.study import open_study, outcomes
from sweep.search.versions import version_for
from tests.sweep.search.test_searcher import result

GROWN = "      - {name: cda, sides: {choice: [one, two]}}\n"


@pytest.fixture
def spec_of(tiny):
    """spec_of(sampler, grown=…): the tiny spec, or with a branch appended to its objectives."""
    text = tiny.read_text()

    def spec_of(sampler="random", *, grown=False):
        changed = text.replace("sampler: random", f"sampler: {sampler}")
        if grown:
            changed = changed.replace("  train:", f"{GROWN}  train:", 1)
            changed = changed.replace("trials: 4", "trials: 40")
        tiny.write_text(changed)
        return load(tiny)[0]

    return spec_of


def search_of(study, spec):
    """A search on a study, whose outcomes nobody gets."""
    return ParetoSearch(spec, study, spec.metrics(), lambda outcome: None)


@pytest.mark.parametrize("sampler", ["random", "auto", "gp"])
def test_a_grown_space_keeps_every_trial_and_searches_the_new_branch(spec_of, tmp_path, sampler):
    spec = spec_of(sampler)
    study, version = version_for(spec.trial, open_study(tmp_path / "journal", spec))
    assert version == 1
    search = search_of(study, spec)
    first = [search.suggest(name) for name in "abc"]
    search.on_trial_complete("a", result(3.0, 0.25))
    search.on_trial_complete("b", error=True)

    spec = spec_of(sampler, grown=True)
    study, version = version_for(spec.trial, open_study(tmp_path / "journal", spec))
    assert version == 2
    assert [trial.state for trial in study.trials] == [
        TrialState.COMPLETE,
        TrialState.FAIL,
        TrialState.RUNNING,
    ]
    assert study.trials[0].values == [3.0, 0.25]
    assert [outcome.state for outcome in outcomes(study)] == ["complete", "failed"]
    search = search_of(study, spec)
    assert search.suggest("c again") == first[2]
    drawn = set()
    for number in range(3, 40 if sampler != "gp" else 8):
        objective = search.suggest(str(number))["trial"]["objective"]
        drawn.add(objective if isinstance(objective, str) else objective["name"])
        search.on_trial_complete(str(number), result(1.0, 1.0))
    assert sampler == "gp" or "cda" in drawn

    reopened, version = version_for(spec.trial, open_study(tmp_path / "journal", spec))
    assert (version, len(reopened.trials)) == (2, len(study.trials))


def test_a_copy_that_a_killed_process_left_unfinished_is_made_anew(spec_of, tmp_path, monkeypatch):
    spec = spec_of()
    study, _ = version_for(spec.trial, open_study(tmp_path / "journal", spec))
    search = search_of(study, spec)
    for name in "abc":
        search.suggest(name)
        search.on_trial_complete(name, result(1.0, 1.0))

    class Killed(Exception):
        pass

    added = []

    def add_two(self, trial):
        if len(added) == 2:
            raise Killed
        added.append(trial)
        add_trial(self, trial)

    add_trial = optuna.Study.add_trial
    monkeypatch.setattr(versions.optuna.Study, "add_trial", add_two)
    grown = spec_of(grown=True)
    with pytest.raises(Killed):
        version_for(grown.trial, open_study(tmp_path / "journal", spec))
    monkeypatch.undo()
    study, version = version_for(grown.trial, open_study(tmp_path / "journal", spec))
    assert (version, len(study.trials)) == (2, 3)
    assert json.loads(study.user_attrs["space"]) == grown.trial
