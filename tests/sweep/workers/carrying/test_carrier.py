"""Who builds an entry of the cache that no node has, and which files are handed out."""

import hashlib
import os
import time

import pytest

from sweep.workers.carrying import carrier as module
from sweep.workers.carrying.carrier import Carrier, Part
from trainables.assets import cache


@pytest.fixture
def carrier(tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pairs.jsonl").write_text("{}\n")
    (tmp_path / "secret.txt").write_text("not for others")
    return Carrier(tmp_path, {"pairs.jsonl": "any", "gone.jsonl": "any"})


def build(folder):
    (folder / "words").write_text("built")


def test_one_process_builds_and_the_others_wait_until_the_entry_is_there(carrier):
    assert carrier.turn("tables/a", "one") == "build"
    assert carrier.turn("tables/a", "two") == "wait"
    assert carrier.turn("tables/b", "two") == "build", "another entry"
    assert carrier.turn("tables/a", "one") == "build", "it still builds"
    place = carrier.expect()
    carrier.receive(place, "words", 0, b"bui")
    carrier.receive(place, "words", 3, b"lt")
    assert carrier.turn("tables/a", "two") == "wait", "half of it has arrived"
    carrier.keep("tables/a", place)
    assert carrier.turn("tables/a", "two") == "fetch"
    assert cache.has("tables/a")
    assert carrier.parts("tables/a") == [Part("words", 5, hashlib.sha256(b"built").hexdigest())]
    assert carrier.read("tables/a", "words", 1, 3) == b"uil"


def test_an_entry_that_was_not_built_is_another_processs(carrier):
    assert carrier.turn("tables/a", "one") == "build"
    carrier.release("tables/a", "two")
    assert carrier.turn("tables/a", "two") == "wait", "it was not its own"
    carrier.release("tables/a", "one")
    assert carrier.turn("tables/a", "two") == "build"


def test_a_process_that_falls_silent_loses_its_turn(carrier, monkeypatch):
    now = [100.0]
    monkeypatch.setattr(module.time, "monotonic", lambda: now[0])
    assert carrier.turn("tables/a", "one") == "build"
    now[0] += module.LEASE_S - 1
    assert carrier.turn("tables/a", "two") == "wait"
    now[0] += 2
    assert carrier.turn("tables/a", "two") == "build"
    assert carrier.turn("tables/a", "one") == "wait"


def test_what_had_come_to_a_carrier_that_is_started_anew_becomes_no_entry(carrier, tmp_path):
    place = carrier.expect()
    carrier.receive(place, "words", 0, b"bui")
    again = Carrier(tmp_path, {})
    with pytest.raises(FileNotFoundError):
        again.receive(place, "words", 3, b"lt")
    with pytest.raises(FileNotFoundError):
        again.keep("tables/a", place)
    with pytest.raises(ValueError, match="must lie below its folder"):
        again.keep("tables/a", "../other")
    assert not cache.has("tables/a")


def test_what_a_killed_carrier_has_left_is_deleted_after_a_day(carrier, tmp_path):
    left, living = (cache.cache_dir() / f"{module.ARRIVING}{name}" for name in ("left", "living"))
    for folder in (left, living):
        folder.mkdir()
        (folder / "words").touch()
    long_ago = time.time() - module.OLD_S - 60
    os.utime(left, (long_ago, long_ago))
    Carrier(tmp_path, {})
    assert (left.exists(), living.exists()) == (False, True)


def test_an_entry_of_this_nodes_cache_is_there_for_all(carrier):
    cache.once("tables/a", build)
    assert carrier.turn("tables/a", "one") == "fetch"


def test_only_the_inputs_of_the_sweep_are_handed_out(carrier):
    (part,) = carrier.parts_of_input("pairs.jsonl")
    assert part == Part("", 3, hashlib.sha256(b"{}\n").hexdigest())
    assert carrier.read_input("pairs.jsonl", "", 0, 10) == b"{}\n"
    assert carrier.parts_of_input("secret.txt") is None
    assert carrier.parts_of_input("gone.jsonl") is None


@pytest.mark.parametrize("path", ["../secret.txt", "/etc/passwd", "a/../../b"])
def test_no_part_lies_outside_its_folder(carrier, path):
    cache.once("tables/a", build)
    for call in (
        lambda: carrier.read("tables/a", path, 0, 10),
        lambda: carrier.receive(carrier.expect(), path, 0, b"x"),
    ):
        with pytest.raises(ValueError, match="must lie below its folder"):
            call()
