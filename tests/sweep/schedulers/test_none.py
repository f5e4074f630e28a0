"""No early stopping."""

from sweep.schedulers import NoScheduler
from tests.conformance.scheduler import GOALS


def test_tune_is_given_no_scheduler():
    assert NoScheduler().build(GOALS) is None
