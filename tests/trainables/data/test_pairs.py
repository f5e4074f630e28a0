"""The share of an occupation's people who are of the stereotype's gender; pairs in a file."""

import pytest

from trainables.data.pairs import Pair, pairs_in, real_share, write_pairs


def test_a_share_worked_out_by_hand():
    assert real_share(89.58, female=True) == pytest.approx(0.8958)
    assert real_share(1.8, female=False) == pytest.approx(0.982)
    assert real_share(0.0, female=True) == 0 == real_share(100.0, female=False)


@pytest.mark.parametrize("female", [True, False])
def test_without_statistics_there_is_no_share(female):
    assert real_share(None, female) is None


def test_pairs_are_read_back_from_their_file_the_same_to_the_last_bit(tmp_path):
    pairs = [
        Pair("she\nsaid \u2028 “\\”", "he\nsaid", False, 0.1 + 0.2),
        Pair("é", "", True, None),
    ]
    write_pairs(tmp_path / "pairs", iter(pairs))
    assert [*pairs_in(tmp_path / "pairs")] == pairs
