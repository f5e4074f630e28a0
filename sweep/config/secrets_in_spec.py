"""Secrets in a spec, which the record would get as it is."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container
from itertools import chain, islice
from typing import Any

from trainables.schema.faults import MAX_SENTENCES, Place
from trainables.schema.text.hidden_lines import changes_of_lines
from trainables.schema.text.masking import holds_secret, masked
from trainables.schema.text.masking_source import masked_settings
from trainables.schema.text.shown import as_value
from trainables.schema.yaml_file import Document


def secret_sentences(document: Document, known_lines: Container[int]) -> list[str]:
    """Return a sentence for each line of a spec with a secret, which the record would get as it is.

    known_lines: the numbers of lines that have another fault; that is told first.
    """
    changed_lines = changes_of_lines(document.text, masked_settings(document.text))
    changed_lines |= _lines_of_read_secrets(document)
    return [
        f"{document.head(number)}: must hold no secret, as the record gets the spec as it is, but got "
        f"{as_value(shown.strip())}: leave it out, or change the variable of the environment, named as "
        f"secrets are, that has this value."
        for number, shown in islice(changed_lines.items(), MAX_SENTENCES)
        if number not in known_lines
    ]


def _lines_of_read_secrets(document: Document) -> dict[int, str]:
    """Return line -> what is shown of its secret, for keys and values as YAML reads them.

    They may be written otherwise: with escapes, or over several lines.
    """
    texts_by_line: dict[int, list[str]] = defaultdict(list)
    for place, line in document.lines.items():
        texts = (value_at(document.tree, place), *place[-1:])
        texts_by_line[line] += [text for text in texts if isinstance(text, str)]
    every_text = "\n\n".join(chain.from_iterable(texts_by_line.values()))
    if not holds_secret(every_text):  # one look at all takes far less time than one at each
        return {}
    return {
        line: masked(text)
        for line, texts in texts_by_line.items()
        for text in texts
        if holds_secret(text)
    }


def value_at(tree: Any, place: Place) -> Any:
    """Return the value at a place of a tree, or None if there is none."""
    for key in place:
        if isinstance(tree, list) and isinstance(key, int) and key < len(tree):
            tree = tree[key]
        else:
            tree = tree.get(key) if isinstance(tree, dict) else None
    return tree
