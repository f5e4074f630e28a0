"""What every set of general texts keeps to."""

from typing import Any

from trainables.data.sources import read_texts


def has_texts_with_keys(chosen: Any) -> None:
    texts = list(chosen.texts())
    assert texts
    assert all(key.strip() and text.strip() for key, text in texts)


def has_the_same_texts_in_the_same_order(chosen: Any) -> None:
    assert list(chosen.texts()) == list(chosen.texts()) == list(read_texts(chosen.name))
