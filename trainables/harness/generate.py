"""Have a causal model write texts, with the settings of lm-evaluation-harness and as its HFLM does.

B = texts of a batch, T = tokens, V = vocabulary.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import torch
import transformers
from lm_eval.models.utils import (
    handle_stop_sequences,
    normalize_gen_kwargs,
    postprocess_generated_text,
)
from lm_eval.models.utils_hf import stop_sequences_criteria
from torch import Tensor

from trainables.scoring.packing import batches

if TYPE_CHECKING:
    from trainables.models.language_model import LanguageModel


class _NumberWatch(transformers.LogitsProcessor):  # type: ignore[misc]
    """Sees whether all logits are numbers; changes none."""

    are_numbers = True

    def __call__(self, input_ids: Tensor, scores: Tensor) -> Tensor:
        """Return scores_BV as they are."""
        self.are_numbers = self.are_numbers and not bool(scores.isnan().any())
        return scores


def generate(
    model: LanguageModel, contexts: Sequence[Sequence[int]], settings: Sequence[Mapping[str, Any]]
) -> list[str] | None:
    """Return the text that a model writes after each context; None if its predictions are no numbers.

    The likeliest token is taken each time, unless the settings say otherwise. A text ends before the
    first of its stop sequences. Dropout is off meanwhile.

    contexts: token ids. A context that does not fit is cut at its beginning.
    settings: the `generation_kwargs` of each, as in the YAML of a task.

    Raises:
        ValueError: no context fits beside the tokens that may be written.
    """
    alike: dict[str, list[int]] = defaultdict(list)  # contexts with the same settings
    for number, own in enumerate(settings):
        alike[json.dumps(own, sort_keys=True, default=str)].append(number)
    texts = [""] * len(contexts)
    watch = _NumberWatch()
    with _quiet_evaluation(model):
        for numbers in alike.values():
            options = normalize_gen_kwargs(dict(settings[numbers[0]]))
            max_new = int(options.pop("max_gen_toks"))
            room = model.tokenizer.max_tokens - max_new
            if room < 1:
                raise ValueError(
                    f"max_gen_toks of a task must be below the {model.tokenizer.max_tokens} positions "
                    f"of {model.path.name}, but is {max_new}: set it in generation_kwargs of its YAML."
                )
            cut = [list(contexts[number])[-room:] for number in numbers]
            for batch in batches([len(ids) + max_new for ids in cut]):
                written = _write(model, [cut[b] for b in batch], max_new, dict(options), watch)
                for b, text in zip(batch, written, strict=True):
                    texts[numbers[b]] = text
    return texts if watch.are_numbers else None


def _write(
    model: LanguageModel,
    contexts: Sequence[list[int]],
    max_new: int,
    options: dict[str, Any],
    watch: _NumberWatch,
) -> list[str]:
    """Return the text that a model writes after each context of one batch.

    Args:
        contexts: token ids, which fit with max_new more.
        max_new: number of tokens that may be written.
        options: the other settings, as the harness normalises them.
        watch: sees every logit.
    """
    tokenizer = model.tokenizer.hf
    length = max(map(len, contexts))
    ids_BT = torch.full((len(contexts), length), model.tokenizer.pad_id)
    attention_BT = torch.zeros_like(ids_BT)
    for b, ids in enumerate(contexts):  # padding on the left, as texts grow on the right
        ids_BT[b, length - len(ids) :] = torch.tensor(ids)
        attention_BT[b, length - len(ids) :] = 1
    has_end = tokenizer.eos_token_id is not None
    eos = tokenizer.decode(tokenizer.eos_token_id, skip_special_tokens=False) if has_end else None
    stops = handle_stop_sequences(options.pop("until", None), eos=eos)
    if not options.get("do_sample") and options.get("temperature") == 0.0:
        options.pop("temperature")
    module: Any = model.module
    written_BT = module.generate(
        input_ids=ids_BT.to(model.device),
        attention_mask=attention_BT.to(model.device),
        max_length=options.pop("max_length", length + max_new),
        stopping_criteria=stop_sequences_criteria(tokenizer, stops, length, len(contexts)),
        logits_processor=transformers.LogitsProcessorList([watch]),
        pad_token_id=model.tokenizer.pad_id,
        use_cache=True,
        **options,
    )
    return [
        postprocess_generated_text(
            tokenizer.decode(ids[length:], skip_special_tokens=True), stops, None
        )
        for ids in written_BT.tolist()
    ]


@contextmanager
def _quiet_evaluation(model: LanguageModel) -> Iterator[None]:
    """Return a context without gradient, dropout, and advice of transformers about settings."""
    was_training = model.module.training
    verbosity = transformers.utils.logging.get_verbosity()
    transformers.utils.logging.set_verbosity_error()
    model.module.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        model.module.train(was_training)
        transformers.utils.logging.set_verbosity(verbosity)
