"""Seconds of a call, and of the parts of a model in it."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable
from typing import Any

import torch


def timed(call: Callable[[], Any]) -> tuple[float, Any]:
    """Call a function; return the seconds that it took, and its result."""
    began = time.perf_counter()
    result = call()
    return time.perf_counter() - began, result


def where_time_goes(model: torch.nn.Module, run: Callable[[], Any]) -> dict[str, float]:
    """Return the tokens that the model reads in a run, padding included, and the seconds of each part."""
    parts: dict[str, float] = defaultdict(float)
    began: dict[torch.nn.Module, float] = {}
    head: torch.nn.Module = model.get_output_embeddings()  # type: ignore[operator]

    def count(_: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        ids = args[0] if args else kwargs["input_ids"]
        parts["tokens"] += ids.numel()

    def timing(part: str, module: torch.nn.Module) -> list[Any]:
        def stop(module: torch.nn.Module, *_: Any) -> None:
            parts[part] += time.perf_counter() - began[module]

        start = module.register_forward_pre_hook(
            lambda module, _: began.__setitem__(module, time.perf_counter())
        )
        return [start, module.register_forward_hook(stop)]

    hooks = [model.register_forward_pre_hook(count, with_kwargs=True)]
    hooks += timing("model", model)
    for module in model.modules():
        if isinstance(module, torch.nn.Linear):
            hooks += timing("head" if module is head else "linear", module)
    parts["all"], _ = timed(run)
    for hook in hooks:
        hook.remove()
    parts["attention"] = parts["model"] - parts["linear"] - parts["head"]
    parts["outside"] = parts["all"] - parts["model"]
    return parts
