"""Finding a base model and describing it, without loading it."""

import shutil
from functools import partial

import pytest

from tests.trainables.models.conftest import BERT, made
from trainables.data.opening import Opening
from trainables.models import miniature
from trainables.models.fitness.tested import EVERYTHING
from trainables.models.pretrained import (
    abilities_of,
    digest,
    family_of,
    locate,
    look_through,
    start_of,
    tokenizer_of,
)


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_the_family_of_a_model_is_read_from_its_folder(name, family):
    assert family_of(name) == family
    assert family_of(str(locate(name))) == family


def test_the_structure_of_a_model_is_read_without_its_weights(name, model):
    structure = look_through(name, model.family)
    assert structure == model.architecture.structure
    assert len(structure.blocks) == structure.num_blocks == 2
    assert tokenizer_of(name, model.family).digest == model.tokenizer.digest


def test_a_folder_that_has_changed_is_read_again(edited):
    folder = edited("miniature-llama")
    assert look_through(str(folder), "causal").num_blocks == 2
    assert start_of(str(folder), Opening()) == "<s>"
    (folder / "tokenizer.json").write_text("{}")
    for looked in (partial(look_through, family="causal"), partial(start_of, opening=Opening())):
        for _ in range(2):  # what is wrong is not kept
            with pytest.raises(ValueError, match="must hold a model that transformers can load"):
                looked(str(folder))


def test_what_is_known_of_a_model_is_told_without_loading_torch(modules_after):
    """So `sweep check` is quick from the second time on."""
    asked = (
        "from trainables.data.opening import Opening\n"
        "from trainables.models.pretrained import look_through, start_of\n"
        "assert look_through('miniature-llama', 'causal').num_blocks == 2\n"
        "assert start_of('miniature-llama', Opening()) == '<s>'"
    )
    modules_after(asked)
    assert not {"torch", "transformers", "tokenizers"} & modules_after(asked)


def test_another_architecture_is_tried_once(modules_after, tmp_path):
    folder = tmp_path / "model"
    for file in ("tokenizer.json", "tokenizer_config.json"):
        folder.mkdir(exist_ok=True)
        shutil.copy(miniature.folder("miniature-bert") / file, folder)
    made("XLMRobertaForMaskedLM", **BERT | {"vocab_size": 400}).save_pretrained(folder)
    assert abilities_of(str(folder), "masked") == EVERYTHING
    asked = (
        "from trainables.models.pretrained import abilities_of\n"
        f"assert abilities_of({str(folder)!r}, 'masked') == {set(EVERYTHING)}\n"
        f"assert abilities_of('miniature-llama', 'causal') == {set(EVERYTHING)}"
    )
    assert not {"torch", "transformers"} & modules_after(asked)


def test_a_changed_file_changes_the_digest(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = digest(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert digest(str(tmp_path)) != before
    assert len(digest("miniature-llama")) == 64
