"""The table and the JSON of a comparison."""

import dataclasses
import json

import pytest
from rich.console import Console

from analysis.record.sweep import Candidate
from analysis.stats.paired import compare
from analysis.views.compare_table import table, to_json
from trainables.metrics.names import DEGENERATE

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_the_table_fits_80_columns_and_the_json_is_a_list(with_items, capsys):
    comparison = compare(with_items, Candidate(1), Candidate(2))
    Console(width=80).print(table(with_items, comparison, "1", "2"))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 80
    assert "weights of 2 against those of 1, on the same items" in shown
    assert [entry["metric"] for entry in json.loads(to_json(comparison))] == list(
        comparison["metric"]
    )


def test_names_of_metrics_break_before_the_quantity_and_never_in_a_word(with_items, capsys):
    comparison = compare(with_items, Candidate(1), Candidate(2))
    comparison.loc[0, "metric"] = "forgetting/stereoset_test_all/antistereotype_nll"
    Console(width=80).print(table(with_items, comparison, "1234", "base"))
    lines = [line.strip() for line in capsys.readouterr().out.splitlines()]
    assert "antistereotype_nll" in lines
    assert any(line.startswith("forgetting/stereoset_test_all/ ") for line in lines)
    assert max(map(len, lines)) <= 80


def test_a_broken_trial_is_named_under_the_table(with_items, capsys):
    flags = (with_items.trials["trial"] == 2).astype(float)
    broken = dataclasses.replace(with_items, trials=with_items.trials.assign(**{DEGENERATE: flags}))
    for one, other, named in (("1", "2", True), ("base", "1", False)):
        Console(width=80).print(
            table(broken, compare(with_items, Candidate(1), Candidate(2)), one, other)
        )
        shown = capsys.readouterr().out
        assert ("degenerate, debiased because broken: trial 2" in shown) == named


def test_values_on_other_items_have_no_difference(with_items, capsys):
    comparison = compare(with_items, Candidate(1), Candidate(3))
    Console(width=80).print(table(with_items, comparison, "1", "3"))
    assert capsys.readouterr().out.count("other items") == 2
    assert json.loads(to_json(comparison))[0]["difference"] is None


def test_the_title_names_both_candidates_with_their_alpha(with_items, capsys):
    comparison = compare(with_items, None, Candidate(1))
    Console(width=80).print(table(with_items, comparison, "base", "1@0.25"))
    assert "1@0.25 against those of base" in capsys.readouterr().out
