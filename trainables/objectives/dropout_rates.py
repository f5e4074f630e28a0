"""Set the rates of all dropout in a forward, by what is dropped and not by what a module is called.

Architectures ask for dropout by modules, by functions and by numbers in their configuration. All of it
ends in two functions of torch, whose rates are replaced here.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from torch import nn
from torch.nn.functional import dropout, scaled_dot_product_attention
from torch.overrides import TorchFunctionMode

from trainables.models.architecture import is_of_states

DROPOUT_ARGUMENT = 4  # place of dropout_p among the arguments of scaled_dot_product_attention


class DropoutRates(TorchFunctionMode):
    """While it is active, dropout has these rates: one for states, one for probabilities."""

    def __init__(self, hidden: float, attention: float) -> None:
        """Keep the rates, from 0 to below 1."""
        super().__init__()
        self._hidden = hidden
        self._attention = attention

    @contextmanager
    def in_training_of(self, module: nn.Module) -> Iterator[None]:
        """Return a context in which the rates hold in each forward of a module in training mode."""

        def begin(part: nn.Module, _: Any) -> None:
            if part.training:
                self.__enter__()  # type: ignore[no-untyped-call]

        def end(part: nn.Module, *_: Any) -> None:
            if part.training:
                self.__exit__(None, None, None)  # type: ignore[no-untyped-call]

        hooks = (
            module.register_forward_pre_hook(begin),
            module.register_forward_hook(end, always_call=True),
        )
        try:
            yield
        finally:
            for hook in hooks:
                hook.remove()

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Return what the function returns, with the rate of its dropout replaced."""
        kwargs = dict(kwargs or {})
        if func is dropout:
            kwargs["p"] = self._hidden if is_of_states(args[0]) else self._attention
            args = args[:1]
        elif func is scaled_dot_product_attention:
            if len(args) > DROPOUT_ARGUMENT:
                args = (*args[:DROPOUT_ARGUMENT], self._attention, *args[DROPOUT_ARGUMENT + 1 :])
            else:
                kwargs["dropout_p"] = self._attention
        return func(*args, **kwargs)
