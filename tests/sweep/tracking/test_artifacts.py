"""Files count as delivered if a real MLflow server has answered, and nobody in its place."""

import pytest

from sweep.tracking import artifacts, sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.outbox import Outbox
from sweep.tracking.refused import refused
from sweep.tracking.store import errors as store_errors
from tests.gateway import Answer
from tests.sweep.conftest import TINY
from tests.sweep.tracking.conftest import is_upload

pytestmark = pytest.mark.timeout(120)

# What a gateway may answer to an upload, and how that is told.
OTHERS = {
    "a login page": (Answer(200), "200 OK with text/html"),
    "a blank page": (Answer(200, b" ", "text/html"), "200 OK with text/html"),
    "nothing": (Answer(200, b"", "application/json"), "200 OK with application/json"),
    "an object": (Answer(200, b"{}", "application/json"), None),
    "an error": (
        Answer(200, b'{"error": "no"}', "application/json"), "200 OK with application/json"
    ),
    "accepted": (Answer(202, b"{}", "application/json"), "202 Accepted with application/json"),
    "no content": (Answer(204, b""), "204 No Content with text/html"),
}  # fmt: skip


def test_what_something_else_answers_is_no_delivery(behind, far_record, tmp_path):
    (tmp_path / "items.parquet").write_bytes(b"table")
    for answer, words in OTHERS.values():
        behind.rule = lambda r, answer=answer: answer if is_upload(r) else None
        upload = (far_record.tracking_uri, far_record.run_id, tmp_path / "items.parquet")
        if words is None:  # as a server of MLflow under gunicorn
            artifacts.upload(*upload)
            continue
        with pytest.raises(store_errors.OtherAnswer) as raised:
            artifacts.upload(*upload)
        assert store_errors.sentence(raised.value, "http://x") == (
            f"the tracking store http://x must do what it is asked, but answers {words} that is no "
            "answer of MLflow: check the address, and any gateway before it."
        )


def test_files_and_folders_are_where_they_belong(behind, far_record, tmp_path):
    (tmp_path / "model/below").mkdir(parents=True)
    (tmp_path / "model/a b.json").write_text("{}")
    (tmp_path / "model/below/c").write_text("x\r\n")
    artifacts.upload(far_record.tracking_uri, far_record.run_id, tmp_path / "model", "m")
    artifacts.upload_text(far_record.tracking_uri, far_record.run_id, "é\r\n", "deep/er/t.txt")
    client, run_id = far_record._client, far_record.run_id
    listed = {e.path: e.file_size for e in client.list_artifacts(run_id, "m")}
    assert listed == {"m/a b.json": 2, "m/below": None}
    assert [e.file_size for e in client.list_artifacts(run_id, "m/below")] == [3]
    assert [e.file_size for e in client.list_artifacts(run_id, "deep/er")] == [4]


def test_a_login_page_in_place_of_all_uploads_keeps_a_sweep_from_beginning(behind, spec):
    behind.rule = lambda r: Answer(200) if is_upload(r) else None
    try:
        with pytest.raises(store_errors.OtherAnswer):
            sweeps.open_sweep(behind.url, spec, TINY, {})
    finally:
        behind.rule = lambda _: None
    assert sweeps.find_sweep(behind.url, spec.name) is None


def test_a_login_page_in_place_of_everything_is_an_outage(behind, far_record, tmp_path):
    outbox = Outbox(tmp_path / "record")
    outbox.attach(None, b"table", "items.parquet")
    behind.rule = lambda _: Answer(200)
    with Delivery(far_record, outbox) as sending:
        assert not sending.wait(1.0)
        behind.rule = lambda _: None
        assert sending.wait(20.0)
    assert refused(outbox.folder) == []
    listed = far_record._client.list_artifacts(far_record.run_id)
    assert ("items.parquet", 5) in [(entry.path, entry.file_size) for entry in listed]
