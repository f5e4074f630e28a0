"""What a model must do to be measured and trained, tried on a few texts.

B = texts, T = tokens, V = vocabulary, N = predicted tokens.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from trainables.data.queries import Query
from trainables.models.architecture import (
    Architecture,
    Unfit,
    describe,
    differ,
    padding_id,
    probe_ids,
)
from trainables.models.batch import padded
from trainables.models.forward import Output, predict

if TYPE_CHECKING:
    from trainables.data.tokenizer import Family
    from trainables.models.fitness.tested import Ability

# Tokens of the texts that are read; hardly a window or stride of an architecture divides them.
LENGTHS = (3, 7, 65)
NUM_KEPT = 39  # tokens after which another text goes on differently: in the midst of any window


class CannotRun(ValueError):
    """A forward or a backward of a model has failed."""


def refuse_unfit(module: Any, family: Family) -> None:
    """Refuse a model that cannot be measured, or that would be measured wrongly.

    It must read texts of any length, alone and beside others, with the same predictions each time and
    in either case. A causal one must not see what follows.

    The model and the random state are left as they are.

    Raises:
        CannotRun: a forward fails.
        Unfit: another of these does not hold. The message names the architecture.
    """
    with _as_it_was(module):
        _try(module.eval(), family)


def abilities(module: Any, family: Family) -> list[Ability]:
    """Return what a model can do beside reading texts, tried on a few.

    What must hold for all models is tried first, with the gradient of a loss. The weights are rounded
    to bf16 in the end.

    Raises:
        CannotRun: a forward or a backward fails.
        Unfit: as refuse_unfit, or a loss has no finite gradient.
    """
    able: list[Ability] = []
    with _as_it_was(module):
        architecture, texts, output = _try(module.eval(), family)
        shapes = {tuple(layer.shape) for layer in output.hidden}
        is_of_tokens = {shape[:-1] for shape in shapes} == {(len(texts), len(texts[-1]))}
        num_layers = architecture.structure.num_blocks + 1
        if is_of_tokens and len(shapes) == 1 and len(output.hidden) == num_layers:
            able.append("layers")
        _refuse_no_gradient(module.train(), texts)
    for weight in module.parameters():
        weight.data = weight.data.to(torch.bfloat16)
    with suppress(CannotRun, Unfit), _as_it_was(module):
        _refuse_no_gradient(module.train(), texts[:-1])  # bf16 is slow on a CPU
        able.append("bf16")
    return able


@contextmanager
def _as_it_was(module: Any) -> Iterator[None]:
    """Return a context after which mode and random state are as before, and gradients cleared.

    Raises:
        CannotRun: whatever fails in it.
    """
    was_training = module.training
    device = next(module.parameters()).device
    with torch.random.fork_rng([device] if device.type == "cuda" else []):
        try:
            yield
        except Unfit:
            raise
        except Exception as error:  # its class depends on what the architecture stumbles over
            reason = " ".join(str(error).split()) or type(error).__name__
            raise CannotRun(
                f"a model must read texts of any length, alone and beside others, but this "
                f"{type(module).__name__} fails at texts of {' to '.join(map(str, LENGTHS[::2]))} "
                f"tokens ({reason[:200]}): give another model."
            ) from error
        finally:
            module.zero_grad(set_to_none=True)
            module.train(was_training)


@torch.no_grad()
def _try(module: Any, family: Family) -> tuple[Architecture, list[list[int]], Output]:
    """Return the architecture, texts that it reads, and its output for all of them.

    Raises:
        Unfit: predictions are not what they are taken for.
    """
    architecture = describe(module, family)
    texts = _texts(module, architecture.num_positions)
    short, middle, long = texts
    alone = [_logits(module, [text])[0] for text in texts]
    if differ(alone[-1], _logits(module, [long])[0]):
        raise _unfit(module, "predict the same for a text each time", "differ from time to time")
    for text, logits_TV, beside_TV in zip(texts, alone, _logits(module, texts), strict=True):
        if differ(logits_TV, beside_TV[: len(text)]):
            must = "read a text alone as it does beside others"
            raise _unfit(module, must, "depend on the padding after the text")
    kept = min(NUM_KEPT, len(long) - 2)
    other = [*long[:kept], *long[kept:][::-1]]
    if family == "causal" and differ(alone[-1][:kept], _logits(module, [other])[0][:kept]):
        raise _unfit(module, "predict a token from those before it", "depend on what follows")
    places_N = torch.tensor([len(short) - 1, len(long) + len(middle) - 1])
    output = predict(module, places_N, _inputs(module, texts), hidden=True)
    if differ(torch.stack([alone[0][-1], alone[1][-1]]), output.logits_NV.float()):
        raise _unfit(module, "predict at each place alone", "depend on which places are predicted")
    return architecture, texts, output


def _refuse_no_gradient(module: Any, texts: Sequence[list[int]]) -> None:
    """Raise Unfit if losses of the logits have no finite gradient, or one of zeros."""
    for batch in (texts[:-1], texts):  # one of them shorter
        logits_BTV = _logits(module, batch)
        rows = [logits_TV[: len(text)] for text, logits_TV in zip(batch, logits_BTV, strict=True)]
        targets = torch.tensor([token for text in batch for token in text])
        loss = nn.functional.cross_entropy(torch.cat(rows), targets.to(logits_BTV.device))
        torch.autograd.backward(loss)
    gradients = [weight.grad for weight in module.parameters() if weight.grad is not None]
    is_finite = all(bool(gradient.isfinite().all()) for gradient in gradients)
    if not is_finite or not any(bool(gradient.any()) for gradient in gradients):
        raise Unfit(
            f"a model must have a finite gradient of its loss, but this {type(module).__name__} has "
            f"none: give another model."
        )


def _texts(module: Any, num_positions: int) -> list[list[int]]:
    """Return token ids of a text of each of LENGTHS, cut to the positions of a model."""
    lengths = [min(length, num_positions) for length in LENGTHS]
    ids = probe_ids(module, lengths[-1])
    return [ids[length // 2 :][:length] if length < lengths[-1] else ids for length in lengths]


def _inputs(module: Any, texts: Sequence[list[int]]) -> dict[str, Tensor]:
    """Return token ids and attention mask of texts, padded on the right."""
    device = next(module.parameters()).device
    return padded([Query(text, {}) for text in texts], padding_id(module), device).inputs


def _logits(module: Any, texts: Sequence[list[int]]) -> Tensor:
    """Return logits_BTV of a model for texts, in fp32."""
    logits: Tensor = module(**_inputs(module, texts), use_cache=False).logits
    return logits.float()


def _unfit(module: Any, must: str, does: str) -> Unfit:
    """Return the error for a model whose predictions are not as they must be."""
    return Unfit(
        f"a model must {must}, but the predictions of this {type(module).__name__} {does}: give "
        f"another model."
    )
