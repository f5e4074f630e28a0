"""What is usual for a type of device: the defaults of a plan, which are of few machines.

They say no more than the order of magnitude:

- a core of an AMD EPYC, in fp32 with PyTorch: SmolLM2-135M scores CrowS-Pairs at 80 GFLOP a second and
  core (docs/benchmarks.md); a step also reads and writes each trained weight, its gradient and moments;
- an H100: a step of SmolLM2-135M in bf16 takes 0.2 s, whatever it holds, as DeepSpeed waits for the GPU
  at each tensor.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """What is usual for a type of device.

    Attributes:
        read_flop_s: FLOP a second while measuring.
        train_flop_s: FLOP a second in a step.
        weight_s: seconds a step for each trained weight.
        tensor_s: seconds a step for each tensor of weights.
        evaluator_s: seconds of an evaluator beside its FLOP.
        start_s: seconds of the imports of a worker.
        load_s: seconds for each weight that is loaded.
        setup_s: seconds of a trial before its first step.
        factor: within which all of these are right.
    """

    read_flop_s: float
    train_flop_s: float
    weight_s: float
    tensor_s: float
    evaluator_s: float
    start_s: float
    load_s: float
    setup_s: float
    factor: float


CPU_CORE = Device(60e9, 45e9, 6e-9, 5e-4, 0.1, 12.0, 8e-9, 0.3, 3.0)
GPU_FP32 = Device(2e13, 1.5e13, 5e-11, 8e-4, 1.0, 20.0, 8e-9, 3.0, 4.0)
GPU_BF16 = Device(1.5e14, 1e14, 5e-11, 8e-4, 1.0, 20.0, 8e-9, 3.0, 4.0)
