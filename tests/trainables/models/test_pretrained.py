"""Where a base model is and what it is, found out without loading it."""

import pytest

from trainables.models import miniature
from trainables.models.pretrained import digest, family_of, locate


@pytest.mark.parametrize(("name", "family"), list(miniature.MODELS.items()))
def test_the_family_of_a_model_is_found_out(name, family):
    assert family_of(name) == family
    assert family_of(str(locate(name))) == family


def test_a_changed_file_changes_the_digest(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "model.safetensors").write_bytes(b"1")
    before = digest(str(tmp_path))
    (tmp_path / "model.safetensors").write_bytes(b"12")
    assert digest(str(tmp_path)) != before
    assert len(digest("miniature-llama")) == 64
