"""Values of a list of JSON, one at a time, and those that have too many values in them."""

import json
import tracemalloc

import pytest

from trainables.data.files.json_items import TooManyValues, items_of_list, refuse_many_values

BROKEN = [
    "[1,]",
    "[1 2]",
    '[{"a": 1}',
    "[1] x",
    "[",
    "[1,\n2}",
    '[{"a": tru}]',
    "[1,,2]",
    "[,]",
    "[1]]",
]


@pytest.mark.parametrize("text", ["[]", " [ 1 , [2] ] ", '[{"a": 1}]\n'])
def test_a_list_is_read_item_by_item_as_it_is_at_once(text):
    assert list(items_of_list(text)) == json.loads(text)


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_wrong_in_a_list_is_told_as_of_the_whole(text):
    errors = []
    for read in (json.loads, lambda text: list(items_of_list(text))):
        with pytest.raises(json.JSONDecodeError) as caught:
            read(text)
        errors.append(str(caught.value))
    assert errors[0] == errors[1]


@pytest.mark.parametrize(
    "text",
    [
        "[1, 2, 3, 4, 5]",
        '{"a": {"b": [1, {}, {}]}}',
        "[[[[[]]]]]",
        '[1, 2, 3, 4, "',
        "[1, 2, 3, 4, [[",
    ],
)
def test_a_value_with_too_many_values_is_refused(text):
    with pytest.raises(TooManyValues, match="more than 4 values in one"):
        refuse_many_values(text, 4)
    with pytest.raises(TooManyValues, match="more than 4 values in one"):
        list(items_of_list(f"[[], {text}]", most_values=4))


@pytest.mark.parametrize(
    "text", ['"[[[[[,,,,,"', r'["\"[[[[[", "\\"]', "[1, 2] [1, 2, 3, 4, 5]", "1, 2, 3, 4, 5, 6", "[1, 2, 3"]
)  # fmt: skip
def test_what_stands_in_a_text_or_behind_the_value_does_not_count(text):
    refuse_many_values(text, 4)


def test_many_small_values_are_read():
    rows = [{"a": "[,[,[,", "b": [1, 2]}] * 100
    assert list(items_of_list(json.dumps(rows), most_values=5)) == rows


def test_a_huge_value_is_refused_before_it_takes_memory():
    text = "[[" + "[]," * 10**6 + "[]]]"
    tracemalloc.start()
    with pytest.raises(TooManyValues):
        list(items_of_list(text, most_values=500_000))
    assert tracemalloc.get_traced_memory()[1] < 10**6
    tracemalloc.stop()
