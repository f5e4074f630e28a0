"""Faults as sentences and exit codes, and the line of a metric."""

import io
import math
from pathlib import Path

import pytest

from tests.trainables.cli.trials import EVALUATORS, TRIAL, is_a_sentence
from trainables.cli.output import line, refuse_address, refuse_file, wrapped
from trainables.metrics.metric import Metric


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("run", "trial.yaml", "--resume", "."), "must be a checkpoint of this model"),
        (("run", "diverges.yaml", "--save", "saved"), "bias/miniature/gap = nan, "),
        (
            ("measure", "--model", ".", "--evaluators", "perplexity"),
            "must be the folder of a model",
        ),
        (("measure", "--model", "nowhere", "--evaluators", "perplexity"), "'nowhere' is neither"),
        (
            (
                *("measure", "--model", "miniature-bert", "--family", "causal"),
                "--evaluators",
                EVALUATORS,
            ),
            "holds a masked model: family must be 'masked', but got 'causal'.",
        ),
        (
            (*("measure", "--model", "miniature-llama"), "--evaluators", "perplexity:data=no.txt"),
            "there is no file no.txt",
        ),
    ],
)
def test_work_that_cannot_be_done_is_one_sentence_and_has_status_two_unless_it_had_begun(
    arguments, sentence, main, folder
):
    diverges = TRIAL.replace("weight: 10", "weight: 3e38, per: sentence")
    (folder / "diverges.yaml").write_text(diverges)
    status, _, errors = main(*arguments)
    assert status == (1 if "diverges.yaml" in arguments else 2)
    assert sentence in errors
    assert is_a_sentence(errors)
    assert not (folder / "saved").exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("measure", "--model", "a\nb", "--evaluators", "perplexity"),
        ("run", "trial.yaml", "--save", "a\nb/c"),
        (
            *("measure", "--model", "miniature-bert", "--evaluators", "perplexity"),
            *("--items", "no\nfolder/items.parquet"),
        ),
        ("run", "no\nfile.yaml"),
        ("run", "trial.yaml", "--harness-tasks", "no\nfolder"),
    ],
    ids=lambda arguments: arguments[-2],
)
def test_a_path_with_the_end_of_a_line_is_shown_in_one_line(arguments, main, folder):
    (folder / "a\nb").mkdir()
    (folder / "a\nb/config.json").write_text("{}")
    (folder / "a\nb/c").touch()
    status, _, errors = main(*arguments)
    assert status == 2
    assert "\\n" in errors
    assert errors.count("\n") == 1


METRIC = Metric("bias/x/gap", "points", "lower", 0.0, 50.0, "for a test")


@pytest.mark.parametrize(
    ("se", "df", "num_items", "expected"),
    [
        (0.25, math.inf, 400, "      1.50 ± 0.49    points     n=400"),
        (0.25, 9.0, 40, "      1.50 ± 0.57    points     n=40"),
        (None, 0.0, 1, "      1.50 ± ?       points     n=1"),
        (None, math.inf, 0, "      1.50           points"),
    ],
)
def test_a_line_has_the_value_half_its_interval_its_unit_and_its_items(se, df, num_items, expected):
    assert line(METRIC, 1.5, se, df, num_items) == f"{'bias/x/gap':<40} {expected}"


@pytest.mark.parametrize(
    ("value", "se", "expected"),
    [
        (13.8431, 4.0, "13.84 ± 7.84"),
        (0.51234, 0.0093, "0.512 ± 0.018"),
        (0.002, 0.01, "0.002 ± 0.020"),
        (33_456.7, 1.0, "33456.70 ± 1.96"),
        (3.8e-5, 0.0, "3.8e-5 ± 0.0000"),
        (0.0, None, "0.00"),
        (-1.25, None, "-1.25"),
        (float("nan"), None, "nan"),
        (float("inf"), 0.5, "inf ± 0.98"),
    ],
)
def test_a_line_shows_two_digits_of_the_error_or_three_of_the_value_in_two_to_four_decimals(
    value, se, expected
):
    assert " ".join(line(METRIC, value, se, math.inf).split()) == f"bias/x/gap {expected} points"


def test_on_an_ascii_terminal_units_stand_below_each_other_and_the_line_has_80_columns(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        shown = [
            line(METRIC, 1.5, *error, 771) for error in ((0.25, 9.0), (None, 0.0), (None, None))
        ]
    assert "1.50 +/- 0.57" in shown[0]
    assert len({text.index("points") for text in shown}) == 1
    assert max(map(len, shown)) <= 80


def test_text_is_wrapped_at_blanks_in_the_characters_of_the_terminal(monkeypatch):
    words = "± " * 30 + "a/long-name/that_is/not-broken"
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        shown = wrapped(words, "  ").splitlines()
    assert shown[0] == " ".join(["+/-"] * 20)
    assert shown[-1].endswith(" a/long-name/that_is/not-broken")
    assert all(text.startswith("  ") for text in shown[1:])
    assert max(map(len, shown)) <= 80


@pytest.mark.parametrize("address", ["s3://AK:hunter2Zq9@h/m", "https://h/x", "gs://bucket/x"])
def test_an_address_is_no_path_and_its_password_is_not_shown(address, capsys):
    with pytest.raises(SystemExit, match="2"):
        refuse_address("--save", Path(address))
    said = capsys.readouterr().err
    assert said.startswith("--save must be a path on this machine, but got the address ")
    assert "hunter2Zq9" not in said
    for path in (None, Path("a/b"), Path("/tmp/x"), Path("a:b")):
        refuse_address("--save", path)


def test_a_file_in_a_folder_that_exists_is_not_refused(tmp_path):
    refuse_file("--json", None)
    refuse_file("--json", tmp_path / "new.json")
    with pytest.raises(SystemExit) as caught:
        refuse_file("--json", tmp_path)
    assert caught.value.code == 2


@pytest.mark.parametrize("length", [20, 45, 60])
def test_the_line_of_a_metric_has_80_columns_and_a_name_that_is_too_long_a_line_of_its_own(length):
    name = f"task/{'x' * (length - 9)}/acc"
    shown = line(Metric(name, "nats/token", "higher", 1, 0, "solved"), 1.5, 0.25, math.inf, 1234)
    assert shown.split() == [name, "1.50", "±", "0.49", "nats/token", "n=1234"]
    lines = shown.splitlines()
    assert max(map(len, lines)) <= 80
    assert len(lines) == (1 if length == 20 else 2)
    assert lines[0].split()[0] == name


def test_wrapped_text_has_nothing_that_a_terminal_obeys():
    assert wrapped("a\x1b[2Jb \u202ec\nd") == r"a\x1b[2Jb \u202ec\nd"


def test_no_name_or_path_in_a_line_steers_the_terminal():
    evil = "a\x1b[2J\u202eb"
    metric = Metric(f"bias/{evil}/gap", "points", "lower", ideal=0, worst=50, about="")
    shown = r"a\x1b[2J\u202eb"
    assert line(metric, 1.0, None, 1.0).startswith(f"bias/{shown}/gap")
    assert wrapped(f"{evil}.yaml is valid") == f"{shown}.yaml is valid"
