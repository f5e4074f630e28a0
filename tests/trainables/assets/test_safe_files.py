"""Files that could run code, and pointers to files, are refused."""

import pytest

from trainables.assets.errors import AssetError
from trainables.assets.safe_files import PICKLES, POINTER, refuse_pickles, refuse_pointer


@pytest.mark.parametrize("suffix", PICKLES)
def test_a_pickled_file_is_refused(suffix, tmp_path):
    file = tmp_path / f"weights{suffix}"
    file.touch()
    with pytest.raises(AssetError, match=r"no safetensors weights, and pickled ones .* never"):
        refuse_pickles(file)


def test_a_models_folder_needs_safetensors(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "shards").mkdir()
    (tmp_path / "shards/model.safetensors").touch()
    with pytest.raises(
        AssetError, match=r"beside its config\.json, .* but has none: give a folder"
    ):
        refuse_pickles(tmp_path)
    (tmp_path / "pytorch_model.bin").touch()
    with pytest.raises(AssetError, match=r"no safetensors weights, and pickled ones .* never"):
        refuse_pickles(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert refuse_pickles(tmp_path) == tmp_path


def test_data_are_not_refused(tmp_path):
    file = tmp_path / "rows.csv"
    file.touch()
    assert refuse_pickles(file) == file
    assert refuse_pickles(tmp_path) == tmp_path


def test_a_pointer_is_told_with_what_fetches_the_file(tmp_path):
    file = tmp_path / "a.csv"
    file.write_bytes(POINTER + b"v1\noid sha256:0123\nsize 12345\n")
    with pytest.raises(ValueError, match=r"^a.csv: must be the file itself, .* `git lfs pull`\.$"):
        refuse_pointer(file, "a.csv")


@pytest.mark.parametrize("contents", [b"", b"version: 1\n", b"text,label\n" + POINTER])
def test_any_other_file_is_none(contents, tmp_path):
    (tmp_path / "a.csv").write_bytes(contents)
    refuse_pointer(tmp_path / "a.csv", "a.csv")
