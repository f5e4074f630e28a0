"""BOLD: the sentences of an article have one key."""

import json

import pytest

from trainables.assets.catalogue import CATALOGUE
from trainables.data.sets.bold import BoldWikipedia


def test_sentences_have_the_title_of_their_article_as_key(put):
    first, *others = sorted(CATALOGUE["bold_wikipedia"].files)
    put(f"bold_wikipedia/{first}", json.dumps({"a domain": {"Ada": ["One.", "Two."], "Bo": []}}))
    for file in others:
        put(f"bold_wikipedia/{file}", json.dumps({"a domain": {file: ["Three."]}}))
    assert list(BoldWikipedia().texts()) == [
        *(("Ada", "One."), ("Ada", "Two.")),
        *((file, "Three.") for file in others),
    ]


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_the_published_sentences_are_all_there():
    texts = list(BoldWikipedia().texts())
    assert len(texts) == 23_679
    assert all(title and text.strip() for title, text in texts)
