import math
import os
import shutil
import sqlite3
import subprocess
import sys

import pytest

from analysis.record import mlflow_client
from analysis.record.reader import list_sweeps, read_sweep, trial_yaml
from analysis.record.sweep import Candidate, UnknownSweep

GAP, SCORE, RISE, ACCURACY = (
    "bias/stereoset/gap",
    "bias/crows_pairs/score",
    "forgetting/general/nll_rise",
    "task/piqa/accuracy",
)

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def row(sweep, trial):
    return sweep.trials.set_index("trial").loc[trial]


def test_a_sweep_comes_back_with_all_that_was_declared(hand):
    assert (hand.name, hand.state) == ("hand", "finished")
    assert [goal.name for goal in hand.goals] == [GAP, RISE]
    assert hand.constraints == {RISE: {"max": 0.3}}
    assert list(hand.metrics) == [GAP, SCORE, RISE, ACCURACY]
    assert hand.metrics[SCORE].better == "nearer"
    assert hand.metrics[ACCURACY].worst == 0.5


def test_every_trial_is_one_row_in_the_order_of_its_number(hand):
    assert hand.trials["trial"].tolist() == list(range(1, 14))
    assert hand.trials["run_id"].is_unique


def test_a_trial_is_running_until_its_end_is_tagged(hand):
    states = hand.trials.set_index("trial")["state"]
    assert (states[6], states[7], states[10], states[1]) == (
        "pruned",
        "failed",
        "running",
        "complete",
    )
    assert row(hand, 7)["failure"] == "the loss is NaN at step 25"
    assert row(hand, 1)["failure"] == ""
    assert row(hand, 1)["seconds"] >= 0
    assert math.isnan(row(hand, 10)["seconds"])


def test_parameters_are_numbers_where_all_of_them_are(hand):
    assert row(hand, 1)["train.lr"] == 2e-5
    assert hand.trials["train.steps"].dtype == int
    assert row(hand, 2)["regulariser.weight"] == 0.03
    assert math.isnan(row(hand, 1)["regulariser.weight"])
    assert row(hand, 1)["objective.sides"] == "two"
    assert "train.lr" in hand.params
    assert RISE not in hand.params


def test_metrics_are_the_last_that_were_logged_and_infinity_is_none(hand):
    assert row(hand, 3)[RISE] == 0.2
    assert row(hand, 10)[GAP] == 12
    assert math.isnan(row(hand, 8)[GAP])
    assert math.isnan(row(hand, 11)[GAP])
    assert math.isnan(row(hand, 13)[RISE])


def test_the_base_model_is_step_0(hand):
    assert hand.base == {GAP: 12, SCORE: 62, RISE: 0, ACCURACY: 0.7}


def test_candidates_are_complete_finite_and_within_their_bounds(hand):
    assert hand.candidates()["trial"].tolist() == [1, 2, 3, 4, 5, 12]


def test_the_front_is_the_one_worked_out_by_hand_best_in_the_first_goal_first(hand):
    assert hand.front()["trial"].tolist() == [12, 3, 2, 4, 1]


def test_the_hypervolume_is_the_one_worked_out_by_hand(hand):
    # In shares of the worst, from the left: (0.03, 0.3), (0.04, 0.2), (0.12, 0.05), (0.2, 0.01).
    by_hand = 0.01 * 0.7 + 0.08 * 0.8 + 0.08 * 0.95 + 0.8 * 0.99
    assert hand.hypervolume() == pytest.approx(by_hand)


def test_the_front_of_three_goals_knows_which_way_each_is_better(three):
    costs = three.costs(three.candidates())
    dominated = [
        any((q <= p).all() and (q < p).any() for q in costs)  #
        for p in costs
    ]
    expected = three.candidates()["trial"][[not lost for lost in dominated]]
    assert sorted(three.front()["trial"]) == sorted(expected)
    best = three.trials[ACCURACY].idxmax()
    assert three.trials["trial"][best] in set(three.front()["trial"])
    distance = (three.front()[three.goals[0].name] - 50).abs()
    assert distance.is_monotonic_increasing


def test_swept_are_the_parameters_that_the_spec_searches(hand):
    assert "objective.name" in hand.swept
    assert "objective.weight" in hand.swept, "though all that have one have the same"
    assert "replay.ratio" in hand.swept
    assert "model.path" not in hand.swept
    assert "train.steps" not in hand.swept


def names(rows):
    return [str(Candidate.of(row)) for row in rows.to_dict("records")]


def at(sweep, name):
    (row,) = [r for r in sweep.rows.to_dict("records") if str(Candidate.of(r)) == name]
    return row


def test_each_other_alpha_of_a_complete_trial_is_a_candidate_of_its_own(fusing):
    assert names(fusing.rows) == [
        *("1", "1@0.25", "1@0.5", "1@0.75", "2", "2@0.25", "3", "4", "5", "5@0.25"),
    ]
    assert names(fusing.candidates()) == ["1", "1@0.25", "1@0.5", "2", "2@0.25", "4", "5@0.25"]
    assert names(fusing.front()) == ["4", "1", "2", "1@0.5", "5@0.25", "1@0.25"]
    by_hand = 0.02 * 0.7 + 0.04 * 0.75 + 0.02 * 0.9 + 0.06 * 0.92 + 0.02 * 0.95 + 0.82 * 0.98
    assert fusing.hypervolume() == pytest.approx(by_hand)


def test_a_fused_candidate_has_its_own_measurements_and_the_parameters_of_its_trial(fusing):
    own, other = at(fusing, "1"), at(fusing, "1@0.25")
    assert (other[GAP], other[RISE], other[ACCURACY]) == (9, 0.02, 0.7)
    assert (own[f"se/{GAP}"], other[f"se/{GAP}"]) == (1, 0.5)
    assert own[f"se/{RISE}"] == 0.125
    assert math.isnan(other[f"se/{RISE}"]), "it is the trial's, and no other's"
    assert other["cost/replay/shortfall"] == 3
    assert (own["alpha"], own["fusion.alpha"]) == (pytest.approx(math.nan, nan_ok=True), 1)
    assert (other["alpha"], other["fusion.alpha"]) == (0.25, 0.25)
    assert own["fusion.also"] == "0.0 0.25 0.5 0.75"
    assert all(own[name] == other[name] for name in ("run_id", "seconds", "train.lr", "trial"))
    assert not [name for name in fusing.rows if "fusion/" in name]


def test_what_is_recorded_of_trials_and_base_is_not_changed_by_fusion(fusing, hand):
    assert fusing.trials["trial"].tolist() == [1, 2, 3, 4, 5]
    assert fusing.trials.dtypes["trial"] == fusing.rows.dtypes["trial"]
    assert fusing.base == hand.base
    assert hand.rows.drop(columns="alpha").equals(hand.trials)


def test_what_a_candidate_is_called_names_it_again():
    for word in ("7", "7@0.25", "12@1e-05", "0@1"):
        assert str(Candidate.parse(word)) == word
    for word in ("", "base", "7@", "@0.5", "-1", "7@x", "7 0.25"):
        with pytest.raises(ValueError, match=r"no trial|float"):
            Candidate.parse(word)


def test_a_sweep_without_trials_has_an_empty_front(begun):
    assert begun.state == "running"
    assert begun.front().empty
    assert begun.hypervolume() == 0
    assert begun.swept == []


def test_the_list_counts_the_trials_of_each_sweep_by_state(store):
    listed = list_sweeps(tracking_uri=store).set_index("name")
    assert listed.index.tolist() == ["begun", "three", "hand"]  # newest first
    assert listed.loc["hand", ["complete", "failed", "pruned", "running"]].tolist() == [10, 1, 1, 1]
    assert listed["state"].to_dict() == {
        "begun": "running",
        "three": "finished",
        "hand": "finished",
    }
    assert listed.loc["hand", "goals"] == [GAP, RISE]
    assert str(listed["started"].dt.tz) == "UTC"


def test_reading_goes_on_from_page_to_page(store, hand, monkeypatch):
    monkeypatch.setattr(mlflow_client, "RUNS_A_PAGE", 2)
    again = read_sweep("hand", tracking_uri=store)
    assert again.trials.equals(hand.trials)
    assert list_sweeps(tracking_uri=store)["complete"].sum() == 26


def test_the_yaml_of_a_trial_comes_back_unchanged(hand):
    assert trial_yaml(hand, Candidate(7)) == "# trial 7 of hand: ±0, as it ran\r\nseed: 7\n"


def test_a_trial_that_is_none_is_refused_with_those_there_are(hand, begun):
    with pytest.raises(ValueError, match="sweep hand has no trial 99; its trials are 1 to 13"):
        trial_yaml(hand, Candidate(99))
    with pytest.raises(ValueError, match="sweep begun has no trials yet"):
        trial_yaml(begun, Candidate(1))


@pytest.mark.parametrize("name", ["hnad", "notes"])  # the second is an experiment, but no sweep
def test_an_unknown_sweep_is_refused_with_those_there_are(store, name):
    with pytest.raises(UnknownSweep, match=f"no sweep named '{name}'; it has begun, hand, three"):
        read_sweep(name, tracking_uri=store)


def test_a_store_without_sweeps_says_so(empty_store):
    assert list_sweeps(tracking_uri=empty_store).empty
    with pytest.raises(UnknownSweep, match="it has no sweeps yet"):
        read_sweep("any", tracking_uri=empty_store)


def test_a_sweep_whose_writer_died_at_once_is_listed_and_explained(empty_store, tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{shutil.copy(empty_store.removeprefix('sqlite:///'), tmp_path)}"
    client = MlflowClient(tracking_uri=uri)
    tags = {"sweep.role": "sweep", "sweep.name": "young"}
    client.create_run(client.create_experiment("young"), tags=tags)
    assert list_sweeps(tracking_uri=uri)["goals"].tolist() == [[]]
    with pytest.raises(ValueError, match=r"sweep young has no declarations\.json in its run"):
        read_sweep("young", tracking_uri=uri)


def test_a_file_that_does_not_exist_is_not_made(tmp_path):
    uri = f"sqlite:///{tmp_path / 'deep' / 'none.db'}"
    for read in (
        lambda: read_sweep("any", tracking_uri=uri),
        lambda: list_sweeps(tracking_uri=uri),
    ):
        with pytest.raises(ValueError, match=r"there is no MLflow record at .* does not exist"):
            read()
    assert list(tmp_path.iterdir()) == []


def test_a_database_of_something_else_is_left_as_it_is(tmp_path):
    other, words = tmp_path / "study.db", tmp_path / "words.txt"
    with sqlite3.connect(other) as connection:
        connection.execute("CREATE TABLE studies (name TEXT)")
    words.write_text("not a database at all, but long enough to be looked at" * 9)
    before = other.read_bytes(), words.read_bytes()
    with pytest.raises(ValueError, match="it has no table of experiments"):
        list_sweeps(tracking_uri=f"sqlite:///{other}")
    with pytest.raises(ValueError, match="cannot be read as an MLflow record"):
        list_sweeps(tracking_uri=f"sqlite:///{words}")
    assert (other.read_bytes(), words.read_bytes()) == before


def test_no_password_is_shown(hand, store):
    assert store not in repr(hand)
    assert mlflow_client._without_password("postgresql://me:secret@db/x") == "postgresql://db/x"


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_reading_imports_neither_torch_nor_ray_nor_optuna(store):
    # A process of its own: this one may have imported them for other tests.
    code = """
import sys
from analysis import pareto
from analysis.record import reader
from analysis.views import front_html, front_png, front_table
assert not {"mlflow", "matplotlib", "plotly"} & set(sys.modules), "imports are no longer cheap"
reader.read_sweep("hand", tracking_uri=sys.argv[1])
forbidden = {"torch", "ray", "optuna", "sweep", "transformers"} & set(sys.modules)
others = {name for name in sys.modules if name.startswith("trainables.")}
others -= {"trainables.metrics", "trainables.metrics.metric", "trainables.metrics.names"}
others -= {"trainables.schema", "trainables.schema.yaml_text"}
assert not forbidden | others, forbidden | others
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, store], check=True, env=environment)


def test_how_busy_the_machine_was_is_no_column(hand):
    assert not [name for name in hand.trials if str(name).startswith("system/")]
