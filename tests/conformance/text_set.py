"""The laws of every set of general texts."""

from typing import Any

from trainables.data.sources import read_texts


def has_texts_with_keys(text_set: Any) -> None:
    texts = list(text_set.texts())
    assert texts
    assert all(key.strip() and text.strip() for key, text in texts)


def has_the_same_texts_in_the_same_order(text_set: Any) -> None:
    assert list(text_set.texts()) == list(text_set.texts()) == list(read_texts(text_set.name))
