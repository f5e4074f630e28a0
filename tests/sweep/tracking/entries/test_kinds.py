"""Each kind of entry is a line of JSON, and a line is read back as the entry that it was."""

import json
import time

import pytest
from pydantic import ValidationError

from sweep.tracking.entries.kinds import ENTRY, Attached, Closed, Opened, Reported, Tagged, now


@pytest.mark.parametrize(
    ("entry", "kind"),
    [
        (Opened(trial=3, at=1, tags={"a": "b"}, inputs={"alignment.x": "ab"}), "open"),
        (Reported(trial=None, at=1, step=0, metrics={"bias/x/gap": 0.5}), "report"),
        (Tagged(trial=None, tags={"sweep.asked": "go"}), "tag"),
        (Attached(trial=3, file="0/items.parquet", to=""), "attach"),
        (Closed(trial=3, at=2, status="FAILED", tags={"reason": "é\n“"}), "close"),
    ],
)
def test_an_entry_is_read_back_from_its_line_whose_kind_is_its_first_key(entry, kind):
    line = entry.model_dump_json()
    assert "\n" not in line
    assert next(iter(json.loads(line).items())) == ("do", kind)
    assert ENTRY.validate_json(line) == entry


@pytest.mark.parametrize(
    "line",
    [
        '{"do": "explode", "trial": 1}',
        '{"do": "tag", "trial": 1}',
        '{"do": "tag", "trial": 1, "tags": {}, "more": 1}',
        '{"do": "close", "trial": 1, "at": 1, "status": "RUNNING"}',
        '{"do": "open", "trial": null, "at": 1}',
    ],
)
def test_a_line_of_an_unknown_kind_or_with_wrong_fields_is_no_entry(line):
    with pytest.raises(ValidationError):
        ENTRY.validate_json(line)


def test_now_is_in_milliseconds_since_1970():
    before = time.time()
    assert 1000 * before - 1 <= now() <= 1000 * time.time()


@pytest.mark.parametrize("file", ["", "/etc/passwd", "..", "../x", "a/../../x", "."])
def test_a_file_that_is_attached_lies_below_the_folder(file):
    with pytest.raises(ValidationError, match="must be a path below the folder"):
        Attached(trial=1, file=file)
    assert Attached(trial=1, file="f00/items.parquet").file == "f00/items.parquet"
