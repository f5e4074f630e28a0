"""What a model reads before a text: a start token, or the turns of a chat that the text answers."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

from trainables.assets.chat.template import TooCostly, written_chat
from trainables.schema.text.shown import as_word

Format = Literal["plain", "chat"]

PROMPT = "Write a text."
LONGEST_REASON = 300  # characters
# Tokens that models put between documents, tried where BOS and EOS cannot stand before a text.
DOCUMENT_TOKENS = ("<|endoftext|>", "<|begin_of_text|>", "<|end_of_text|>", "<s>", "</s>", "<bos>")


class Opening(NamedTuple):
    """How a causal model's texts begin; of a masked model they always begin with CLS.

    start:  auto, bos, eos, none, or a token of the tokenizer's vocabulary. auto takes BOS, or EOS, or
            a token that stands between documents: the first of them that the tokenizer has and that
            is no mark of its chat template. none if there is no such token.
    format: plain, or chat: a text is the answer to `prompt` in the model's chat template. What that
            writes before the answer takes the place of the start.
    prompt: the user's turn, for chat alone.
    """

    start: str = "auto"
    format: Format = "plain"
    prompt: str = PROMPT

    def ids(self, hf: Any) -> tuple[int, ...]:
        """Return the token ids that stand before every text.

        hf: the tokenizer of transformers.

        Raises:
            ValueError: the tokenizer lacks the token, or the chat template, or that cannot write the
                prompt, or takes too long; the message has the key of the trial's `model`.
        """
        if self.format == "chat":
            try:
                return _prompted(hf, self.prompt)
            except TooCostly as error:
                raise TooCostly(f"model.path: {error}") from error
        if self.start == "none":
            return ()
        if self.start == "auto":
            token_id = _automatic(hf)
            return () if token_id is None else (token_id,)
        if self.start in ("bos", "eos"):
            token_id = getattr(hf, f"{self.start}_token_id")
        else:
            token_id = hf.get_vocab().get(self.start)
        if token_id is None:
            raise ValueError(
                "model.start must be auto, none, or a token that the tokenizer has (of special ones "
                f"{_special(hf)}), but got {self.start!r}."
            )
        return (token_id,)


PLAIN = Opening()


def _special(hf: Any) -> str:
    """Return the names and texts of a tokenizer's special tokens, for a message."""
    return ", ".join(f"{name} {token}" for name, token in hf.special_tokens_map.items()) or "none"


def _automatic(hf: Any) -> int | None:
    """Return the id of the token that `start: auto` takes, or None for none."""
    vocabulary = hf.get_vocab()
    candidates = [hf.bos_token_id, hf.eos_token_id, *map(vocabulary.get, DOCUMENT_TOKENS)]
    marks = _marks(hf)
    return next((token for token in candidates if token is not None and token not in marks), None)


def _marks(hf: Any) -> set[int]:
    """Return the ids of the tokens by which a chat template marks turns; empty without a template.

    They are the tokens of a user's turn and its answer without what stands first and is not repeated:
    so BOS is a mark of the template of SmolLM2, which begins each turn with it, and not of Llama 3,
    which begins the chat with it. A template that cannot write the two turns marks nothing.

    Raises:
        TooCostly: the template takes more time or memory than it may.
    """
    if not hf.chat_template:
        return set()
    turns = [{"role": "user", "content": "a"}, {"role": "assistant", "content": "a"}]
    try:
        first, *others = _written(hf, turns)
    except TooCostly:
        raise
    except ValueError:
        return set()
    return {first, *others} if first in others else set(others)


def _prompted(hf: Any, prompt: str) -> tuple[int, ...]:
    """Return the ids of a user's turn and of what stands before the answer to it.

    Raises:
        ValueError: the tokenizer has no chat template, or it cannot write the turn.
    """
    if not hf.chat_template:
        raise ValueError(
            "model.format must be plain where the tokenizer has no chat template (as that of most base "
            "models), but got 'chat'."
        )
    turns = [{"role": "user", "content": prompt}]
    return tuple(_written(hf, turns, answer_follows=True))


def _written(hf: Any, turns: list[dict[str, str]], *, answer_follows: bool = False) -> list[int]:
    """Return the ids, at least one, of turns in a tokenizer's chat template.

    answer_follows: whether the beginning of the model's answer is written, too.

    Raises:
        ValueError: the template refuses the turns, is no Jinja, or writes nothing.
        TooCostly: it takes more time or memory than it may.
    """
    reason = "it writes nothing"
    try:
        text = written_chat(
            hf.get_chat_template(), turns, hf.special_tokens_map, answer_follows=answer_follows
        )
        ids: list[int] = hf(text, add_special_tokens=False)["input_ids"]
        if ids:
            return ids
    except TooCostly:
        raise
    # As where a template has no default, or writes half a character.
    except (TypeError, ValueError) as error:
        reason = as_word(str(error).rstrip("."), LONGEST_REASON) or type(error).__name__
    raise ValueError(
        "model.format must be plain, with auto or a token as model.start, where the tokenizer's chat "
        f"template cannot write the turn of a user alone, but got 'chat': {reason}."
    )
