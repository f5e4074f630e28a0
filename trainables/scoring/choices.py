"""Score the alternatives of multiple-choice questions, and pick the one that the model chooses."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainables.data.sets.multiple_choice import Item

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


def scores(model: LanguageModel, items: Sequence[Item]) -> list[list[float]]:
    """Return, for each item, Σ log p in nats of each alternative's tokens after the question.

    Raises:
        ValueError: an alternative has no token after the question.
    """
    from trainables.scoring.likelihood import log_probs, queries_of

    groups = []
    for number, item in enumerate(items, start=1):
        # Spaces that end a question belong to the alternative, and both are encoded as one text
        # and cut where the question ends, as lm-evaluation-harness does.
        question = item.question.rstrip()
        (question_ids,) = model.tokenizer.encode([question])
        texts = [item.question + choice for choice in item.choices]
        for ids in model.tokenizer.encode(texts):
            answer_ids = ids[len(question_ids) :]
            if not answer_ids:  # a sum over no token is 0, which would be the likeliest of all
                raise ValueError(
                    f"{item.where or f'item {number}'}: every alternative must have a token after the "
                    f"question, but one of {item.choices} has none."
                )
            groups.append(queries_of(model.tokenizer, answer_ids, ids[: len(question_ids)]))
    sums = iter(map(math.fsum, log_probs(model, groups)))
    return [[next(sums) for _ in item.choices] for item in items]


def chosen(scores: list[float]) -> int | None:
    """Return the index of the highest score, the first of equal ones.

    None if any score is NaN: a model that has diverged chooses nothing.
    """
    return None if any(map(math.isnan, scores)) else scores.index(max(scores))


def is_right(scores: list[float], answer: int) -> float:
    """Return 1 if the alternative with the index `answer` is chosen, else 0; NaN if none is chosen."""
    choice = chosen(scores)
    return math.nan if choice is None else float(choice == answer)
