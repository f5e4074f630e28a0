"""Which architectures are tested as a whole, and what a model of another one may lack.

It is read without torch, so that `sweep check` is quick.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family

# layers: to return the hidden states of each token for its embeddings and after each block.
# bf16: to be trained in bf16, its buffers in fp32.
Ability = Literal["layers", "bf16"]
EVERYTHING: frozenset[Ability] = frozenset(get_args(Ability))

# The types of models, as config.json names them, of tests/trainables/architectures.py.
TESTED: dict[Family, frozenset[str]] = {
    "causal": frozenset(
        "bloom falcon gemma2 gemma3_text gpt2 gpt_neox llama mistral mpt olmo2 opt phi3 qwen2 qwen3 "
        "smollm3".split()
    ),
    "masked": frozenset(
        "albert bert camembert deberta-v2 distilbert electra modernbert mpnet roberta".split()
    ),
}


def is_tested(model_type: str | None, family: Family) -> bool:
    """Return whether models of this type, as config.json names it, are tested as a whole."""
    return model_type in TESTED[family]
