"""Pointers of Git LFS in place of a model's files."""

import pytest

from trainables.models.files.pointers import BEGIN
from trainables.models.folder import family_in, read_model

POINTER = BEGIN.decode() + "v1\noid sha256:" + "0" * 64 + "\nsize 12345\n"


@pytest.mark.parametrize(
    "name",
    ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json", "vocab.txt"],
)
def test_a_pointer_is_named_with_what_fetches_the_file(name, folder):
    (folder / name).write_text(POINTER)
    words = (
        f"{name} must be the file itself, but is a Git LFS pointer to it: fetch it with `git lfs"
    )
    with pytest.raises(ValueError, match=words) as caught:
        read_model(folder, family_in(folder), weightless=True)
    assert str(caught.value).count(name) == 1 + (name == "config.json")


def test_a_pointer_that_nothing_reads_is_no_matter(folder):
    (folder / "pytorch_model.bin").write_text(POINTER)
    (folder / "other.safetensors").write_text(POINTER)
    read_model(folder, "causal", weightless=True)
