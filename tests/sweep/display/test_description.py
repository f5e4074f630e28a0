"""The description of a sweep in MLflow; no store is needed to write it."""

from contextlib import ExitStack

import pytest

from sweep.config.check import load
from sweep.display.description import MAX_NOTE_CHARS, DrawnFront, description
from sweep.driver.running_sweep import RunningSweep
from sweep.tracking.delivery import Delivery
from sweep.tracking.mlflow_record import Record
from sweep.tracking.outbox import Outbox
from tests.sweep.conftest import TINY

FRONT = DrawnFront("2 of 3 candidates", "| trial |\n| ---: |\n| 1 |", frozenset([1]))


@pytest.fixture
def describe(tmp_path):
    """describe(spec, front) -> the paragraphs of the description of a sweep of four trials."""

    def describe(text, front=FRONT):
        (tmp_path / "tiny.yaml").write_text(text)
        spec, _ = load(tmp_path / "tiny.yaml")
        record = Record("sqlite:///unused.db", "7", spec.name, "cafe")
        goals = {goal: spec.metrics()[goal] for goal in spec.goals}
        outbox = Outbox(tmp_path / "record")
        with ExitStack() as stack:
            running = RunningSweep(
                spec, record, goals, [], lambda: 4, outbox, Delivery(record, outbox), stack
            )
            return description(running, front).split("\n\n")

    return describe


def test_the_front_comes_first_with_links_to_its_page_and_to_all_trials(describe):
    first, table, *_ = describe(TINY)
    assert first.startswith("**2 of 3 candidates** · [the front](#/experiments/7/runs/cafe/")
    assert "/artifacts/front/front.html) · [all trials](#/experiments/7/runs?" in first
    assert table == FRONT.table


def test_goals_budget_and_search_space_follow_in_words(describe):
    paragraphs = describe(TINY)
    assert paragraphs[2] == "**Goals**"
    goals = paragraphs[3].splitlines()
    assert goals[0].startswith("- `bias/miniature/gap` in points, lower is better: ")
    assert goals[1].startswith("- `forgetting/general/nll_rise` in nats/token, lower is better: ")
    assert paragraphs[4:] == [
        "**Budget:** 4 trials; search random",
        "**Searched**",
        "- `objective` of none, likelihood_gap\n"
        "- `objective.likelihood_gap.weight` from 1 to 100 (log)\n"
        "- `train.lr` from 0.0001 to 0.01 (log)",
    ]


def test_constraints_are_listed_with_their_bounds_if_there_are_any(describe):
    assert "**Constraints**" not in describe(TINY)
    bounds = "constraints: {forgetting/general/nll_rise: {min: -1, max: 0.3}}\n"
    paragraphs = describe(TINY + bounds)
    place = paragraphs.index("**Constraints**")
    assert paragraphs[place + 1] == "- `forgetting/general/nll_rise` min -1 and max 0.3"


def test_hours_are_part_of_the_budget(describe):
    text = TINY.replace("budget: {trials: 4}", "budget: {trials: 4, hours: 1.5}")
    assert "**Budget:** 4 trials, 1.5 hours; search random" in describe(text)


def test_a_description_that_is_too_long_is_cut(describe):
    text = "\n\n".join(describe(TINY, DrawnFront("1 of 1", "x" * 9000, frozenset())))
    assert len(text) == MAX_NOTE_CHARS
    assert text.endswith("x…")


def test_what_is_searched_is_text_and_no_html(describe):
    choice = 'data: {choice: [miniature, "<img src=x>|**b**.jsonl"]}'
    paragraphs = describe(TINY.replace("data: miniature", choice, 1))
    assert r"`alignment.data` of miniature, &lt;img src=x&gt;\|\*\*b\*\*.jsonl" in paragraphs[-1]
    assert "<" not in "".join(paragraphs[2:])
