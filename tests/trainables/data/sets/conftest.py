"""Files of the published form, put by hand into the cache; slow tests read the real ones."""

import csv
import json

import pytest


@pytest.fixture(autouse=True)
def cache_folder(request, tmp_path, monkeypatch):
    """An empty cache folder; that of the user in slow tests, which fetch the real things once."""
    if request.node.get_closest_marker("slow") is not None:
        return None
    folder = tmp_path / "cache"
    monkeypatch.setenv("EQUIPOISE_CACHE", str(folder))
    monkeypatch.setenv("PIP_NO_INDEX", "1")  # a file that a test has forgotten is not downloaded
    return folder


@pytest.fixture
def put(cache_folder):
    """Write an asset's file (its folder / its name): text as it is, rows as .csv, .tsv or .jsonl."""

    def write(name, content):
        file = cache_folder / name
        file.parent.mkdir(parents=True, exist_ok=True)
        with file.open("w", encoding="utf-8", newline="") as stream:
            if isinstance(content, str):
                stream.write(content)
            elif file.suffix == ".jsonl":
                stream.writelines(json.dumps(row) + "\n" for row in content)
            else:
                writer = csv.DictWriter(
                    stream, content[0], delimiter="," if file.suffix == ".csv" else "\t"
                )
                writer.writeheader()
                writer.writerows(content)
        return file

    return write


@pytest.fixture
def shares(put):
    """Of nurses 89.58 % are women, and of mechanics 1.8 %."""
    put("winogender/all_sentences.tsv", "sentid\tsentence\n")
    women = {"nurse": "89.58", "mechanic": "1.8"}
    rows = [{"occupation": name, "bls_pct_female": share} for name, share in women.items()]
    put("winogender/occupations-stats.tsv", rows)
