"""Names to local paths: existing paths, the catalogue, and files put there by hand."""

from pathlib import Path

import pytest

from trainables.assets.cache import cache_dir
from trainables.assets.errors import AssetError
from trainables.assets.resolve import at_hand, resolve


def write_pair(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "a.txt").write_text("first")
    (folder / "sub" / "b.txt").write_text("second")


def test_a_path_stands_for_itself(tmp_path, monkeypatch):
    write_pair(tmp_path)
    assert resolve(str(tmp_path)) == tmp_path
    assert resolve(str(tmp_path / "a.txt")) == tmp_path / "a.txt"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolve("~/a.txt") == tmp_path / "a.txt"
    monkeypatch.chdir(tmp_path)
    assert resolve("./a.txt") == Path("a.txt")
    assert resolve("sub/b.txt") == Path("sub/b.txt")
    assert not cache_dir().exists()


@pytest.mark.parametrize("name", ["", "/no/such/path", "./nothing", "~/nothing", "a/b/c", "../x/y"])
def test_a_name_that_is_no_path_and_not_known_is_refused_in_one_sentence(name):
    with pytest.raises(AssetError, match="is neither an existing path nor a known name: give"):
        resolve(name)


@pytest.mark.parametrize(
    ("wrong", "right"), [("sterioset", "stereoset"), ("StereoSet", "stereoset"), ("piqua", "piqa")]
)
def test_a_misspelt_name_suggests_the_closest(wrong, right):
    with pytest.raises(AssetError, match=rf"^'{wrong}' is neither .* \(did you mean {right}"):
        resolve(wrong)


def test_pickled_weights_are_refused(tmp_path):
    (tmp_path / "config.json").write_text("{}")
    (tmp_path / "pytorch_model.bin").touch()
    for path in (tmp_path, tmp_path / "pytorch_model.bin"):
        with pytest.raises(AssetError, match=r"no safetensors weights, and pickled ones .* never"):
            resolve(str(path))
    (tmp_path / "model.safetensors").touch()
    assert resolve(str(tmp_path)) == tmp_path


def test_files_put_by_hand_into_the_cache_are_used(tiny_wheel):
    for name in ("poem/poem.txt", "letters/a.txt"):
        (cache_dir() / name).parent.mkdir(parents=True)
        (cache_dir() / name).write_text("mine")
    assert resolve("poem").read_text() == "mine"
    assert (resolve("letters") / "a.txt").read_text() == "text of a", "b.txt was missing by hand"


def test_a_known_name_stands_for_the_catalogue_even_beside_a_file_of_that_name(
    tiny_wheel, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "poem").write_text("mine")
    assert resolve("poem").read_text() == "text of poem"
    assert resolve("./poem").read_text() == "mine"
    assert resolve(str(tmp_path / "poem")).read_text() == "mine"


def test_what_is_at_hand_is_what_resolve_returns_without_fetching(tiny_wheel, tmp_path):
    for name in ("poem", "letters", "owner/name", "../no-such-folder", "nothing", ""):
        assert at_hand(name) is None, name
    for name in ("poem", "letters"):
        assert resolve(name) == at_hand(name)
    assert at_hand(str(tmp_path)) == tmp_path
    for folder in ("owner/by-hand", "hub/owner/fetched"):
        (cache_dir() / folder).mkdir(parents=True)
        (cache_dir() / folder / "config.json").write_text("{}")
    assert at_hand("owner/by-hand") == cache_dir() / "owner/by-hand"
    assert at_hand("owner/fetched") == cache_dir() / "hub/owner/fetched"


def test_files_by_hand_are_at_hand(tiny_wheel):
    (cache_dir() / "poem").mkdir(parents=True)
    (cache_dir() / "poem" / "poem.txt").write_text("mine")
    assert at_hand("poem") == resolve("poem")


def test_importing_assets_is_cheap(output_of):
    heavy = {"torch", "transformers", "huggingface_hub", "ray", "optuna", "mlflow"}
    code = f"import sys, trainables.assets.resolve; print({heavy!r} & set(sys.modules))"
    assert output_of(code) == "set()\n"
