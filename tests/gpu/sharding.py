"""Every ZeRO stage beside a plain loop of PyTorch, and several processes on one device."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from tests.gpu import IS_GPU, Row, trial
from trainables.config import TrialConfig
from trainables.models.loading import load
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.shards import gathered, module_to_cut
from trainables.training.stream import Stream

STEPS = 6


def plain_weights(config: TrialConfig) -> dict[str, torch.Tensor]:
    """Return the weights after a trial's training by a loop of PyTorch, in fp32."""
    model = load(config.model.path, config.model.family)
    model.reset("fp32")
    stream = Stream(config, model)
    optimiser = torch.optim.AdamW(model.module.parameters(), lr=config.train.lr, weight_decay=0.0)
    for step in range(config.train.steps):
        model.train(own_dropout=False)
        for batch in stream.micro_batches(step):
            torch.autograd.backward(loss(config, model, batch).total)
        torch.nn.utils.clip_grad_norm_(model.module.parameters(), config.train.clip)
        optimiser.step()
        optimiser.zero_grad()
    return {name: weight.detach().clone() for name, weight in model.module.named_parameters()}


def engine_weights(config: TrialConfig) -> dict[str, torch.Tensor]:
    """Return the weights after the same training by DeepSpeed."""
    model = load(config.model.path, config.model.family)
    model.reset("fp32")
    stream = Stream(config, model)
    with module_to_cut(model, config.train), Engine(model, config.train) as engine:
        for step in range(config.train.steps):
            model.train(own_dropout=False)
            for batch in stream.micro_batches(step):
                engine.backward(loss(config, model, batch).total)
        weights = {}
        for name, weight in model.module.named_parameters():
            if config.train.zero_stage < 3:
                weights[name] = weight.detach().clone()
            else:
                with gathered(weight) as value:
                    weights[name] = value.clone()
    return weights


def stages() -> Iterator[Row]:
    """Yield how far the weights of each ZeRO stage are from those of a plain loop."""
    settings = {"steps": STEPS, "schedule": "constant", "accumulation": 2}
    for name in ("miniature-llama", "miniature-bert"):
        expected = plain_weights(trial(name, "fp32", train=settings))
        for stage in (0, 1, 2, 3):
            for offload in ("none", "cpu") if stage else ("none",):
                changes = settings | {"zero_stage": stage, "offload": offload}
                weights = engine_weights(trial(name, "fp32", train=changes))
                # The gradient of this bias is 0 by the softmax: AdamW makes steps of rounding errors.
                gap = max(
                    float((weights[key] - value).abs().max())
                    for key, value in expected.items()
                    if not key.endswith("key.bias")
                )
                text = f"largest difference of a weight {gap:.1e}"
                what = f"{name}, ZeRO {stage}" + ", moments on the CPU" * (offload == "cpu")
                yield f"{what} = a plain loop", gap < 1e-4, text


def two_processes() -> Iterator[Row]:
    """Yield whether two processes on one device train as one, or are refused."""
    from tests.trainables.training.together import together

    tree = trial("miniature-llama", "fp32", train={"report_every": 6}).tree()
    with tempfile.TemporaryDirectory() as folder:
        (alone,) = together(Path(folder, "1"), 1, [_in_parts(tree, 2)])
        try:
            (pair,) = together(Path(folder, "2"), 2, [_in_parts(tree, 1)])
        except AssertionError as error:
            text = str(error).strip().splitlines()[-1][:200]
            refused = IS_GPU and torch.cuda.device_count() < 2 and "GPU" in str(error)
            yield "two processes on one device are refused", refused, text
            return
    gap = max(float((w - pair.weights[n]).abs().max()) for n, w in alone.weights.items())
    num_gpus = torch.cuda.device_count()
    where = "one GPU" if num_gpus == 1 else f"{num_gpus} GPUs" if num_gpus else "the CPU"
    yield f"two processes on {where} = one", gap < 1e-4, f"largest difference {gap:.1e}"


def _in_parts(tree: dict[str, Any], accumulation: int) -> dict[str, Any]:
    """Return the tree of a trial with another number of micro-batches a step and process."""
    return tree | {"train": tree["train"] | {"accumulation": accumulation}}
