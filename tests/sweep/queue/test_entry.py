"""An entry of the queue is data: what is not exactly one is refused."""

import json

import pytest

from sweep.queue.entry import BadEntry, Entry, from_text

ENTRY = Entry(
    number=7, sweep="tiny", key="0" * 32, priority=2, cap=3, added=5, files={"a/b.csv": "x"}
)


def test_an_entry_is_read_as_it_was_written():
    assert from_text(ENTRY.to_json().encode(), "000007-tiny") == ENTRY
    assert ENTRY.job == "tiny-q7-1"


def test_higher_priorities_come_first_then_the_order_of_arrival():
    entries = [
        ENTRY.model_copy(update={"number": number, "priority": priority})
        for number, priority in [(1, 0), (2, 5), (3, -1), (4, 5), (5, 0)]
    ]
    assert [entry.number for entry in sorted(entries, key=lambda e: e.rank)] == [2, 4, 1, 5, 3]


@pytest.mark.parametrize(
    "change",
    [
        {"sweep": "../x"}, {"sweep": "x/y"}, {"sweep": ""}, {"sweep": ".queue"}, {"number": 0},
        {"number": "7"}, {"key": "x"}, {"priority": 1001}, {"cap": 0}, {"state": "gone"},
        {"files": {"../x.csv": "0"}}, {"files": {"/x.csv": "0"}}, {"files": {"a/../../x": "0"}},
        {"other": 1}, {"added": -1}, {"began": float("nan")}, {"sweep": "x\n"},
    ],
)  # fmt: skip
def test_an_entry_with_something_else_in_it_is_refused(change):
    text = json.dumps(ENTRY.model_dump() | change).encode()
    with pytest.raises(BadEntry):
        from_text(text, "000007-tiny")


@pytest.mark.parametrize(
    "text", [b"", b"[]", b"{", b"null", b"\xff", b"[" * 100_000, b"1" * 10_000]
)
def test_what_is_no_json_of_an_entry_is_refused(text):
    with pytest.raises(BadEntry):
        from_text(text, "000007-tiny")


def test_an_entry_of_another_folder_is_refused():
    with pytest.raises(BadEntry, match="it is that of 000007-tiny"):
        from_text(ENTRY.to_json().encode(), "000008-tiny")
