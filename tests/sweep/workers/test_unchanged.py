"""Models and data that are no longer what a sweep began with."""

import hashlib
import os
import shutil
import time
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from sweep.config.inputs import inputs_of
from sweep.config.preflight import prepare
from sweep.config.spec import SweepSpec
from sweep.workers.storage_trouble import StorageTrouble
from sweep.workers.unchanged import (
    InputChanged,
    change_sentences,
    refuse_changed,
    while_unchanged,
)
from tests.sweep.conftest import TINY
from trainables.assets import cache
from trainables.config import TrialConfig
from trainables.models import miniature
from trainables.models.language_model import LanguageModel
from trainables.models.loading import load
from trainables.models.pretrained import tokenizer_of


@pytest.fixture
def trial(tmp_path):
    """A trial whose model, alignment and replay are files in tmp_path."""
    shutil.copytree(miniature.folder("miniature-llama"), tmp_path / "model")
    (tmp_path / "pairs.csv").write_text("stereotype,antistereotype\nshe cries,he cries\n")
    (tmp_path / "texts.txt").write_text("the wolf eats deer\n")
    tree = YAML(typ="safe", pure=True).load(TINY)
    tree["trial"] |= {
        "model": {"path": str(tmp_path / "model"), "family": "causal"},
        "alignment": {"data": str(tmp_path / "pairs.csv")},
        "replay": {"data": str(tmp_path / "texts.txt"), "ratio": 0.1},
    }
    return SweepSpec.model_validate(tree).trials()[0]


@pytest.fixture
def recorded(trial):
    return {entry.name: entry.digest() for entry in inputs_of([trial])}


def changed(file: Path) -> None:
    """Change the last byte of a file that stays as long, and keep its times."""
    status, contents = file.stat(), file.read_bytes()
    file.write_bytes(contents[:-1] + bytes([contents[-1] ^ 1]))
    os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns))


@pytest.mark.parametrize(
    ("file", "key", "source"),
    [
        ("model/model.safetensors", "trial.model.path", "model"),
        ("model/tokenizer.json", "trial.model.path", "model"),
        ("pairs.csv", "trial.alignment.data", "pairs.csv"),
        ("texts.txt", "trial.replay.data", "texts.txt"),
    ],
)
def test_an_input_that_has_changed_is_one_sentence_with_both_digests(
    file, key, source, trial, recorded, tmp_path
):
    refuse_changed(trial, recorded)
    before = (tmp_path / file).read_bytes()
    changed(tmp_path / file)
    with pytest.raises(InputChanged) as caught:
        refuse_changed(trial, recorded)
    sentence = str(caught.value)
    digest = recorded[f"{key.split('.')[1]}.{tmp_path / source}"]
    assert sentence.startswith(
        f"{key}: {tmp_path / source} must be what the sweep began with (sha256 {digest[:12]}…), "
    )
    assert "but has changed (" in sentence
    assert sentence.endswith("…): put it back, or start a new sweep with --replace.")
    now = {entry.name: entry.digest() for entry in inputs_of([trial])}
    assert change_sentences(recorded, now) == [sentence], "as when the sweep is resumed"
    (tmp_path / file).write_bytes(before)
    refuse_changed(trial, recorded)


def test_an_input_that_is_gone_is_one_sentence(trial, recorded, tmp_path):
    (tmp_path / "pairs.csv").unlink()
    with pytest.raises(
        InputChanged, match=r"pairs.csv must be what .*, but cannot be read \(there is"
    ):
        refuse_changed(trial, recorded)


def test_a_file_that_may_not_be_read_any_more_is_one_sentence(trial, recorded, tmp_path):
    (tmp_path / "model" / "tokenizer.json").unlink()
    (tmp_path / "model" / "tokenizer.json").symlink_to("a" * 300)  # denied to root, too
    with pytest.raises(InputChanged) as caught:
        refuse_changed(trial, recorded)
    sentence = str(caught.value)
    assert f"but cannot be read (File name too long: {tmp_path}/model/tokenizer.json): " in sentence
    assert "Errno" not in sentence


@pytest.mark.parametrize("file", ["pairs.csv", "model/model.safetensors"])
def test_a_file_that_the_storage_does_not_give_is_no_change_of_the_file(
    file, trial, recorded, tmp_path
):
    (tmp_path / file).unlink()
    (tmp_path / file).symlink_to("/proc/self/mem")  # whose first bytes cannot be read
    with pytest.raises(StorageTrouble, match=r"OSError: .* Input/output error"):
        refuse_changed(trial, recorded)


def test_a_set_that_is_out_of_reach_is_no_change_of_the_set(trial, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    tree = trial.tree() | {"model": {"path": "nobody/nothing", "family": "causal"}}
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    with pytest.raises(StorageTrouble, match="'nobody/nothing' cannot be had"):
        refuse_changed(TrialConfig.model_validate(tree), {"model.nobody/nothing": "0" * 64})


def test_evaluators_whose_files_have_one_name_are_told_apart(tmp_path):
    labels = "".join(f"text {number},{number % 2}\n" for number in range(9))
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "x.csv").write_text(f"text,label\n{folder} {labels}")
    tree = YAML(typ="safe", pure=True).load(TINY)
    tree["trial"]["evaluators"] += [
        {"name": "probe", "data": str(tmp_path / "a" / "x.csv")},
        {"name": "finetune", "data": str(tmp_path / "b" / "x.csv")},
    ]
    spec = SweepSpec.model_validate(tree)
    trial, recorded = spec.trials()[0], prepare(spec)
    assert [entry.name for entry in inputs_of([trial])].count("evaluator.x") == 2
    refuse_changed(trial, recorded)
    changed(tmp_path / "b" / "x.csv")
    with pytest.raises(InputChanged, match=r"^trial.evaluators: probe: x must be what the sweep"):
        refuse_changed(trial, recorded)


def test_a_trial_of_no_sweep_is_not_looked_at(trial, tmp_path):
    shutil.rmtree(tmp_path / "model")
    assert [*while_unchanged((report for report in ("a", "b")), trial, None)] == ["a", "b"]


def test_an_input_that_the_sweep_did_not_begin_with_is_refused(trial, recorded):
    (model,) = [name for name in recorded if name.startswith("model.")]
    with pytest.raises(
        InputChanged, match=r"trial\.model\.path: .* must be among what the sweep began"
    ):
        refuse_changed(trial, {name: sha for name, sha in recorded.items() if name != model})


def test_files_that_have_not_moved_are_not_hashed_again(trial, recorded, tmp_path, monkeypatch):
    last = max(file.stat().st_ctime_ns for file in tmp_path.rglob("*"))
    while time.time_ns() - last <= cache.SETTLED_NS:
        time.sleep(0.1)
    refuse_changed(trial, recorded)
    hashed, real = [], hashlib.file_digest
    monkeypatch.setattr(hashlib, "file_digest", lambda *args: hashed.append(args) or real(*args))
    for _ in range(10):
        refuse_changed(trial, recorded)
    assert hashed == []


def test_no_report_is_given_that_changed_files_may_have_a_part_in(trial, recorded, tmp_path):
    def run():
        yield "first"
        changed(tmp_path / "model" / "model.safetensors")
        yield "second"

    reports = while_unchanged(run(), trial, recorded)
    assert next(reports) == "first"
    with pytest.raises(InputChanged, match="model must be what the sweep began with"):
        next(reports)


def put(folder: Path, place: Path, way: str) -> None:
    """Put a folder where another one is, as a user may."""
    if way == "link":
        place.unlink()
        place.symlink_to(folder)
    else:
        shutil.rmtree(place)
        shutil.copytree(folder, place)


@pytest.mark.parametrize(
    "read_model", [load, tokenizer_of, lambda name, family: LanguageModel(Path(name), family)]
)
@pytest.mark.parametrize("is_relative", [False, True])
@pytest.mark.parametrize("way", ["copy", "link"])
def test_a_model_that_was_another_when_it_was_read_and_was_put_back_is_changed(
    way, is_relative, read_model, trial, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    if is_relative:
        changes = {"model": {"path": "model", "family": "causal"}}
        trial = TrialConfig.model_validate(trial.tree() | changes)
    model, first, other = (tmp_path / name for name in ("model", "first", "other"))
    shutil.copytree(model, first)
    shutil.copytree(model, other)
    changed(other / "model.safetensors")
    if way == "link":
        shutil.rmtree(model)
        model.symlink_to(first)
    recorded = {entry.name: entry.digest() for entry in inputs_of([trial])}

    def run(read):
        yield "first"
        put(read, model, way)
        read_model(trial.model.path, "causal")
        put(first, model, way)
        yield "second"

    assert [*while_unchanged(run(first), trial, recorded)] == ["first", "second"], "only touched"
    reports = while_unchanged(run(other), trial, recorded)
    assert next(reports) == "first"
    with pytest.raises(InputChanged, match=r"model must be .*, but was read as another \(\w+…\)"):
        next(reports)


def test_a_trial_that_fails_at_changed_files_has_their_change_as_its_reason(
    trial, recorded, tmp_path
):
    def run(change):
        if change:
            changed(tmp_path / "pairs.csv")
        raise KeyError("a column")
        yield

    with pytest.raises(KeyError, match="a column"):
        next(while_unchanged(run(change=False), trial, recorded))
    with pytest.raises(InputChanged, match=r"pairs.csv must be what the sweep began with"):
        next(while_unchanged(run(change=True), trial, recorded))


def test_a_trial_is_closed_with_its_reports(trial, recorded):
    closed = []

    def run():
        try:
            yield "first"
            yield "second"
        finally:
            closed.append(True)

    reports = while_unchanged(run(), trial, recorded)
    next(reports)
    reports.close()
    assert closed == [True]
