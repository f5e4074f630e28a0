"""The most memory that a process of a trial has at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sweep.planning.interval import Interval
from trainables.evaluators.finetune import FineTune

if TYPE_CHECKING:
    from sweep.planning.work.shapes import ModelShape
    from sweep.planning.work.trial_work import TrialWork
    from trainables.config import TrialConfig

FP32 = 4  # bytes
MOMENTS = 2 * FP32  # of AdamW, for each trained weight
PROCESS = Interval(0.4e9, 0.7e9, 1.2e9)  # a worker's libraries in main memory, before the model
CONTEXT = Interval(0.4e9, 0.8e9, 1.5e9)  # of CUDA and its libraries, on a GPU
TOKENS_A_BATCH = 2048  # of an evaluation, as trainables/scoring/likelihood.py has it
ACTIVATIONS = 17  # numbers a token, layer and unit of width that a backward needs
LOGITS = 3  # numbers a token and word of the vocabulary: logits, their logarithms, the gradient
MEMORY_FACTOR = 1.4  # within which the peak beside the process is known


def peak_memory(
    trial: TrialConfig,
    work: TrialWork,
    shape: ModelShape,
    *,
    is_gpu: bool,
    num_processes: int = 1,
) -> Interval:
    """Return the most bytes that a process has at once, on the device that it computes on.

    They are the base in fp32, the trained model, gradients and moments, and the larger of what a
    micro-batch and what a batch of an evaluator needs. Of several processes of a trial each has a share
    of what ZeRO cuts up.
    """
    train, num, trained = trial.train, shape.num_weights, work.num_trained
    is_bf16 = train.dtype == "bf16"
    size = 2 if is_bf16 else FP32
    shares = [1 / num_processes if train.zero_stage >= stage else 1.0 for stage in (1, 2, 3)]
    state = (MOMENTS + FP32 * is_bf16) * trained * shares[0]
    weights = FP32 * num + size * (num * shares[2] + trained * shares[1])
    if not (is_gpu and train.offload == "cpu"):
        weights += state
    if is_bf16:
        weights += 2 * num * (trial.objective.uses_base or trial.regulariser.uses_base)
    tokens = work.step_tokens / (train.accumulation * num_processes)
    logits = LOGITS * FP32 * shape.vocabulary
    layers = ACTIVATIONS * size * shape.num_layers * shape.width
    measuring = 2 * TOKENS_A_BATCH * FP32 * shape.vocabulary
    if any(isinstance(each, FineTune) for each in trial.evaluators):
        measuring += (2 * FP32 + MOMENTS) * num
    if trial.fusion.also or trial.fusion.alpha < 1:
        measuring += FP32 * num
    whole = weights + max(tokens * (logits + layers), measuring)
    return Interval.around(whole, MEMORY_FACTOR * shape.factor) + (CONTEXT if is_gpu else PROCESS)
