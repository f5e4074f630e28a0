"""The list of sweeps, of real ones."""

import csv
import json
import shutil
import time

import pytest

from sweep import workspace
from sweep.tracking.sweeps import find_sweep, open_sweep
from tests.sweep.conftest import verb

pytestmark = [pytest.mark.slow, pytest.mark.timeout(400)]


def test_ls_lists_it(finished):
    ended = verb("ls", "--format", "json", SWEEP_HOME=str(finished / "sweeps"))
    (row,) = json.loads(ended.stdout)
    assert (row["name"], row["state"], row["complete"]) == ("tiny", "finished", 4)


def test_ls_is_csv_with_the_goals_in_one_cell_also_for_one_sweep(finished):
    ended = verb("ls", "--format", "csv", SWEEP_HOME=str(finished / "sweeps"))
    (row,) = csv.DictReader(ended.stdout.splitlines())
    assert row["goals"].split() == ["bias/miniature/gap", "forgetting/general/nll_rise"]
    assert (row["name"], row["complete"]) == ("tiny", "4")


def test_a_sweep_whose_driver_has_died_here_is_interrupted_in_every_view(finished, tmp_path):
    """Its heartbeat is fresh, and its record shows a trial that runs."""
    shutil.copytree(finished / "sweeps", tmp_path / "sweeps")
    home, uri = str(tmp_path / "sweeps"), f"sqlite:///{tmp_path}/sweeps/mlflow.db"
    found = find_sweep(uri, "tiny")
    found.reopen(found.run_id)
    found.set_tags({"sweep.alive": str(int(time.time() * 1000))})
    found.run_id_of(7)
    (tmp_path / "sweeps" / "tiny" / "tracking_uri").unlink(missing_ok=True)
    (row,) = json.loads(verb("ls", "--format", "json", SWEEP_HOME=home).stdout)
    assert (row["state"], row["running"], row["killed"]) == ("interrupted", 0, 1)
    assert (
        json.loads(verb("status", "tiny", "--format", "json", SWEEP_HOME=home).stdout)["state"]
        == row["state"]
    )
    assert "interrupted: 4 complete, 1 killed" in verb("front", "tiny", SWEEP_HOME=home).stdout


def test_ls_names_ten_sweeps_with_lost_results_and_counts_the_others(spec_of, sweep_home):
    spec, document = spec_of(1)
    uri = workspace.local_tracking_uri()
    for number in range(12):
        named = spec.model_copy(update={"name": f"lossy-{number}"})
        opened = open_sweep(uri, named, document.text, {})
        opened.log_batch(opened.run_id_of(0), [], {}, {"sweep.state": "lost"})
    said = verb("ls", SWEEP_HOME=str(sweep_home)).stderr.splitlines()
    assert len(said) == 11
    assert said[0].startswith("the record of lossy-11 has lost results of 1 trial: ")
    assert said[-1] == "so have those of 2 further sweeps."
