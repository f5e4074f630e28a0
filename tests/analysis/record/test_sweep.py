"""Candidates, front and hypervolume of a sweep, against values worked out by hand."""

import math

import numpy as np
import pandas as pd
import pytest

from analysis.record.candidate import Candidate

ACCURACY, GAP, RISE = "task/piqa/accuracy", "bias/stereoset/gap", "forgetting/general/nll_rise"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def names(rows):
    return [str(Candidate.of(row)) for row in rows.to_dict("records")]


def row_of(sweep, name):
    (row,) = [row for row in sweep.rows.to_dict("records") if str(Candidate.of(row)) == name]
    return row


def test_candidates_are_all_that_were_measured_and_each_says_what_it_is(hand):
    rows = hand.candidates().set_index("trial")
    assert rows.index.tolist() == [1, 2, 3, 4, 5, 6, 9, 12]
    assert rows.index[~rows["feasible"]].tolist() == [9], "12 is on the very bound"
    assert rows.index[rows["state"] == "pruned"].tolist() == [6]
    assert rows.index[rows["front"]].tolist() == [1, 2, 3, 4, 12], "6 was stopped early"
    assert not rows["loses_to_base"].any()
    assert set(rows["replicates"]) == {1}
    assert hand.num_candidates == len(rows) + 1, "and the base model"


def test_the_front_is_the_one_worked_out_by_hand_best_in_the_first_goal_first(hand):
    assert hand.front()["trial"].tolist() == [12, 3, 2, 4, 1]


def test_the_hypervolume_is_the_one_worked_out_by_hand(hand):
    # In shares of the worst, from the left: (0.03, 0.3), (0.04, 0.2), (0.12, 0.05), (0.2, 0.01).
    # The base model, at (0.24, 0), adds the strip below the last of them.
    by_hand = 0.01 * 0.7 + 0.08 * 0.8 + 0.08 * 0.95 + 0.8 * 0.99 + 0.76 * 0.01
    assert hand.hypervolume() == pytest.approx(by_hand)


def test_the_front_of_three_goals_knows_which_way_each_is_better(three):
    rows = three.candidates()
    costs = np.vstack([three.costs(rows), three.costs(pd.DataFrame([three.base]))])
    dominated = [
        any((q <= p).all() and (q < p).any() for q in costs)  #
        for p in costs
    ]
    *expected, base_lost = (not lost for lost in dominated)
    assert sorted(three.front()["trial"]) == rows["trial"][expected].tolist()
    assert (three.base_standing == "on the front") == base_lost
    assert three.front_size == sum(expected) + base_lost
    best = three.trials[ACCURACY].idxmax()
    assert three.trials["trial"][best] in set(three.front()["trial"])
    distance = (three.front()[three.goals[0].name] - 50).abs()
    assert distance.is_monotonic_increasing


def test_the_swept_parameters_are_those_that_the_spec_searches(hand):
    assert "objective.name" in hand.swept
    assert "objective.weight" in hand.swept, "though all that have one have the same"
    assert "replay.ratio" in hand.swept
    assert "model.path" not in hand.swept
    assert "train.steps" not in hand.swept


def test_each_other_alpha_of_a_complete_trial_is_a_candidate_of_its_own(fusing):
    assert names(fusing.rows) == [
        *("1", "1@0.25", "1@0.5", "1@0.75", "2", "2@0.25", "3", "4", "5", "5@0.25"),
    ]
    assert names(fusing.candidates()) == [
        *("1", "1@0.25", "1@0.5", "1@0.75", "2", "2@0.25", "4", "5@0.25"),
    ]
    assert names(fusing.front()) == ["4", "1", "2", "1@0.5", "5@0.25", "1@0.25"]
    by_hand = 0.02 * 0.7 + 0.04 * 0.75 + 0.02 * 0.9 + 0.06 * 0.92 + 0.02 * 0.95 + 0.82 * 0.98
    by_hand += 0.76 * 0.02  # the base model, at (0.24, 0)
    assert fusing.hypervolume() == pytest.approx(by_hand)


def test_a_fused_candidate_has_its_own_measurements_and_the_parameters_of_its_trial(fusing):
    own, fused = row_of(fusing, "1"), row_of(fusing, "1@0.25")
    assert (fused[GAP], fused[RISE], fused[ACCURACY]) == (9, 0.02, 0.7)
    assert (own[f"se/{GAP}"], fused[f"se/{GAP}"]) == (1, 0.5)
    assert own[f"se/{RISE}"] == 0.125
    assert math.isnan(fused[f"se/{RISE}"]), "it is the trial's, and no other's"
    assert fused["cost/replay/shortfall"] == 3
    assert (own["alpha"], own["fusion.alpha"]) == (pytest.approx(math.nan, nan_ok=True), 1)
    assert (fused["alpha"], fused["fusion.alpha"]) == (0.25, 0.25)
    assert own["fusion.also"] == "0.0 0.25 0.5 0.75"
    assert all(own[name] == fused[name] for name in ("run_id", "seconds", "train.lr", "trial"))
    assert not [name for name in fusing.rows if "fusion/" in name]


def test_trials_and_the_base_model_are_not_changed_by_fusion(fusing, hand):
    assert fusing.trials["trial"].tolist() == [1, 2, 3, 4, 5]
    assert fusing.trials.dtypes["trial"] == fusing.rows.dtypes["trial"]
    assert fusing.base == hand.base
    assert hand.rows.drop(columns="alpha").equals(hand.trials)


def test_the_name_of_a_candidate_is_parsed_to_the_same_candidate():
    for word in ("7", "7@0.25", "12@1e-05", "0@1"):
        assert str(Candidate.parse(word)) == word
    for word in ("", "base", "7@", "@0.5", "-1", "7@x", "7 0.25"):
        with pytest.raises(ValueError, match=r"no trial|float"):
            Candidate.parse(word)


def test_a_sweep_without_trials_has_an_empty_front(begun):
    assert begun.state == "running"
    assert begun.front().empty
    assert begun.front_size == begun.num_candidates == 1, "the base model"
    assert begun.hypervolume() == pytest.approx(0.76)
    assert begun.swept == []
