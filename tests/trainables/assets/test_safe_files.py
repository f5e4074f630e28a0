"""Files that could run code, and pointers to files, are refused."""

import pytest

from trainables.assets.errors import AssetError
from trainables.assets.resolve import resolve
from trainables.assets.safe_files import (
    PICKLES,
    POINTER,
    ROOTS,
    refuse_outside,
    refuse_pickles,
    refuse_pointer,
)
from trainables.data import sources


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


@pytest.fixture
def places(tmp_path, monkeypatch):
    """A folder with data in `allowed`, `current`, `cache` and `elsewhere`; the first two may be used."""
    for place in ("allowed", "current", "cache", "elsewhere"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "texts.txt").write_text("he reads\n")
    monkeypatch.chdir(tmp_path / "current")
    monkeypatch.setenv("EQUIPOISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv(ROOTS, f"/no/such/folder:{tmp_path / 'allowed'}")
    return tmp_path


def read_all(name):
    """Look at a file as a model is looked for, and as data are read."""
    return [str(refuse_outside(resolve(name))), [text for _, text in sources.read_texts(name)]]


@pytest.mark.parametrize("name", ["{}/allowed/texts.txt", "texts.txt", "{}/cache/texts.txt"])
def test_what_lies_in_an_allowed_folder_the_current_one_or_the_cache_is_read(name, places):
    name = name.format(places)
    assert read_all(name) == [name, ["he reads"]]


@pytest.mark.parametrize("read", [resolve, lambda name: list(sources.read_texts(name))])
@pytest.mark.parametrize(
    "name",
    [
        "{}/elsewhere/texts.txt",
        "{}/elsewhere/no-such.txt",
        "../elsewhere/texts.txt",
        "{}/allowed/../elsewhere/texts.txt",
        "{}/allowed/link.txt",
        "{}/allowedtoo/texts.txt",
        "/etc/passwd.txt",
        "~/texts.txt",
    ],
)
def test_what_lies_elsewhere_is_refused_whether_it_is_there_or_not(read, name, places):
    (places / "allowed" / "link.txt").symlink_to(places / "elsewhere" / "texts.txt")
    with pytest.raises(
        AssetError, match=r"must lie in a folder that this machine allows .*, but does not: copy"
    ):
        read(name.format(places))


def test_without_a_list_of_folders_everything_is_read(places, monkeypatch):
    monkeypatch.delenv(ROOTS)
    name = str(places / "elsewhere" / "texts.txt")
    assert read_all(name) == [name, ["he reads"]]


def test_a_model_of_which_a_file_lies_elsewhere_is_refused(places):
    model = places / "allowed" / "model"
    model.mkdir()
    (model / "model.safetensors").symlink_to(places / "elsewhere" / "texts.txt")
    with pytest.raises(AssetError, match="must lie in a folder that this machine allows"):
        resolve(str(model))


def test_links_in_a_circle_lead_nowhere(places):
    (places / "allowed" / "a.txt").symlink_to(places / "allowed" / "a.txt")
    with pytest.raises(AssetError):
        resolve(str(places / "allowed" / "a.txt"))


def test_a_model_on_the_hub_is_no_path_wherever_the_current_folder_is(places, monkeypatch):
    monkeypatch.chdir("/")
    model = places / "cache" / "nobody" / "nothing"  # put there by hand
    model.mkdir(parents=True)
    for file in ("config.json", "model.safetensors"):
        (model / file).touch()
    assert resolve("nobody/nothing") == model


@pytest.mark.parametrize("read", [resolve, lambda name: list(sources.read_texts(name))])
def test_the_home_of_nobody_is_one_sentence(read):
    with pytest.raises(AssetError):
        read("~nosuchuser/texts.txt")
