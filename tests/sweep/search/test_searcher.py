"""ParetoSearch on a real Optuna journal, called as Ray Tune calls it."""

import pickle

import optuna
import pytest
from optuna.trial import TrialState
from ray.tune.search import Searcher

from sweep.config.check import load
from sweep.config.spec import SweepSpec
from sweep.outcome import Outcome
from sweep.search.searcher import ParetoSearch
from sweep.search.study import open_study, outcomes
from sweep.space import draw
from sweep.tracking.control_requests import Requests
from sweep.workers.result import TrialResult

GAP, RISE = "bias/miniature/gap", "forgetting/general/nll_rise"


@pytest.fixture
def spec(tiny) -> SweepSpec:
    return load(tiny)[0]


def searcher(
    spec: SweepSpec, journal, requests=Requests
) -> tuple[ParetoSearch, optuna.Study, list[Outcome]]:
    """A search, its study, and a list to which the outcomes of its trials are appended."""
    study = open_study(journal, spec)
    ended: list[Outcome] = []
    return ParetoSearch(spec, study, spec.metrics(), ended.append, requests), study, ended


def result(gap: float, rise: float, **changes) -> dict:
    """The last result of a complete trial with these metrics, as Tune passes it on."""
    fields = {"step": 2, "progress": 1.0, "metrics": {GAP: gap, RISE: rise}} | changes
    return TrialResult(**fields).for_tune()


def test_it_suggests_as_many_trials_as_the_budget_has_then_finishes(spec, tmp_path):
    search, _, _ = searcher(spec, tmp_path / "journal")
    suggested = [search.suggest(str(n)) for n in range(4)]
    assert [config["number"] for config in suggested] == [0, 1, 2, 3]
    for number in range(4):
        assert search.suggest("more") is None, "one that fails may yet be tried again"
        search.on_trial_complete(str(number), result(1.0, 1.0))
    assert search.suggest("more") == Searcher.FINISHED


def test_a_drawn_tree_that_is_no_trial_is_suggested_with_its_fault(tiny, tmp_path):
    """Checking the spec tries both accumulations with both ends of the range, which they divide."""
    sizes = "batch_size: {int: [4, 8]}, accumulation: {choice: [2, 4]}"
    text = tiny.read_text().replace("batch_size: 4", sizes).replace("trials: 4", "trials: 20")
    tiny.write_text(text)
    search, _, _ = searcher(load(tiny)[0], tmp_path / "journal")
    configs = [search.suggest(str(number)) for number in range(20)]
    faults = 0
    for config in configs:
        train = config["trial"]["train"]
        size, accumulation = train["batch_size"], train["accumulation"]
        if size % accumulation:
            assert config["fault"] == (
                "the drawn settings are no valid trial: train batch_size must be a multiple of accumulation, "
                f"but got {size} and {accumulation}."
            )
            faults += 1
        else:
            assert "fault" not in config
    assert 0 < faults < 20


def test_optuna_gets_the_costs_of_a_finished_trial(spec, tmp_path):
    search, study, ended = searcher(spec, tmp_path / "journal")
    search.suggest("a")
    search.on_trial_complete("a", result(3.0, 0.25))
    (trial,) = study.trials
    assert (trial.state, trial.values) == (TrialState.COMPLETE, [3.0, 0.25])
    assert ended == [Outcome(0, "complete")]


def test_the_cost_of_a_metric_whose_more_is_better_is_its_negative(tiny, tmp_path):
    tiny.write_text(tiny.read_text().replace(f"goals: [{GAP}", "goals: [bias/miniature/lms"))
    search, study, _ = searcher(load(tiny)[0], tmp_path / "journal")
    search.suggest("a")
    metrics = {GAP: 3.0, RISE: 0.25, "bias/miniature/lms": 90.0}
    search.on_trial_complete("a", result(3.0, 0.25, metrics=metrics))
    assert study.trials[0].values == [-90.0, 0.25]


@pytest.mark.parametrize(
    ("arguments", "state"),
    [
        ({"error": True}, TrialState.FAIL),
        ({"result": None}, TrialState.FAIL),
        ({"result": result(1.0, 1.0, failure="step 3 reported gap = nan")}, TrialState.FAIL),
        ({"result": result(1.0, 1.0, progress=0.5)}, TrialState.PRUNED),
    ],
)
def test_a_trial_that_did_not_finish_is_never_complete(spec, tmp_path, arguments, state):
    search, study, ended = searcher(spec, tmp_path / "journal")
    search.suggest("a")
    search.on_trial_complete("a", **arguments)
    assert study.trials[0].state == state
    assert study.best_trials == []
    assert len(ended) == 1


def test_the_reason_of_a_failure_is_kept(spec, tmp_path):
    search, study, _ = searcher(spec, tmp_path / "journal")
    search.suggest("a")
    search.on_trial_complete("a", result(1.0, 1.0, failure="it diverged"))
    assert outcomes(study) == [Outcome(0, "failed", "it diverged")]


def test_a_trial_ends_once_however_often_tune_says_so(spec, tmp_path):
    search, _, ended = searcher(spec, tmp_path / "journal")
    search.suggest("a")
    for _ in range(3):
        search.on_trial_complete("a", result(1.0, 1.0))
    assert len(ended) == 1


def test_a_new_search_on_the_journal_goes_on_with_the_interrupted_trials_themselves(spec, tmp_path):
    search, study, _ = searcher(spec, tmp_path / "journal")
    first = [search.suggest(name) for name in "abc"]
    search.on_trial_complete("b", result(1.0, 1.0))
    search, study, _ = searcher(spec, tmp_path / "journal")
    assert search.num_left == 3
    again = [search.suggest(name) for name in "de"]
    assert [c["number"] for c in again] == [0, 2]
    assert [c["trial"] for c in again] == [first[0]["trial"], first[2]["trial"]]
    assert search.suggest("f")["number"] == 3
    for name in "def":
        search.on_trial_complete(name, result(2.0, 2.0))
    assert search.suggest("g") == Searcher.FINISHED
    assert outcomes(study) == [Outcome(number, "complete") for number in (1, 0, 2, 3)]


def test_a_line_that_a_killed_writer_left_half_written_is_cut_off(spec, tmp_path):
    journal = tmp_path / "journal"
    search, _, _ = searcher(spec, journal)
    search.suggest("a")
    search.on_trial_complete("a", result(1.0, 1.0))
    with journal.open("ab") as file:
        file.write(b'{"op_code": 4, "worker_id": "x", "stu')
    (tmp_path / "journal.lock").write_text("left by the killed writer")
    search, _, _ = searcher(spec, journal)
    assert search.suggest("b")["number"] == 1
    assert len(open_study(journal, spec).trials) == 2


def test_a_resumed_search_does_not_repeat_its_first_suggestions(spec, tmp_path):
    search, _, _ = searcher(spec, tmp_path / "journal")
    first = [search.suggest(name)["trial"]["train"]["lr"] for name in "ab"]
    for name in "ab":
        search.on_trial_complete(name, result(1.0, 1.0))
    search, _, _ = searcher(spec, tmp_path / "journal")
    assert search.suggest("c")["trial"]["train"]["lr"] not in first


def test_the_same_seed_gives_the_same_search(spec, tmp_path):
    trees = []
    for journal in ("first", "second"):
        search, _, _ = searcher(spec, tmp_path / journal)
        trees.append([search.suggest(str(n))["trial"] for n in range(4)])
    assert trees[0] == trees[1]


def test_the_seed_of_a_trial_follows_from_the_sweeps_name_its_seed_and_the_number(spec, tmp_path):
    """sha256 of `tiny 0 NUMBER`, 4 bytes: those of a sweep that an earlier release has begun."""
    search, study, _ = searcher(spec, tmp_path / "journal")
    for number, seed in enumerate((1274738394, 2209134006, 1976051374)):
        search.suggest(str(number))
        drawn = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=seed)).ask()
        draw.suggest(spec.trial, drawn)
        assert study.trials[number].params == drawn.params


def test_constraints_keep_infeasible_trials_off_the_best(tiny, tmp_path):
    tiny.write_text(tiny.read_text() + f"constraints: {{{RISE}: {{max: 0.3}}}}\n")
    search, study, _ = searcher(load(tiny)[0], tmp_path / "journal")
    for name, rise in (("a", 0.5), ("b", 0.1)):
        search.suggest(name)
        search.on_trial_complete(name, result(1.0, rise))
    assert [trial.number for trial in study.best_trials] == [1]


def test_no_trial_starts_after_the_hours(tiny, tmp_path):
    tiny.write_text(tiny.read_text().replace("{trials: 4}", "{trials: 4, hours: 1e-15}"))
    search, _, _ = searcher(load(tiny)[0], tmp_path / "journal")
    assert search.suggest("a") == Searcher.FINISHED
    assert search.out_of_time


def test_tune_can_pickle_the_search_which_has_no_state_of_its_own(spec, tmp_path):
    search, _, _ = searcher(spec, tmp_path / "journal")
    assert len(pickle.dumps(search)) < 200


def test_a_failed_trial_is_tried_again_once_with_its_parameters_beyond_the_budget(spec, tmp_path):
    search, study, _ = searcher(spec, tmp_path / "journal")
    for number in range(4):
        search.suggest(str(number))
        search.on_trial_complete(str(number), result(1.0, 1.0), error=number in (1, 2))
    assert search.suggest("more") == Searcher.FINISHED

    def requests():
        return Requests(retried_trials=frozenset([1, 3]))  # 3 has not failed

    search, study, _ = searcher(spec, tmp_path / "journal", requests)
    assert (search.num_left, search.num_to_run, search.num_trials) == (0, 1, 5)
    config = search.suggest("again")
    assert (config["number"], config["retry_of"]) == (4, 1)
    assert study.trials[4].params == study.trials[1].params
    search.on_trial_complete("again", error=True)
    assert search.suggest("more") == Searcher.FINISHED
    assert (search.num_left, search.num_trials) == (0, 5)
    search, study, _ = searcher(
        spec, tmp_path / "journal", lambda: Requests(retried_trials=frozenset([4]))
    )
    assert search.suggest("once more")["retry_of"] == 4


def test_a_retry_begins_if_the_process_that_queued_it_was_killed(spec, tmp_path):
    search, study, _ = searcher(spec, tmp_path / "journal")
    search.suggest("a")
    search.on_trial_complete("a", error=True)
    study.enqueue_trial(study.trials[0].params, user_attrs={"retry_of": 0})
    search, study, _ = searcher(spec, tmp_path / "journal")
    assert search.num_left == 4
    config = search.suggest("b")
    assert (config["number"], config["retry_of"]) == (1, 0)
    assert study.trials[1].params == study.trials[0].params
    assert [search.suggest(name)["number"] for name in "cde"] == [2, 3, 4]
    assert search.suggest("f") is None


def test_while_paused_nothing_is_suggested_and_after_stop_it_has_finished(spec, tmp_path):
    request = "go"
    search, _, _ = searcher(spec, tmp_path / "journal", lambda: Requests(request))
    answers = []
    for request in ("go", "pause", "go", "stop", "cancel"):
        answer = search.suggest(request)
        answers.append(answer["number"] if isinstance(answer, dict) else answer)
    assert answers == [0, None, 1, Searcher.FINISHED, Searcher.FINISHED]


def test_the_failure_of_a_cancelled_trial_is_that_it_was_cancelled(spec, tmp_path):
    search, _, ended = searcher(
        spec, tmp_path / "journal", lambda: Requests(cancelled_trials=frozenset([0]))
    )
    search.suggest("a")
    assert search.on_death("a", "its process died") == "cancelled"
    search.on_trial_complete("a", error=True)
    assert ended == [Outcome(0, "failed", "cancelled")]


def test_a_trial_that_fails_last_is_tried_again_on_request_before_the_search_has_finished(
    spec, tmp_path
):
    requests = Requests()
    search, _, _ = searcher(spec, tmp_path / "journal", lambda: requests)
    for name in "abcd":
        search.suggest(name)
    search.on_trial_complete("a", error=True)
    assert search.suggest("e") is None
    requests = Requests(retried_trials=frozenset([0]))
    assert search.suggest("e")["retry_of"] == 0


def test_the_error_for_which_an_outcome_was_not_kept_is_passed_on_and_the_trial_has_not_ended(
    spec, tmp_path
):
    """If it were raised, Tune would take it for the trial's own and run the trial once more."""
    study = open_study(tmp_path / "journal", spec)
    ended, errors = [], []
    search = ParetoSearch(spec, study, spec.metrics(), ended.append, Requests, errors.append)
    search.suggest("a")
    study.tell(
        0, state=TrialState.FAIL
    )  # as if by another process: now Optuna takes no second outcome
    search.on_trial_complete("a", result(1.0, 1.0))
    (error,) = errors
    assert isinstance(error, ValueError)
    assert ended == []
    assert search.num_left == 4
