"""Sweeps read back from a real record."""

import os
import shutil
import subprocess
import sys

import pytest

from analysis.record.candidate import Candidate
from analysis.record.reader import list_sweeps, read_sweep, read_trial_yaml

ACCURACY, GAP, RISE, SCORE = (
    "task/piqa/accuracy",
    "bias/stereoset/gap",
    "forgetting/general/nll_rise",
    "bias/crows_pairs/score",
)

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_a_sweep_comes_back_with_all_that_was_declared(hand):
    assert (hand.name, hand.state) == ("hand", "finished")
    assert [goal.name for goal in hand.goals] == [GAP, RISE]
    assert hand.constraints == {RISE: {"max": 0.3}}
    assert list(hand.metrics) == [GAP, SCORE, RISE, ACCURACY]
    assert hand.metrics[SCORE].better == "nearer"
    assert hand.metrics[ACCURACY].worst == 0.5


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


def test_the_yaml_of_a_trial_comes_back_unchanged(hand):
    assert read_trial_yaml(hand, Candidate(7)) == "# trial 7 of hand: ±0, as it ran\r\nseed: 7\n"


def test_an_unknown_trial_is_refused_with_the_numbers_of_those_there_are(hand, begun):
    with pytest.raises(ValueError, match="sweep hand has no trial 99; its trials are 1 to 13"):
        read_trial_yaml(hand, Candidate(99))
    with pytest.raises(ValueError, match="sweep begun has no trials yet"):
        read_trial_yaml(begun, Candidate(1))


def test_a_sweep_whose_driver_died_at_once_is_listed_and_explained(empty_store, tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{shutil.copy(empty_store.removeprefix('sqlite:///'), tmp_path)}"
    client = MlflowClient(tracking_uri=uri)
    tags = {"sweep.role": "sweep", "sweep.name": "young"}
    client.create_run(client.create_experiment("young"), tags=tags)
    assert list_sweeps(tracking_uri=uri)["goals"].tolist() == [[]]
    with pytest.raises(ValueError, match=r"sweep young has no declarations\.json in"):
        read_sweep("young", tracking_uri=uri)


@pytest.mark.slow
@pytest.mark.timeout(120)
def test_reading_imports_neither_torch_nor_ray_nor_optuna(store):
    # A process of its own: this one may have imported them for other tests.
    code = """
import sys
from analysis import pareto
from analysis.record import reader
from analysis.views import front_html, front_png, front_table
assert not {"mlflow", "matplotlib"} & set(sys.modules), "imports are no longer cheap"
reader.read_sweep("hand", tracking_uri=sys.argv[1])
reader.list_sweeps(tracking_uri=sys.argv[1])
assert "mlflow" not in sys.modules, "importing it takes longer than reading thousands of trials"
forbidden = {"torch", "ray", "optuna", "sweep", "transformers"} & set(sys.modules)
others = {name for name in sys.modules if name.startswith("trainables.")}
others -= {"trainables.metrics", "trainables.metrics.metric", "trainables.metrics.names"}
others -= {f"trainables.metrics.{name}" for name in ("bounds", "clusters", "estimate")}
others -= {f"trainables.metrics.{name}" for name in ("interval", "items_table")}
others -= {"trainables.schema", "trainables.schema.text"}
others -= {f"trainables.schema.{name}" for name in ("composing", "counted", "limits")}
others -= {f"trainables.schema.plain_{name}" for name in ("json", "yaml")}
others -= {f"trainables.schema.text.{name}" for name in ("addresses", "escaping", "masking")}
others -= {f"trainables.schema.text.{name}" for name in ("printable", "shown")}
others = {name for name in others if not name.startswith("trainables.schema.text.secrets")}
assert not forbidden | others, forbidden | others
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    subprocess.run([sys.executable, "-c", code, store], check=True, env=environment)
