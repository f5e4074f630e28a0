"""Our engine as a model of lm-evaluation-harness: it answers the requests of its tasks.

Tokens, what stands before an empty context, and what is cut are as in the harness's own HFLM. Log-
likelihoods come from trainables/scoring, texts from generate.py.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lm_eval.api.model import TemplateLM
from lm_eval.utils import get_rolling_token_windows, make_disjoint_window

from trainables.data.queries import Query, refuse_too_long
from trainables.harness.generate import generate
from trainables.scoring.likelihood import greedy_log_probs

if TYPE_CHECKING:
    from trainables.data.tokenizer import Tokenizer
    from trainables.models.language_model import LanguageModel

TokenRequest = tuple[Any, list[int], list[int]]  # (texts, ids of the context, ids to score)


class Diverged(ArithmeticError):
    """A model's predictions are no numbers, so no answer of it can be judged."""


def prefix_id(tokenizer: Tokenizer) -> int:
    """Return the token that stands before a text without context, by the harness's rule.

    Raises:
        ValueError: the tokenizer has neither BOS nor EOS.
    """
    if tokenizer.harness_start_id is None:
        raise ValueError(
            f"the tokenizer of {tokenizer.folder} must have a BOS or an EOS token, from which the "
            "harness predicts the first token of a text, but has neither."
        )
    return tokenizer.harness_start_id


class Engine(TemplateLM):  # type: ignore[misc]
    """Answers requests for log-likelihoods and texts with the model as it is now."""

    def __init__(self, model: LanguageModel) -> None:
        """Take a causal model."""
        super().__init__()
        self._model = model
        self.tokenizer = model.tokenizer.hf
        self._encoded: dict[tuple[str, bool | None], list[int]] = {}

    @property
    def eot_token_id(self) -> int:
        """The token that ends a text."""
        token: int = self.tokenizer.eos_token_id
        return token

    @property
    def prefix_token_id(self) -> int:
        """The token before a text without context."""
        return prefix_id(self._model.tokenizer)

    @property
    def max_length(self) -> int:
        """Number of tokens that the model reads at most."""
        return self._model.tokenizer.max_tokens

    def tok_encode(
        self, string: str, add_special_tokens: bool | None = None, **_: Any
    ) -> list[int]:
        """Return the token ids of a text.

        add_special_tokens: whether the tokenizer may put its own tokens around it. None: it may,
            unless the text begins with the prefix token already.
        """
        key = (string, add_special_tokens)
        if key not in self._encoded:  # a context comes once for each of its alternatives
            if add_special_tokens is None:
                add_special_tokens = not string.startswith(
                    self.tokenizer.decode(self.prefix_token_id)
                )
            self._encoded[key] = self.tokenizer.encode(
                string, add_special_tokens=add_special_tokens
            )
        return self._encoded[key]

    def _loglikelihood_tokens(
        self, requests: Sequence[TokenRequest], disable_tqdm: bool = False, **_: Any
    ) -> list[tuple[float, bool]]:
        """Return (Σ log p in nats, whether each token is the likeliest) of the ids to score.

        Raises:
            ValueError: there is no id to score, nothing before it, or it does not fit.
            Diverged: log p is no number.
        """
        scores = greedy_log_probs(self._model, [self._query(*request) for request in requests])
        answers = [
            (math.fsum(value for value, _ in tokens), all(greedy for _, greedy in tokens))
            for tokens in scores
        ]
        if any(math.isnan(total) for total, _ in answers):
            raise Diverged("log-likelihoods must be numbers, but one is not.")
        return answers

    def _query(self, texts: Any, context: list[int], continuation: list[int]) -> Query:
        """Return the query of one request. What does not fit is cut at the beginning of the context."""
        if not (context and continuation):
            raise ValueError(
                "every answer must have a token, and a token before it, but after the tokenizer "
                f"{texts!r} has {len(context)} before and {len(continuation)} to score."
            )
        refuse_too_long(self._model.tokenizer, len(continuation))
        ids = (context + continuation)[-(self.max_length + 1) :]
        first = len(ids) - len(continuation) - 1
        return Query(ids[:-1], {first + t: token for t, token in enumerate(continuation)})

    def loglikelihood_rolling(
        self, requests: Sequence[Any], disable_tqdm: bool = False
    ) -> list[float]:
        """Return log p in nats of each whole text: in windows, of which each token is scored once."""
        windows_of_texts = [
            [
                make_disjoint_window(window)
                for window in get_rolling_token_windows(
                    token_list=self.tok_encode(text),
                    prefix_token=self.prefix_token_id,
                    max_seq_len=self.max_length,
                    context_len=1,
                )
            ]
            for (text,) in (request.args for request in requests)
        ]
        scores = iter(
            self._loglikelihood_tokens(
                [(None, *window) for windows in windows_of_texts for window in windows]
            )
        )
        return [math.fsum(next(scores)[0] for _ in windows) for windows in windows_of_texts]

    def generate_until(self, requests: Sequence[Any], disable_tqdm: bool = False) -> list[str]:
        """Return the text that the model writes after each context, up to its first stop sequence.

        Raises:
            ValueError: no context fits beside the tokens that may be written.
            Diverged: the model's predictions are no numbers.
        """
        contexts = [self.tok_encode(r.args[0]) or [self.prefix_token_id] for r in requests]
        settings = [request.args[1] for request in requests]
        written = generate(self._model, contexts, settings)
        if written is None:
            raise Diverged("predictions must be numbers, but some are not.")
        return written
