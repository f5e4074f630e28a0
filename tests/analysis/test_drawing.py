"""Fronts are drawn by a process of its own, as they are in this one."""

import json
import os
import subprocess
import sys

import pytest

from analysis.drawing import answer
from analysis.views import export, front_files, front_words

pytestmark = pytest.mark.timeout(120)  # whichever test is the first makes the store
FILES = {"front.csv", "front.html", "front.json", "front.png"}


def ordered(folder, store, sweep="hand"):
    """Return an order and its folder, which is made."""
    folder.mkdir()
    return {"sweep": sweep, "tracking_uri": store, "runs_url": "http://runs", "folder": str(folder)}


def replies(*orders, errors=""):
    """Return what a process answers to orders, and its exit code. errors: what it prints besides."""
    command = [sys.executable, "-m", "analysis.drawing"]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    lines = []
    for order in orders:
        process.stdin.write(f"{json.dumps(order)}\n")
        process.stdin.flush()
        lines.append(json.loads(process.stdout.readline()))
    assert process.communicate(timeout=60) == ("", errors)
    return lines, process.returncode


def test_an_answer_is_the_front_in_words_and_its_files_are_as_they_are_written(
    hand, store, tmp_path
):
    order = ordered(tmp_path / "front", store)
    assert answer(**order) == {
        "headline": front_words.headline(hand),
        "table": front_files.to_markdown(hand, runs_url="http://runs"),
        "members": sorted(hand.trials_on_front()),
    }
    (tmp_path / "here").mkdir()
    export.draw(hand, tmp_path / "here")
    assert {path.name for path in (tmp_path / "front").iterdir()} == FILES
    for name in ("front.csv", "front.json"):
        assert (tmp_path / "front" / name).read_bytes() == (tmp_path / "here" / name).read_bytes()


def test_a_process_answers_one_order_after_the_other_and_says_why_it_cannot(store, tmp_path):
    orders = [
        ordered(tmp_path / "one", store),
        ordered(tmp_path / "two", store, "nowhere"),
        ordered(tmp_path / "three", store),
    ]
    (first, none, again), code = replies(*orders)
    assert code == 0
    assert first == again == {**answer(**orders[0]), "logged": []}
    assert none["reason"].startswith("UnknownSweep: ")
    assert "nowhere" in none["reason"]
    assert {path.name for path in (tmp_path / "three").iterdir()} == FILES


def test_what_is_logged_is_in_the_reply(store, tmp_path, monkeypatch):
    monkeypatch.setenv("MPLCONFIGDIR", str(tmp_path / "no" / "folder"))
    (tmp_path / "no").write_text("")
    ((reply,), _) = replies(ordered(tmp_path / "front", store))
    assert any("MPLCONFIGDIR" in message for message in reply["logged"])


def test_what_a_library_prints_is_no_reply(store, tmp_path, monkeypatch):
    (tmp_path / "sitecustomize.py").write_text(
        "import pandas\n"
        "to_csv = pandas.DataFrame.to_csv\n"
        "def spoken(*args, **kwargs):\n"
        "    print('a library speaks')\n"
        "    return to_csv(*args, **kwargs)\n"
        "pandas.DataFrame.to_csv = spoken\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(filter(None, sys.path)))
    (reply,), _ = replies(ordered(tmp_path / "front", store), errors="a library speaks\n")
    assert reply["members"]
