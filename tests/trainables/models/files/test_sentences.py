"""Sentences about the files of a model's folder."""

from trainables.models.files.sentences import LONGEST_REASON, unloadable


def test_a_reason_is_one_line_of_visible_characters_and_bounded():
    sentence = str(unloadable("model", "first\nsecond \x1b[31m" + "long " * 1000))
    assert sentence.startswith(
        "model must hold a model that transformers can load, but: first second \\x1b[31mlong"
    )
    assert len(sentence) < LONGEST_REASON + 100
    assert str(unloadable("model", KeyError())).endswith("but: KeyError")
