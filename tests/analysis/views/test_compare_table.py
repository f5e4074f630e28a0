"""Two trials on the same items, against scipy's own paired test."""

import dataclasses
import json
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from analysis.record.reader import read_sweep
from analysis.record.sweep import Candidate
from analysis.stats.paired import _paired, compare
from analysis.views.compare_table import table, to_json
from tests.analysis.conftest import ACCURACY, GAP, RISE
from trainables.metrics.estimate import Items, distance, mean
from trainables.metrics.items_file import write
from trainables.metrics.names import DEGENERATE, fused_name

RNG = np.random.default_rng(0)
RIGHT = {trial: RNG.random(80) < share for trial, share in ((1, 0.5), (2, 0.6), (3, 0.6))}
NLL = {trial: RNG.normal(2, 1, 40) for trial in (1, 2, 3)}
TERMS = [f"term {n // 8}" for n in range(80)]


@pytest.fixture(scope="module")
def sweep(store, tmp_path_factory):
    """The sweep `hand`, with the items of three trials; trial 3 was measured on fewer."""
    from mlflow import MlflowClient

    found = read_sweep("hand", tracking_uri=store)
    client = MlflowClient(tracking_uri=store)
    runs = dict(zip(found.trials["trial"], found.trials["run_id"], strict=True))
    for trial in (1, 2, 3):
        kept = slice(0, 60 if trial == 3 else 80)
        right = RIGHT[trial][kept].astype(float)
        items = Items.of(range(80)[kept], TERMS[kept])
        score = mean(100 * right, items)
        file = tmp_path_factory.mktemp("items") / "items.parquet"
        write(
            {
                ACCURACY.name: mean(right, Items.of(range(80)[kept])),
                GAP.name: distance(score, 50),
                RISE.name: mean(NLL[trial], Items.of(range(40))),
            },
            file,
        )
        client.log_artifact(runs[trial], str(file))
        if trial == 1:
            client.log_artifact(found.run_id, str(file))
    return found


def row(found: pd.DataFrame, name: str) -> dict:
    (one,) = found[found["metric"] == name].to_dict("records")
    return one


def test_a_plain_mean_gets_the_paired_t_test(sweep):
    found = row(compare(sweep, Candidate(1), Candidate(2)), RISE.name)
    expected = stats.ttest_rel(NLL[2], NLL[1])
    assert found["p"] == pytest.approx(expected.pvalue)
    assert found["difference"] == pytest.approx(NLL[2].mean() - NLL[1].mean())
    assert found["difference"] / found["se"] == pytest.approx(expected.statistic)
    assert (found["items"], found["clusters"], found["unit"]) == (40, 40, "nats/token")


def test_items_about_one_term_count_together(sweep):
    found = row(compare(sweep, Candidate(1), Candidate(2)), GAP.name)
    assert (found["items"], found["clusters"]) == (80, 10)
    sides = {trial: 1 if RIGHT[trial].mean() >= 0.5 else -1 for trial in (1, 2)}
    change = sides[2] * 100 * (RIGHT[2] - RIGHT[2].mean()) - sides[1] * 100 * (
        RIGHT[1] - RIGHT[1].mean()
    )
    sums = change.reshape(10, 8).sum(1) / 80
    assert found["se"] == pytest.approx(math.sqrt(10 / 9 * (sums**2).sum()))


def test_turning_the_two_around_turns_the_sign_alone(sweep):
    there, back = (
        row(compare(sweep, *map(Candidate, pair)), RISE.name) for pair in ((1, 2), (2, 1))
    )
    assert there["difference"] == -back["difference"]
    assert (there["se"], there["p"]) == (back["se"], back["p"])


def test_a_trial_does_not_differ_from_itself(sweep):
    found = compare(sweep, Candidate(2), Candidate(2))
    assert len(found) == 3
    assert set(found["difference"]) == {0}
    assert set(found["p"]) == {1}


def test_items_without_spread_prove_nothing():
    se, p = _paired(1.0, np.zeros(3))
    assert math.isnan(se)
    assert math.isnan(p)
    assert _paired(0.0, np.zeros(3)) == (0.0, 1.0)


def test_the_base_is_a_trial_like_any_other(sweep):
    assert set(compare(sweep, None, Candidate(1))["difference"]) == {0}
    assert (
        row(compare(sweep, None, Candidate(2)), RISE.name)["p"]
        == row(compare(sweep, Candidate(1), Candidate(2)), RISE.name)["p"]
    )


def test_values_on_other_items_are_not_compared(sweep, capsys):
    found = compare(sweep, Candidate(1), Candidate(3))
    for name in (ACCURACY.name, GAP.name):
        assert row(found, name)["items"] == 60
        assert all(math.isnan(row(found, name)[key]) for key in ("difference", "se", "p"))
    assert row(found, RISE.name)["p"] == pytest.approx(stats.ttest_rel(NLL[3], NLL[1]).pvalue)
    Console(width=80).print(table(sweep, found, "1", "3"))
    assert capsys.readouterr().out.count("other items") == 2
    assert json.loads(to_json(found))[0]["difference"] is None


def test_fused_weights_are_compared_under_the_plain_names(fusing, tmp_path, capsys):
    """Trial 1, and at 0.25 what trial 2 has there: the same paired test as between plain trials."""
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=fusing.tracking_uri)
    items = Items.of(range(40))
    found = {trial: mean(NLL[trial], items) for trial in (1, 2)}
    file = tmp_path / "items.parquet"
    write({RISE.name: found[1], fused_name(RISE.name, 0.25): found[2]}, file)
    for run_id in (fusing.run_id, fusing.trials["run_id"][0]):
        client.log_artifact(run_id, str(file))
    expected = stats.ttest_rel(NLL[2], NLL[1])
    for one in (None, Candidate(1)):
        (told,) = compare(fusing, one, Candidate(1, 0.25)).to_dict("records")
        assert (told["metric"], told["unit"]) == (RISE.name, "nats/token")
        assert told["p"] == pytest.approx(expected.pvalue)
        assert told["other"] == pytest.approx(NLL[2].mean())
    Console(width=80).print(
        table(fusing, compare(fusing, None, Candidate(1, 0.25)), "base", "1@0.25")
    )
    assert "1@0.25 against base" in capsys.readouterr().out
    with pytest.raises(
        ValueError, match=r"no items of 1@0\.3: beside its own α, trial 1 was measured at 0\.25\."
    ):
        compare(fusing, None, Candidate(1, 0.3))


def test_a_trial_without_items_is_one_clear_sentence(sweep):
    with pytest.raises(ValueError, match="has no items of trial 7: only what was measured"):
        compare(sweep, Candidate(1), Candidate(7))
    with pytest.raises(ValueError, match="has no trial 99"):
        compare(sweep, Candidate(1), Candidate(99))


def test_the_table_fits_80_columns_and_the_json_is_a_list(sweep, capsys):
    found = compare(sweep, Candidate(1), Candidate(2))
    Console(width=80).print(table(sweep, found, "1", "2"))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "2 against 1, on the same items" in shown
    assert [entry["metric"] for entry in json.loads(to_json(found))] == list(found["metric"])


def test_names_of_metrics_break_before_the_quantity_and_never_in_a_word(sweep, capsys):
    found = compare(sweep, Candidate(1), Candidate(2))
    found.loc[0, "metric"] = "forgetting/stereoset_test_all/antistereotype_nll"
    Console(width=80).print(table(sweep, found, "1234", "base"))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "antistereotype_nll" in lines
    assert any(line.startswith("forgetting/stereoset_test_all/ ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_broken_trial_is_named_under_the_table(sweep, capsys):
    flags = (sweep.trials["trial"] == 2).astype(float)
    broken = dataclasses.replace(sweep, trials=sweep.trials.assign(**{DEGENERATE: flags}))
    for one, other, named in (("1", "2", True), ("base", "1", False)):
        Console(width=80).print(
            table(broken, compare(sweep, Candidate(1), Candidate(2)), one, other)
        )
        shown = capsys.readouterr().out
        assert ("degenerate, debiased because broken: trial 2" in shown) == named
