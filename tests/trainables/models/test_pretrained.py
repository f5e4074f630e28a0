"""Where a base model is and what it is, found out without loading it."""

import json

import pytest

from trainables.models import miniature
from trainables.models.folder import family_in
from trainables.models.pretrained import digest, family_of, locate


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_the_family_of_a_model_is_found_out(name, family):
    assert family_of(name) == family
    assert family_of(str(locate(name))) == family


def test_an_architecture_that_tells_no_family_has_none(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps({"architectures": ["GPT2LMHeadModel"]}))
    assert family_in(tmp_path) is None


@pytest.mark.parametrize("written", [None, "[1", "[1]"])
def test_a_folder_without_a_model_is_one_clear_sentence(tmp_path, written):
    if written:
        (tmp_path / "config.json").write_text(written)
    with pytest.raises(ValueError, match="must be the folder of a model") as caught:
        family_in(tmp_path)
    assert str(tmp_path) in str(caught.value)


def test_a_changed_file_changes_the_digest(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = digest(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert digest(str(tmp_path)) != before
    assert len(digest("miniature-llama")) == 64
