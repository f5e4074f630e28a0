"""The verbs of the queue on the head itself; from afar they run in tests/sweep/queue/test_ray_jobs.py."""

import json

import pytest

from sweep import workspace
from sweep.queue.folder import Queue, home
from tests.servers import free_port
from tests.sweep.conftest import TINY, verb


@pytest.fixture(autouse=True)
def call(tmp_path, monkeypatch):
    monkeypatch.setenv("SWEEP_HOME", str(tmp_path / "sweeps"))
    monkeypatch.chdir(tmp_path)
    for name in ("one", "two", "three"):
        (tmp_path / f"{name}.yaml").write_text(TINY.replace("name: tiny", f"name: {name}"))
    return lambda *words: verb("queue", *words)


def listed(call):
    return json.loads(call("--format", "json").stdout)["entries"]


def test_sweeps_are_added_moved_removed_and_listed_in_their_order(call):
    ended = call("add", "one.yaml")
    assert ended.stdout == "one is in the queue as number 1, at place 1.\n"
    assert ended.stderr.startswith("nothing serves the queue yet")
    assert call("add", "two.yaml", "--priority", 5, "--cap", 2).stdout.endswith("at place 1.\n")
    call("add", "three.yaml")
    assert call("move", "three", "--priority", 1).stdout == (
        "three has the priority 1, at place 2.\n"
    )
    assert call("remove", "one").stdout == "one is removed from the queue.\n"
    rows = [(e["place"], e["sweep"], e["state"], e["priority"], e["cap"]) for e in listed(call)]
    assert rows == [
        (1, "two", "waiting", 5, 2),
        (2, "three", "waiting", 1, None),
        (None, "one", "removed", 0, None),
    ]


def test_the_table_fits_80_columns_also_with_a_long_name(call, tmp_path):
    name = "a" * 100
    (tmp_path / "long.yaml").write_text(TINY.replace("name: tiny", f"name: {name}"))
    call("add", "long.yaml", "--priority", -1000, "--cap", 1000)
    table = call().stdout
    assert max(map(len, table.splitlines())) <= 80
    assert table.count("a") > 100
    assert "-1000" in table


def test_an_empty_queue_says_how_to_add_to_it(call):
    ended = call()
    assert (ended.exit_code, ended.stdout) == (0, "")
    assert ended.stderr == "the queue is empty: `sweep submit --queue SPEC` adds a sweep.\n"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["remove", "one"], "no entry of 'one' waits or runs in the queue, which is empty."),
        (["remove", "../one"], "no entry of '../one' waits or runs in the queue, which is empty."),
        (["move", "one", "--priority", "1"], "no entry of 'one' waits or runs in the queue"),
        (["move", "one"], "--priority must be given; "),
        (["add", "gone.yaml"], "gone.yaml: "),
        (["add", "one.yaml", "--resume"], "no sweep named 'one' is in "),
        (["add", "one.yaml", "--cap", "0"], "--cap must be at least 1, but got '0'"),
        (["--here", "remove", "one"], "--here must stand behind `queue remove`."),
    ],
)
def test_what_cannot_be_done_is_one_sentence(call, words, sentence):
    ended = call(*words)
    assert (ended.exit_code, ended.stdout) == (2, "")
    assert ended.stderr.startswith(sentence)
    assert len(ended.stderr.splitlines()) == 1


def test_a_sweep_that_was_run_here_is_added_to_be_resumed_alone(call):
    workspace.spec("one").parent.mkdir(parents=True)
    workspace.spec("one").write_text("name: one\n")
    ended = call("add", "one.yaml")
    assert ended.exit_code == 2
    assert "add it with --resume to go on with it" in ended.stderr
    assert call("add", "one.yaml", "--resume").exit_code == 0
    assert Queue(home()).open_entry("one").resume


def test_here_is_the_queue_of_this_machine_whatever_cluster_is_known(call):
    verb("use", f"http://127.0.0.1:{free_port()}")
    away = call()
    assert away.exit_code == 2
    assert away.stderr.startswith("--address must be the job API of a running Ray cluster")
    assert call("--here").exit_code == 0
    added = call("add", "one.yaml")
    assert added.exit_code == 0, "it is always that of this machine"
    assert "that is the queue of this machine: `sweep submit --queue` adds to" in added.stderr
    assert call("remove", "one", "--here").exit_code == 0


@pytest.mark.parametrize("is_empty", [False, True])
def test_without_sweep_home_the_queue_is_where_the_jobs_of_a_head_run_sweeps(
    is_empty, call, tmp_path, monkeypatch
):
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("SWEEP_HOME", "")
    if not is_empty:
        monkeypatch.delenv("SWEEP_HOME")
    assert "at place 1." in call("add", "one.yaml").stdout
    assert [e.sweep for e in Queue(tmp_path / "user" / "sweeps" / ".queue").entries()] == ["one"]
