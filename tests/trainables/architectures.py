"""Tiny untrained models of the architectures that people have, from their configurations alone.

All of them know the miniature's words. Weights are large, so that predictions are far apart, and dropout
is on wherever an architecture has it.
"""

import string
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import tokenizers
import torch
import transformers
from tokenizers import decoders, models, pre_tokenizers, processors

from tests.trainables import families
from trainables.models import miniature

LAYERS = 2
SIZE = {"hidden_size": 32, "num_hidden_layers": LAYERS, "num_attention_heads": 4}
BLOCK = SIZE | {"intermediate_size": 48}
LLAMA = BLOCK | {"num_key_value_heads": 2, "max_position_embeddings": 64, "attention_dropout": 0.1}
DROPOUT = {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1}
BERT = BLOCK | DROPOUT | {"max_position_embeddings": 64}
DEBERTA = BERT | {
    "relative_attention": True, "position_buckets": 8, "norm_rel_ebd": "layer_norm",
    "share_att_key": True, "pos_att_type": ["p2c", "c2p"], "position_biased_input": False,
    "max_relative_positions": -1, "type_vocab_size": 0,
}  # fmt: skip
SPECIAL = {
    "causal": ("<pad>", "<unk>", "<s>", "</s>"),
    "masked": ("<pad>", "<unk>", "<s>", "</s>", "<mask>"),
    "roberta": ("<s>", "<pad>", "</s>", "<unk>", "<mask>"),
}


@dataclass(frozen=True)
class Kind:
    """An architecture.

    made_by:    its class in transformers.
    settings:   of its configuration, in its own words.
    blocks:     name of the list of its blocks.
    positions:  longest row that it reads, special tokens included.
    width:      components of its last hidden states.
    specials:   order of the special tokens; RoBERTa's padding has number 1, and no position.
    before:     weights before the blocks, beside the table of words. after: those after them, beside the
                vocabulary's matrix.
    tokenizer:  returns its tokenizer, if it has not one of a token a word.
    """

    family: Literal["causal", "masked"]
    made_by: str
    settings: dict[str, Any]
    blocks: str
    before: tuple[str, ...] = ()
    after: tuple[str, ...] = ()
    positions: int = 64
    width: int = 32
    segments: bool = False
    specials: str = ""
    tokenizer: Callable[[], Any] | None = None

    def write(self, folder: Path) -> None:
        specials = SPECIAL[self.specials or self.family]
        tokenizer = self.tokenizer() if self.tokenizer else _words(specials, self.family)
        tokenizer.save_pretrained(folder)
        torch.manual_seed(0)
        made_by = getattr(transformers, self.made_by)
        ids = {
            f"{name}_token_id": getattr(tokenizer, f"{name}_token_id")
            for name in ("bos", "eos", "pad")
        }
        config = made_by.config_class(vocab_size=len(tokenizer), **ids, **self.settings)
        module = made_by(config)
        with torch.no_grad():  # norms and biases of ones and zeros would hide what mixes them up
            for weight in module.parameters():
                weight.add_(0.2 * torch.randn(weight.shape))
        module.tie_weights()
        module.save_pretrained(folder)


def _words(specials: tuple[str, ...], family: str) -> Any:
    """Return a tokenizer of a token a word, whose special tokens are numbered in this order."""
    words = [word for word in miniature._vocabulary() if word not in miniature.SPECIAL]
    ids = {token: number for number, token in enumerate([*specials, *words])}
    inner = tokenizers.Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    inner.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return _finished(inner, family)


def _finished(inner: tokenizers.Tokenizer, family: str) -> Any:
    around = [(token, inner.token_to_id(token)) for token in ("<s>", "</s>")]
    single, pair = {
        "causal": ("<s> $A", "<s> $A $B"),
        "masked": ("<s> $A </s>", "<s> $A </s> $B </s>"),
    }[family]
    inner.post_processor = processors.TemplateProcessing(
        single=single, pair=pair, special_tokens=around
    )
    special = {"pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}
    if family == "masked":
        special |= {"cls_token": "<s>", "sep_token": "</s>", "mask_token": "<mask>"}
    return transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner, model_max_length=1000, **special
    )


def _camembert() -> Any:
    """Return a tokenizer of pieces of words with ▁ for a space, as CamemBERT's; long words are cut."""
    specials = ["<s>NOTUSED", "<pad>", "</s>NOTUSED", "<unk>", "<s>", "</s>", "<mask>"]
    words = [word for word in miniature._vocabulary() if word not in miniature.SPECIAL]
    pieces = [f"▁{word}" for word in words if len(word) < 6] + ["▁", *string.ascii_lowercase]
    scored = [(piece, 0.0) for piece in specials] + [(piece, -5.0) for piece in pieces]
    inner = tokenizers.Tokenizer(models.Unigram(scored, unk_id=specials.index("<unk>")))
    inner.pre_tokenizer = pre_tokenizers.Metaspace()
    inner.decoder = decoders.Metaspace()
    inner.add_special_tokens(specials)
    return _finished(inner, "masked")


def _qwen2() -> Any:
    """Return a tokenizer of pieces of bytes, the only kind that transformers reads for a Qwen 2."""
    specials = ["<|endoftext|>", "<|im_start|>"]
    vocabulary, merges = families._byte_pairs(None, specials)
    return transformers.Qwen2Tokenizer(
        vocabulary, merges, bos_token="<|im_start|>", model_max_length=1000
    )


def _causal(
    made_by: str, settings: dict[str, Any], blocks: str = "model.layers", **more: Any
) -> Kind:
    return Kind("causal", made_by, settings, blocks, **{"after": ("model.norm",)} | more)


def _masked(made_by: str, settings: dict[str, Any], blocks: str, **more: Any) -> Kind:
    return Kind("masked", made_by, settings, blocks, **more)


ARCHITECTURES = {
    "llama": _causal("LlamaForCausalLM", LLAMA),
    "mistral": _causal("MistralForCausalLM", LLAMA | {"sliding_window": 16}),
    "qwen2": _causal("Qwen2ForCausalLM", LLAMA, tokenizer=_qwen2),
    "qwen3": _causal("Qwen3ForCausalLM", LLAMA | {"head_dim": 8}),
    "gemma2": _causal(
        "Gemma2ForCausalLM",
        LLAMA | {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16,
                 "final_logit_softcapping": 5.0, "attn_logit_softcapping": 2.0},
    ),
    "gemma3": _causal(
        "Gemma3ForCausalLM",
        LLAMA | {"head_dim": 8, "query_pre_attn_scalar": 8, "sliding_window": 16,
                 "layer_types": ["sliding_attention", "full_attention"]},
    ),
    "phi3": _causal("Phi3ForCausalLM", LLAMA | {"resid_pdrop": 0.1, "embd_pdrop": 0.1}),
    "olmo2": _causal("Olmo2ForCausalLM", LLAMA),
    "gpt2": _causal(
        "GPT2LMHeadModel",
        {"n_embd": 32, "n_layer": LAYERS, "n_head": 4, "n_positions": 64},
        "transformer.h", before=("transformer.wpe",), after=("transformer.ln_f",),
    ),
    "gpt-neox": _causal(
        "GPTNeoXForCausalLM",
        BLOCK | {"max_position_embeddings": 64, "hidden_dropout": 0.1, "attention_dropout": 0.1},
        "gpt_neox.layers", after=("gpt_neox.final_layer_norm",),
    ),
    "opt": _causal(
        "OPTForCausalLM",
        SIZE | {"ffn_dim": 48, "word_embed_proj_dim": 32, "max_position_embeddings": 64,
                "dropout": 0.1, "attention_dropout": 0.1, "layerdrop": 0.2},
        "model.decoder.layers", before=("model.decoder.embed_positions",),
        after=("model.decoder.final_layer_norm",), specials="roberta",
    ),
    "opt-350m": _causal(
        "OPTForCausalLM",
        SIZE | {"ffn_dim": 48, "word_embed_proj_dim": 16, "max_position_embeddings": 64,
                "do_layer_norm_before": False},
        "model.decoder.layers", width=16,
        before=("model.decoder.embed_positions", "model.decoder.project_in"),
        after=("model.decoder.project_out",), specials="roberta",
    ),
    "falcon": _causal(
        "FalconForCausalLM",
        SIZE | {"max_position_embeddings": 64, "hidden_dropout": 0.1, "attention_dropout": 0.1},
        "transformer.h", after=("transformer.ln_f",),
    ),
    "falcon-alibi": _causal(
        "FalconForCausalLM",
        SIZE | {"max_position_embeddings": 64, "hidden_dropout": 0.1, "attention_dropout": 0.1,
                "alibi": True, "multi_query": False, "parallel_attn": False, "bias": True},
        "transformer.h", after=("transformer.ln_f",),
    ),
    "bloom": _causal(
        "BloomForCausalLM",
        {"hidden_size": 32, "n_layer": LAYERS, "n_head": 4,
         "hidden_dropout": 0.1, "attention_dropout": 0.1},
        "transformer.h", before=("transformer.word_embeddings_layernorm",),
        after=("transformer.ln_f",), positions=1000,
    ),
    "mpt": _causal(
        "MptForCausalLM",
        {"d_model": 32, "n_layers": LAYERS, "n_heads": 4, "max_seq_len": 64, "expansion_ratio": 2},
        "transformer.blocks", after=("transformer.norm_f",),
    ),
    "smollm3": _causal("SmolLM3ForCausalLM", LLAMA | {"no_rope_layer_interval": 2}),
    "bert": _masked(
        "BertForMaskedLM", BERT, "bert.encoder.layer",
        before=("bert.embeddings",), after=("cls",), segments=True,
    ),
    "roberta": _masked(
        "RobertaForMaskedLM", BERT | {"max_position_embeddings": 66, "type_vocab_size": 1},
        "roberta.encoder.layer", before=("roberta.embeddings",), after=("lm_head",),
        specials="roberta",
    ),
    "camembert": _masked(
        "CamembertForMaskedLM", BERT | {"max_position_embeddings": 66, "type_vocab_size": 1},
        "roberta.encoder.layer", before=("roberta.embeddings",), after=("lm_head",),
        tokenizer=_camembert,
    ),
    "distilbert": _masked(
        "DistilBertForMaskedLM",
        {"dim": 32, "n_layers": LAYERS, "n_heads": 4, "hidden_dim": 48,
         "max_position_embeddings": 64, "dropout": 0.1, "attention_dropout": 0.1},
        "distilbert.transformer.layer", before=("distilbert.embeddings",),
        after=("vocab_transform", "vocab_layer_norm", "vocab_projector"),
    ),
    "albert": _masked(
        "AlbertForMaskedLM", BERT | {"embedding_size": 16}, "albert.encoder.albert_layer_groups",
        before=("albert.embeddings", "albert.encoder.embedding_hidden_mapping_in"),
        after=("predictions",), segments=True,
    ),
    "electra": _masked(
        "ElectraForMaskedLM", BERT | {"embedding_size": 16}, "electra.encoder.layer",
        before=("electra.embeddings", "electra.embeddings_project"),
        after=("generator_predictions", "generator_lm_head"), segments=True,
    ),
    "deberta-v3": _masked(
        "DebertaV2ForMaskedLM", DEBERTA, "deberta.encoder.layer",
        before=("deberta.embeddings", "deberta.encoder.rel_embeddings", "deberta.encoder.LayerNorm"),
        after=("cls",),
    ),
    "deberta-v3-own-head": _masked(
        "DebertaV2ForMaskedLM", DEBERTA | {"legacy": False}, "deberta.encoder.layer",
        before=("deberta.embeddings", "deberta.encoder.rel_embeddings", "deberta.encoder.LayerNorm"),
        after=("lm_predictions",),
    ),
    "modernbert": _masked(
        "ModernBertForMaskedLM",
        BLOCK | {"max_position_embeddings": 64, "local_attention": 16, "global_attn_every_n_layers": 2,
                 "attention_dropout": 0.1, "embedding_dropout": 0.1, "mlp_dropout": 0.1,
                 "cls_token_id": 2, "sep_token_id": 3},
        "model.layers", before=("model.embeddings",),
        after=("model.final_norm", "head", "decoder"),
    ),
    "mpnet": _masked(
        "MPNetForMaskedLM", BERT | {"max_position_embeddings": 66}, "mpnet.encoder.layer",
        before=("mpnet.embeddings", "mpnet.encoder.relative_attention_bias"), after=("lm_head",),
        specials="roberta",
    ),
}  # fmt: skip
