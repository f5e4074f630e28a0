"""A table of items is read as it was written; one that no trial writes is refused, soon and in words."""

import json
import tracemalloc
from contextlib import suppress

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from trainables.metrics import items_table
from trainables.metrics.estimate import Estimate, Items, mean
from trainables.metrics.items_file import write
from trainables.metrics.items_table import read_table

NAMES = ["metric", "item", "cluster", "value", "outcome", "influence"]


@pytest.fixture
def file(tmp_path):
    """A file of two metrics, one of them exact."""
    items = Items.of(range(4), "xxyy")
    write(
        {"a/b/c": mean(np.arange(4.0), items), "a/b/d": Estimate(2.0)}, tmp_path / "items.parquet"
    )
    return tmp_path / "items.parquet"


@pytest.fixture
def sound(file):
    """What is in that file, as pyarrow reads it."""
    return pq.read_table(file)


def replaced(table, name, values):
    """A table with other values in one column."""
    return table.set_column(table.column_names.index(name), name, values)


def test_a_table_is_read_as_it_was_written(file, sound):
    assert read_table(file).to_pydict() == {
        name: sound[name].to_pylist() for name in [*NAMES, "design_df", "decisions"]
    }


def test_how_texts_and_numbers_are_stored_does_not_matter(file, sound):
    expected = read_table(file)
    other = sound
    for name in ("metric", "item", "cluster"):
        other = replaced(other, name, other[name].dictionary_encode())
    pq.write_table(other, file, row_group_size=2)
    assert read_table(file) == expected
    for name in ("metric", "item", "cluster"):
        other = replaced(other, name, sound[name].cast(pa.large_string()))
    other = replaced(other, "value", sound["value"].cast(pa.float32()))
    other = other.append_column("more", pa.array([[1]] * other.num_rows)).select(
        ["more", *reversed(sound.column_names)]
    )
    pq.write_table(other, file, use_dictionary=False, compression="snappy")
    assert read_table(file) == expected


def test_a_column_without_values_may_be_of_no_type(file, sound):
    one = sound.slice(4)
    for name in ("item", "cluster", "outcome", "influence", "design_df"):
        one = replaced(one, name, pa.nulls(1))
    pq.write_table(one, file)
    assert read_table(file).to_pydict() == one.to_pydict() | {"design_df": [None]}


def test_the_columns_of_earlier_releases_are_known(file, sound):
    pq.write_table(sound.rename_columns({"design_df": "df"}), file)
    assert read_table(file)["design_df"] == sound["design_df"]
    pq.write_table(sound.drop_columns(["design_df", "decisions"]), file)
    assert read_table(file).column_names == NAMES


@pytest.mark.parametrize(
    "tree", [{"columns": 5}, [], {}, 7, {"index_columns": ["a"], "columns": []}]
)
def test_what_a_program_keeps_beside_the_columns_is_left_out(tree, file, sound):
    expected = read_table(file).to_pandas()
    pq.write_table(sound.replace_schema_metadata({"pandas": json.dumps(tree)}), file)
    pd.testing.assert_frame_equal(read_table(file).to_pandas(), expected)


N = 5  # rows of the sound table
FOREIGN = {
    "metrics that are lists": ("metric", pa.array([["a"]] * N)),
    "metrics that are numbers": ("metric", pa.array([1.0] * N)),
    "metrics that are bytes": ("metric", pa.array([b"\xff"] * N)),
    "a row without a metric": ("metric", pa.array(["a/b/c"] * (N - 1) + [None])),
    "items that are numbers": ("item", pa.array(range(N))),
    "an item twice": ("item", pa.array(["0", "1", "2", "0", None])),
    "a value that is a word": ("value", pa.array(["x"] * N)),
    "outcomes that are mappings": ("outcome", pa.array([{"a": 1}] * N)),
    "influences that are times": ("influence", pa.array([1] * N, pa.timestamp("ms"))),
    "degrees that are words": ("design_df", pa.array(["1"] * N)),
    "decisions that are numbers": ("decisions", pa.array([1] * N)),
    "decisions that are not known": ("decisions", pa.array([True, None, True, True, True])),
    "words that are none": ("item", pa.DictionaryArray.from_arrays(
        pa.array(range(N)),
        pa.Array.from_buffers(pa.string(), N, pa.array([b"\xff%d" % n for n in range(N)]).buffers()),
    )),
}  # fmt: skip


@pytest.mark.parametrize("which", FOREIGN)
def test_a_column_of_something_else_is_refused(which, file, sound):
    pq.write_table(replaced(sound, *FOREIGN[which]), file)
    with pytest.raises(ValueError) as refused:  # noqa: PT011
        read_table(file)
    assert type(refused.value) is ValueError


@pytest.mark.parametrize("name", NAMES)
def test_a_column_that_is_not_there_or_twice_is_refused(name, file, sound):
    twice = sound.append_column(name, sound[name])
    for table in (sound.drop_columns([name]), twice):
        pq.write_table(table, file)
        with pytest.raises(ValueError, match=r"must have the columns .* once"):
            read_table(file)


def test_a_file_that_is_cut_or_changed_anywhere_is_refused_or_read(file):
    content = file.read_bytes()
    for length in range(len(content)):
        file.write_bytes(content[:length])
        with pytest.raises(ValueError, match="no table of items"):
            read_table(file)
    rng = np.random.default_rng(0)
    for _ in range(300):
        changed = bytearray(content)
        changed[rng.integers(len(content))] ^= 1 << int(rng.integers(8))
        file.write_bytes(changed)
        with suppress(ValueError):
            read_table(file)


def test_a_small_file_that_stands_for_a_large_table_is_refused_before_it_is_made(
    file, sound, monkeypatch
):
    monkeypatch.setattr(items_table, "MAX_ROWS", 5)
    read_table(file)
    pq.write_table(pa.concat_tables([sound, sound.slice(4)]), file)
    with pytest.raises(ValueError, match="must have at most 5 rows, but has 6"):
        read_table(file)
    monkeypatch.setattr(items_table, "MAX_ROWS", 10**7)
    monkeypatch.setattr(items_table, "MAX_GROUPS", 1)
    pq.write_table(sound, file, row_group_size=2)
    with pytest.raises(ValueError, match="must have at most 1 groups of rows, but has 3"):
        read_table(file)


def test_a_long_text_that_comes_in_many_rows_is_refused_before_it_is_written_out(file):
    rows = 100_000
    long = pa.DictionaryArray.from_arrays(pa.nulls(rows, pa.int32()).fill_null(0), ["x" * 10**5])
    columns = {name: pa.nulls(rows) for name in NAMES} | {"metric": long}
    columns["item"] = pa.array(map(str, range(rows)))
    pq.write_table(pa.table(columns), file, compression="zstd")
    assert file.stat().st_size < 2_000_000
    before, peak_before = pa.total_allocated_bytes(), pa.default_memory_pool().max_memory()
    tracemalloc.start()
    with pytest.raises(ValueError, match="must have at most 1073741824 bytes of text"):
        read_table(file)
    assert tracemalloc.get_traced_memory()[1] < 10**8
    tracemalloc.stop()
    # Another test of this process may have taken more before.
    assert pa.default_memory_pool().max_memory() <= max(peak_before, before + 10**9)


def test_a_column_of_many_bytes_is_refused_by_the_figures_of_the_file(file, monkeypatch):
    columns = {name: pa.nulls(1) for name in NAMES} | {"metric": pa.array(["x" * 2**20])}
    pq.write_table(pa.table(columns), file, compression="zstd")
    monkeypatch.setattr(items_table, "MAX_BYTES", 2**20)
    with pytest.raises(ValueError, match="must have at most 1048576 bytes, but has 1048"):
        read_table(file)
