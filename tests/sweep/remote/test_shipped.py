"""What goes with a sweep to a cluster: its own data files, from below the folder, and not too much."""

import hashlib

import pytest

from sweep.config.check import check
from sweep.remote import shipped as module
from sweep.remote.shipped import NotShipped, shipped
from tests.sweep.conftest import TINY
from trainables.assets import cache
from trainables.schema.yaml_file import read

PAIRS = "stereotype,antistereotype\nthe nurse said she left,the nurse said he left\n"


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path


def spec_with(data, replay=""):
    """A spec whose alignment set is `data`, as YAML has it."""
    text = TINY.replace(
        "alignment: {data: miniature, size: 50}", f"alignment: {{data: {data}}}{replay}"
    )
    with open("spec.yaml", "w") as file:
        file.write(text)
    document = read(module.Path("spec.yaml"))
    return check(document), document.text


def test_a_spec_of_known_sets_goes_alone():
    cargo = shipped(*spec_with("miniature"))
    assert (cargo.files, cargo.elsewhere) == ({}, ())
    assert list(cargo.contents) == ["sweep.yaml"]


def test_data_files_go_with_it_under_their_names_with_their_digests(folder):
    (folder / "data").mkdir()
    (folder / "data" / "pairs.csv").write_text(PAIRS)
    (folder / "other.csv").write_text(PAIRS)
    (folder / "general.txt").write_text("a text\n")
    spec, text = spec_with(
        "{choice: [data/pairs.csv, ./other.csv, miniature]}",
        "\n  replay: {data: general.txt, ratio: 0.1}",
    )
    cargo = shipped(spec, text)
    assert set(cargo.files) == {"data/pairs.csv", "./other.csv", "general.txt"}
    digest = hashlib.sha256(PAIRS.encode()).hexdigest()
    assert cargo.digests["data/pairs.csv"] == digest
    assert cargo.digests["sweep.yaml"] == hashlib.sha256(text.encode()).hexdigest()
    there = folder / "there"
    there.mkdir()
    cargo.write(there)
    assert (there / "data" / "pairs.csv").read_text() == PAIRS
    assert (there / "other.csv").read_text() == PAIRS
    assert (there / "sweep.yaml").read_text() == text


def test_files_of_every_node_stay_where_they_are():
    cargo = shipped(*spec_with("/data/pairs.csv"))
    assert (cargo.files, cargo.elsewhere) == ({}, ("/data/pairs.csv",))


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        ("gone.csv", "there is no file gone.csv, looked for from "),
        ("../pairs.csv", "must lie below the folder of the command"),
        ("data/../../pairs.csv", "must lie below the folder of the command"),
        ("harness_tasks/pairs.csv", "under another name than sweep.yaml and harness_tasks"),
    ],
)
def test_a_file_that_cannot_go_is_one_sentence_with_what_would_work(data, problem):
    with pytest.raises(NotShipped, match=problem) as raised:
        shipped(*spec_with(data))
    assert "by a path that begins with /." in str(raised.value)


def test_the_folder_of_tasks_goes_with_its_digest_and_counts(folder, monkeypatch):
    tasks = folder / "mine"
    (tasks / "data").mkdir(parents=True)
    (tasks / "task.yaml").write_text("task: mine\n")
    (tasks / "data" / "rows.jsonl").write_text("{}\n")
    (tasks / ".gitignore").write_text("*.jsonl\n")  # which Ray's upload would obey
    (folder / "elsewhere").mkdir()
    (folder / "elsewhere" / "more.txt").write_text("x")
    (tasks / "linked").symlink_to(folder / "elsewhere")
    spec, text = spec_with("miniature")
    cargo = shipped(spec, text, tasks)
    assert list(cargo.contents) == ["sweep.yaml"]
    there = folder / "there"
    there.mkdir()
    cargo.write(there)
    assert {name: cache.digest(there / name) for name in cargo.digests} == cargo.digests
    assert list(cargo.digests) == ["sweep.yaml", "harness_tasks"]
    assert not (there / "harness_tasks" / ".gitignore").exists()
    assert (there / "harness_tasks" / "linked" / "more.txt").read_text() == "x"
    monkeypatch.setattr(module, "MAX_BYTES", 10)
    with pytest.raises(NotShipped, match="the folder of tasks"):
        shipped(spec, text, tasks)


def test_files_that_are_too_large_together_are_refused(folder, monkeypatch):
    monkeypatch.setattr(module, "MAX_BYTES", 2 * len(PAIRS) - 1)
    for name in ("a.csv", "b.csv"):
        (folder / name).write_text(PAIRS)
    assert shipped(*spec_with("a.csv")).files
    with pytest.raises(NotShipped, match=r"but have more with b.csv \(0.0 MiB\)"):
        shipped(*spec_with("{choice: [a.csv, b.csv]}"))


def test_a_model_that_is_a_folder_of_this_machine_is_refused(folder):
    (folder / "miniature-llama").mkdir()
    spec, text = spec_with("miniature")
    assert shipped(spec, text), "a known name is never a folder"
    (folder / "mine").mkdir()
    own = text.replace("path: miniature-llama", "path: ./mine")
    (folder / "own.yaml").write_text(own)
    with pytest.raises(NotShipped, match=r"model\.path must be a model that the nodes"):
        shipped(check(read(folder / "own.yaml")), own)
