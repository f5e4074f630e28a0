"""What an exception comes from, however it was raised."""

import pytest

from trainables.schema.causes import causes


def raised(error, cause=None):
    try:
        raise error from cause
    except Exception as caught:
        return caught


def test_an_exception_comes_first_and_then_what_it_comes_from():
    first, second = KeyError("a"), ValueError("b")
    third = raised(RuntimeError("c"), raised(second, first))
    assert list(causes(third)) == [third, second, first]


def fail_while_handling():
    try:
        raise KeyError("a")
    except KeyError:
        int("b")


def test_what_was_being_handled_is_a_cause_too():
    with pytest.raises(ValueError, match="b") as caught:
        fail_while_handling()
    assert [type(link) for link in causes(caught.value)] == [ValueError, KeyError]


def test_two_that_were_raised_from_each_other_are_each_yielded_once():
    first, second = KeyError("a"), ValueError("b")
    raised(first, second)
    raised(second, first)
    assert list(causes(first)) == [first, second]
