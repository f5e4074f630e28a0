"""Finding a base model and describing it, without loading it."""

from functools import partial

import pytest

from trainables.data.opening import Opening
from trainables.models import miniature
from trainables.models.pretrained import (
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


def test_a_changed_file_changes_the_digest(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = digest(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert digest(str(tmp_path)) != before
    assert len(digest("miniature-llama")) == 64
