"""The table of a front, and its candidates in every form."""

import io
import json
import re
from dataclasses import replace

import pytest
from rich.console import Console

from analysis.record.candidate import Candidate
from analysis.views.front_files import to_csv, to_json
from analysis.views.front_table import table
from trainables.metrics.metric import Metric

GAP, RISE = "bias/stereoset/gap", "forgetting/general/nll_rise"

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store


def lines(sweep, width=80, **options):
    console = Console(width=width, record=True, file=None)
    with console.capture() as capture:
        console.print(table(sweep, **options))
    return capture.get().splitlines()


def row(sweep, trial):
    return sweep.trials.set_index("trial").loc[trial]


def test_the_table_shows_the_base_model_then_the_front_in_its_order(hand):
    words = [line.split() for line in lines(hand)]
    first = [line[0] for line in words if line and line[0] in {"base", "12", "3", "2", "4", "1"}]
    assert first == ["base", "12", "3", "2", "4", "1"]
    assert "hand: 6 of 9 candidates on the front, hypervolume 0.947" in " ".join(words[0])
    assert "finished: 10 complete, 1 pruned, 1 failed, 1 killed" in " ".join(words[-1])


def test_goals_are_headed_in_short_with_their_unit_and_direction(three):
    text = "\n".join(lines(three))
    for words in ("crows_pairs", "score →50", "nll_rise ↓", "accuracy ↑", "nats/token"):
        assert words in text


def test_the_table_fits_in_80_columns_with_five_goals_and_cuts_no_number(three):
    wide = Metric("cost/training_of_it/gpu_seconds", "s", "lower", ideal=0, worst=1e6, about="")
    trials = three.trials.assign(**{wide.name: 123456.0, GAP: 3.25})
    five = replace(three, goals=[three.metrics[GAP], *three.goals, wide], trials=trials)
    shown = lines(five)
    assert max(map(len, shown)) <= 80
    assert not any("…" in line for line in shown)
    assert sum("123456" in line for line in shown) == len(five.front())


def test_a_recipe_for_which_no_width_is_left_stands_below_the_numbers_and_is_not_squeezed(three):
    goals = [three.metrics[GAP], *three.goals]
    trials = three.trials.assign(**{GAP: 3.25})
    for sweep, width, num_tables in [
        (three, 80, 1),
        (replace(three, goals=goals, trials=trials), 80, 2),
        (replace(three, goals=goals, trials=trials), 120, 1),
    ]:
        shown = lines(sweep, width)
        (heading,) = [line for line in shown if line.rstrip().endswith(" recipe")]
        assert (heading.split() == ["trial", "recipe"]) == (num_tables == 2)
        assert len([line for line in shown if "───" in line]) == num_tables
        start = heading.index("recipe")
        recipes = [line[start:].rstrip() for line in shown[shown.index(heading) :]]
        assert any(len(words) > 19 and "lr" in words for words in recipes), "a whole line of it"
        assert max(map(len, shown)) <= width


def test_the_table_of_a_sweep_without_trials_is_the_base_row_alone(begun):
    text = "\n".join(lines(begun))
    assert "base" in text
    assert "running: no trials yet" in text


def test_half_intervals_stand_below_their_values_and_the_table_still_fits(hand):
    sure = hand.trials.assign(**{f"se/{GAP}": 1.25, f"df/{GAP}": 2.0, f"se/{RISE}": 0.0})
    shown = lines(replace(hand, trials=sure))
    assert sum("±5.4" in line for line in shown) == len(hand.front()), "4.303 standard errors"
    assert not any("±0" in line for line in shown), "what is exact has none"
    assert any("± is half the 95 % interval" in line for line in shown)
    assert max(map(len, shown)) <= 80


def test_an_error_that_is_not_known_is_a_question_mark(hand):
    shown = lines(replace(hand, trials=hand.trials.assign(**{f"df/{GAP}": 0.0})))
    assert sum("±?" in line for line in shown) == len(hand.front())
    assert max(map(len, shown)) <= 80


def test_what_is_not_told_apart_is_named_as_tied_or_as_maybe_tied(hand):
    errors = {f"df/{GAP}": 0.0, f"se/{RISE}": 0.04}
    shown = lines(replace(hand, trials=hand.trials.assign(**errors)))
    assert "≈ 4 ≈? base, 1" in " ".join(shown_row(shown, "2").replace("±0.040", "").split())
    assert "≈? 3" in shown_row(shown, "12")
    assert "≈? 2, 4, 1" in shown_row(shown, "base")
    words = " ".join(" ".join(shown).split())
    assert "≈?: may be as near, the error of one of the two is not known" in words
    assert "≈: differs by less than noise" in words
    assert max(map(len, shown)) <= 80
    noisy = replace(hand, trials=hand.trials.assign(**{f"se/{GAP}": 3.0, f"se/{RISE}": 0.04}))
    shown = lines(noisy)
    assert "≈ 3" in shown_row(shown, "12")
    assert "≈?" not in " ".join(shown)


def test_a_degenerate_member_is_flagged_in_the_table_and_in_the_json(hand):
    flags = (hand.trials["trial"] == 3).astype(float)
    flagged = replace(hand, trials=hand.trials.assign(**{"forgetting/guard/degenerate": flags}))
    assert "degenerate · cda" in shown_row(lines(flagged), "3")
    assert sum("degenerate ·" in line for line in lines(flagged)) == 1
    flags = {member["trial"]: member["degenerate"] for member in json.loads(to_json(flagged))}
    assert flags == {None: None, 12: False, 3: True, 2: False, 4: False, 1: False}


def test_a_mark_stands_alone_where_nothing_is_searched(hand):
    flags = (hand.trials["trial"] == 3).astype(float)
    flagged = hand.trials.assign(**{"forgetting/guard/degenerate": flags})
    shown = lines(replace(hand, trials=flagged, searched=[]))
    assert shown_row(shown, "3").endswith("degenerate")
    assert "·" not in " ".join(shown)


def with_goals(sweep, trial, gap, rise):
    """The sweep with other values of one trial."""
    trials = sweep.trials.copy()
    trials.loc[trials["trial"] == trial, [GAP, RISE]] = [gap, rise]
    return replace(sweep, trials=trials)


def shown_row(shown, name):
    """The text of the row of this name and of the lines that go on with it."""
    start = next(n for n, line in enumerate(shown) if re.match(rf" +{name} ", line))
    end = next(n for n in range(start + 1, len(shown)) if not shown[n].startswith("         "))
    return " ".join(" ".join(shown[start:end]).split())


def test_what_the_base_model_dominates_is_off_the_front_and_shown_on_request(hand):
    """Nothing else in the sweep beats it, and still nothing was gained."""
    worse = with_goals(hand, 1, 12.0, 0.005)
    assert worse.front()["trial"].tolist() == [12, 3, 2, 4]
    assert "1 dominated by the base" in " ".join(" ".join(lines(worse)).split())
    assert "dominated by the base" in shown_row(lines(worse, every=True), "1")
    flags = {m["name"]: m["loses_to_base"] for m in json.loads(to_json(worse, every=True))}
    assert [name for name, loses in flags.items() if loses] == ["1"]
    assert "1" not in {member["name"] for member in json.loads(to_json(worse))}


def test_a_base_model_that_is_dominated_or_beyond_a_constraint_says_so(hand):
    better = with_goals(hand, 1, 10.0, 0.0)
    assert better.base_standing == "dominated"
    assert "before training: dominated, so not on the front" in shown_row(lines(better), "base")
    bound = replace(hand, constraints={GAP: {"max": 11.0}})
    assert bound.base_standing == "beyond a constraint"
    assert "beyond a constraint, so not on" in shown_row(lines(bound), "base")
    for sweep, feasible in ((better, True), (bound, False)):
        assert "base" not in [member["name"] for member in json.loads(to_json(sweep))]
        first, *_ = json.loads(to_json(sweep, every=True))
        assert (first["name"], first["front"], first["feasible"]) == ("base", False, feasible)


def test_every_candidate_is_marked_with_what_keeps_it_off_the_front_and_counted(hand):
    flags = (hand.trials["trial"] == 3).astype(float)
    flagged = replace(hand, trials=hand.trials.assign(**{"forgetting/guard/degenerate": flags}))
    shown = lines(flagged, every=True)
    assert "beyond a constraint" in shown_row(shown, "9")
    assert "stopped early" in shown_row(shown, "6")
    assert "on the front · degenerate" in shown_row(shown, "3")
    assert "dominated by another recipe · cda" in shown_row(shown, "5")
    assert not any(word in shown_row(shown, "5") for word in ("front", "constraint", "stopped"))
    assert sum("dominated by" in shown_row(shown, str(n)) for n in (12, 3, 2, 4, 1, 5, 6, 9)) == 1
    counted = (
        "9 candidates, of 10 complete trials: 1 beyond a constraint, 1 degenerate, "
        "1 dominated by another recipe, 1 stopped early"
    )
    assert counted in " ".join(" ".join(shown).split())
    assert f"{counted} (--all)" in " ".join(" ".join(lines(flagged)).split())


def test_a_recipe_of_several_seeds_that_another_dominates_is_marked_and_counted(seeds):
    """By hand: the mean of 2 is (8, 0.3), that of 1 is (6, 0.2)."""
    shown = lines(seeds, every=True)
    assert "dominated by another recipe" in shown_row(shown, "2")
    assert not any("dominated" in shown_row(shown, name) for name in ("0", "1", "4", "base"))
    assert "1 dominated by another recipe" in " ".join(" ".join(lines(seeds)).split())


def test_a_recipe_that_failed_with_a_seed_says_so(seeds):
    """Its mean is that of the seeds that did not fail."""
    shown = lines(seeds, every=True)
    assert "1 of 3 seeds failed" in shown_row(shown, "0")
    assert sum("seeds failed" in line for line in shown) == 1
    assert "1 with seeds that failed" in " ".join(" ".join(lines(seeds)).split())
    counts = {m["name"]: m["failed_seeds"] for m in json.loads(to_json(seeds, every=True))}
    assert [(key, num) for key, num in counts.items() if num] == [("0", 1)]


def test_fused_members_are_named_with_their_alpha_everywhere(fusing):
    order = ["4", "1", "2", "1@0.5", "5@0.25", "1@0.25"]
    words = [line.split() for line in lines(fusing)]
    assert [line[0] for line in words if line and line[0] in order] == order
    assert "7 of 9 candidates on the front" in " ".join(words[0])
    members = json.loads(to_json(fusing))
    assert [(m["trial"], m["alpha"]) for m in members] == [
        (None, None),  # the base model
        *((4, None), (1, None), (2, None), (1, 0.5), (5, 0.25), (1, 0.25)),
    ]
    assert members[4]["goals"] == {GAP: 5, RISE: 0.08}
    assert members[4]["params"]["fusion.alpha"] == 0.5
    assert not [name for member in members for name in member["metrics"] if "fusion" in name]
    header, *rows = to_csv(fusing).splitlines()
    assert header.startswith("name,trial,alpha,run_id,replicates,")
    assert [line.split(",")[:3] for line in rows] == [
        ["base", "", ""],
        *(["4", "4", ""], ["1", "1", ""], ["2", "2", ""], ["1@0.5", "1", "0.5"]),
        *(["5@0.25", "5", "0.25"], ["1@0.25", "1", "0.25"]),
    ]


def test_a_table_with_fused_members_fits_in_80_columns_with_five_goals(fusing):
    wide = Metric("cost/training_of_it/gpu_seconds", "s", "lower", ideal=0, worst=1e6, about="")
    trials = fusing.trials.assign(**{wide.name: 123456.0})
    trials["trial"] += 1230
    goals = [*fusing.metrics.values(), wide]
    shown = lines(replace(fusing, goals=goals, trials=trials))
    assert max(map(len, shown)) <= 80
    assert any("1231@0.25" in line for line in shown)
    assert not any("…" in line for line in shown)


def test_names_with_brackets_are_shown_as_they_are(hand):
    assert "[red]hand" in "\n".join(lines(replace(hand, name="[red]hand")))


def test_every_candidate_is_shown_on_request_in_the_order_of_trials(fusing):
    every = fusing.candidates()
    assert len(every) > len(fusing.front())
    assert fusing.base_standing == "on the front"
    shown = io.StringIO()
    Console(file=shown, width=80).print(table(fusing, every=True))
    for row in every.to_dict("records"):
        assert str(Candidate.of(row)) in shown.getvalue()
    assert len(json.loads(to_json(fusing, every=True))) == len(every) + 1
    assert to_csv(fusing, every=True).count("\n") == len(every) + 2
