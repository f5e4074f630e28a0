"""Files that could run code are refused, whatever the name of their folder."""

import pytest

from trainables.assets.errors import AssetError
from trainables.assets.safe_files import PICKLES, refuse_pickles


@pytest.mark.parametrize("suffix", PICKLES)
def test_a_pickled_file_is_refused(suffix, tmp_path):
    file = tmp_path / f"weights{suffix}"
    file.touch()
    with pytest.raises(AssetError, match=r"no safetensors weights, and pickled ones .* never"):
        refuse_pickles(file)


def test_a_models_folder_needs_safetensors(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    with pytest.raises(AssetError, match="give a folder that save_pretrained wrote"):
        refuse_pickles(tmp_path)
    (tmp_path / "model.safetensors").touch()
    assert refuse_pickles(tmp_path) == tmp_path


def test_data_are_not_refused(tmp_path):
    file = tmp_path / "rows.csv"
    file.touch()
    assert refuse_pickles(file) == file
    assert refuse_pickles(tmp_path) == tmp_path
