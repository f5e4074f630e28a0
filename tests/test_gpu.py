"""The check of a GPU runs without one, in a small form."""

import json
import subprocess
import sys

import pytest

pytestmark = [pytest.mark.long, pytest.mark.timeout(900)]


def test_every_check_passes_on_the_cpu_and_leaves_a_line(tmp_path):
    command = [sys.executable, "-m", "tests.gpu", "--out", str(tmp_path)]
    process = subprocess.run(command, capture_output=True, text=True, timeout=800, check=False)
    assert process.returncode == 0, process.stdout[-3000:] + process.stderr[-1000:]
    rows = json.loads((tmp_path / "gpu.json").read_text())["rows"]
    checked = [row["check"] for row in rows if row["passed"]]
    assert len(checked) == sum(row["passed"] is not None for row in rows) > 20
    for words in ("repeats", "resumed", "as on the CPU", "ZeRO 3", "two processes", "side by side"):
        assert any(words in name for name in checked), words
