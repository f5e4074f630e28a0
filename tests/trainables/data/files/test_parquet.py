"""Tables in Parquet, as pyarrow and pandas write them."""

import datetime
import gzip
import re

import pandas
import pyarrow
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from trainables.data.files.parquet import parquet_rows

in_one_folder = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)


def read(path):
    return [fields for _, fields in parquet_rows(path)]


@in_one_folder
@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "text": st.one_of(st.none(), st.text()),
                "label": st.integers(-(2**60), 2**60),
                "choices": st.lists(st.text(), max_size=3),
            }
        ),
        min_size=1,
        max_size=5,
    ),
    st.sampled_from(["snappy", "gzip", "none"]),
)
def test_what_pyarrow_writes_is_read_back(tmp_path, rows, compression):
    types = [("text", pyarrow.string()), ("label", pyarrow.int64()), ("choices", pyarrow.list_(pyarrow.string()))]  # fmt: skip
    table = pyarrow.Table.from_pylist(rows, schema=pyarrow.schema(types))
    parquet.write_table(table, tmp_path / "a.parquet", compression=compression)
    assert read(tmp_path / "a.parquet") == rows


def test_rows_are_numbered_across_batches_and_a_packed_file_is_the_same(tmp_path):
    frame = pandas.DataFrame({"text": [f"text {n}" for n in range(3000)]})
    frame.to_parquet(tmp_path / "a.parquet")
    packed = tmp_path / "b.parquet.gz"
    packed.write_bytes(gzip.compress((tmp_path / "a.parquet").read_bytes()))
    assert read(packed) == read(tmp_path / "a.parquet") == frame.to_dict("records")
    assert list(parquet_rows(tmp_path / "a.parquet"))[2500].where.endswith("a.parquet, row 2501")


def test_categories_are_texts_and_times_do_not_matter(tmp_path):
    times = [datetime.datetime(2026, 1, 1), None]
    frame = pandas.DataFrame({"label": pandas.Categorical(["a", "b"]), "at": times})
    frame.to_parquet(tmp_path / "a.parquet")
    assert [row["label"] for row in read(tmp_path / "a.parquet")] == ["a", "b"]
    assert not any(isinstance(row["at"], str) for row in read(tmp_path / "a.parquet"))


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        (pyarrow.list_(pyarrow.timestamp("ns", tz="Nowhere/None")), [1]),
        (
            pyarrow.struct([("at", pyarrow.timestamp("ns")), ("by", pyarrow.string())]),
            {"at": 2**62},
        ),
        (pyarrow.map_(pyarrow.string(), pyarrow.date32()), [("a", 2**30)]),
    ],
    ids=str,
)
def test_times_within_other_values_do_not_matter(kind, value, tmp_path):
    """Python has not all of them: not all time zones, no years beyond 9999."""
    table = pyarrow.table({"text": ["a"], "other": pyarrow.array([value], type=kind)})
    parquet.write_table(table, tmp_path / "a.parquet")
    assert [row["text"] for row in read(tmp_path / "a.parquet")] == ["a"]


def test_a_file_that_is_no_whole_parquet_is_one_sentence(tmp_path):
    path = tmp_path / "a.parquet"
    pandas.DataFrame({"text": ["she"] * 9}).to_parquet(path)
    for contents in (b"", b"text\nshe\n", path.read_bytes()[:-20], path.read_bytes()[20:]):
        path.write_bytes(contents)
        with pytest.raises(ValueError, match=r"a\.parquet: must be a whole Parquet file, but") as e:
            read(path)
        assert "\n" not in str(e.value)


def test_columns_of_one_name_and_bytes_that_are_no_utf_8_are_one_sentence(tmp_path):
    twice = pyarrow.Table.from_arrays([pyarrow.array(["a"])] * 2, names=["text", "text"])
    parquet.write_table(twice, tmp_path / "a.parquet")
    with pytest.raises(ValueError, match="must have different columns, but has 'text' twice"):
        read(tmp_path / "a.parquet")
    text = pyarrow.array([b"she", b"\xed\xa0\xbd"]).view(pyarrow.string())
    parquet.write_table(pyarrow.table({"text": text}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"row 2: must hold UTF-8 in its .* byte 0xed\."):
        read(tmp_path / "a.parquet")


POOLS = [pyarrow.default_memory_pool()]  # all are kept: memory is given back to its own pool


def new_pool():
    """Return a pool in which Arrow takes its memory from now on, so that its peak is known."""
    POOLS.append(pyarrow.proxy_memory_pool(POOLS[0]))
    pyarrow.set_memory_pool(POOLS[-1])
    return POOLS[-1]


@pytest.fixture
def memory():
    """Return a new pool, of the test alone."""
    yield new_pool()
    pyarrow.set_memory_pool(POOLS[0])


NAMES = re.compile(r"text|choices|choice_\d+")


def test_columns_that_nobody_reads_are_not_decoded_but_named(tmp_path, memory):
    """Bytes that are no UTF-8 would be refused, and 500 MB of values would be noticed."""
    other = pyarrow.array([b"\xed\xa0\xbd"] * 500).view(pyarrow.string())
    columns = {"id": other, "text": ["she"] * 500, "wide": ["x" * 1_000_000] * 500}
    parquet.write_table(pyarrow.table(columns), tmp_path / "a.parquet", compression="zstd")
    peak_of_writing = memory.max_memory()
    pool = new_pool()
    rows = list(parquet_rows(tmp_path / "a.parquet", NAMES))
    assert pool.max_memory() < 2**24 < peak_of_writing
    assert [row.fields["text"] for row in rows] == ["she"] * 500
    assert list(rows[0].fields) == ["id", "text", "wide"]


@pytest.mark.parametrize(
    "values",
    [
        pytest.param(lambda: ["x" * 1_000_000] * 1000, id="texts"),
        pytest.param(lambda: [["x" * 100_000] * 10] * 1000, id="lists of texts"),
    ],
)
@pytest.mark.parametrize(
    "settings",
    [{}, {"use_dictionary": False, "column_encoding": {"text": "DELTA_BYTE_ARRAY"}}],
    ids=["a dictionary", "beginnings"],
)
def test_a_value_that_many_rows_repeat_takes_little_memory(values, settings, tmp_path, memory):
    column = values()
    if settings and isinstance(column[0], list):
        settings = settings | {"column_encoding": {"text.list.element": "DELTA_BYTE_ARRAY"}}
    table = pyarrow.table({"text": column})
    parquet.write_table(table, tmp_path / "a.parquet", compression="zstd", **settings)
    del table
    assert (tmp_path / "a.parquet").stat().st_size < 100_000
    pool = new_pool()
    assert all(row.fields["text"] == column[0] for row in parquet_rows(tmp_path / "a.parquet"))
    assert pool.max_memory() < 2**28


def test_a_column_with_too_many_values_is_refused_before_it_is_unpacked(tmp_path):
    lists = pyarrow.array([[1] * 11_000] * 1000, type=pyarrow.list_(pyarrow.int8()))
    parquet.write_table(pyarrow.table({"text": ["she"] * 1000, "n": lists}), tmp_path / "a.parquet")
    with pytest.raises(ValueError, match=r"at most 10,000,000 values in a column .* 11,000,000"):
        read(tmp_path / "a.parquet")
    assert len(list(parquet_rows(tmp_path / "a.parquet", NAMES))) == 1000


def test_a_file_without_any_of_the_columns_has_its_rows(tmp_path):
    parquet.write_table(pyarrow.table({"Text": ["she", "he"]}), tmp_path / "a.parquet")
    rows = list(parquet_rows(tmp_path / "a.parquet", NAMES))
    assert [(row.where[-5:], dict(row.fields)) for row in rows] == [
        ("row 1", {"Text": None}),
        ("row 2", {"Text": None}),
    ]
