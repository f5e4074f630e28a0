"""The key `model` of a trial: the base model."""

from trainables.data.tokenizer import Family
from trainables.schema.strict import Strict


class ModelConfig(Strict):
    """The base model that is debiased.

    path:   a folder, a catalogued name (smollm2-135m, miniature-llama, miniature-bert), or
            OWNER/REPO on the Hugging Face Hub.
    family: causal = next-token prediction (Llama); masked = fill in the blank (BERT).
    """

    path: str
    family: Family = "causal"
