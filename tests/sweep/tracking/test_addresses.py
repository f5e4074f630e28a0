"""Which addresses of an MLflow store can be used, and what is said of those that cannot."""

import subprocess
import sys

import pytest

from sweep.tracking import addresses

pytestmark = pytest.mark.timeout(120)


@pytest.mark.parametrize("uri", ["http://user:secret@127.0.0.1:5000", "https://token@host"])
def test_an_address_with_a_password_is_refused_without_repeating_it(uri):
    with pytest.raises(addresses.BadAddress, match="MLFLOW_TRACKING_PASSWORD") as caught:
        addresses.refuse_password(uri)
    assert "secret" not in str(caught.value)
    assert "token" not in str(caught.value)


@pytest.mark.parametrize(
    ("uri", "sentence"),
    [
        (
            "mlruns",
            "must be http://HOST:PORT, sqlite:///FILE or another database, but got 'mlruns'",
        ),
        ("file:///tmp/x", "must be http://HOST:PORT, sqlite:///FILE or another database"),
        ("http://127.0.0.1:9", r"the tracking server .* must be up, but does not answer"),
        ("sqlite:////tmp/a%20b/x.db", "must be without %, . and #"),
        ("sqlite:////dev/null/x.db", "must be one that can be written, but"),
        ("http://me:secret@127.0.0.1:9", "must hold no user name or password"),
    ],
)
def test_a_store_that_cannot_be_used_is_one_clear_sentence(uri, sentence):
    with pytest.raises(addresses.BadAddress, match=sentence) as caught:
        addresses.reach(uri)
    assert "secret" not in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_new_store_is_made_by_one_process_alone(tmp_path):
    code = f"from sweep.tracking import addresses; addresses.reach('sqlite:///{tmp_path}/new.db')"
    together = [
        subprocess.Popen([sys.executable, "-c", code], stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    for process in together:
        _, errors = process.communicate(timeout=100)
        assert process.returncode == 0, errors
