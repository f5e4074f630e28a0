"""An address that cannot be written, or that not all nodes see, is refused in one sentence."""

import subprocess
import sys

import pytest
import s3fs

from sweep.workers.checkpoints import FolderStore
from sweep.workers.shared_storage import why_not_shared
from tests.gateway import Answer, gateway
from tests.servers import free_port


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        (
            "s3://nowhere/x",
            "must be kept in a place that can be written, but s3://nowhere/x cannot: FileNotFoundError: there is no bucket nowhere",
        ),
        (
            "s4://kept/x",
            "must be kept in a place that can be written, but s4://kept/x cannot: ValueError: Protocol not",
        ),
        (
            "/dev/null/x",
            "must be kept in a place that can be written, but /dev/null/x cannot: NotADirectoryError",
        ),
    ],
)
def test_a_place_that_cannot_be_written_is_one_sentence(url, sentence, s3, monkeypatch):
    for name, value in s3.items():
        monkeypatch.setenv(name, value)
    reason = why_not_shared(url)
    assert sentence in reason
    assert "\n" not in reason


@pytest.mark.parametrize(
    "url",
    [
        "{}/elsewhere", "file://{}/elsewhere", "local://{}/elsewhere", "file://~/elsewhere",
        "{}/allowed/../elsewhere", "dir://{}/allowed", "sftp://localhost{}/allowed",
    ],
)  # fmt: skip
def test_a_place_that_this_machine_forbids_is_not_even_looked_at(url, tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_ROOTS", str(tmp_path / "allowed"))
    (tmp_path / "current").mkdir()
    monkeypatch.chdir(tmp_path / "current")
    reason = why_not_shared(url.format(tmp_path), is_named=True)
    assert reason.startswith("checkpoints.storage_path: ")
    assert "machine" in reason
    assert not (tmp_path / "elsewhere").exists()


@pytest.mark.parametrize("url", ["{}/allowed/x", "file://{}/allowed/x", "s3://kept/x"])
def test_a_place_that_this_machine_allows_is(url, tmp_path, monkeypatch):
    monkeypatch.setenv("EQUIPOISE_ROOTS", str(tmp_path / "allowed"))
    FolderStore(url.format(tmp_path)).refuse_forbidden()


def test_keys_that_are_refused_and_a_server_that_is_away_are_no_missing_bucket(s3, monkeypatch):
    for name, value in (s3 | {"AWS_MAX_ATTEMPTS": "1"}).items():
        monkeypatch.setenv(name, value)
    with gateway(lambda request: Answer(403, b"", "application/xml")) as refusing:
        monkeypatch.setenv("AWS_ENDPOINT_URL", refusing.url)
        s3fs.S3FileSystem.clear_instance_cache()
        reason = why_not_shared("s3://kept/x")
    assert "s3://kept/x cannot: PermissionError: Forbidden." in reason
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{free_port()}")
    s3fs.S3FileSystem.clear_instance_cache()
    reason = why_not_shared("s3://kept/y")
    assert (
        "s3://kept/y cannot: EndpointConnectionError: Could not connect to the endpoint" in reason
    )
    s3fs.S3FileSystem.clear_instance_cache()  # for the tests that follow


def test_a_missing_client_of_s3_is_one_sentence_with_how_to_install_it():
    code = "import sys; sys.modules['s3fs'] = None; from sweep.workers.shared_storage import why_not_shared as why; print(why('s3://a/b'))"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "`pip install -e '.[s3]'` brings s3fs" in ended.stdout
    assert ended.stdout.count("\n") == 1
