"""Two trials on the same items, against scipy's own paired test."""

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from mlflow import MlflowClient
from scipy import stats

from analysis.record.candidate import Candidate
from analysis.stats.paired import (
    NOTHING,
    PairedTest,
    are_same,
    compare,
    df_of_decisions,
    paired_t_test,
    within_bounds,
)
from analysis.stats.recipes_compared import compare_recipes
from analysis.views.compare_table import table
from tests.analysis.conftest import ACCURACY, GAP, NLL, RIGHT, RISE
from trainables.metrics.estimate import Items, mean
from trainables.metrics.items_file import write
from trainables.metrics.names import fused_name

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def row(comparison: pd.DataFrame, name: str) -> dict:
    (only,) = comparison[comparison["metric"] == name].to_dict("records")
    return only


def test_a_plain_mean_gets_the_paired_t_test(with_items):
    comparison = row(compare(with_items, Candidate(1), Candidate(2)), RISE.name)
    expected = stats.ttest_rel(NLL[2], NLL[1])
    assert comparison["p"] == pytest.approx(expected.pvalue)
    assert comparison["difference"] == pytest.approx(NLL[2].mean() - NLL[1].mean())
    assert comparison["difference"] / comparison["se"] == pytest.approx(expected.statistic)
    assert (comparison["items"], comparison["clusters"], comparison["unit"]) == (
        40,
        40,
        "nats/token",
    )


def test_items_about_one_term_count_together(with_items):
    comparison = row(compare(with_items, Candidate(1), Candidate(2)), GAP.name)
    assert (comparison["items"], comparison["clusters"]) == (80, 10)
    sides = {trial: 1 if RIGHT[trial].mean() >= 0.5 else -1 for trial in (1, 2)}
    change = sides[2] * 100 * (RIGHT[2] - RIGHT[2].mean()) - sides[1] * 100 * (
        RIGHT[1] - RIGHT[1].mean()
    )
    sums = change.reshape(10, 8).sum(1) / 80
    assert comparison["se"] == pytest.approx(math.sqrt(10 / 9 * (sums**2).sum()))
    assert comparison["df"] == pytest.approx(9)
    half = stats.t.ppf(0.975, 9) * comparison["se"]
    ends = comparison["difference"] - half, comparison["difference"] + half
    assert (comparison["low"], comparison["high"]) == pytest.approx(ends)
    t = comparison["difference"] / comparison["se"]
    assert comparison["p"] == pytest.approx(2 * stats.t.sf(abs(t), 9))


def test_turning_the_two_around_turns_the_sign_alone(with_items):
    there, back = (
        row(compare(with_items, *map(Candidate, pair)), RISE.name) for pair in ((1, 2), (2, 1))
    )
    assert there["difference"] == -back["difference"]
    assert (there["se"], there["p"]) == (back["se"], back["p"])


def test_a_trial_does_not_differ_from_itself(with_items):
    comparison = compare(with_items, Candidate(2), Candidate(2))
    assert len(comparison) == 3
    assert set(comparison["difference"]) == {0}
    assert set(comparison["p"]) == {1}


def test_items_without_spread_prove_nothing():
    assert all(map(math.isnan, paired_t_test(1.0, np.zeros(3), 2.0)))
    assert all(map(math.isnan, paired_t_test(0.0, np.zeros(3), 2.0)))
    assert paired_t_test(0.0, np.zeros(3), 2.0, is_same=True) == (0.0, 0.0, 0.0, 1.0)


def test_few_decisions_otherwise_all_one_way_say_little():
    """Of five, all for the better, the exact sign test has p 0.0625; of one or two nothing is known."""
    same = np.zeros(395)
    for ways, p in [
        ([1, 1, 1, 1, 1], 2 * stats.t.sf(math.sqrt(5), 4)),
        ([1, 1, 1, -1, -1], 2 * stats.norm.sf(1 / math.sqrt(5))),
        ([1, 1, 0, 0, 0], math.nan),
        ([1, 0, 0, 0, 0], math.nan),
        ([1, -1, 0, 0, 0], 1.0),
    ]:
        change_C = np.array([*ways, *same]) / 400
        df = min(399.0, df_of_decisions(change_C))
        test = paired_t_test(sum(ways) / 400, change_C, df)
        assert test.p == pytest.approx(p, rel=0.02, nan_ok=True), ways


def items_of(**outcomes):
    """The table of items of one candidate, with the outcomes of each metric."""
    rows = []
    for name, values in outcomes.items():
        estimate = mean(np.array(values, float), Items.of(range(len(values))))
        columns = estimate.items.names, values, estimate.influences_I
        rows += [(name, i, estimate.value, float(o), x) for i, o, x in zip(*columns, strict=True)]
    return pd.DataFrame(rows, columns=["metric", "item", "value", "outcome", "influence"])


def test_models_are_the_same_by_their_likelihoods_and_not_by_their_decisions():
    right, nll = [1, 0, 1, 1, 0], [2.5, 3.1, 0.7, 1.9, 2.2]
    one = items_of(right=right, nll=nll)
    assert are_same([one, one.sample(frac=1, random_state=0), one])
    assert not are_same([one, items_of(right=right, nll=[*nll[:4], math.nextafter(nll[4], 3)])])
    assert not are_same([one, one, items_of(right=[0, 1, 1, 1, 0], nll=nll)])
    assert not are_same([items_of(right=right), items_of(right=right)])
    assert are_same([one, items_of(right=right, nll=nll, kl=[0.1, 0.2])])


def test_trials_that_decide_all_items_alike_may_decide_others_otherwise(with_items, tmp_path):
    client = MlflowClient(tracking_uri=with_items.tracking_uri)
    run_ids = dict(zip(with_items.trials["trial"], with_items.trials["run_id"], strict=True))
    path = Path(client.download_artifacts(run_ids[2], "items.parquet", str(tmp_path)))
    before = path.read_bytes()
    one, other = (pd.read_parquet(client.download_artifacts(run_ids[n], path.name)) for n in (1, 2))
    is_right = one["metric"] == ACCURACY.name
    pd.concat([one[is_right], other[other["metric"] != ACCURACY.name]]).to_parquet(path)
    client.log_artifact(run_ids[2], str(path))
    try:
        for compare_them in (compare, compare_recipes):
            alike = row(compare_them(with_items, Candidate(1), Candidate(2)), ACCURACY.name)
            assert alike["difference"] == 0
            assert all(math.isnan(alike[column]) for column in ("se", "low", "high", "p"))
    finally:
        path.write_bytes(before)
        client.log_artifact(run_ids[2], str(path))


def test_decisions_have_the_degrees_of_freedom_that_their_changes_allow(with_items, tmp_path):
    """Trial 2 gets four answers right that trial 1 gets wrong, and no other changes."""
    client = MlflowClient(tracking_uri=with_items.tracking_uri)
    run_ids = dict(zip(with_items.trials["trial"], with_items.trials["run_id"], strict=True))
    path = Path(client.download_artifacts(run_ids[2], "items.parquet", str(tmp_path)))
    before = path.read_bytes()
    better = RIGHT[1].astype(float)
    better[np.flatnonzero(better == 0)[:4]] = 1
    write({ACCURACY.name: mean(better, Items.of(range(80)), of_decisions=True)}, path)
    client.log_artifact(run_ids[2], str(path))
    change = better - RIGHT[1] - 4 / 80
    try:
        comparison = row(compare(with_items, Candidate(1), Candidate(2)), ACCURACY.name)
        assert comparison["df"] == pytest.approx(1 / stats.skew(change) ** 2 * 80 - 1)
        assert 3 < comparison["df"] < 4.5
    finally:
        path.write_bytes(before)
        client.log_artifact(run_ids[2], str(path))


def test_a_model_that_is_the_base_to_the_last_bit_does_not_differ_from_it(with_items):
    for compare_them in (compare, compare_recipes):
        comparison = compare_them(with_items, None, Candidate(1))
        assert len(comparison) == 3
        for column, value in {"difference": 0, "se": 0, "low": 0, "high": 0, "p": 1}.items():
            assert set(comparison[column]) == {value}


def test_one_and_the_same_model_is_shown_also_where_a_metric_has_one_cluster(with_items, tmp_path):
    """Its error is exactly 0, whatever the degrees of freedom of such a metric."""
    client = MlflowClient(tracking_uri=with_items.tracking_uri)
    run_ids = dict(zip(with_items.trials["trial"], with_items.trials["run_id"], strict=True))
    path = Path(client.download_artifacts(run_ids[2], "items.parquet", str(tmp_path)))
    before = path.read_bytes()
    of_one = mean([1.0, 2.0, 4.0], Items.of(range(3), [0, 0, 0]))
    write({GAP.name: of_one, RISE.name: mean(NLL[2], Items.of(range(40)))}, path)
    client.log_artifact(run_ids[2], str(path))
    try:
        for compare_them in (compare, compare_recipes):
            comparison = compare_them(with_items, Candidate(2), Candidate(2))
            alike = row(comparison, GAP.name)
            assert (alike["se"], alike["p"], alike["clusters"]) == (0, 1, 1)
            assert math.isnan(alike["df"])
            assert table(with_items, comparison, "2", "2").row_count == 2
    finally:
        path.write_bytes(before)
        client.log_artifact(run_ids[2], str(path))


def test_the_interval_of_a_difference_ends_where_possible_differences_do():
    accuracy = replace(ACCURACY, lowest=0.0, highest=1.0)
    test = PairedTest(0.5, -0.4, 1.6, 0.2)
    assert within_bounds(test, accuracy) == (0.5, -0.4, 1.0, 0.2)
    assert within_bounds(test, ACCURACY) == within_bounds(test, None) == test
    assert all(map(math.isnan, within_bounds(NOTHING, accuracy)))


@pytest.mark.parametrize("df", [0.0, 1.0])
def test_two_clusters_prove_nothing(df):
    assert all(map(math.isnan, paired_t_test(5.0, np.array([0.1, -0.1]), df)))


def test_many_clusters_are_tested_by_the_normal_distribution():
    test = paired_t_test(1.96, np.array([0.6, -0.8]), math.inf)
    assert test.p == pytest.approx(0.05, abs=1e-4)
    assert test[:3] == pytest.approx((1.0, 0.0, 3.92), abs=1e-4)


@pytest.mark.parametrize("num_clusters", [3, 5, 10, 40])
def test_p_is_uniform_where_nothing_differs(num_clusters):
    """Two models whose differences from text to text are noise, on articles of unequal lengths."""
    rng = np.random.default_rng(num_clusters)
    found = []
    for _ in range(400):
        labels = np.repeat(np.arange(num_clusters), rng.integers(1, 8, num_clusters))
        items, lengths = Items.of(range(len(labels)), labels), rng.integers(5, 60, len(labels))
        of_article = rng.normal(size=num_clusters)[labels]
        one = rng.normal(4, 1, len(labels))
        other = one + of_article + rng.normal(size=len(labels))
        before, after = (mean(nll, items, lengths) for nll in (one, other))
        change_C = np.bincount(items.cluster_I, after.influences_I - before.influences_I)
        found.append(paired_t_test(after.value - before.value, change_C, after.design_df).p)
    known = np.array(found)[~np.isnan(found)]
    assert len(known) > 0.8 * len(found), "but for articles that outweigh the others"
    assert stats.kstest(known, "uniform").pvalue > 0.01
    assert 0.02 <= np.mean(known < 0.05) <= 0.08


def test_items_that_an_early_release_recorded_are_tested_as_then(with_items, tmp_path):
    """Its files have no degrees of freedom, and influences without a correction for few clusters."""
    expected = compare(with_items, Candidate(1), Candidate(2))
    client = MlflowClient(tracking_uri=with_items.tracking_uri)
    run_ids = dict(zip(with_items.trials["trial"], with_items.trials["run_id"], strict=True))
    file = client.download_artifacts(run_ids[2], "items.parquet", str(tmp_path))
    now = pd.read_parquet(file)
    num_clusters = now["metric"].map({GAP.name: 10, ACCURACY.name: 80, RISE.name: 40})
    shrunk = now["influence"] * np.sqrt((num_clusters - 1) / num_clusters)
    now.assign(influence=shrunk).drop(columns="design_df").to_parquet(file)
    client.log_artifact(run_ids[2], file)
    try:
        pd.testing.assert_frame_equal(compare(with_items, Candidate(1), Candidate(2)), expected)
    finally:
        now.to_parquet(file)
        client.log_artifact(run_ids[2], file)


def test_the_base_is_a_trial_like_any_other(with_items):
    assert set(compare(with_items, None, Candidate(1))["difference"]) == {0}
    assert (
        row(compare(with_items, None, Candidate(2)), RISE.name)["p"]
        == row(compare(with_items, Candidate(1), Candidate(2)), RISE.name)["p"]
    )


def test_values_on_other_items_are_not_compared(with_items):
    comparison = compare(with_items, Candidate(1), Candidate(3))
    for name in (ACCURACY.name, GAP.name):
        assert row(comparison, name)["items"] == 60
        assert all(
            math.isnan(row(comparison, name)[key])
            for key in ("difference", "se", "low", "high", "p")
        )
    expected = stats.ttest_rel(NLL[3], NLL[1]).pvalue
    assert row(comparison, RISE.name)["p"] == pytest.approx(expected)


def test_fused_weights_are_compared_under_the_plain_names(fusing, tmp_path):
    """Trial 1, and as its weights at 0.25 the results of trial 2: the same test as between trials."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=fusing.tracking_uri)
    items = Items.of(range(40))
    estimates = {trial: mean(NLL[trial], items) for trial in (1, 2)}
    file = tmp_path / "items.parquet"
    write({RISE.name: estimates[1], fused_name(RISE.name, 0.25): estimates[2]}, file)
    for run_id in (fusing.run_id, fusing.trials["run_id"][0]):
        client.log_artifact(run_id, str(file))
    expected = stats.ttest_rel(NLL[2], NLL[1])
    for first in (None, Candidate(1)):
        (compared,) = compare(fusing, first, Candidate(1, 0.25)).to_dict("records")
        assert (compared["metric"], compared["unit"]) == (RISE.name, "nats/token")
        assert compared["p"] == pytest.approx(expected.pvalue)
        assert compared["other"] == pytest.approx(NLL[2].mean())
    with pytest.raises(
        ValueError, match=r"no items of 1@0\.3: beside its own α, trial 1 was measured at 0\.25\."
    ):
        compare(fusing, None, Candidate(1, 0.3))
