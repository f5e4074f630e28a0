"""Progress in the terminal, without Ray: the tests call the callback as Tune would."""

import io
from types import SimpleNamespace

import pytest
from mlflow import MlflowClient
from rich.console import Console

from analysis.record.reader import read_sweep
from sweep.cli.live_display import front_measure
from sweep.config.check import load
from sweep.display.candidates import MeasuredModel
from sweep.display.progress import Progress
from sweep.outcome import Outcome, outcome_of
from sweep.trial_request import TrialRequest
from sweep.workers.result import TrialResult
from tests.analysis import conftest as written_by
from trainables.metrics.metric import Metric

GAP, RISE = "bias/miniature/gap", "forgetting/general/nll_rise"


class Trial(SimpleNamespace):
    def __str__(self) -> str:
        return self.name


def trial(name: str, drawn=None, *, progress=1.0, failure="", recipe="", **metrics) -> Trial:
    result = TrialResult(step=2, progress=progress, failure=failure, metrics=metrics)
    config = TrialRequest(int(name), drawn or {}, recipe=recipe).to_config()
    return Trial(name=name, config=config, last_result=result.for_tune())


def end(progress, one, failure="") -> None:
    """End a trial as the driver would: its outcome is known before the callback is called.

    failure: why its process died; empty if it did not.
    """
    number, outcome = (
        TrialRequest.of(one.config).number,
        outcome_of(TrialResult.of(one.last_result)),
    )
    progress._new_outcomes[number] = Outcome(number, *(("failed", failure) if failure else outcome))
    (progress.on_trial_error if failure else progress.on_trial_complete)(0, [], one)


def whole(written) -> str:
    """What was printed, with the lines that go on below as one."""
    return written.getvalue().replace("\n    ", "  ")


@pytest.fixture
def shown(tiny):
    """shown(terminal) -> (a Progress of the tiny sweep, the file that it prints to)."""

    def start(*, terminal: bool = False, **more):
        spec, _ = load(tiny)
        goals = more.pop("goals", {goal: spec.metrics()[goal] for goal in spec.goals})
        if names := more.pop("spec_goals", None):
            spec = spec.model_copy(update={"goals": names})
        measure = more.pop("measure", lambda rows: (len(rows), len(rows) / 10))
        ended, num_trials = more.pop("ended", []), more.pop("num_trials", 4)
        started = SimpleNamespace(
            spec=spec,
            goals=goals,
            earlier_outcomes=ended,
            new_outcomes={},
            num_trials=lambda: num_trials,
            delivery=SimpleNamespace(trouble=more.pop("trouble", "")),
            outbox=SimpleNamespace(num_waiting=7),
        )
        console = Console(file=io.StringIO(), force_terminal=terminal, width=80)
        progress = Progress(started, measure, console, **more)
        progress.setup()
        return progress, console.file

    return start


def test_each_ended_trial_is_a_line_without_a_terminal(shown):
    progress, written = shown()
    one = trial("0000", **{GAP: 12.5, RISE: 0.25})
    progress.on_trial_start(0, [], one)
    end(progress, one)
    line = whole(written).splitlines()[-1]
    assert line.startswith("[1/4] 0000 complete  gap 12.5  nll_rise 0.25")
    assert "front 1, hypervolume 0.1000" in line
    assert "ETA 0:" in line
    assert "\x1b" not in written.getvalue()


def test_trials_that_run_for_long_are_a_line_at_times_without_a_terminal(shown, monkeypatch):
    progress, written = shown()
    one, other = trial("0000"), trial("0001")
    for each in (one, other):
        progress.on_trial_start(0, [], each)
    first = TrialResult(step=0, progress=0.0, failure="", metrics={GAP: 9.0, RISE: 0.0})
    progress.on_trial_result(0, [], one, first.for_tune())
    assert written.getvalue().splitlines()[1:] == ["the base model is measured first."]
    monkeypatch.setattr("sweep.display.progress.QUIET_S", 0.0)
    half = TrialResult(step=1, progress=0.5, failure="", metrics={GAP: 9.0, RISE: 0.1})
    progress.on_trial_result(0, [], one, half.for_tune())
    (line,) = written.getvalue().splitlines()[2:]
    assert line.startswith("running: 0000 50%  0001 0% | ETA 0:00")


def test_a_sweep_whose_base_model_is_known_does_not_say_that_it_is_measured(shown):
    progress, written = shown(base={GAP: 9.0, RISE: 0.0})
    progress.on_trial_start(0, [], trial("0000"))
    assert "base" not in written.getvalue()


def test_a_line_that_is_too_long_goes_on_below_and_parts_no_goal_from_its_value(shown):
    goals = {
        f"bias/x/quantity_{n}": Metric(f"bias/x/quantity_{n}", "%", "lower", 0, 1, "")
        for n in range(6)
    }
    progress, written = shown(goals=goals, spec_goals=[*goals])
    end(progress, trial("0000", **dict.fromkeys(goals, 0.12345678)))
    end(progress, trial("0001", failure="a reason of many words " * 9))
    lines = written.getvalue().splitlines()[1:]
    assert max(map(len, lines)) <= 80
    starts = [line for line in lines if not line.startswith("    ")]
    assert [line[:5] for line in starts] == ["[1/4]", "[2/4]"]
    text = "\n".join(lines)
    assert all(f"quantity_{n} 0.1235" in text for n in range(6))
    assert "front 1, hypervolume 0.1000 | ETA" in text
    assert " ".join(text.split()).count("a reason of many words") == 9


def test_failures_are_shown_with_the_reason_that_is_recorded_and_do_not_join_the_front(shown):
    progress, written = shown()
    end(progress, trial("0000", failure="step 3 reported gap = nan"))
    end(progress, trial("0001", **{GAP: 1.0, RISE: 0.0}), "its process died on 10.0.0.1")
    assert "0000 failed  step 3 reported gap = nan  | front 0" in whole(written)
    assert "0001 failed  its process died on 10.0.0.1  | front 0" in whole(written)
    progress.on_trial_error(0, [], trial("0002"))
    assert "0002" not in written.getvalue(), "its outcome could not be saved"


@pytest.mark.parametrize("reason", ["ValueError: out of luck", "its process failed"])
def test_a_trial_that_is_tried_again_says_why(shown, tmp_path, reason):
    progress, written = shown()
    died = trial("0001")
    died.error_file = str(tmp_path / "error.txt") if ":" in reason else None
    (tmp_path / "error.txt").write_text(f"Traceback:\n  File x\n{reason}\n\n")
    progress.on_trial_recover(0, [], died)
    assert f"0001 is tried again: {reason}\n" in written.getvalue()


@pytest.mark.parametrize("terminal", [False, True])
def test_entries_that_wait_for_mlflow_are_counted(shown, terminal):
    progress, written = shown(terminal=terminal, trouble="ConnectionError: refused")
    end(progress, trial("0000", **{GAP: 12.5, RISE: 0.25}))
    progress.on_experiment_end([])
    assert "7 entries wait for MLflow (ConnectionError)" in whole(written)


def test_a_degenerate_trial_is_flagged_as_it_ends(shown):
    progress, written = shown()
    values = {GAP: 0.0, RISE: 3.0, "forgetting/guard/degenerate": 1.0}
    end(progress, trial("0000", **values))
    assert "nll_rise 3  degenerate  | front 1" in whole(written)


def test_candidates_at_other_alphas_join_the_front_within_the_constraints(shown, tiny):
    tiny.write_text(tiny.read_text() + f"constraints: {{{RISE}: {{max: 0.3}}}}\n")
    progress, written = shown()
    values = {GAP: 1.0, RISE: 0.5, "cost/replay/shortfall": 0.0}
    for alpha, rise in (("0", 0.0), ("0.25", 0.1), ("0.5", 0.3), ("0.75", 0.4)):
        values |= {f"fusion/{alpha}/{GAP}": 9.0, f"fusion/{alpha}/{RISE}": rise}
    end(progress, trial("0000", **values))
    assert "gap 1  nll_rise 0.5  | front 2, hypervolume" in whole(written)
    again = values | {GAP: 9.0, RISE: 0.1}
    own = {"fusion": {"alpha": 0.25, "also": [0, 0.25, 0.5, 0.75]}}  # among the others, once more
    end(progress, trial("0001", own, **again))
    assert "gap 9  nll_rise 0.1  | front 4, hypervolume" in whole(written)


def test_another_alpha_with_the_very_same_goals_is_a_candidate_all_the_same(shown):
    values = {GAP: 1.0, RISE: 0.5, f"fusion/0.5/{GAP}": 1.0, f"fusion/0.5/{RISE}": 0.5}
    progress, written = shown()
    end(progress, trial("0000", {"fusion": {"also": [0.5]}}, **values))
    assert "| front 2, hypervolume" in whole(written)


def test_candidates_are_counted_as_the_analysis_counts_them_in_the_record(shown, tiny, tmp_path):
    goals, bound = [written_by.GAP, written_by.RISE], {"max": 0.3}
    trials = [one for one in written_by.FUSED if one["number"] != 5]  # its own goal is no number
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    written_by.record(
        MlflowClient(tracking_uri=uri), tmp_path, "fused", goals=goals, trials=trials,
        constraints={written_by.RISE.name: bound},
    )  # fmt: skip
    tiny.write_text(f"{tiny.read_text()}constraints: {{{RISE}: {bound}}}\n".replace("'", ""))
    names = [goal.name for goal in goals]
    progress, _ = shown(goals={goal.name: goal for goal in goals}, spec_goals=names)
    for one in trials:
        alpha = {"fusion": {"alpha": one["params"]["fusion.alpha"]}}
        failure = one["failure"]
        ended = trial(f"{one['number']:04}", alpha, **one["end"], failure=failure)
        progress.on_trial_result(0, [], ended, measured_base())
        end(progress, ended)
    recorded = read_sweep("fused", tracking_uri=uri).candidates()
    assert recorded["feasible"].sum() == 6, "1, 1@0.25, 1@0.5, 2, 2@0.25 and 4"
    assert progress.size_and_volume[0] == 6 + 1, "and the base model"


def measured_base() -> dict:
    """The first report of a trial, as Tune passes it on."""
    return TrialResult(step=0, metrics=written_by.BASE).for_tune()


@pytest.mark.parametrize("bound", [100.0, 0.25])
def test_replicates_and_the_base_model_are_counted_as_the_analysis_counts_them(
    shown, tiny, tmp_path, bound
):
    goals, bounds = [written_by.GAP, written_by.RISE], {"max": bound}
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    trials = [*written_by.SEEDS, written_by.SEEDS[7] | {"number": 9}]  # the same seed again
    written_by.record(
        MlflowClient(tracking_uri=uri), tmp_path, "seeds", goals=goals, trials=trials,
        constraints={written_by.RISE.name: bounds},
    )  # fmt: skip
    tiny.write_text(f"{tiny.read_text()}constraints: {{{RISE}: {bounds}}}\n".replace("'", ""))
    with_goals = {"goals": {goal.name: goal for goal in goals}, "measure": front_measure(goals)}
    spec_goals = [goal.name for goal in goals]
    tiny.write_text(tiny.read_text().replace(f"[{GAP}, {RISE}]", f"[{RISE}]"))
    progress, _ = shown(**with_goals, spec_goals=spec_goals)
    for one in trials:
        share = {"complete": 1.0, "pruned": 0.5}.get(one["state"], 1.0)
        failure = "it diverged" if one["state"] == "failed" else ""
        ended = trial(
            f"{one['number']:04}",
            {"seed": one["params"]["seed"]},
            recipe=one["recipe"],
            progress=share,
            failure=failure,
            **one["end"],
        )
        progress.on_trial_result(0, [], ended, measured_base())
        end(progress, ended)
    recorded = read_sweep("seeds", tracking_uri=uri)
    size, volume = progress.size_and_volume
    assert (size, volume) == (recorded.front_size, pytest.approx(recorded.hypervolume()))


def test_a_trial_stopped_early_does_not_join_the_front(shown):
    progress, written = shown()
    end(progress, trial("0000", progress=0.5, **{GAP: 1.0, RISE: 0.0}))
    assert "0000 pruned" in written.getvalue()
    assert "front 0" in written.getvalue()


def test_a_resumed_sweep_counts_the_trials_that_had_ended_before(shown):
    progress, written = shown(
        ended=[Outcome(0, "complete"), Outcome(1, "failed")],
        earlier=[MeasuredModel("0", 0, (1.0, 0.5))],
    )
    assert "2 of 4 trials done before" in written.getvalue()
    end(progress, trial("0002", **{GAP: 2.0, RISE: 0.1}))
    assert "[3/4]" in written.getvalue()
    assert "front 2" in written.getvalue()


def test_a_terminal_gets_a_table_with_the_best_of_each_goal(shown):
    progress, written = shown(terminal=True)
    one = trial("0000", **{GAP: 12.5, RISE: 0.25})
    progress.on_trial_start(0, [], one)
    progress.on_trial_result(0, [], one, TrialResult(step=1, progress=0.5).for_tune())
    end(progress, one)
    progress.on_experiment_end([])
    text = written.getvalue()
    assert "1 of 4 trials ended" in text
    assert "12.5" in text
    assert "hypervolume" in text


def test_the_last_trial_needs_no_eta(shown):
    progress, written = shown()
    for number in range(4):
        one = trial(f"{number:04}", **{GAP: 1.0, RISE: 0.1})
        progress.on_trial_start(0, [], one)
        end(progress, one)
    assert written.getvalue().splitlines()[-1].endswith("| done")
