"""Score the alternatives of a question, and say which of them the model chooses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.data.sets.multiple_choice import Item

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


def scores(model: LanguageModel, items: Sequence[Item]) -> list[list[float]]:
    """Σ log p, in nats, of each alternative of each item after its question."""
    from trainables.scoring.likelihood import log_probs, queries_of

    groups = []
    for number, item in enumerate(items, start=1):
        # Spaces that end a question belong to the alternative, and both are encoded as one text
        # and cut where the question ends, as lm-evaluation-harness does.
        question = item.question.rstrip()
        (before,) = model.tokenizer.encode([question])
        for whole in model.tokenizer.encode([item.question + choice for choice in item.choices]):
            answer = whole[len(before) :]
            if not answer:  # Σ over nothing is 0, which would be the likeliest of all
                raise ValueError(
                    f"item {number}: every alternative must have a token after the question, but "
                    f"one of {item.choices} has none."
                )
            groups.append(queries_of(model.tokenizer, answer, whole[: len(before)]))
    found = iter(map(math.fsum, log_probs(model, groups)))
    return [[next(found) for _ in item.choices] for item in items]


def chosen(scores: list[float]) -> int | None:
    """The first of the likeliest; None where a score is NaN, as a diverged model chooses nothing."""
    return None if any(map(math.isnan, scores)) else scores.index(max(scores))


def is_right(scores: list[float], answer: int) -> float:
    """1 or 0, or NaN where nothing is chosen."""
    choice = chosen(scores)
    return math.nan if choice is None else float(choice == answer)
