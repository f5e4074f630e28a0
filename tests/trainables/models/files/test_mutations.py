"""Folders of models with something changed at random: read, or refused in one sentence."""

import json
import shutil
import struct

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainables.models import miniature
from trainables.models.files.no_numbers import refuse_no_numbers
from trainables.models.folder import family_in, read_model

VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.integers(0, 300),
    st.floats(allow_nan=True), st.text(max_size=8), st.sampled_from(["llama", "bert", "../x", "\x1b[31m"]),
    st.lists(st.integers(0, 3), max_size=2), st.dictionaries(st.text(max_size=3), st.none(), max_size=2),
)  # fmt: skip
JSON = ["config.json", "tokenizer.json", "tokenizer_config.json", "generation_config.json"]


def places(tree):
    """Return every (object, key) of a JSON tree, in order."""
    found = []
    for key, value in tree.items():
        found.append((tree, key))
        if isinstance(value, dict):
            found += places(value)
    return found


def refused_or_read(folder):
    """Look through a folder as `sweep check` does; any refusal is one short sentence."""
    try:
        read_model(folder, family_in(folder), weightless=True)
        refuse_no_numbers(folder)
    except ValueError as error:
        sentence = str(error)
        assert "\n" not in sentence
        assert "\x1b" not in sentence
        assert len(sentence) < 1000


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory):
    """Return a function that gives a fresh copy of a model's folder."""
    folder = tmp_path_factory.mktemp("spoilt") / "model"

    def fresh():
        shutil.rmtree(folder, ignore_errors=True)
        return shutil.copytree(miniature.folder("miniature-llama"), folder)

    return fresh


ANY = settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))


@ANY
@given(data=st.data(), file=st.sampled_from(JSON), value=VALUES, is_new=st.booleans())
def test_a_setting_of_any_kind_anywhere(spoilt, data, file, value, is_new):
    folder = spoilt()
    tree = json.loads((folder / file).read_text())
    holder, key = data.draw(st.sampled_from(places(tree)))
    holder[data.draw(st.text(max_size=5)) if is_new else key] = value
    (folder / file).write_text(json.dumps(tree))
    refused_or_read(folder)


@ANY
@given(
    file=st.sampled_from([*JSON, "model.safetensors"]), place=st.floats(0, 1, exclude_max=True),
    length=st.integers(0, 40), inserted=st.binary(max_size=8),
)  # fmt: skip
def test_bytes_of_any_kind_anywhere(spoilt, file, place, length, inserted):
    folder = spoilt()
    contents = (folder / file).read_bytes()
    # Headers stand at the beginning of a large file.
    at = int(place * min(len(contents), 4000))
    (folder / file).write_bytes(contents[:at] + inserted + contents[at + length :])
    refused_or_read(folder)


@ANY
@given(data=st.data(), key=st.sampled_from(["dtype", "shape", "data_offsets", None]), value=VALUES)
def test_a_header_of_any_kind(spoilt, data, key, value):
    folder = spoilt()
    contents = (folder / "model.safetensors").read_bytes()
    (length,) = struct.unpack("<Q", contents[:8])
    header = json.loads(contents[8 : 8 + length])
    name = data.draw(st.sampled_from(sorted(header)))
    if key is None:
        header[data.draw(st.text(max_size=12))] = header.pop(name)
    else:
        header[name] = header[name] | {key: value}
    text = json.dumps(header).encode()
    (folder / "model.safetensors").write_bytes(
        struct.pack("<Q", len(text)) + text + contents[8 + length :]
    )
    refused_or_read(folder)


def test_what_the_mutations_are_of_is_read(spoilt):
    folder = spoilt()
    assert len(read_model(folder, "causal", weightless=True)[0]) > 100
