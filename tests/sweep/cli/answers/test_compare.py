"""Two candidates of a real sweep, compared."""

import json

import pytest

from tests.sweep.conftest import verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_two_trials_are_compared_on_the_same_items(finished):
    home = str(finished / "sweeps")
    ended = verb("compare", "tiny", "base", "1", "--format", "json", SWEEP_HOME=home)
    assert ended.exit_code == 0, ended.stderr
    rows = {row["metric"]: row for row in json.loads(ended.stdout)}
    assert rows["bias/miniature/ss"]["items"] == 40
    assert 0 <= rows["forgetting/general/nll"]["p"] <= 1
    goals = ["bias/miniature/gap", "forgetting/general/nll_rise"]
    assert list(rows)[:2] == goals
    shown = {
        words: verb("compare", "tiny", "base", "1", *words, SWEEP_HOME=home).stdout
        for words in [(), ("--all",)]
    }
    assert max(len(line) for table in shown.values() for line in table.splitlines()) <= 80
    assert f"{len(rows) - 2} metrics that are no goals: --all" in shown[()]
    assert ("miniature/ss" in shown[()], "miniature/ss" in shown[("--all",)]) == (False, True)
    refused = verb("compare", "tiny", "base", "first", SWEEP_HOME=home)
    assert refused.exit_code == 2
    assert "must be the number of a trial or `base`, but got 'first'" in refused.stderr
