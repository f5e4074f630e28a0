"""What only a forward shows of a model: positions, the width of states, what is around the blocks.

Keys of a configuration are those that transformers gives to all architectures; none of config.json is
guessed.

T = tokens.
"""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle, islice
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.modules.module import register_module_forward_pre_hook
from torch.overrides import TorchFunctionMode

from trainables.models.structure import Structure, body_of, structure_of

UNLIMITED = 2**31 - 1  # positions of a model that has no number of them, as with ALiBi (BLOOM)
PROBE_TOKENS = 4
MAX_DIFFERENCE = 1e-3  # of two logits by rounding, in standard deviations of the logits
# What transformers calls windows of attention; the last is GPT-Neo's own word.
WINDOWS = ("sliding_window", "attention_chunk_size", "window_size")


class Unfit(ValueError):
    """A model predicts otherwise than it must, to be measured; the message names its architecture."""


@dataclass(frozen=True)
class Architecture:
    """What is made of the modules of a model in a forward.

    structure:     its modules.
    width:         components of a last hidden state.
    num_positions: how many tokens it reads at most; UNLIMITED if there is no such number.
    window:        how many tokens back every layer sees; less than the positions where some layers have
                   a sliding window (Mistral, Gemma).
    has_segments:  whether the embeddings tell the two texts of a pair apart, as BERT's do.
    takes_positions: whether each token's position, and the tokens that it sees, can be given to it.
    drops_states:  whether dropout of hidden states is a part of it, at whatever rate.
    before:        names of the modules that act before the first block.
    after:         names of the modules that act after the last block.
    """

    structure: Structure
    width: int
    num_positions: int
    window: int
    has_segments: bool
    takes_positions: bool
    drops_states: bool
    before: frozenset[str]
    after: frozenset[str]


@torch.no_grad()
def describe(module: Any, family: str) -> Architecture:
    """Return the architecture of a model of transformers, from a few forwards of a few tokens.

    Raises:
        Unfit: its predictions depend on padding, or, if it is to be causal, on what follows.
    """
    was_training = module.training
    module.eval()
    device = next(module.parameters()).device
    ids = torch.tensor(probe_ids(module, PROBE_TOKENS), device=device)
    with _Lookups() as lookups:
        calls = _calls(module, ids)
    _refuse_seeing_padding(module, ids)
    if family == "causal":
        _refuse_seeing_ahead(module, ids)
    config = module.config.get_text_config()
    structure = structure_of(module)
    before, after = _around_blocks(calls, structure.blocks)
    limits = [size - first for first, size in lookups.position_tables]
    num_positions = min([stated_positions(config), *limits])
    body = body_of(module)
    arguments = inspect.signature(body.forward).parameters
    output = body(input_ids=ids[None], attention_mask=torch.ones_like(ids[None]))
    module.train(was_training)
    return Architecture(
        structure=structure,
        width=output.last_hidden_state.shape[-1],
        num_positions=num_positions,
        window=min([num_positions, *_windows(config)]),
        has_segments=(
            family == "masked"
            and "token_type_ids" in arguments
            and getattr(config, "type_vocab_size", 0) > 1
        ),
        # GPT-Neo's window is in its attention, by places in the row, whatever mask is given.
        takes_positions=(
            "position_ids" in inspect.signature(module.forward).parameters
            and not getattr(config, "window_size", None)
        ),
        drops_states=lookups.drops_states,
        before=before,
        after=after,
    )


def stated_positions(config: Any) -> int:
    """Return the positions that the configuration of a text model states, UNLIMITED if none are.

    RoBERTa's count two that no token has; only a forward shows this.
    """
    return (
        getattr(config, "max_position_embeddings", None)
        or getattr(config, "max_seq_len", None)
        or UNLIMITED
    )


def probe_ids(module: Any, num_tokens: int) -> list[int]:
    """Return ids of tokens to try a model with, none of them padding and none after its neighbour.

    They begin again where the vocabulary has fewer.
    """
    unfit = {padding_id(module), 0, 1}  # 1 is MPNet's padding, whatever it says
    numbers = range(module.config.get_text_config().vocab_size - 1, -1, -1)
    return list(islice(cycle(number for number in numbers if number not in unfit), num_tokens))


def _calls(module: Any, ids_T: Tensor) -> list[str]:
    """Return the names of a model's modules in the order in which a forward calls them."""
    name_of = {id(part): name for name, part in module.named_modules()}
    calls: list[str] = []

    def note(part: nn.Module, _: Any) -> None:
        if id(part) in name_of:
            calls.append(name_of[id(part)])

    hook = register_module_forward_pre_hook(note)
    try:
        _logits(module, ids_T)
    finally:
        hook.remove()
    return calls


def _logits(module: Any, ids_T: Tensor, num_padding: int = 0) -> Tensor:
    """Return logits_TV of a model for one row, with so many tokens of padding after it."""
    ids_1T = nn.functional.pad(ids_T, (0, num_padding), value=padding_id(module))[None]
    attention_1T = (torch.arange(ids_1T.shape[1], device=ids_T.device) < len(ids_T)).long()[None]
    output = module(input_ids=ids_1T, attention_mask=attention_1T, use_cache=False)
    logits: Tensor = output.logits[0, : len(ids_T)].float()
    return logits


def padding_id(module: Any) -> int:
    """Return the number of the token of padding in a model's configuration; 0 if it has none.

    LLaMA's first release writes -1 for none.
    """
    return max(0, getattr(module.config.get_text_config(), "pad_token_id", None) or 0)


def differ(logits_TV: Tensor, other_TV: Tensor) -> bool:
    """Return whether logits differ by more than rounding; those of a diverged model (NaN) do not."""
    if not torch.equal(logits_TV.isnan(), other_TV.isnan()):
        return True
    return bool((logits_TV - other_TV).abs().max() > MAX_DIFFERENCE * logits_TV.std())


def _refuse_seeing_padding(module: Any, ids_T: Tensor) -> None:
    """Refuse a model whose numbers for a text would depend on the texts that are read beside it.

    Raises:
        Unfit: the logits of a text change with padding (ConvBERT's convolutions, FNet).
    """
    alone, padded = (_logits(module, ids_T, num_padding) for num_padding in (0, PROBE_TOKENS))
    if differ(alone, padded):
        raise Unfit(
            f"a model must read a text alone as it does beside others, but the predictions of this "
            f"{type(module).__name__} depend on the padding after the text: give another model."
        )


def _refuse_seeing_ahead(module: Any, ids_T: Tensor) -> None:
    """Refuse a causal model whose predictions of a token depend on the tokens that follow it.

    Raises:
        Unfit: they do, as those of a BERT that no key `is_decoder` makes causal.
    """
    changed_T = ids_T.clone()
    changed_T[-1] = ids_T[0]
    logits, other = (_logits(module, ids)[:-1] for ids in (ids_T, changed_T))
    if differ(logits, other):
        raise Unfit(
            f"a causal model must predict a token from those before it, but the predictions of this "
            f"{type(module).__name__} depend on what follows: give a model that was trained to "
            f"predict the next token, or say family: masked if it fills blanks."
        )


def _around_blocks(
    calls: Sequence[str], blocks: Sequence[str]
) -> tuple[frozenset[str], frozenset[str]]:
    """Return (modules called before the first block, modules called after the last one).

    calls: names of modules, in the order of their calls. blocks: names of the blocks.
    """
    starts = tuple(f"{block}." for block in blocks)
    inside = [n for n, name in enumerate(calls) if f"{name}.".startswith(starts)]
    if not inside:
        return frozenset(), frozenset(calls)
    return frozenset(calls[: inside[0]]), frozenset(calls[inside[-1] + 1 :])


def _windows(config: Any) -> list[int]:
    """Return the sizes of the windows of attention in a configuration; there may be none."""
    values = (getattr(config, name, None) for name in WINDOWS)
    return [value for value in values if value]


class _Lookups(TorchFunctionMode):
    """Watches the tables of a forward of one row of PROBE_TOKENS tokens.

    Attributes:
        position_tables: (row of the first token, rows) of each table that is read one row a token, in
            their order: those of positions. RoBERTa's begins behind padding, OPT's at its third row.
        drops_states: whether dropout is asked for hidden states, at whatever rate.
    """

    def __init__(self) -> None:
        """Have seen nothing yet."""
        super().__init__()
        self.position_tables: list[tuple[int, int]] = []
        self.drops_states = False

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what the function returns, after a look at its arguments."""
        if func is nn.functional.embedding and 0 < args[0].ndim < 3:
            rows = args[0].reshape(-1, args[0].shape[-1])[0, :PROBE_TOKENS].tolist()
            if rows == list(range(rows[0], rows[0] + PROBE_TOKENS)):
                self.position_tables.append((rows[0], args[1].shape[0]))
        if func is nn.functional.dropout:
            self.drops_states |= is_of_states(args[0])
        return func(*args, **(kwargs or {}))


def is_of_states(dropped: Tensor) -> bool:
    """Return whether a tensor under dropout has hidden states, and not probabilities of attention.

    These have a dimension for heads, and one each for the tokens that see and that are seen. Where
    heads and texts are one dimension (XGLM), they are known by their sum.
    """
    if dropped.ndim != 3 or dropped.shape[-1] != dropped.shape[-2]:
        return dropped.ndim < 4
    sums = dropped.detach().float().sum(-1)
    return not torch.allclose(sums, torch.ones_like(sums), atol=1e-2)
