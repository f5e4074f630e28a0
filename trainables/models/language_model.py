"""A language model of either family, its tokenizer, and the frozen base that training starts from.

B = texts, T = tokens, V = vocabulary, N = predicted tokens, L = layers and the embeddings, D = width.
Logits are only computed for the predicted tokens (forward.py).
"""

from __future__ import annotations

import copy
import logging
import stat
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from trainables.assets import cache
from trainables.chatter import held_back
from trainables.data.opening import PLAIN, Opening
from trainables.data.queries import Query
from trainables.data.tokenizer import Family, Tokenizer
from trainables.determinism import has_repeatable_kernels
from trainables.models.architecture import Architecture, describe
from trainables.models.base_cache import BaseCache, logits_are_head_output
from trainables.models.batch import TextBatch, padded
from trainables.models.files.model_json import written_config
from trainables.models.fitness.laws import refuse_unfit
from trainables.models.fitness.tested import is_tested
from trainables.models.folder import read_model
from trainables.models.forward import logits_of, predict
from trainables.models.structure import is_linear

T = TypeVar("T")
log = logging.getLogger(__name__)


class LanguageModel:
    """A model that a trial trains, beside the frozen base with the weights from its folder.

    Attributes:
        path: the folder that the base weights came from.
        family: causal or masked.
        device: the GPU if there is one, else the CPU.
        digest: sha256 of the folder that the base weights came from, when they were read.
        module: the model of transformers whose weights are trained.
        architecture: what the module is made of.
        tokenizer: token ids and special tokens of the model.
        takes_repeatable_kernels: whether training is limited to kernels that give the same numbers each
            time: on a GPU, if all operations of the model have such kernels (determinism.py).
        adapters: the peft.LoraModel around the module within the context `adapted`, else None.
        is_sharded: whether each process of a group has a part of every weight, as in ZeRO-3.
    """

    @held_back()
    def __init__(self, path: Path, family: Family, opening: Opening = PLAIN) -> None:
        """Load the model and its tokenizer from a folder of safetensors; none of its code is run.

        opening: what a causal model reads before a text.

        Raises:
            ValueError: the folder holds no model of this family that can be loaded, or its tokenizer
                lacks a special token that scoring needs, or it would be measured wrongly: it is to be
                causal and sees what follows, or reads padding; or a file has changed meanwhile.
        """
        written_config(path)  # of a folder without a model there is no digest
        self.digest = cache.digest(path)
        with cache.unchanged_while_read(self.digest, str(path), lambda: cache.digest(path)):
            hf_tokenizer, module = read_model(path, family)
        if not is_tested(module.config.model_type, family):
            refuse_unfit(module.to(_device()), family)
        self.path = path
        self.family = family
        self.device = _device()
        self.module: nn.Module = module.to(self.device)
        self.architecture: Architecture = describe(self.module, family)
        self.tokenizer = Tokenizer(
            hf_tokenizer, path, family,
            vocab_size=module.config.get_text_config().vocab_size,
            num_positions=self.architecture.num_positions,
            opening=opening,
        )  # fmt: skip
        self.takes_repeatable_kernels = (
            self.device.type == "cuda" and self._has_repeatable_kernels()
        )
        self.adapters: Any = None
        self.is_sharded = False
        self._rounded_base: nn.Module | None = None
        self._base_cache: BaseCache | None = None
        self._memo: dict[str, tuple[Hashable, Any]] = {}

    def _has_repeatable_kernels(self) -> bool:
        """Return whether a step on a GPU repeats; if not, say so in the log."""

        def step() -> None:
            ids_BT = torch.tensor([[1, 2, 3, 2], [3, 2, 1, 1]], device=self.device)
            attention_BT = torch.tensor([[1, 1, 1, 1], [1, 1, 1, 0]], device=self.device)
            logits = self.module(input_ids=ids_BT, attention_mask=attention_BT).logits
            torch.autograd.backward(logits.float().logsumexp(-1).sum())
            self.module.zero_grad(set_to_none=True)

        with torch.enable_grad():
            is_repeatable = has_repeatable_kernels(step)
        if not is_repeatable:
            log.warning(
                "%s has an operation without a kernel that repeats on a GPU: its trials vary in their "
                "last digits from run to run",
                self.path.name,
            )
        return is_repeatable

    # The base

    @cached_property
    def base(self) -> nn.Module:
        """The frozen base model in fp32, a copy of the module.

        The first access makes the copy, and must come before the first training step of the process.
        """
        return copy.deepcopy(self.module).eval().requires_grad_(False)

    @property
    def base_in_dtype(self) -> nn.Module:
        """The base in the module's precision: rounded to bf16, or in fp32 the base itself."""
        dtype = next(self.module.parameters()).dtype
        if dtype == torch.float32:
            return self.base
        if self._rounded_base is None or next(self._rounded_base.parameters()).dtype != dtype:
            self._rounded_base = copy.deepcopy(self.base)
            for weight in self._rounded_base.parameters():
                weight.data = weight.data.to(dtype)
        return self._rounded_base

    @cached_property
    def _has_cacheable_logits(self) -> bool:
        """Whether the base's logits can be computed from cached states."""
        return logits_are_head_output(self.base, self.device)

    @property
    def base_cache(self) -> BaseCache | None:
        """The base's logits for rows that recur, in the module's precision.

        None where logits are more than the output of the vocabulary head (Gemma 2).
        """
        if not self._has_cacheable_logits:
            return None
        base = self.base_in_dtype
        if self._base_cache is None or self._base_cache.base is not base:
            self._base_cache = BaseCache(base, self.digest, self.family, self.device)
        return self._base_cache

    def memo(self, slot: str, key: Hashable, build: Callable[[], T]) -> T:
        """Return the result of `build()`, remembered until the slot is used with another key.

        For results that depend on the base or the tokenizer alone, and so outlive a trial: a plugin
        computes them once for all trials with this model. Each user has a slot of its own.
        """
        if slot not in self._memo or self._memo[slot][0] != key:
            self._memo[slot] = (key, build())
        value: T = self._memo[slot][1]
        return value

    # Modules and weights

    @property
    def blocks(self) -> list[nn.Module]:
        """The transformer blocks of the module, in order; one that several layers share comes once."""
        return [self.module.get_submodule(name) for name in self.architecture.structure.blocks]

    def weights(self) -> Iterator[tuple[str, nn.Parameter, nn.Parameter]]:
        """Yield (name, weight of the module, weight of `base_in_dtype`) of every weight of the base."""
        base_weights = dict(self.base_in_dtype.named_parameters())
        for name, weight in self.module.named_parameters():
            name = _without_peft(name)
            if name in base_weights:
                yield name, weight, base_weights[name]

    def trained(self) -> Iterator[tuple[str, nn.Parameter, nn.Parameter]]:
        """Yield the entries of `weights` whose weight is trained, that is wants a gradient."""
        return (entry for entry in self.weights() if entry[1].requires_grad)

    @contextmanager
    def adapted(self, adapters: Any) -> Iterator[None]:
        """Return a context in which the model has these adapters, a peft.LoraModel around its module.

        On exit the adapters are dropped, not merged, and every weight of the module wants a gradient.
        """
        self.adapters = adapters
        try:
            yield
        finally:
            adapters.unload()
            self.adapters = None
            self.module.requires_grad_(True)

    def reset(self, dtype: Literal["fp32", "bf16"]) -> None:
        """Set the module's weights and buffers to the base's, in this precision; clear gradients.

        Weights get fresh memory, because an engine of DeepSpeed may own views of the old.
        """
        torch_dtype = {"fp32": torch.float32, "bf16": torch.bfloat16}[dtype]
        for weight, base in zip(self.module.parameters(), self.base.parameters(), strict=True):
            weight.data = base.data.to(torch_dtype, copy=True)
            weight.grad = None
        for buffer, base_buffer in zip(self.module.buffers(), self.base.buffers(), strict=True):
            buffer.data = base_buffer.data.clone()

    def save(self, folder: Path) -> None:
        """Write weights (safetensors), configuration and tokenizer, as transformers reads them.

        Of a model whose head is no more its word embeddings, as files may hold two where the
        configuration has them tied, the configuration says so, and every tensor is written.
        """
        module: Any = self.module
        state = {
            _without_peft(name): value
            for name, value in module.state_dict().items()
            if ".lora_" not in name
        }
        if module.get_output_embeddings().weight is not module.get_input_embeddings().weight:
            for config in (module.config, module.config.get_text_config()):
                config.tie_word_embeddings = False
            state = _without_shared_memory(state)
        module.save_pretrained(folder, state_dict=state)
        self.tokenizer.hf.save_pretrained(folder)
        # safetensors lets the owner alone read its files, whatever the umask.
        mode = stat.S_IMODE((folder / "config.json").stat().st_mode)
        for file in folder.glob("*.safetensors"):
            file.chmod(mode)

    def train(self, *, own_dropout: bool = True) -> None:
        """Set the module to training mode.

        own_dropout: whether what the architecture draws at random in training, such as dropout of any
            kind or the layers that are left out, is on. Without it all parts but linear layers, which
            draw nothing by themselves, are in evaluation mode.
        """
        self.module.train()
        if not own_dropout:
            for part in self.module.modules():
                part.training = is_linear(part)

    # Predictions

    def batch(self, queries: Sequence[Query]) -> TextBatch:
        """Return the queries as one batch on the model's device, padded on the right."""
        return padded(queries, self.tokenizer.pad_id, self.device)

    def logits(self, texts: TextBatch) -> Tensor:
        """Return logits_NV of the module for the predicted tokens, in reading order."""
        return logits_of(self.module, texts)

    def base_logits(self, texts: TextBatch) -> Tensor:
        """Return logits_NV of `base_in_dtype` for the predicted tokens, without gradient."""
        with torch.no_grad():
            return logits_of(self.base_in_dtype, texts)

    def logits_at(self, places_N: Tensor, **inputs: Tensor) -> Tensor:
        """Return logits_NV of the module at these places, counted through all rows.

        inputs: any keyword arguments of the module, with `input_ids` of shape BT.
        """
        return predict(self.module, places_N, inputs).logits_NV

    def base_states(self, queries: Sequence[Query]) -> Tensor:
        """Return states_LBTD, the hidden states of `base_in_dtype`, in fp32 and without gradient."""
        no_places = torch.empty(0, dtype=torch.long)
        inputs = self.batch(queries).inputs
        with torch.no_grad():
            output = predict(self.base_in_dtype, no_places, inputs, hidden=True)
            return torch.stack(output.hidden).float()


def _device() -> torch.device:
    """Return the GPU if there is one, else the CPU."""
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")


def _without_shared_memory(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Return tensors by name, each with memory of its own, as the bias of BERT's head has not.

    Of those that share some, transformers would write one alone.
    """
    seen: set[int] = set()
    separate = {}
    for name, value in state.items():
        separate[name] = value.clone() if value.data_ptr() in seen else value
        seen.add(value.data_ptr())
    return separate


def _without_peft(name: str) -> str:
    """Return the name that a weight has in the base; peft inserts `base_layer` where it adapts one."""
    return name.replace(".base_layer.", ".")
