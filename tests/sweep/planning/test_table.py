"""A plan as a table, and as JSON."""

import io
import json

import pytest

from sweep.planning.plan import make_plan
from sweep.planning.table import amount, as_json, lines
from tests.sweep.planning.conftest import LAPTOP, SERVER, shipped


@pytest.mark.parametrize("name", ["smollm2", "bert", "llama-3.2-1b", "menu", "smollm2-menu"])
def test_no_line_is_wider_than_80_columns(name, monkeypatch):
    plan = make_plan(shipped(name), machine=SERVER, price=123.456)
    assert max(map(len, lines(plan))) <= 80
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        in_ascii = list(lines(plan))
    assert all(line.isascii() for line in in_ascii)
    assert max(map(len, in_ascii)) <= 80


def test_each_number_has_its_range_and_what_it_rests_on():
    plan = make_plan(shipped("smollm2"), machine=LAPTOP, slots=2, price=0.1)
    table = list(lines(plan))
    assert table[0].startswith("smollm2: 24 trials of 24 branches, 2 at once, 1 core each")
    time = next(line for line in table if line.startswith("time"))
    assert " to " in time
    assert "24 trials, 2 at once" in time
    assert any(line.startswith("  objective: likelihood_gap") for line in table)


def test_what_is_not_known_is_a_question_mark(spec_with):
    plan = make_plan(spec_with(("miniature-llama", "somebody/something")), machine=LAPTOP)
    time = next(line for line in lines(plan) if line.startswith("time"))
    assert time.split()[1:3] == ["?", "?"]
    assert as_json(plan)["estimates"]["time"]["value"] is None


def test_json_has_the_numbers_themselves():
    plan = make_plan(shipped("smollm2"), machine=LAPTOP)
    tree = json.loads(json.dumps(as_json(plan)))
    assert (tree["trials"], tree["recipes"], tree["seeds"], tree["branches"]) == (24, 24, 1, 24)
    assert tree["slots"] == {"num": 4, "source": "as many as fit here", "here": 4}
    time = tree["estimates"]["time"]
    assert time["value"] == plan.row("time").interval.value
    assert time.keys() == {"low", "value", "high", "unit", "basis"}
    assert tree["parts_s"].keys() == {"start", "once", "setup", "training", "measuring"}
    assert {each["key"] for each in tree["options"]} == {"objective", "regulariser"}


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.25, "s", "0.25 s"), (59, "s", "59 s"), (60, "s", "1.0 min"), (90_000, "s", "1.0 d"),
        (999, "bytes", "1.0 kB"), (1.5e12, "bytes", "1.5 TB"), (0.034, "h", "0.034"), (9.96, "", "10"),
    ],
)  # fmt: skip
def test_amounts_have_two_digits_and_a_unit_that_fits(value, unit, text):
    assert amount(value, unit) == text
