"""A tiny Llama and a tiny BERT, pretrained in seconds on the miniature's corpus: no download."""

from __future__ import annotations

import random
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainables.assets import cache
from trainables.data.sets.miniature import FEELINGS, SEED, THINGS, corpus, facts, general_texts

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family

MODELS: dict[str, Family] = {"miniature-llama": "causal", "miniature-bert": "masked"}
SPECIAL = ("<pad>", "<s>", "</s>", "<unk>", "<mask>")
BATCH_SIZE = 64  # texts a step
EPOCHS: dict[Family, int] = {"causal": 6, "masked": 10}
# The source that a model depends on: the code that pretrains it and the code that writes its texts.
MADE_BY = ("data", "models")


def folder(name: str) -> Path:
    """Return the folder of a miniature model; the first call pretrains it, and the cache keeps it."""
    key = cache.source_digest(*MADE_BY)[:16]
    return cache.once(f"{name}-{key}", lambda path: _pretrain(name, path))


def _pretrain(name: str, path: Path) -> None:
    """Train a miniature model from random weights; write weights and tokenizer into a folder.

    It says so on stderr, and shows its progress there if that is a terminal.
    """
    import torch
    import transformers
    from tqdm import tqdm

    from trainables.chatter import tell_deepspeed_of_no_gpu
    from trainables.data.queries import training_query
    from trainables.models.forward import token_nll
    from trainables.models.language_model import LanguageModel

    message = f"pretraining {name} once, about a minute (longer on a busy machine)."
    print(message, file=sys.stderr, flush=True)
    tell_deepspeed_of_no_gpu()
    transformers.utils.logging.disable_progress_bar()
    torch.manual_seed(SEED)
    _save_tokenizer(path, MODELS[name])
    _untrained(name).save_pretrained(path)
    model = LanguageModel(path, MODELS[name])
    ids = model.tokenizer.encode(corpus())
    rng = random.Random(f"pretrain {SEED}")
    num_steps = EPOCHS[model.family] * len(ids) // BATCH_SIZE
    optimiser = torch.optim.AdamW(model.module.parameters(), lr=3e-3, weight_decay=0.01)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 3e-3, num_steps, pct_start=0.1)
    model.module.train()
    # disable=None: no bar unless stderr is a terminal.
    for step in tqdm(range(num_steps), name, unit="step", disable=None, leave=False, delay=5):
        texts_ids = rng.sample(ids, BATCH_SIZE)
        texts = model.batch(
            [
                training_query(model.tokenizer, text, f"{step} {b}")
                for b, text in enumerate(texts_ids)
            ]
        )
        loss = token_nll(model.logits(texts), texts).mean()
        torch.autograd.backward(loss)
        torch.nn.utils.clip_grad_norm_(model.module.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        optimiser.zero_grad()
    model.save(path)


def _untrained(name: str) -> Any:
    """Return a miniature model of transformers with random weights."""
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
    """Return the special tokens, then every word of the miniature's texts, sorted."""
    words = {word for text in (*corpus(), *general_texts()) for word in text.split()}
    words |= {word for _, answer, others in facts() for word in (answer, *others)}
    words |= {"she", "he", *THINGS, *FEELINGS}
    return [*SPECIAL, *sorted(words)]


def _save_tokenizer(path: Path, family: Family) -> None:
    """Write a tokenizer into a folder: a token a word, special tokens as Llama's or BERT's has them."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    ids = {word: number for number, word in enumerate(_vocabulary())}
    tokenizer = Tokenizer(models.WordLevel(ids, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    template = {"causal": "<s> $A", "masked": "<s> $A </s>"}[family]
    special = [(token, ids[token]) for token in ("<s>", "</s>")]
    tokenizer.post_processor = processors.TemplateProcessing(template, special_tokens=special)
    PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<s>",
        eos_token="</s>",
        unk_token="<unk>",
        mask_token="<mask>",
        cls_token="<s>",
        sep_token="</s>",
    ).save_pretrained(path)
