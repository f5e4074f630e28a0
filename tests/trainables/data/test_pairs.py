"""The share of an occupation's people who are of the stereotype's gender."""

import pytest

from trainables.data.pairs import real_share


def test_a_share_worked_out_by_hand():
    assert real_share(89.58, female=True) == pytest.approx(0.8958)
    assert real_share(1.8, female=False) == pytest.approx(0.982)
    assert real_share(0.0, female=True) == 0 == real_share(100.0, female=False)


@pytest.mark.parametrize("female", [True, False])
def test_without_statistics_there_is_no_share(female):
    assert real_share(None, female) is None
