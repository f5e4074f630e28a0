"""Whatever is wrong with JSON from elsewhere is a ValueError."""

import json
import math

import pytest

from trainables.schema.plain_json import from_json, items_of_list

DEEP = 100_000


@pytest.mark.parametrize("text", ['{"a": [1, -0.5, null, true]}', b'"\xc3\xa4"', "1e999", "NaN"])
def test_sound_json_is_what_python_reads(text):
    assert repr(from_json(text)) == repr(json.loads(text))


@pytest.mark.parametrize(
    "text", ["[" * DEEP, "[" * DEEP + "]" * DEEP, '{"a":' * DEEP + "1" + "}" * DEEP]
)
def test_json_of_too_many_levels_is_refused_in_a_sentence(text):
    with pytest.raises(ValueError, match="it has too many levels"):
        from_json(text)


@pytest.mark.parametrize("text", ["", "{", b"\xff\xfe\xfa", "9" * 5000, "[1] 2"])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError):  # noqa: PT011
        from_json(text)


def test_the_place_of_what_is_no_json_stays_known():
    with pytest.raises(json.JSONDecodeError) as refused:
        from_json('{"a": 1,\n "b" 2}')
    assert (refused.value.lineno, refused.value.colno) == (2, 6)


def test_callers_say_what_objects_numbers_and_constants_become():
    read = from_json(
        '{"a": 1, "a": NaN}', as_object=list, as_whole_number=str, as_constant=lambda _: math.pi
    )
    assert read == [("a", "1"), ("a", math.pi)]


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
