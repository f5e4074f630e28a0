"""Recipes compared on a real record: their replicates are found, their items read."""

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from scipy import stats

from analysis.record.candidate import Candidate
from analysis.record.reader import read_sweep
from analysis.stats.paired import compare
from analysis.stats.recipes_compared import are_replicates, compare_recipes, replicates_of
from analysis.views.compare_table import table
from tests.analysis.conftest import GAP, RISE, SEEDS, record
from trainables.metrics.estimate import Items, mean
from trainables.metrics.items_file import write

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store
NUM_ITEMS = 30


@pytest.fixture(scope="module")
def outcomes():
    """Trial -> the outcomes of its items; every trial of one recipe has a spread of its own."""
    rng = np.random.default_rng(0)
    items = rng.normal(size=NUM_ITEMS)
    recipes = {"none": 0.0, "cda": -9.0, "dpo": 0.0}
    return {
        trial["number"]: items
        + recipes[trial["recipe"]]
        + 0.3 * rng.normal()
        + 0.2 * rng.normal(size=NUM_ITEMS)
        for trial in SEEDS
    }


@pytest.fixture(scope="module")
def sweep(tmp_path_factory, outcomes):
    """The sweep `seeds`, with the items of its complete trials and of the base model."""
    from mlflow import MlflowClient

    folder = tmp_path_factory.mktemp("compared")
    client = MlflowClient(tracking_uri=f"sqlite:///{folder / 'mlflow.db'}")
    record(client, folder, "seeds", goals=[GAP, RISE], constraints={}, trials=SEEDS)
    sweep = read_sweep("seeds", tracking_uri=client.tracking_uri)
    run_ids = dict(zip(sweep.trials["trial"], sweep.trials["run_id"], strict=True))
    for trial, values in [*outcomes.items(), (None, outcomes[0] + 5.0)]:
        write({RISE.name: mean(values, Items.of(range(NUM_ITEMS)))}, folder / "items.parquet")
        run_id = sweep.run_id if trial is None else run_ids[trial]
        client.log_artifact(run_id, str(folder / "items.parquet"))
    return sweep


def test_the_replicates_of_a_trial_are_the_complete_ones_of_its_recipe(sweep):
    assert replicates_of(sweep, Candidate(3)) == [Candidate(0), Candidate(3)]
    assert replicates_of(sweep, Candidate(4)) == [Candidate(4)], "it was stopped early"
    assert are_replicates(sweep, Candidate(0), Candidate(3))
    for one, other in ((0, 0), (0, 1), (None, 0)):
        members = [None if number is None else Candidate(number) for number in (one, other)]
        assert not are_replicates(sweep, *members)
    with pytest.raises(ValueError, match="no trial 99"):
        replicates_of(sweep, Candidate(99))


def test_a_trial_that_ran_a_seed_again_stands_for_its_recipe(sweep):
    again = sweep.trials.assign(seed=sweep.trials["seed"].where(sweep.trials["trial"] != 8, 1))
    repeated = replace(sweep, trials=again)  # 5 and 8 of `dpo` have seed 1
    row = repeated.candidates().set_index("trial").loc[2]
    assert (row["replicates"], row["trials"], row["repeats"]) == (2, (2, 5), (8,))
    assert replicates_of(repeated, Candidate(8)) == [Candidate(2), Candidate(5)]
    assert are_replicates(repeated, Candidate(8), Candidate(5))
    assert are_replicates(repeated, Candidate(2), Candidate(8))
    of_repeat, of_first = (
        compare_recipes(repeated, Candidate(number), Candidate(0)) for number in (8, 2)
    )
    assert of_repeat.equals(of_first)


def test_the_values_are_means_over_replicates_and_their_numbers_are_told(sweep, outcomes):
    (row,) = compare_recipes(sweep, Candidate(0), Candidate(8)).to_dict("records")
    assert (row["seeds_one"], row["seeds_other"]) == (2, 3)
    assert row["one"] == pytest.approx(np.mean([outcomes[0], outcomes[3]]))
    assert row["other"] == pytest.approx(np.mean([outcomes[2], outcomes[5], outcomes[8]]))
    assert row["difference"] == pytest.approx(row["other"] - row["one"])
    assert (row["items"], row["clusters"], row["unit"]) == (NUM_ITEMS, NUM_ITEMS, "nats/token")


def test_recipes_that_differ_are_found_and_seeds_of_one_recipe_are_not(sweep):
    (differs,) = compare_recipes(sweep, Candidate(2), Candidate(1)).to_dict("records")
    assert differs["p"] < 0.05
    (seeds,) = compare_recipes(sweep, Candidate(2), Candidate(5)).to_dict("records")
    assert (seeds["seeds_one"], seeds["seeds_other"]) == (1, 1)
    (weights,) = compare(sweep, Candidate(2), Candidate(5)).to_dict("records")
    assert weights["difference"] == seeds["difference"]
    assert seeds["se"] > weights["se"], "the paired test takes the two for all that there is"


def test_two_of_three_seeds_are_tested_against_the_spread_beside_them(sweep, outcomes):
    """By hand: beside two seeds, whose mean is m, a third at x leaves s² = 2/3 (x − m)² with 1 df."""
    (row,) = compare_recipes(sweep, Candidate(2), Candidate(5)).to_dict("records")
    change = outcomes[5] - outcomes[2]
    of_items = change.var(ddof=1) / NUM_ITEMS
    beside = 2 / 3 * (outcomes[8].mean() - (outcomes[2] + outcomes[5]).mean() / 2) ** 2
    assert row["se"] == pytest.approx(math.sqrt(of_items + 2 * beside))
    halves = [
        stats.t.ppf(0.975, NUM_ITEMS - 1) * math.sqrt(of_items),
        stats.t.ppf(0.975, 1) * math.sqrt(2 * beside),
    ]
    assert (row["high"] - row["low"]) / 2 == pytest.approx(math.hypot(*halves))


def test_the_spread_between_seeds_is_that_of_the_two_recipes_and_of_no_other(sweep):
    others = sweep.trials["trial"].isin([2, 5, 8])
    alone = replace(sweep, trials=sweep.trials[~others])
    for second in (None, Candidate(1)):
        both = compare_recipes(sweep, Candidate(0), second)
        assert both["p"].notna().all()
        pd.testing.assert_frame_equal(both, compare_recipes(alone, Candidate(0), second))


def test_a_recipe_does_not_differ_from_itself(sweep):
    for candidate in (Candidate(0), Candidate(2)):
        (row,) = compare_recipes(sweep, candidate, candidate).to_dict("records")
        assert [row[column] for column in ("difference", "se", "p")] == [0, 0, 1]


def test_the_base_model_has_no_seeds(sweep):
    (row,) = compare_recipes(sweep, None, Candidate(8)).to_dict("records")
    assert (row["seeds_one"], row["seeds_other"]) == (0, 3)
    assert row["p"] < 0.05


def test_without_replicates_in_the_sweep_nothing_is_known_and_a_sentence_says_what_to_do(sweep):
    alone = replace(sweep, trials=sweep.trials.assign(recipe=""))
    comparison = compare_recipes(alone, Candidate(0), Candidate(1))
    (row,) = comparison.to_dict("records")
    assert not math.isnan(row["difference"])
    assert all(math.isnan(row[key]) for key in ("se", "low", "high", "p"))
    text = shown(alone, comparison, "0", "1", recipes=True)
    assert "?" in text
    assert "too few seeds to tell: `sweep rerun seeds 0 1 --seeds 3` adds some" in text


def shown(sweep, comparison, one, other, **options):
    console = Console(width=80)
    with console.capture() as capture:
        console.print(table(sweep, comparison, one, other, **options))
    assert max(map(len, capture.get().splitlines())) <= 80
    return " ".join(capture.get().split())


def test_the_title_says_whether_it_is_weights_or_recipes_and_whether_it_is_one_recipe(sweep):
    weights = compare(sweep, Candidate(2), Candidate(5))
    text = shown(sweep, weights, "2", "5")
    assert "seeds: weights of 5 against those of 2, on the same items" in text
    assert "they are seeds of one recipe" in text
    recipes = compare_recipes(sweep, Candidate(0), Candidate(8))
    text = shown(sweep, recipes, "0", "8", recipes=True)
    assert "seeds: recipe of 8 (3 seeds) against that of 0 (2 seeds)" in text
    assert "one recipe" not in text
    base = compare_recipes(sweep, None, Candidate(8))
    assert "recipe of 8 (3 seeds) against that of base" in shown(
        sweep, base, "base", "8", recipes=True
    )


def test_replicates_on_other_items_have_no_difference(sweep, tmp_path):
    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=sweep.tracking_uri)
    run_ids = dict(zip(sweep.trials["trial"], sweep.trials["run_id"], strict=True))
    path = client.download_artifacts(run_ids[8], "items.parquet", str(tmp_path))
    kept = pd.read_parquet(path)
    try:
        write({RISE.name: mean(np.arange(10.0), Items.of(range(10)))}, tmp_path / "items.parquet")
        client.log_artifact(run_ids[8], str(tmp_path / "items.parquet"))
        (row,) = compare_recipes(sweep, Candidate(0), Candidate(2)).to_dict("records")
        assert all(math.isnan(row[key]) for key in ("difference", "se", "p"))
    finally:
        kept.to_parquet(tmp_path / "items.parquet")
        client.log_artifact(run_ids[8], str(tmp_path / "items.parquet"))
