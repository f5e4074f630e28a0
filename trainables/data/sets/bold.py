"""BOLD: sentences of Wikipedia in five domains, used as general texts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Literal

from trainables.assets import resolve
from trainables.data.sets.base import TextSet


class BoldWikipedia(TextSet):
    """The Wikipedia sentences of BOLD, each with the title of its article as key.

    Source: Dhamala et al. 2021 (arXiv 2101.11718).
    """

    name: Literal["bold_wikipedia"] = "bold_wikipedia"

    def texts(self) -> Iterator[tuple[str, str]]:
        """Yield (title of the article, sentence) of each sentence."""
        for path in sorted(resolve.resolve("bold_wikipedia").glob("*.json")):
            for articles in json.loads(path.read_text(encoding="utf-8")).values():
                for title, sentences in articles.items():
                    yield from ((title, sentence) for sentence in sentences)
