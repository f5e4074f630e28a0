"""Of an occupation, the share that is of the stereotype's gender."""

import pytest

from trainables.data.pairs import real_share


def test_a_share_worked_out_by_hand():
    assert real_share(89.58, female=True) == pytest.approx(0.8958)
    assert real_share(1.8, female=False) == pytest.approx(0.982)
    assert real_share(0.0, female=True) == 0 == real_share(100.0, female=False)


@pytest.mark.parametrize("female", [True, False])
def test_where_nobody_counted_there_is_none(female):
    assert real_share(None, female) is None
