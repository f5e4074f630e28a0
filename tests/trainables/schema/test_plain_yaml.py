"""YAML between programs: plain values come back as they were."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainables.schema.limits import NotPlain
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


@pytest.mark.parametrize(
    "number", ["9" * 19, "9" * 5000, "-" + "9" * 19, "0x" + "f" * 16, "0x" + "f" * 5000, "0o" + "7" * 22, "0b" + "1" * 64, "1" + "0" * 400]
)  # fmt: skip
@pytest.mark.parametrize("text", ["{}", "a: {}", "[1, {}]"])
def test_a_whole_number_beyond_64_bits_is_refused_and_shown_in_short(number, text):
    with pytest.raises(NotPlain) as caught:
        from_yaml(text.format(number))
    assert "must hold whole numbers from −9223372036854775807 to 9223372036854775807" in str(
        caught.value
    )
    assert len(caught.value.problem) < 200


def test_the_greatest_whole_numbers_are_read():
    greatest = {"a": HIGHEST, "b": -HIGHEST, "c": HIGHEST, "d": HIGHEST}
    assert (
        from_yaml(f"a: {HIGHEST}\nb: -{HIGHEST}\nc: 0x{HIGHEST:x}\nd: 0b{HIGHEST:b}\n") == greatest
    )


def test_signs_that_mean_something_in_a_key_alone_are_text_elsewhere():
    assert from_yaml("a: =\nb: <<\nc: [=, <<]\n=: 1\n") == {
        "a": "=",
        "b": "<<",
        "c": ["=", "<<"],
        "=": 1,
    }


@pytest.mark.parametrize("key", ["1", "~", "[a, [b]]", "{a: b}", "2.5", "true"])
def test_a_key_that_is_no_word_is_refused(key):
    with pytest.raises(NotPlain, match="must have words as keys"):
        from_yaml(f"? {key}\n: 1\n")


@pytest.mark.parametrize("written", ["1e999", "-1.0e+999", "9" * 400 + ".5"])
def test_a_number_that_is_too_large_is_refused_as_it_was_written(written):
    with pytest.raises(NotPlain, match=f"must hold numbers below 1.8e.308, but got {written[:6]}"):
        from_yaml(f"a: {written}")


def test_infinity_that_is_written_as_such_is_read():
    assert from_yaml("[.inf, -.INF]") == [math.inf, -math.inf]
