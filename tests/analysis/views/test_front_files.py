"""A front as JSON, CSV and Markdown."""

import io
import json
from dataclasses import replace

import pandas as pd
import pytest

from analysis.views.front_files import to_csv, to_json, to_markdown
from trainables.metrics.interval import MEANING

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def test_the_markdown_links_each_trial_to_its_run_and_counts_those_it_leaves_out(hand, fusing):
    nobreak = "\N{NO-BREAK SPACE}"
    head, rule, base, first, *_ = to_markdown(hand, runs_url="#/runs").splitlines()
    assert head == f"| trial | gap{nobreak}↓ | nll_rise{nobreak}↓ | recipe |"
    assert rule == "| ---: | ---: | ---: | --- |"
    assert base.startswith("| base | 12.0 | 0.000 | the model")
    best = hand.front().iloc[0]
    assert first.startswith(f"| [12](#/runs/{best['run_id']}) | 1.5 | 0.300 | likelihood_gap 0.5")
    assert f"9.0{nobreak}±{nobreak}1.0" in to_markdown(fusing, runs_url="")
    cut = to_markdown(hand, runs_url="", max_rows=2)
    assert f"… and 3 more.\n\n{MEANING}." in cut
    assert cut.count("\n| [") == 2


def test_the_json_is_a_list_of_members_with_finite_numbers(hand):
    def refuse(constant):
        raise AssertionError(constant)

    members = json.loads(to_json(hand), parse_constant=refuse)
    assert [member["trial"] for member in members] == [None, 12, 3, 2, 4, 1]
    base, best, second, *_ = members
    assert set(base) == set(best)
    assert (base["name"], base["run_id"], base["trials"]) == ("base", hand.run_id, [])
    assert base["goals"] == {GAP: 12.0, RISE: 0.0}
    assert (best["name"], best["trials"], best["state"]) == ("12", [12], "complete")
    assert best["degenerate"] is None  # nothing watched it
    assert best["goals"] == {GAP: 1.5, RISE: 0.3}
    assert best["metrics"]["task/piqa/accuracy"] == 0.7
    assert best["params"]["regulariser.weight"] == 0.03
    assert "replay.ratio" not in best["params"]  # it had none
    assert second["params"]["objective.sides"] == "two"


def test_the_csv_has_one_line_a_member_and_the_goals_first(hand):
    header, *rows = to_csv(hand).splitlines()
    assert f",seconds,{GAP},{RISE}," in header
    assert [line.split(",")[0] for line in rows] == ["base", "12", "3", "2", "4", "1"]


def test_known_errors_become_intervals_in_json_and_csv(hand):
    few = hand.trials.assign(
        **{f"se/{GAP}": 1.0, f"df/{GAP}": 9.0, f"df/{RISE}": 0.0, "se/task/piqa/accuracy": 0.1}
    )
    sure = replace(hand, trials=few)
    best = json.loads(to_json(sure))[1]
    assert best["intervals"] == {
        GAP: pytest.approx([1.5 - 2.262, 1.5 + 2.262], abs=1e-3),
        "task/piqa/accuracy": pytest.approx([0.7 - 0.196, 0.7 + 0.196], abs=1e-3),
    }
    assert (best["metrics"][f"se/{GAP}"], best["metrics"][f"df/{GAP}"]) == (1.0, 9.0)
    first = pd.read_csv(io.StringIO(to_csv(sure))).iloc[1]
    assert [first[f"low/{GAP}"], first[f"high/{GAP}"]] == pytest.approx(best["intervals"][GAP])
    assert f"low/{RISE}" not in first


def test_intervals_end_where_the_possible_values_do_in_json_and_csv(hand):
    metrics = hand.metrics | {GAP: replace(hand.metrics[GAP], lowest=0.0, highest=50.0)}
    trials = hand.trials.assign(**{f"se/{GAP}": 1.0, "se/task/piqa/accuracy": 1.0})
    bounded = replace(hand, metrics=metrics, trials=trials)
    best = json.loads(to_json(bounded))[1]
    assert best["intervals"][GAP] == pytest.approx([0.0, 1.5 + 1.96], abs=1e-3)
    assert best["intervals"]["task/piqa/accuracy"][1] > 1, "an early release declares no bounds"
    first = pd.read_csv(io.StringIO(to_csv(bounded))).iloc[1]
    assert [first[f"low/{GAP}"], first[f"high/{GAP}"]] == pytest.approx(best["intervals"][GAP])


def test_members_that_may_be_tied_are_named_in_json_and_csv(hand):
    errors = {f"df/{GAP}": 0.0, f"se/{RISE}": 0.04}
    unknown = replace(hand, trials=hand.trials.assign(**errors))
    members = {member["name"]: member for member in json.loads(to_json(unknown))}
    assert (members["2"]["tied_with"], members["2"]["maybe_tied_with"]) == (["4"], ["base", "1"])
    assert (members["12"]["tied_with"], members["12"]["maybe_tied_with"]) == ([], ["3"])
    assert members["base"]["maybe_tied_with"] == ["2", "4", "1"]
    table = pd.read_csv(io.StringIO(to_csv(unknown)), dtype=str).set_index("name")
    assert (table["tied_with"]["4"], table["maybe_tied_with"]["4"]) == ("2", "base 1")


def test_an_error_that_is_not_known_is_a_question_mark_in_the_markdown(hand):
    nobreak = "\N{NO-BREAK SPACE}"
    unsure = replace(hand, trials=hand.trials.assign(**{f"df/{GAP}": 0.0}))
    assert f"| 1.5{nobreak}±{nobreak}? | 0.300 |" in to_markdown(unsure, runs_url="")


def test_a_front_without_trials_is_the_base_model_or_a_header(begun):
    assert [member["name"] for member in json.loads(to_json(begun))] == ["base"]
    assert len(to_csv(begun).splitlines()) == 2
    unmeasured = replace(begun, base={})
    assert json.loads(to_json(unmeasured, every=True)) == []
    assert len(to_csv(unmeasured).splitlines()) == 1


def test_the_metrics_of_the_record_follow_the_goals(hand):
    assert hand.logged[:2] == [GAP, RISE]
    assert pd.Index(hand.logged).is_unique


def test_a_hostile_setting_is_text_in_every_form(hand):
    evil = "=cmd|<img src=x>**b**"
    params = dict.fromkeys(hand.params, evil) | {"train.lr": "-1e-4"}
    hostile = replace(hand, trials=hand.trials.assign(**params))
    row = to_markdown(hostile, runs_url="#/runs").splitlines()[3]
    assert "=cmd\\|&lt;img src=x&gt;\\*\\*b\\*\\*" in row
    assert "<" not in row
    table = pd.read_csv(io.StringIO(to_csv(hostile)), dtype=str)
    assert table["regulariser.name"][1] == f"'{evil}"
    assert table["train.lr"][1] == "-1e-4", "a number is none"
    assert json.loads(to_json(hostile))[1]["params"]["regulariser.name"] == evil


def test_the_json_shows_no_control_characters_and_reads_as_what_was_written(hand):
    evil = "a\x9b31m\u202eb\U000e0041é"
    hostile = replace(hand, trials=hand.trials.assign(**{"regulariser.name": evil}))
    text = to_json(hostile)
    assert text.isascii()
    assert json.loads(text)[1]["params"]["regulariser.name"] == evil
