"""The verb that lists what can be a goal."""

import csv
import io
import json

import pytest

from sweep.cli.metrics import _lines
from sweep.config import possible_goals
from tests.sweep.conftest import SPECS, verb

SPEC = SPECS / "miniature.yaml"


@pytest.mark.parametrize("words", [(SPEC,), ("--model", "miniature-llama")], ids=["spec", "model"])
def test_every_possible_goal_is_listed_with_all_that_is_declared_of_it(words):
    tables = {
        form: verb("metrics", *words, "--format", form).stdout for form in ("json", "csv", "table")
    }
    rows = json.loads(tables["json"])
    assert len(rows) > 5
    for row in rows:
        assert row.keys() == {"metric", "unit", "better", "ideal", "worst", "meaning", "evaluator"}
        assert row["better"] in ("lower", "higher", "nearer")
        assert row["meaning"]
    names = [row["metric"] for row in rows]
    assert [row["metric"] for row in csv.DictReader(tables["csv"].splitlines())] == names
    lines = tables["table"].splitlines()
    assert max(map(len, lines)) <= 80
    shown = [line.split()[0] for line in lines if line.startswith("  ") and "/" in line.split()[0]]
    assert shown == names
    of_first = lines[next(n for n, line in enumerate(lines) if names[0] in line) :][:2]
    words_shown = " ".join(of_first).split()
    first = rows[0]
    assert words_shown[:4] == [
        first["metric"],
        first["unit"],
        first["better"],
        f"{first['ideal']:g}",
    ]
    assert " ".join(words_shown[4:]) == first["meaning"]


def test_a_model_has_the_metrics_of_its_family():
    rows = json.loads(verb("metrics", "--model", "miniature-bert", "--format", "json").stdout)
    expected = [goal.metric.name for goal in possible_goals.of_family("masked")]
    assert [row["metric"] for row in rows] == expected
    shown = verb("metrics", "--model", "miniature-bert").stdout
    assert "A word in capitals stands for a setting" in shown


@pytest.mark.parametrize(
    ("words", "code", "sentence"),
    [
        (
            (),
            2,
            "either SPEC or --model NAME must be given, as in `sweep metrics sweep.yaml`, but got neither.",
        ),
        (
            (SPEC, "--model", "miniature-llama"),
            2,
            "either SPEC or --model NAME must be given, as in `sweep metrics sweep.yaml`, but got both.",
        ),
        (("nothing.yaml",), 2, "nothing.yaml: must be a YAML file that can be read, but: No such"),
        (("--model", "nowhere"), 2, "'nowhere' is neither a folder nor a known model"),
        (("--model", "."), 2, ". must be the folder of a model"),
    ],
)
def test_a_wrong_call_is_one_sentence(words, code, sentence):
    ended = verb("metrics", *words)
    assert (ended.exit_code, ended.stdout) == (code, "")
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("family", ["causal", "masked"])
def test_the_table_has_80_columns_where_the_terminal_is_ascii(family, monkeypatch):
    goals = possible_goals.of_family(family)
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        lines = "\n".join(_lines(goals)).splitlines()
    assert all(line.isascii() for line in lines)
    assert any("|SS - 50|" in line for line in lines), "a stand-in"
    assert max(map(len, lines)) <= 80
