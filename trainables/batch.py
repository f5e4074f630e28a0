"""Token ids as the padded tensors that a model reads.

Everything asked of a model is a Query: what it reads, and which token its prediction at which
position should be. So causal and masked models are trained and scored by the same code.

B = texts, T = tokens. ``targets_BT[b, t]`` is the token that the logits at position t
predict, or IGNORE.
"""

from __future__ import annotations

import difflib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor

if TYPE_CHECKING:
    from trainables.model import LanguageModel
    from trainables.terms import Comparison

IGNORE = -100
MASKED_SHARE = 0.15  # Devlin et al. 2019; of those 80 % are masked, 10 % random, 10 % kept


@dataclass(frozen=True)
class Query:
    """ids: what is read, special tokens included; targets: position -> token asked for there."""

    ids: Sequence[int]
    targets: dict[int, int]


@dataclass(frozen=True)
class TextBatch:
    ids_BT: Tensor
    attention_BT: Tensor
    targets_BT: Tensor

    @property
    def predicted_BT(self) -> Tensor:
        """True where a target is: padding, and what is only read, never counts."""
        return self.targets_BT != IGNORE


def sentence(model: LanguageModel, ids: Sequence[int], prefix: Sequence[int] = ()) -> Query:
    """Causal models: every token of `ids`, predicted from the prefix and those before.

    Without a prefix the start token is what the first one is predicted from; before a prefix it
    stands only if the tokenizer puts it there (Llama's does, SmolLM2's does not), as in
    lm-evaluation-harness; as there, what does not fit is cut off where the prefix begins.

    Raises:
        ValueError: the tokens asked for do not fit into the model's positions.
    """
    read = [*prefix, *ids]
    if model.adds_start or not prefix:
        read.insert(0, model.start_id)
    _refuse_too_long(model, len(ids))
    read = read[-(model.max_tokens + 1) :]
    first = len(read) - len(ids) - 1
    return Query(read[:-1], {first + t: token for t, token in enumerate(ids)})


def masked(model: LanguageModel, ids: Sequence[int], positions: Iterable[int]) -> Query:
    """Masked models: the tokens at these positions, all masked together, the others seen.

    Raises:
        ValueError: the text does not fit into the model's positions.
    """
    _refuse_too_long(model, len(ids) + 2)
    read = [model.start_id, *ids, model.end_id]
    targets = {t + 1: ids[t] for t in positions}
    for t in targets:
        read[t] = model.mask_id
    return Query(read, targets)


def _refuse_too_long(model: LanguageModel, num_tokens: int) -> None:
    if num_tokens > model.max_tokens:
        raise ValueError(
            f"a text must fit into the {model.max_tokens} positions of {model.path.name}, but has "
            f"{num_tokens} tokens: cut it, by max_tokens where there is one."
        )


def to_learn(model: LanguageModel, ids: Sequence[int], seed: str) -> Query:
    """A text to train on: every next token (causal), or 15 % of the tokens (masked; drawn by seed)."""
    if model.family == "causal":
        return sentence(model, ids)
    rng = random.Random(seed)
    drawn = sorted(rng.sample(range(len(ids)), max(1, round(MASKED_SHARE * len(ids)))))
    query = masked(model, ids, drawn)
    read = list(query.ids)
    for t, token in query.targets.items():
        chance = rng.random()
        if chance > 0.9:
            read[t] = token
        elif chance > 0.8:
            read[t] = rng.randrange(model.vocab_size)
    return Query(read, query.targets)


def compared(
    model: LanguageModel,
    ids: Sequence[int],
    twin: Sequence[int],
    comparison: Comparison,
    seed: str,
) -> tuple[Query, Query]:
    """A pair, as an objective compares its two texts.

    sentences: log-likelihoods. causal: of the whole sentences. masked: of the tokens in which the
        twins differ, masked together.
    differing: the tokens in which they differ alone, in either family.
    first_difference: the first of these in each, where both have read the same.
    shared: tokens of both, where what came before differs. causal: all that follow the first
        difference. masked: a share of MASKED_SHARE of them, drawn by the seed, masked in both.
    as_written: nothing is masked; the tokens in which they differ are the ones asked for.

    Where there is nothing of the kind (a text was cut before the difference, or ends with it) no
    token is asked for.
    """
    apart = differing(ids, twin)
    if comparison == "as_written":
        ends = [model.end_id] if model.family == "masked" else []
        _refuse_too_long(model, max(map(len, (ids, twin))) + 1 + len(ends))
        one, other = (
            Query([model.start_id, *text, *ends], {t + 1: text[t] for t in at})
            for text, at in zip((ids, twin), apart, strict=True)
        )
        return one, other
    if comparison == "first_difference":
        # Where one has no word at the first difference, the two cannot be told apart there.
        there = apart[0][:1] == apart[1][:1]
        asked = (apart[0][:1], apart[1][:1]) if there else ([], [])
    elif comparison == "shared":
        both = _shared(ids, twin, after_first=model.family == "causal")
        if model.family == "masked":
            num = min(len(both), max(1, round(MASKED_SHARE * len(both))))
            both = sorted(random.Random(seed).sample(both, num))
        asked = ([t for t, _ in both], [t for _, t in both])
    else:
        asked = apart
    if model.family == "masked":
        hidden = apart if comparison == "first_difference" else asked
        one, other = (
            _asking(masked(model, text, out), [t + 1 for t in at])
            for text, out, at in zip((ids, twin), hidden, asked, strict=True)
        )
        return one, other
    if comparison == "sentences":
        return sentence(model, ids), sentence(model, twin)
    if comparison == "first_difference":  # what follows it is not read
        ids, twin = (
            text[: at[0] + 1] if at else text for text, at in zip((ids, twin), asked, strict=True)
        )
    return _asking(sentence(model, ids), asked[0]), _asking(sentence(model, twin), asked[1])


def _asking(query: Query, places: Iterable[int]) -> Query:
    """The query, asking for these of its tokens alone."""
    return Query(query.ids, {place: query.targets[place] for place in places})


def _shared(ids: Sequence[int], twin: Sequence[int], *, after_first: bool) -> list[tuple[int, int]]:
    """Places, in each, of the tokens that both have (after their first difference)."""
    blocks = difflib.SequenceMatcher(None, ids, twin, autojunk=False).get_opcodes()
    differ = [start for kind, start, *_ in blocks if kind != "equal"]
    if not differ:
        return []
    first = differ[0] if after_first else 0
    return [
        (t, start_in_twin + t - start)
        for kind, start, stop, start_in_twin, _ in blocks
        if kind == "equal"
        for t in range(max(start, first), stop)
    ]


def differing(ids: Sequence[int], twin: Sequence[int]) -> tuple[list[int], list[int]]:
    """Positions, in each, of the tokens that the two do not share (CrowS-Pairs' difflib rule).

    Both come from one comparison, because difflib may align b with a otherwise than a with b.
    """
    blocks = difflib.SequenceMatcher(None, ids, twin, autojunk=False).get_opcodes()
    apart = [block[1:] for block in blocks if block[0] != "equal"]
    return (
        [t for start, stop, _, _ in apart for t in range(start, stop)],
        [t for _, _, start, stop in apart for t in range(start, stop)],
    )


def padded(model: LanguageModel, queries: Sequence[Query]) -> TextBatch:
    """Queries as one batch on the model's device, padded on the right."""
    shape = (len(queries), max(len(query.ids) for query in queries))
    ids_BT = torch.full(shape, model.pad_id)
    attention_BT = torch.zeros(shape, dtype=torch.long)
    targets_BT = torch.full(shape, IGNORE)
    for b, query in enumerate(queries):
        ids_BT[b, : len(query.ids)] = torch.tensor(query.ids)
        attention_BT[b, : len(query.ids)] = 1
        asked = torch.tensor(list(query.targets.values()), dtype=torch.long)  # there may be none
        targets_BT[b, list(query.targets)] = asked
    to = model.device
    return TextBatch(ids_BT.to(to), attention_BT.to(to), targets_BT.to(to))
