"""SEAT: the word sets of its tests."""

from trainables.data.sets import seat


def test_the_words_are_those_of_the_six_tests_of_gender():
    tests = seat.tests()
    assert list(tests) == ["weat6", "weat6b", "weat7", "weat7b", "weat8", "weat8b"]
    assert {len(words) for each in tests.values() for words in each} == {8}
    for words in tests.values():
        assert not set(words.X) & set(words.Y)
        assert not set(words.A) & set(words.B)
    assert tests["weat6"].X == tests["weat7b"].A == tests["weat8b"].A  # men's names
