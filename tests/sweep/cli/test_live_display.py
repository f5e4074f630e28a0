"""The measure of a front that a running sweep shows; its callbacks run in tests/sweep/test_ui.py."""

import pytest

from sweep.cli.live_display import front_measure
from tests.analysis.conftest import GAP, RISE

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
