"""Whatever is wrong with JSON from elsewhere is a ValueError."""

import json
import math

import pytest

from trainables.schema.plain_json import from_json

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


def test_a_number_of_too_many_digits_is_refused_without_the_words_of_python():
    with pytest.raises(ValueError, match=r"^it has a number of more than \d+ digits$"):
        from_json('{"a": ' + "9" * 5000 + "}")


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
        '{"a": 1, "a": NaN}', as_object=list, as_number=str, as_constant=lambda _: math.pi
    )
    assert read == [("a", "1"), ("a", math.pi)]
