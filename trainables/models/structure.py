"""The modules of a model, whatever its architecture: its blocks, its layers, its vocabulary head.

They are read from the modules and need no weights. torch is imported by the functions alone, because
the structure of a model that was read before is known without it (see pretrained.look_through).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

# The types of models whose kernels read the matrix of out_proj; peft refuses the first five of them.
MAMBAS = frozenset(
    "falcon_h1 falcon_mamba mamba mamba2 nemotron_h bamba granitemoehybrid zamba2".split()
)


@dataclass(frozen=True)
class Structure:
    """The modules of a model that settings may name.

    num_blocks: how many blocks (layers) a text goes through.
    blocks:     names of the modules that are the blocks, in order; none if a block is no module.
    linear:     names of the modules that multiply by a matrix, without the vocabulary head.
    read_by_kernels: those of them whose matrix is read past the module by the kernels of a GPU, so that
                no adapter beside it has an effect.
    reads_before: whether weights other than those of the head are before the blocks: tables of
                positions, and of the tokens where the head has a matrix of its own.
    """

    num_blocks: int
    blocks: tuple[str, ...]
    linear: tuple[str, ...]
    read_by_kernels: tuple[str, ...] = ()
    reads_before: bool = True

    @property
    def shares_blocks(self) -> bool:
        """Whether the blocks are not a module each; ALBERT's text goes through one again and again."""
        return len(self.blocks) != self.num_blocks


def is_linear(part: Any) -> bool:
    """Return whether a module does nothing but multiply by a matrix: a linear layer, or GPT-2's Conv1D.

    A layer that derives from a linear one is tried with a row of zeros: Falcon's multiplies, and
    PhiMoE's router, which draws at random in training, gives several tensors.
    """
    import torch

    if type(part).__name__ == "Conv1D":
        return True
    if not isinstance(part, torch.nn.Linear):
        return False
    if type(part).forward is torch.nn.Linear.forward:
        return True
    with torch.no_grad(), torch.random.fork_rng(devices=[]):
        output = part(part.weight.new_zeros(1, part.in_features))
    return isinstance(output, torch.Tensor) and output.shape == (1, part.out_features)


def vocabulary_head(module: Any) -> Any:
    """Return the module whose outputs are the logits; None where no single module has them.

    What transformers returns as output embeddings is not always that (DeBERTa v2 without `legacy`).
    """
    head: Any = module.get_output_embeddings()
    vocab_size = module.config.get_text_config().vocab_size
    return head if is_linear(head) and head.weight.shape[0] == vocab_size else None


def body_of(module: Any) -> Any:
    """Return the part of a model without its head, whose output has the last hidden states."""
    body = module.base_model
    if body is module:  # as Llama 4 is
        return getattr(module, "model", module)
    return body


def structure_of(module: Any) -> Structure:
    """Return the structure of a model of transformers, which may be on the meta device.

    The blocks are the longest-lived convention of all: a list of modules, in no other list, as long as
    the configuration says. If there is none, the greatest list stands in, whose modules are shared. If
    there are several side by side (XLM's attentions and its MLPs), a block is no module, and none is
    named.
    """
    from torch import nn

    lists = {
        name: p for name, p in module.named_modules() if isinstance(p, nn.ModuleList) and len(p)
    }
    outer = [n for n in lists if not any(n.startswith(f"{other}.") for other in lists)]
    outer.sort(key=lambda name: -sum(weight.numel() for weight in lists[name].parameters()))
    config = module.config.get_text_config()
    # The number of layers of a BART without its encoder is said to be the encoder's.
    stated = [getattr(config, key, None) for key in ("num_hidden_layers", "decoder_layers")]
    lengths = [len(lists[name]) for name in outer]
    num_blocks = next((n for n in stated if n in lengths), stated[0]) or max(lengths[:1], default=0)
    chosen = next((n for n in outer if len(lists[n]) == num_blocks), outer[0] if outer else None)
    parents = [n.rpartition(".")[0] for n in outer if len(lists[n]) == num_blocks]
    if chosen and parents.count(chosen.rpartition(".")[0]) > 1:
        chosen = None
    head = vocabulary_head(module)
    linear = [n for n, part in module.named_modules() if is_linear(part) and part is not head]
    has_kernels = module.config.model_type in MAMBAS
    blocks = tuple(f"{chosen}.{number}" for number in range(len(lists[chosen]))) if chosen else ()
    return Structure(
        num_blocks,
        blocks,
        tuple(linear),
        tuple(name for name in linear if has_kernels and name.endswith(".out_proj")),
        _reads_before(module, blocks),
    )


def _reads_before(module: Any, blocks: tuple[str, ...]) -> bool:
    """Return whether a weight before the blocks is none of the head's, as `Structure` has it.

    Before them are the modules that come first in their order, and tables wherever they are.
    """
    from torch import nn

    head = vocabulary_head(module) or module.get_input_embeddings()
    of_head = {id(weight) for weight in head.parameters()}
    in_blocks = tuple(f"{block}." for block in blocks)
    has_begun = False  # whether the first block has been passed
    for name, part in module.named_modules():
        has_begun = has_begun or name in blocks
        is_table = isinstance(part, nn.Embedding) and not f"{name}.".startswith(in_blocks)
        own = [weight for weight in part.parameters(recurse=False) if id(weight) not in of_head]
        if own and (is_table or not has_begun):
            return True
    return False
