"""Hostile text in Markdown, as two renderers show it, and in cells of CSV."""

import csv
import html
import io
import re

import pytest
from markdown_it import MarkdownIt

from trainables.schema.text.escaping import as_block, csv_cell, in_code, in_markdown

HOSTILE = [
    "<img src=x onerror=alert(1)>", "<script>alert(1)</script>", "<!-- a", "&lt;b&gt;", "a & b",
    "**bold** _it_ ~~gone~~ `code`", "[click](https://evil.example)", "![x](https://evil.example/x.png)",
    "[ref]: https://evil.example", "# heading", "- entry", "12. entry", "> quote", "a | b | c", "\\*",
    "line\n# heading\n<b>", "a\u202eb\x1b[31m", "```", "=== x", "+ x", "kl_to_base 0.03 lr 2e-5",
]  # fmt: skip


def plain(rendered):
    """The text of rendered HTML, and the names of its elements."""
    return html.unescape(re.sub(r"<[^>]+>", "", rendered)), set(re.findall(r"<(\w+)", rendered))


def as_text(text):
    """A text as one line whose control characters are visible."""
    return re.sub(r"\s+", " ", text).replace("\u202e", "\\u202e").replace("\x1b", "\\x1b")


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_in_markdown_is_shown_as_it_is_and_is_nothing_else(text):
    render = MarkdownIt("gfm-like", {"linkify": False}).render
    assert plain(render(f"before {in_markdown(text)} after")) == (
        f"before {as_text(text)} after\n",
        {"p"},
    )
    shown, elements = plain(render(f"- {in_markdown(text)}\n- next"))
    assert shown.split("\n")[1:3] == [as_text(text), "next"]
    assert elements == {"ul", "li"}
    shown, elements = plain(render(f"| a | b |\n| - | - |\n| {in_markdown(text)} | last |"))
    assert [cell for cell in shown.split("\n") if cell] == ["a", "b", as_text(text), "last"]
    assert elements == {"table", "thead", "tbody", "tr", "th", "td"}


@pytest.mark.parametrize("text", HOSTILE)
def test_a_text_as_code_is_shown_as_it_is_and_is_nothing_else(text):
    render = MarkdownIt("gfm-like", {"linkify": False}).render
    assert plain(render(f"before {in_code(text)} after")) == (
        f"before {as_text(text)} after\n",
        {"p", "code"},
    )
    shown, elements = plain(render(f"before\n\n{as_block(text, 'yaml')}\n\nafter"))
    assert shown == f"before\n{text}\n\nafter\n"
    assert elements == {"p", "pre", "code"}


@pytest.mark.parametrize("text", HOSTILE)
def test_no_html_is_left_for_a_renderer_that_lets_it_through(text):
    assert "<" not in in_markdown(text)


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"), ("+cmd|' /C calc'!A0", "'+cmd|' /C calc'!A0"), ("-x", "'-x"),
        ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"), ("\r=1", "'\\r=1"), ("＝1", "'＝1"),
        ("-0.5", "-0.5"), ("+1e-5", "+1e-5"), ("-inf", "-inf"), ("cda", "cda"), ("a=b", "a=b"), ("", ""),
        ("a\x1b[31m\u202e", "a\\x1b[31m\\u202e"), (-0.5, -0.5), (None, None), (True, True),
    ],
)  # fmt: skip
def test_a_cell_is_no_formula_and_shows_no_control_characters(value, shown):
    assert csv_cell(value) == shown
    file = io.StringIO()
    csv.writer(file).writerow([csv_cell(value)])
    assert next(csv.reader(io.StringIO(file.getvalue())), [""])[0] == (
        "" if shown is None else str(shown)
    )
