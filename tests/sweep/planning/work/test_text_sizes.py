"""How many tokens the texts of a set have."""

from sweep.planning.work import text_sizes
from sweep.planning.work.known_texts import UNKNOWN, Texts
from sweep.planning.work.text_sizes import mean_tokens


def test_long_texts_are_cut():
    assert mean_tokens((50, 100), characters=5, max_tokens=100) == 16
    assert mean_tokens((50, 100), characters=5, max_tokens=12) == 12


def test_a_users_file_is_looked_at(tmp_path):
    pairs, texts = tmp_path / "pairs.csv", tmp_path / "texts.txt"
    pairs.write_text("stereotype,antistereotype\n" + "aaaa,bbbb\n" * 20)
    texts.write_text("0123456789\n" * 30)
    assert text_sizes.pairs_of(str(pairs)) == Texts(20, (4,) * 10)
    assert text_sizes.general_of(str(texts)) == Texts(30, (10,) * 10)
    assert text_sizes.general_of(str(tmp_path / "absent.txt")) == UNKNOWN
