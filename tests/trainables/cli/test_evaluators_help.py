"""The settings of the evaluators in `measure --help`."""

import io
import os
import re
import subprocess
import sys

import pytest

from tests.test_docs_complete import KEYS, PLUGINS
from tests.trainables.conftest import ROOT
from trainables.cli.evaluators_help import text
from trainables.evaluators.multiple_choice import MultipleChoice
from trainables.schema.settings import settings

SECTIONS = dict(re.findall(r"^(\w+)\n((?:  .*\n)*)", text(), re.MULTILINE))


def test_the_help_of_measure_ends_with_every_evaluator(main):
    status, output, _ = main("measure", "--help")
    assert status == 0
    assert output.rstrip().endswith(text().strip().splitlines()[-1].strip())
    assert all(f"\n{name}\n" in output for name in SECTIONS)
    assert max(map(len, text().splitlines())) <= 80


@pytest.mark.parametrize("words", ["trainables measure --help", "trainables", "sweep run --help"])
def test_help_is_ascii_where_the_terminal_is(words):
    plain = {"LC_ALL": "C", "TERM": "dumb", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    ended = subprocess.run(
        [sys.executable, "-m", *words.split()], env=os.environ | {"PYTHONPATH": str(ROOT)} | plain,
        capture_output=True, timeout=60, check=False,
    )  # fmt: skip
    assert b"--help" in ended.stdout
    assert ended.stdout.isascii()


def test_the_settings_have_80_columns_where_the_terminal_is_ascii(monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr("sys.stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii"))
        shown = text()
    assert shown.isascii()
    assert not text().isascii()
    assert max(map(len, shown.splitlines())) <= 80


def test_every_setting_of_every_evaluator_is_listed():
    shown = {
        (name, key)
        for name, section in SECTIONS.items()
        for key in re.findall(r"^    (\w+) ", section, re.MULTILINE)
    }
    assert len(SECTIONS) >= 12
    assert shown == {key for key in KEYS if key[0] in SECTIONS}
    assert SECTIONS.keys() <= {*PLUGINS}


@pytest.mark.parametrize("setting", settings(MultipleChoice), ids=lambda setting: setting.key)
def test_options_default_and_meaning_are_shown(setting):
    words = " ".join(SECTIONS["multiple_choice"].split())
    default = "(required)" if setting.default == "required" else f"(default {setting.default})"
    assert f"{setting.type or ' | '.join(setting.options)} {default}" in words
    assert setting.meaning in words


def test_what_measure_refuses_is_said_to_be_for_trials():
    sections = {name: " ".join(section.split()) for name, section in SECTIONS.items()}
    alone = {name for name, words in sections.items() if "for trials and sweeps alone" in words}
    assert alone == {"kl", "weights"}
