"""Tables of text, against the csv module and pandas; what is malformed is refused, never misread."""

import csv
import io
import re

import pandas
import pytest
from hypothesis import HealthCheck, assume, example, given, settings
from hypothesis import strategies as st

from trainables.data.files.delimited import table_rows

in_one_folder = settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.filter_too_much]
)
CELLS = st.one_of(st.text(max_size=8), st.text('ab,;"\t\n\r |', max_size=8))
LOOSE = st.tuples(st.sampled_from(("a", "b", " a")), st.text('ab ,"', max_size=7)).map("".join)
# The headings again are refused.
ROWS = st.tuples(CELLS, CELLS).filter(lambda row: [cell.strip() for cell in row] != ["x", "y"])
TABLES = st.lists(ROWS, max_size=5)


def read(folder, text, name="a.csv"):
    (folder / name).write_bytes(text.encode() if isinstance(text, str) else text)
    return [dict(fields) for _, fields in table_rows(folder / name)]


def rows_or_sentence(folder, text):
    """The rows of a table, or the sentence that refuses it."""
    try:
        return stripped(read(folder, text))
    except ValueError as error:
        return str(error)


def stripped(rows):
    """Rows as a user's texts are compared: without outer blanks, and without blank rows."""
    rows = [{key: value.strip() for key, value in row.items()} for row in rows]
    return [row for row in rows if any(row.values())]


def seems_cut(table):
    """Return whether a second cell may be taken for the rest of a text that was cut, and is refused."""
    second = [cell for _, cell in table if cell.strip()]
    has_rest = any(cell[0].isspace() and cell.strip()[0].islower() for cell in second)
    return has_rest and any(not cell[0].isspace() for cell in second)


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL])
@in_one_folder
@given(TABLES, st.sampled_from(["\n", "\r\n"]))
@example([(' "a"', " b"), ("", "x")], "\n")
def test_what_the_csv_module_writes_is_read_back(name, delimiter, quoting, tmp_path, table, end):
    # This version of the csv module puts no quotes around \r if lines do not end in it.
    cells = "".join(map("".join, table))
    assume(not seems_cut(table) or quoting == csv.QUOTE_ALL or delimiter == "\t")
    assume(end == "\r\n" or quoting == csv.QUOTE_ALL or "\r" not in cells)
    file = io.StringIO()
    writer = csv.writer(file, delimiter=delimiter, quoting=quoting, lineterminator=end)
    writer.writerows([("x", "y"), *table])
    expected = stripped([{"x": x, "y": y} for x, y in table])
    assert stripped(read(tmp_path, file.getvalue(), name)) == expected


@pytest.mark.parametrize("index", [True, False])
@in_one_folder
@given(TABLES)
def test_what_pandas_writes_is_read_back_with_its_index_and_without(index, tmp_path, table):
    assume("\r" not in "".join(map("".join, table)))  # pandas puts no quotes around it
    assume(not seems_cut(table))
    # Behind an index, such a cell may be the rest of the one before it, and is refused.
    assume(not (index and any(cell[:1].isspace() for row in table for cell in row)))
    frame = pandas.DataFrame(table, columns=["x", "y"])
    frame.to_csv(tmp_path / "a.csv", index=index)
    contents = (tmp_path / "a.csv").read_bytes()
    expected = stripped([{"x": x, "y": y} for x, y in table])
    assert stripped(read(tmp_path, contents)) == expected


@in_one_folder
@given(TABLES)
def test_a_well_formed_table_is_read_as_pandas_reads_it(tmp_path, table):
    file = io.StringIO()
    csv.writer(file).writerows([("x", "y"), *table])
    assume(not seems_cut(table) and not any("\0" in cell for row in table for cell in row))
    file.seek(0)
    frame = pandas.read_csv(file, dtype=str, keep_default_na=False, na_filter=False)
    assert stripped(read(tmp_path, file.getvalue())) == stripped(frame.to_dict("records"))


@in_one_folder
@given(st.lists(st.tuples(LOOSE, LOOSE), min_size=1, max_size=4))
@example([("The nurse said she was tired, so she left.", "The nurse said he was tired")])
@example([('He said "no, never"', "b")])
def test_texts_that_are_joined_without_quoting_are_read_right_or_refused(tmp_path, table):
    lines = [",".join(row) for row in table]
    # A quote that begins a cell is one of the table and none of a text.
    assume(not any(re.search(r'(^|,) *"', line) for line in lines))
    found = rows_or_sentence(tmp_path, "\n".join(["x,y", *lines]))
    expected = stripped([{"x": x, "y": y} for x, y in table])
    assert found == expected or "a.csv, row " in found


@in_one_folder
@given(st.data(), st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=4))
def test_a_table_that_lacks_one_quote_is_refused(tmp_path, data, table):
    file = io.StringIO()
    csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("x", "y"), *table])
    text = file.getvalue()
    places = [place for place, sign in enumerate(text) if sign == '"']
    place = data.draw(st.sampled_from(places))
    with pytest.raises(ValueError, match=r"a\.csv, .*line"):
        read(tmp_path, text[:place] + text[place + 1 :])


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("x,y\na,b\n\n,\n , \nc,d", [("a", "b"), ("c", "d")]),  # blank rows
        ("\n\nx,y\na,b\n", [("a", "b")]),
        (" x , y \n a, b \n", [("a", "b")]),
        ('x,y\n"a, b", "c"\n', [("a, b", "c")]),  # a blank after the comma
        ('x,y\na "b" c,5\n', [('a "b" c', "5")]),
        ("x,y,z\nshe left, he left, me\n", [("she left", "he left")]),  # a blank after each comma
        ("x,y,z\nShe left, He left,me\n", [("She left", "He left")]),
        ('x,y,z\n"She left", he left,me\n', [("She left", "he left")]),
        ("x,y,\na,b,\n", [("a", "b")]),  # a spreadsheet's empty column
        (",x,y\n0,a,b\n", [("a", "b")]),
        ("x,y\r\na,b\r\n", [("a", "b")]),
        ("x,y\ra,b\r", [("a", "b")]),
        ('x,y\n"a\nb","c"\n', [("a\nb", "c")]),
        ("x,y\na;b,c\n", [("a;b", "c")]),
    ],
)
def test_what_people_and_programs_write_is_read(text, rows, tmp_path):
    found = [{key: row[key] for key in "xy"} for row in stripped(read(tmp_path, text))]
    assert found == [dict(zip("xy", row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "a.csv: must have headings and rows, but is empty."),
        ("\n \n", "a.csv: must have headings and rows, but is empty."),
        (
            "x,y\n\nThe nurse, who left,,The nurse\n",
            "a.csv, row 1 (line 3): must have a cell for each of the 2 headings (x, y), but the "
            "number of its cells is 4: put a text that holds a comma into quotes.",
        ),
        ("x,y\na\n", "number of its cells is 1: write a comma for each cell that is blank, too."),
        ('x,y\n"a\nb",c\n"d\n\ne",f,g\n', "a.csv, row 2 (line 4): must have a cell for each"),
        ("x,y,x\n1,2,3\n", "a.csv, line 1: must have different headings, but has 'x' twice."),
        ("x, x\n1,2\n", "a.csv, line 1: must have different headings, but has 'x' twice."),
        (
            "x;y\na;b\n",
            "a.csv, line 1: must have a comma between headings, but has a semicolon in 'x;y': save the "
            "table with a comma between cells.",
        ),
        ("x\ty\n", "but has a tab in 'x\\ty': save the table with a comma between cells, or let its "),
        ("x|y\n", "must have a comma between headings, but has a bar in 'x|y'"),
        ("sep=;\nx;y\n", "must have a comma between headings, but has a semicolon in 'sep=;'"),
        ("sep=,\nx,y\n", "a.csv, line 1: must have headings, but has 'sep=': take the line out."),
        ("x,\na,b\n", "a.csv, row 1 (line 2): must have no cell without a heading, but has 'b' in col"),
        ('x,y\n"a,b\nc,d\n', "a.csv, row 1 (line 2): must have its quotes in pairs, but a quote is never"),
        ('x,y\nc,d\n"a"b,c\n', "row 2 (line 3): must have its quotes in pairs, but text stands behind"),
        ('x,y\nHe said "no, b\n', "row 1 (line 2): must have its quotes in pairs, but the cell 'He said"),
        ('x,y\nHe said ""no"",b\n', "row 1 (line 2): must have its quotes in pairs, but the cell 'He said"),
        (
            "x,y,z\nShe was tired, so she left.,He left.\n",
            "a.csv, row 1 (line 2): must have no text that is cut, but ' so she left.' looks like the rest "
            "of the cell before it: put a text that holds a comma into quotes, or take the blank out.",
        ),
        (
            "x,y\nShe left.,He left.\nShe was tired, so she left.\n",
            "a.csv, row 2 (line 3): must have no text that is cut, but ' so she left.",
        ),
        (
            "x,y\nShe was tired, so she left.\nShe left.,He left.\n",
            "a.csv, row 1 (line 2): must have no text that is cut, but ' so she left.",
        ),
        (
            "x,y\nShe was tired,\u00a0so she left.\nShe left.,He left.\n",
            r"a.csv, row 1 (line 2): must have no text that is cut, but '\xa0so she left.",
        ),
        ("x,y\na,b\nx, y\nc,d\n", "a.csv, row 2 (line 3): must be a row of data, but has the headings again"),
        ('x,"y\n', "a.csv, line 1: must have its quotes in pairs, but a quote is never closed"),
        ('x,y\n"She said \\"no\\"",b\n', "row 1 (line 2): must have its quotes in pairs"),
    ],
)  # fmt: skip
def test_a_malformed_table_is_one_sentence_with_its_row_and_line(text, sentence, tmp_path):
    with pytest.raises(ValueError, match="must") as caught:
        read(tmp_path, text)
    assert sentence in str(caught.value)
    assert str(caught.value).isprintable()


def test_a_tsv_with_commas_is_one_sentence_and_texts_may_hold_them(tmp_path):
    with pytest.raises(
        ValueError, match=r"must have a tab between headings, but has a comma in 'x,"
    ):
        read(tmp_path, "x,y\na,b\n", "a.tsv")
    assert read(tmp_path, "x\ty\na, b\tc\n", "a.tsv") == [{"x": "a, b", "y": "c"}]
