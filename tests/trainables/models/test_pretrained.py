"""Finding a base model and describing it, without loading it."""

import pytest

from trainables.models import miniature
from trainables.models.pretrained import digest, family_of, locate, look_through


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_the_family_of_a_model_is_read_from_its_folder(name, family):
    assert family_of(name) == family
    assert family_of(str(locate(name))) == family


def test_the_structure_of_a_model_is_read_without_its_weights(name, model):
    tokenizer, structure = look_through(name, model.family)
    assert structure == model.architecture.structure
    assert len(structure.blocks) == structure.num_blocks == 2
    assert tokenizer.digest == model.tokenizer.digest


def test_a_folder_that_has_changed_is_read_again(edited):
    folder = edited("miniature-llama")
    assert look_through(str(folder), "causal")[1].num_blocks == 2
    (folder / "tokenizer.json").write_text("{}")
    with pytest.raises(ValueError, match="must hold a model that transformers can load"):
        look_through(str(folder), "causal")


def test_a_changed_file_changes_the_digest(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = digest(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert digest(str(tmp_path)) != before
    assert len(digest("miniature-llama")) == 64
