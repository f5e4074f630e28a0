"""Nodes that have a cache each: what one has built, the others fetch."""

import time
from pathlib import Path

import pytest
import ray

from sweep.workers.carrying.carrier import OPTIONS, Carrier

pytestmark = [pytest.mark.slow, pytest.mark.timeout(180), pytest.mark.usefixtures("cluster")]


def node_with(folder: Path):
    """Return the options by which an actor or a task of Ray has a cache of its own, as a node has."""
    return {"num_cpus": 0, "runtime_env": {"env_vars": {"EQUIPOISE_CACHE": str(folder)}}}


@pytest.fixture
def carrier(tmp_path):
    """An actor that has inputs, on a node of its own."""
    (tmp_path / "start").mkdir()
    actor = ray.remote(Carrier).options(**OPTIONS | node_with(tmp_path / "of the driver"))
    return actor.remote(tmp_path / "start", {"data": "any", "rows.jsonl": "any"})


def get(carrier, node: str, log: Path, seconds: float = 0.0) -> str:
    """Get the entry `words` on a node; whoever builds it says so in a log. Return what is in it."""
    from sweep.workers.carrying.fetching import Fetching
    from trainables.assets import cache, others

    def build(folder):
        with log.open("a") as stream:
            stream.write("built\n")
        time.sleep(seconds)
        (folder / "below").mkdir()
        (folder / "below" / "words").write_text(node)
        (folder / "empty").touch()

    others.share_with(Fetching(carrier, "another node"))
    folder = cache.once("tables/words", build)
    assert (folder / "empty").read_bytes() == b""
    return (folder / "below" / "words").read_text()


def test_an_entry_is_built_once_for_all_nodes(carrier, tmp_path):
    log = tmp_path / "log"
    task = ray.remote(get)
    calls = [
        task.options(**node_with(tmp_path / node)).remote(carrier, node, log, 2.0)
        for node in ("a", "b", "c")
    ]
    (builder,) = set(ray.get(calls))
    assert log.read_text() == "built\n"
    assert (tmp_path / "of the driver/tables/words/below/words").read_text() == builder
    later = task.options(**node_with(tmp_path / "d")).remote(carrier, "d", log)
    assert ray.get(later) == builder


def fail_then_get(carrier, log: Path) -> str:
    """Fail to build the entry, then get it."""
    from sweep.workers.carrying.fetching import Fetching
    from trainables.assets import cache, others

    others.share_with(Fetching(carrier, "another node"))

    def fail(folder):
        raise RuntimeError("out of something")

    with pytest.raises(RuntimeError, match="out of something"):
        cache.once("tables/words", fail)
    return get(carrier, "second", log)


def test_an_entry_that_could_not_be_built_is_built_at_the_next_request(carrier, tmp_path):
    call = ray.remote(fail_then_get).options(**node_with(tmp_path / "a"))
    assert ray.get(call.remote(carrier, tmp_path / "log")) == "second"


def copies(carrier) -> dict[str, str | None]:
    """Return name of an input -> text of this node's copy, or None."""
    from sweep.workers.carrying.fetching import Fetching
    from trainables.assets import cache, others

    others.share_with(Fetching(carrier, "another node"))
    file = others.input_of_others("rows.jsonl")
    folder = others.input_of_others("data")
    assert file is not None
    assert folder is not None
    assert cache.cache_dir() in file.parents
    return {
        "rows.jsonl": file.read_text(),
        "data": (folder / "deep" / "rows.jsonl").read_text(),
        "none": others.input_of_others("none"),
    }


def test_a_path_of_the_driver_is_copied_to_the_node_that_lacks_it(carrier, tmp_path):
    (tmp_path / "start/data/deep").mkdir(parents=True)
    (tmp_path / "start/data/deep/rows.jsonl").write_text("deep")
    (tmp_path / "start/rows.jsonl").write_text("rows" * 3)
    call = ray.remote(copies).options(**node_with(tmp_path / "a"))
    expected = {"rows.jsonl": "rows" * 3, "data": "deep", "none": None}
    assert ray.get(call.remote(carrier)) == expected


def test_a_carrier_whose_process_has_died_is_asked_as_before(carrier, tmp_path):
    (tmp_path / "start/data/deep").mkdir(parents=True)
    (tmp_path / "start/data/deep/rows.jsonl").write_text("deep")
    (tmp_path / "start/rows.jsonl").write_text("rows")
    assert ray.get(carrier.turn.remote("tables/other", "one")) == "build"
    ray.kill(carrier, no_restart=False)
    call = ray.remote(copies).options(**node_with(tmp_path / "a"))
    assert ray.get(call.remote(carrier))["rows.jsonl"] == "rows"
    call = ray.remote(get).options(**node_with(tmp_path / "b"))
    assert ray.get(call.remote(carrier, "b", tmp_path / "log")) == "b"
    assert (tmp_path / "of the driver/tables/words/below/words").read_text() == "b"
