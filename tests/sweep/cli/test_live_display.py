"""The measure of a front that a running sweep shows; its callbacks run in tests/sweep/test_ui.py."""

from contextlib import ExitStack

import pytest

from sweep.cli.live_display import callbacks, front_measure
from sweep.config.check import load
from sweep.display.candidates import names_of
from sweep.driver.running_sweep import RunningSweep
from sweep.tracking import sweeps
from sweep.tracking.delivery import Delivery
from sweep.tracking.entries.kinds import Reported
from sweep.tracking.outbox import Outbox
from tests.analysis.conftest import GAP, RISE
from tests.sweep.conftest import TINY

measure = front_measure([GAP, RISE])


def test_without_candidates_the_front_is_empty():
    assert measure([]) == (0, 0.0)


def test_size_and_hypervolume_are_those_worked_out_by_hand():
    # In shares of the worst, 50 points and 1 nat a token: (0.5, 0.5), (0.2, 0.8) and, dominated, (0.6, 0.9).
    candidates = [
        {GAP.name: 25.0, RISE.name: 0.5},
        {GAP.name: 10.0, RISE.name: 0.8},
        {GAP.name: 30.0, RISE.name: 0.9},
    ]
    size, volume = measure(candidates)
    assert size == 2
    assert volume == pytest.approx(0.5 * 0.5 + 0.3 * 0.2)


def test_a_candidate_beyond_the_worst_value_adds_no_volume():
    assert measure([{GAP.name: 10.0, RISE.name: 2.0}]) == (1, 0.0)


@pytest.mark.timeout(120)  # it makes the store's tables
def test_the_base_model_of_a_sweep_that_was_ended_within_its_first_trial_is_on_the_front(tmp_path):
    """The trial goes on from a checkpoint, and does not measure the base again."""
    (tmp_path / "tiny.yaml").write_text(TINY)
    spec, document = load(tmp_path / "tiny.yaml")
    uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
    record = sweeps.open_sweep(uri, spec, document.text, {}, str(tmp_path / "artifacts"))
    outbox = Outbox(tmp_path / "record")
    goals = {goal: spec.metrics()[goal] for goal in spec.goals}
    sizes = []
    with Delivery(record, outbox) as delivery:
        for _ in range(2):
            with ExitStack() as stack:
                begun = RunningSweep(spec, record, goals, [], lambda: 4, outbox, delivery, stack)
                progress, _ = callbacks(begun)
                progress._measure()
                sizes.append(progress.size_and_volume[0])
            values = dict.fromkeys([*names_of(spec), "progress"], 0.5)
            outbox.put(Reported(trial=None, at=1, step=0, metrics=values))
            assert delivery.wait(10)
    assert sizes == [0, 1]
