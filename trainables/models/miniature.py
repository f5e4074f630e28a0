"""A tiny Llama and a tiny BERT, pretrained in seconds on the miniature's corpus: no download."""

from __future__ import annotations

import random
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.assets import cache
from trainables.data.sets.miniature import FEELINGS, SEED, THINGS, corpus, facts, general_texts

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family

MODELS: dict[str, Family] = {"miniature-llama": "causal", "miniature-bert": "masked"}
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
# What a model is made by: the code that pretrains it and that which generates its texts.
MADE_BY = ("data", "models")


def folder(name: str) -> Path:
    """Return the folder of a miniature model, pretrained on first use and then cached."""
    key = cache.source_digest(*MADE_BY)[:16]
    return cache.once(f"{name}-{key}", lambda where: _pretrain(name, where))


def _pretrain(name: str, where: Path) -> None:
    import torch

    from trainables.data.queries import training_query
    from trainables.models.forward import token_nll
    from trainables.models.language_model import LanguageModel

    torch.manual_seed(SEED)
    _save_tokenizer(where, MODELS[name])
    _untrained(name).save_pretrained(where)
    model = LanguageModel(where, MODELS[name])
    ids = model.tokenizer.encode(corpus())
    rng = random.Random(f"pretrain {SEED}")
    batch_size, epochs = 64, {"causal": 6, "masked": 10}[model.family]
    num_steps = epochs * len(ids) // batch_size
    optimiser = torch.optim.AdamW(model.module.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, num_steps, pct_start=0.1)
    model.module.train()
    for step in range(num_steps):
        drawn = rng.sample(ids, batch_size)
        texts = model.batch(
            [training_query(model.tokenizer, text, f"{step} {b}") for b, text in enumerate(drawn)]
        )
        loss = token_nll(model.logits(texts), texts).mean()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.module.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    model.save(where)


def _untrained(name: str) -> Any:
    import transformers

    size = {
        "vocab_size": len(_vocabulary()),
        "hidden_size": 64,
        "intermediate_size": 160,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "max_position_embeddings": 64,
        "pad_token_id": SPECIAL.index("<pad>"),
        "bos_token_id": SPECIAL.index("<s>"),
        "eos_token_id": SPECIAL.index("</s>"),
    }
    if MODELS[name] == "causal":
        config = transformers.LlamaConfig(**size, tie_word_embeddings=True)
        return transformers.LlamaForCausalLM(config)
    config = transformers.BertConfig(
        **size, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0
    )
    return transformers.BertForMaskedLM(config)


def _vocabulary() -> list[str]:
    words = {word for text in corpus() + general_texts() for word in text.split()}
    words |= {word for _, answer, others in facts() for word in (answer, *others)}
    words |= {"she", "he", *THINGS, *FEELINGS}
    return [*SPECIAL, *sorted(words)]


def _save_tokenizer(where: Path, family: Family) -> None:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: number for number, word in enumerate(_vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    around = {"causal": "<s> $A", "masked": "<s> $A </s>"}[family]  # as Llama's and as BERT's
    special = [(token, ids[token]) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(around, special_tokens=special)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        cls_token="<s>",
        sep_token="</s>",
    ).save_pretrained(where)
