"""The key `model` of a trial: the base model."""

from typing import Self

from pydantic import Field, model_validator

from trainables.data.opening import PLAIN, PROMPT, Format, Opening
from trainables.data.tokenizer import Family
from trainables.schema.strict import Strict


class ModelConfig(Strict):
    """The base model that is debiased.

    path:   a folder, a catalogued name (smollm2-135m, miniature-llama, miniature-bert), or
            OWNER/REPO on the Hugging Face Hub.
    family: causal = next-token prediction (Llama); masked = fill in the blank (BERT).
    start:  the token before a text: auto, bos, eos, none, or a token of the vocabulary. auto takes BOS,
            EOS or a token between documents, whichever first is there and is no mark of the chat
            template.
    format: plain, or chat: texts and pairs are trained on and measured as answers to `prompt` in the
            model's chat template.
    prompt: the user's turn before them, for chat; "Write a text." if left out.

    What follows lm-evaluation-harness (multiple_choice, and the variants named lmeval) starts as the
    harness does, whatever is set here.
    """

    path: str
    family: Family = "causal"
    start: str = Field("auto", min_length=1)
    format: Format = "plain"
    prompt: str | None = None

    @model_validator(mode="after")
    def _check_opening(self) -> Self:
        """Raise ValueError if a setting is given that the family or the format has no use for."""
        if self.family == "masked" and (self.opening != PLAIN or self.prompt is not None):
            raise ValueError(
                "must have start, format and prompt left out for a masked model, whose texts stand "
                "between CLS and SEP"
            )
        if self.format == "chat" and self.start != "auto":
            raise ValueError(
                "must have start left out with format: chat, whose template says what a text "
                f"starts with, but got {self.start!r}"
            )
        if self.format == "plain" and self.prompt is not None:
            raise ValueError("must have format: chat if prompt is given")
        return self

    @property
    def opening(self) -> Opening:
        """What stands before a text."""
        return Opening(self.start, self.format, self.prompt or PROMPT)
