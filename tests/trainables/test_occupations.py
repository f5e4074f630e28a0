"""Who works in an occupation."""

import pytest

from trainables.occupations import share_of_women


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_shares_of_women_are_those_of_the_published_table():
    women = share_of_women()
    assert (women["nurse"], women["plumber"], len(women)) == (89.58, 0.7, 60)
