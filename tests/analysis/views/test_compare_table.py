"""The table and the JSON of a comparison."""

import dataclasses
import json
import re

import pytest
from rich.console import Console

from analysis.record.candidate import Candidate
from analysis.stats.paired import compare
from analysis.views.compare_table import goals_first, table, to_json
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


def test_a_name_is_whole_where_there_is_room_and_goes_on_with_an_indent_where_not(
    with_items, capsys
):
    comparison = compare(with_items, Candidate(1), Candidate(2))
    comparison.loc[0, "metric"] = "forgetting/general/nll_rise_of_it"
    for width, expected in (
        (80, ["  forgetting/general/nll_rise_of_it "]),
        (70, ["  forgetting/general/ ", "    nll_rise_of_it "]),
    ):
        Console(width=width).print(table(with_items, comparison, "1", "2"))
        shown = capsys.readouterr().out.splitlines()
        assert [p for p in expected if not any(line.startswith(p) for line in shown)] == []


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


def test_goals_come_first_in_the_order_of_the_spec_and_the_rest_on_request(with_items, capsys):
    comparison = compare(with_items, Candidate(1), Candidate(2))
    names = list(comparison["metric"])
    goal = with_items.metrics[names[-1]]
    sweep = dataclasses.replace(with_items, goals=[goal])
    ordered = goals_first(sweep, comparison)
    assert list(ordered["metric"]) == [goal.name, *names[:-1]]
    Console(width=80).print(table(sweep, comparison, "1", "2", every=False))
    shown = capsys.readouterr().out
    assert f"{len(names) - 1} metrics that are no goals: --all" in shown.replace("\n", " ")
    assert [name for name in names if name in shown] == [goal.name]
    Console(width=80).print(table(sweep, comparison, "1", "2", every=True))
    shown = capsys.readouterr().out
    assert "--all" not in shown
    data_sets = [name.split("/")[1] for name in ordered["metric"]]  # a long name is broken
    places = [shown.index(name) for name in data_sets]
    assert places == sorted(places)


def test_a_goal_without_items_is_named_under_the_table(with_items, capsys):
    comparison = compare(with_items, Candidate(1), Candidate(2))
    absent = dataclasses.replace(with_items.goals[0], name="forgetting/weights/distance_rise")
    sweep = dataclasses.replace(with_items, goals=[*with_items.goals, absent])
    Console(width=80).print(table(sweep, comparison, "1", "2", every=False))
    assert f"without items, so without a test: {absent.name}" in capsys.readouterr().out


def test_on_a_narrow_terminal_names_of_metrics_end_their_lines_at_a_slash_or_underscore(
    with_items, capsys
):
    comparison = compare(with_items, Candidate(1), Candidate(2))
    long = "forgetting/general_texts_of_mine/antistereotype_nll_rise"
    comparison["metric"] = [long, *comparison["metric"][1:]]
    Console(width=60).print(table(with_items, comparison, "1", "2"))
    shown = capsys.readouterr().out
    assert max(map(len, shown.splitlines())) <= 60
    pieces = re.findall(r"[a-z]+", long)
    assert set(pieces) <= set(re.findall(r"[a-z]+", shown))
