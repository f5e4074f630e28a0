"""Sentences about the files of a model's folder."""

from trainables.models.files.sentences import LONGEST_NAME, LONGEST_REASON, named, unloadable


def test_a_reason_is_one_line_of_visible_characters_and_bounded():
    sentence = str(unloadable("model", "first\nsecond \x1b[31m" + "long " * 1000))
    assert sentence.startswith(
        "model must hold a model that transformers can load, but: first second \\x1b[31mlong"
    )
    assert len(sentence) < LONGEST_REASON + 100
    assert str(unloadable("model", KeyError())).endswith("but: KeyError")


def test_the_name_of_a_tensor_is_visible_and_bounded():
    assert named("model.norm.weight") == "model.norm.weight"
    assert named("a\x1b[31m") == "a\\x1b[31m"
    assert len(named("a" * 1000)) <= LONGEST_NAME
