"""Results item by item, read back from a real record."""

import numpy as np
import pandas as pd
import pytest

from analysis.record.candidate import Candidate
from analysis.record.items import RecordedItems, _rows, read_items
from analysis.record.reader import read_sweep
from analysis.record.replicates import of_items
from tests.analysis.conftest import ACCURACY, GAP, NLL, RIGHT, RISE, SEEDS, TERMS, record
from trainables.metrics.estimate import Estimate, Items, mean
from trainables.metrics.items_file import write

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_each_item_of_each_metric_is_a_row_with_its_outcome_and_cluster(with_items):
    rows = read_items(with_items, Candidate(3))
    assert rows["metric"].value_counts().to_dict() == {
        ACCURACY.name: 60,
        GAP.name: 60,
        RISE.name: 40,
    }
    accuracy = rows[rows["metric"] == ACCURACY.name]
    assert accuracy["outcome"].tolist() == RIGHT[3][:60].astype(float).tolist()
    assert accuracy["value"].to_numpy() == pytest.approx(RIGHT[3][:60].mean())
    assert rows[rows["metric"] == GAP.name]["cluster"].tolist() == TERMS[:60]


def test_the_items_of_the_base_model_are_those_of_the_sweeps_own_run(with_items):
    base, first = read_items(with_items, None), read_items(with_items, Candidate(1))
    assert base.equals(first), "as they were recorded"


def test_a_trial_without_items_is_one_clear_sentence(with_items):
    with pytest.raises(ValueError, match="has no items of trial 7: only a model that was measured"):
        read_items(with_items, Candidate(7))
    with pytest.raises(ValueError, match="has no trial 99"):
        read_items(with_items, Candidate(99))


def run_id(sweep, trial):
    return sweep.trials.set_index("trial")["run_id"][trial]


def test_what_items_of_runs_say_is_that_of_the_estimates_that_were_recorded(with_items):
    recorded = RecordedItems(with_items.tracking_uri)
    found = recorded([run_id(with_items, trial) for trial in (1, 2)])
    assert found.keys() == {ACCURACY.name, GAP.name, RISE.name}
    for name, outcomes, items in (
        (ACCURACY.name, {t: right.astype(float) for t, right in RIGHT.items()}, range(80)),
        (RISE.name, NLL, range(40)),
    ):
        estimates = [mean(outcomes[trial], Items.of(items)) for trial in (1, 2)]
        assert found[name] == pytest.approx(of_items(estimates))
    assert recorded([run_id(with_items, trial) for trial in (1, 3)]).keys() == {RISE.name}


def test_nothing_is_known_of_runs_without_items_and_of_a_store_that_gives_none(with_items, caplog):
    recorded = RecordedItems(with_items.tracking_uri)
    runs = [run_id(with_items, trial) for trial in (1, 7)]
    assert recorded(runs) == {}
    assert recorded([runs[0]] * 2), "another recipe has some"
    assert not caplog.messages
    for _ in range(2):  # each reading of a sweep
        recorded = RecordedItems("sqlite:////absent/mlflow.db")
        assert recorded([runs[0]] * 2) == {}
    [warning] = caplog.messages
    assert warning.startswith("sqlite:////absent/mlflow.db does not give items.parquet (")
    assert "wider than need be" in warning


def test_a_front_has_the_errors_of_the_items_as_soon_as_the_store_has_them(tmp_path):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    record(client, tmp_path, "seeds", goals=[GAP, RISE], constraints={}, trials=SEEDS)
    rng = np.random.default_rng(0)
    file = tmp_path / "items.parquet"
    estimates = []
    before = read_sweep("seeds", tracking_uri=uri)
    se = before.candidates().set_index("trial")[f"se/{GAP.name}"]
    for trial in (2, 5, 8):
        outcomes = rng.normal(size=40)
        estimates.append(mean(outcomes, Items.of(range(40), [n // 8 for n in range(40)])))
        write({GAP.name: estimates[-1], RISE.name: Estimate(0.1)}, file)
        client.log_artifact(run_id(before, trial), str(file))
    found = of_items(estimates)
    after = read_sweep("seeds", tracking_uri=uri).candidates().set_index("trial")
    expected = found.variance + (4 - found.shared) / 3
    assert after[f"se/{GAP.name}"][2] ** 2 == pytest.approx(expected)
    assert after[f"se/{GAP.name}"][0] == se[0], "whose items the store lacks"


def test_items_of_an_earlier_release_are_read_whose_column_had_another_name(with_items, tmp_path):
    found = read_items(with_items, Candidate(1))
    assert found["design_df"].dropna().gt(0).all()
    file = tmp_path / "items.parquet"
    own = found.rename(columns={"design_df": "df"})
    own.replace({"df": {np.inf: np.nan}}).to_parquet(file)
    pd.testing.assert_frame_equal(_rows(file), found, check_dtype=False)


@pytest.mark.parametrize("content", ["early", "foreign"])
def test_a_front_of_other_items_is_that_without_items(tmp_path, content):
    from mlflow import MlflowClient

    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    client = MlflowClient(tracking_uri=uri)
    record(client, tmp_path, "seeds", goals=[GAP, RISE], constraints={}, trials=SEEDS)
    sweep = read_sweep("seeds", tracking_uri=uri)
    file = tmp_path / "items.parquet"
    write({GAP.name: mean(np.arange(40.0), Items.of(range(40)))}, file)
    if content == "early":
        pd.read_parquet(file).drop(columns=["design_df", "decisions"]).to_parquet(file)
    else:
        file.write_text("<html>sign in</html>")
    for trial in (2, 5, 8):
        client.log_artifact(run_id(sweep, trial), str(file))
    se = sweep.candidates().set_index("trial")[f"se/{GAP.name}"][2]
    assert se**2 == pytest.approx(1 + 4 / 3)
