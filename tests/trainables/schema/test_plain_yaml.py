"""YAML between programs: plain values come back as they were."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.schema.composing import NotPlain
from trainables.schema.plain_yaml import HIGHEST, from_yaml, to_yaml

texts = st.text(st.characters(codec="utf-8", exclude_categories=("C",)))
scalars = (
    st.none() | st.booleans() | st.integers(-HIGHEST, HIGHEST) | st.floats(allow_nan=False) | texts
)
trees = st.recursive(
    scalars, lambda below: st.lists(below) | st.dictionaries(texts, below), max_leaves=5
)


@given(st.dictionaries(texts, trees))
def test_plain_values_come_back_as_they_were(tree):
    again = from_yaml(to_yaml(tree))
    assert again == tree
    assert list(again) == list(tree), "in their order"


def test_values_are_written_in_block_style():
    assert to_yaml({"b": {"lr": 1e-05, "on": [True, None, "no"]}, "a": "x"}) == (
        "b:\n  lr: 1e-05\n  on:\n  - true\n  - null\n  - no\na: x\n"
    )


def test_a_long_text_is_broken_after_so_many_characters():
    tree = {"about": "word " * 40 + "end"}
    assert len(to_yaml(tree).splitlines()) > 1
    assert len(to_yaml(tree, width=1000).splitlines()) == 1


def test_a_tag_that_would_make_an_object_is_refused():
    with pytest.raises(NotPlain):
        from_yaml("!!python/object/apply:os.getcwd []")
