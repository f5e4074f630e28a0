"""Tiny untrained models of real architectures, with tokenizers of the kinds that they come with.

Weights are large, so that predictions are far apart and everything that is read matters.
"""

import json
import random
import string
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import torch
import transformers
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, normalizers, trainers
from tokenizers import pre_tokenizers as cut
from tokenizers import processors as around

from trainables.data.sets import miniature

LAYERS = 2
SIZE = {
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": LAYERS,
    "num_attention_heads": 4,
    "initializer_range": 0.3,
}
LLAMA = SIZE | {"num_key_value_heads": 2, "max_position_embeddings": 64}
BYTES = [f"<0x{byte:02X}>" for byte in range(256)]
# Llama 3's way to cut a text into words, each with the space before it.
WORDS = Regex(
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}"
    r"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
)


@dataclass(frozen=True)
class Kind:
    """A kind of model and tokenizer.

    make:       returns (tokenizer, untrained model).
    start, end: special tokens before and after a text.
    adds_start: whether the tokenizer itself puts the start token there.
    he, she:    the tokens of these words within a text.
    max_tokens: longest row that the model reads, special tokens included.
    """

    make: Callable[[], tuple[Any, Any]]
    family: Literal["causal", "masked"]
    start: str
    he: str
    she: str
    adds_start: bool = True
    end: str | None = None
    max_tokens: int = 64

    def write(self, folder: Path) -> None:
        torch.manual_seed(0)
        tokenizer, module = self.make()
        with torch.no_grad():  # norms and biases of ones and zeros would hide what mixes them up
            for weight in module.parameters():
                weight.add_(0.1 * torch.randn(weight.shape))
        tokenizer.save_pretrained(folder)
        module.save_pretrained(folder)


def llama32() -> tuple[Any, Any]:
    specials = ["<|begin_of_text|>", "<|end_of_text|>"]
    vocabulary, merges = _byte_pairs(WORDS)
    inner = Tokenizer(models.BPE(vocabulary, merges, ignore_merges=True))
    inner.pre_tokenizer = cut.Sequence(
        [
            cut.Split(WORDS, "isolated"),
            cut.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    inner.decoder = decoders.ByteLevel()
    inner.add_special_tokens([AddedToken(token, special=True) for token in specials])
    start = (specials[0], inner.token_to_id(specials[0]))
    inner.post_processor = around.Sequence(
        [
            around.ByteLevel(trim_offsets=False),
            around.TemplateProcessing(f"{specials[0]} $A", special_tokens=[start]),
        ]
    )
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=inner,
        bos_token=specials[0],
        eos_token=specials[1],
        model_max_length=131072,
    )
    config = transformers.LlamaConfig(
        **LLAMA,
        vocab_size=len(tokenizer),
        tie_word_embeddings=True,
        rope_theta=500000.0,
        rope_scaling={
            "rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
            "original_max_position_embeddings": 32,
        },
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )  # fmt: skip
    return tokenizer, transformers.LlamaForCausalLM(config)


def smollm2() -> tuple[Any, Any]:
    specials = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
    vocabulary, merges = _byte_pairs(None, specials)
    tokenizer = transformers.GPT2Tokenizer(
        vocabulary, merges, bos_token="<|im_start|>", eos_token="<|im_end|>", pad_token="<|im_end|>",
        unk_token="<|endoftext|>", additional_special_tokens=specials[1:], model_max_length=8192,
    )  # fmt: skip
    config = transformers.LlamaConfig(
        **LLAMA, vocab_size=len(tokenizer), tie_word_embeddings=True, rope_theta=100000,
        bos_token_id=1, eos_token_id=2, pad_token_id=2,
    )  # fmt: skip
    return tokenizer, transformers.LlamaForCausalLM(config)


def llama2() -> tuple[Any, Any]:
    vocabulary, merges = _sentence_pieces(("<unk>", "<s>", "</s>"))
    tokenizer = transformers.LlamaTokenizer(
        vocabulary, merges, add_bos_token=True, model_max_length=int(1e18)
    )
    config = transformers.LlamaConfig(
        **LLAMA | {"num_key_value_heads": 4}, vocab_size=len(tokenizer), tie_word_embeddings=False,
        bos_token_id=1, eos_token_id=2,
    )  # fmt: skip
    return tokenizer, transformers.LlamaForCausalLM(config)


def gpt2() -> tuple[Any, Any]:
    vocabulary, merges = _byte_pairs(None)
    vocabulary["<|endoftext|>"] = len(vocabulary)  # GPT-2's last one
    tokenizer = transformers.GPT2Tokenizer(vocabulary, merges, model_max_length=1024)
    config = transformers.GPT2Config(
        vocab_size=len(tokenizer), n_embd=32, n_layer=LAYERS, n_head=4, n_positions=64,
        initializer_range=0.3, bos_token_id=len(vocabulary) - 1, eos_token_id=len(vocabulary) - 1,
        resid_pdrop=0.0, embd_pdrop=0.0, attn_pdrop=0.0,
    )  # fmt: skip
    return tokenizer, transformers.GPT2LMHeadModel(config)


def gemma2() -> tuple[Any, Any]:
    vocabulary, merges = _sentence_pieces(("<pad>", "<eos>", "<bos>", "<unk>", "<mask>"))
    tokenizer = transformers.GemmaTokenizer(vocabulary, merges, add_bos_token=True)
    config = transformers.Gemma2Config(
        **LLAMA, head_dim=8, query_pre_attn_scalar=8, vocab_size=len(tokenizer), sliding_window=8,
        final_logit_softcapping=5.0, attn_logit_softcapping=2.0,
    )  # fmt: skip
    return tokenizer, transformers.Gemma2ForCausalLM(config)


def bert(lower: bool) -> tuple[Any, Any]:
    tokenizer = transformers.BertTokenizer(
        _word_pieces(lower), do_lower_case=lower, model_max_length=512
    )
    config = transformers.BertConfig(
        **SIZE, vocab_size=len(tokenizer), max_position_embeddings=64, pad_token_id=0,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return tokenizer, transformers.BertForMaskedLM(config)


def roberta() -> tuple[Any, Any]:
    vocabulary, merges = _byte_pairs(None, ["<s>", "<pad>", "</s>", "<unk>"])
    vocabulary["<mask>"] = len(vocabulary)
    mask = AddedToken("<mask>", lstrip=True, special=True)  # which takes the space before it
    tokenizer = transformers.RobertaTokenizer(
        vocabulary, merges, mask_token=mask, model_max_length=512
    )
    config = transformers.RobertaConfig(
        **SIZE, vocab_size=len(tokenizer), max_position_embeddings=66, type_vocab_size=1,
        pad_token_id=1, bos_token_id=0, eos_token_id=2, layer_norm_eps=1e-5,
        hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0,
    )  # fmt: skip
    return tokenizer, transformers.RobertaForMaskedLM(config)


KINDS = {
    "llama-3.2": Kind(llama32, "causal", "<|begin_of_text|>", "Ġhe", "Ġshe"),
    "smollm2": Kind(smollm2, "causal", "<|im_start|>", "Ġhe", "Ġshe", adds_start=False),
    "llama-2": Kind(llama2, "causal", "<s>", "▁he", "▁she"),
    "gpt2": Kind(gpt2, "causal", "<|endoftext|>", "Ġhe", "Ġshe", adds_start=False),
    "gemma-2": Kind(gemma2, "causal", "<bos>", "▁he", "▁she"),
    "bert-uncased": Kind(lambda: bert(True), "masked", "[CLS]", "he", "she", end="[SEP]"),
    "bert-cased": Kind(lambda: bert(False), "masked", "[CLS]", "he", "she", end="[SEP]"),
    "roberta": Kind(roberta, "masked", "<s>", "Ġhe", "Ġshe", end="</s>"),
}


@cache
def _texts() -> list[str]:
    texts = random.Random(0).sample(miniature.corpus(), 3000)
    return texts + [f"{text[0].upper()}{text[1:]}." for text in texts[::4]]


def _trained(inner: Tokenizer, trainer: Any) -> tuple[dict[str, int], list[tuple[str, str]]]:
    """Train a tokenizer on the miniature's texts; return its vocabulary, in order, and its merges."""
    inner.train_from_iterator(_texts(), trainer)
    learnt = json.loads(inner.to_str())["model"]
    vocabulary = dict(sorted(learnt["vocab"].items(), key=lambda entry: entry[1]))
    return vocabulary, [tuple(merge) for merge in learnt.get("merges", [])]


def _byte_pairs(words: Regex | None, specials: list[str] | None = None) -> Any:
    inner = Tokenizer(models.BPE())
    bytes_ = cut.ByteLevel(add_prefix_space=False, use_regex=words is None)
    inner.pre_tokenizer = cut.Sequence([cut.Split(words, "isolated"), bytes_]) if words else bytes_
    return _trained(
        inner,
        trainers.BpeTrainer(
            vocab_size=700, special_tokens=specials or [], show_progress=False,
            initial_alphabet=cut.ByteLevel.alphabet(),
        ),
    )  # fmt: skip


def _sentence_pieces(specials: tuple[str, ...]) -> Any:
    inner = Tokenizer(models.BPE(unk_token="<unk>", byte_fallback=True))
    inner.pre_tokenizer = cut.Metaspace()
    return _trained(
        inner,
        trainers.BpeTrainer(
            vocab_size=700, special_tokens=[*specials, *BYTES], show_progress=False
        ),
    )


def _word_pieces(lower: bool) -> dict[str, int]:
    inner = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    inner.normalizer = normalizers.BertNormalizer(lowercase=lower)
    inner.pre_tokenizer = cut.BertPreTokenizer()
    specials = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    return _trained(
        inner,
        trainers.WordPieceTrainer(
            vocab_size=600, special_tokens=specials, show_progress=False,
            initial_alphabet=list(string.ascii_letters + string.punctuation),
        ),
    )[0]  # fmt: skip
