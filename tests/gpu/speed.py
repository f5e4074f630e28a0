"""What a training step costs on this device, beside transformers' Trainer."""

from __future__ import annotations

import gc
import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import Any

import torch

from tests.gpu import DEVICE, IS_GPU, Row, synchronise
from trainables.config import TrialConfig
from trainables.determinism import only_repeatable_kernels
from trainables.models import loading, miniature
from trainables.models.loading import load
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.stream import Stream

SHAPES: dict[str, dict[str, Any]] = {
    "135M": {
        "vocab_size": 49152, "hidden_size": 576, "intermediate_size": 1536, "num_hidden_layers": 30,
        "num_attention_heads": 9, "num_key_value_heads": 3,
    },
    "1B": {
        "vocab_size": 128256, "hidden_size": 2048, "intermediate_size": 8192, "num_hidden_layers": 16,
        "num_attention_heads": 32, "num_key_value_heads": 8,
    },
}  # fmt: skip
LENGTH = 64  # tokens of a text
WARM_UP, STEPS = 3, 8
TINY = {
    "tiny": {
        "vocab_size": 512, "hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2,
        "num_attention_heads": 2,
    }
}  # fmt: skip


def build(shape: dict[str, Any], folder: Path) -> Path:
    """Write a random Llama of a shape, with the tokenizer of the miniature; return the folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shutil.copytree(miniature.folder("miniature-llama"), folder)
    ids = json.loads((folder / "config.json").read_text())
    special = {key: ids.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    torch.manual_seed(0)
    with torch.device(DEVICE):
        model = LlamaForCausalLM(
            LlamaConfig(**shape, **special, max_position_embeddings=2048, tie_word_embeddings=True)
        )
    model.bfloat16().save_pretrained(folder)
    return folder


def pairs_file(folder: Path) -> Path:
    """Write pairs of texts of more than LENGTH words; return the file."""
    words = "the nurse said that she was tired and the wolf eats deer".split()
    file = folder / "pairs.jsonl"
    with file.open("w") as lines:
        for n in range(4000):
            text = " ".join([*words[n % 7 :], *words * 8][: LENGTH + 8])
            twin = text.replace(" she ", " he ")
            lines.write(json.dumps({"stereotype": text, "antistereotype": twin}) + "\n")
    return file


def our_steps(config: TrialConfig, steps: int, repeatable: bool = True) -> list[float]:
    """Return the seconds of each step of a trial's training.

    repeatable: with kernels that give the same numbers each time, as in a trial.
    """
    model = load(config.model.path, config.model.family)
    model.reset(config.train.dtype)
    stream, times = Stream(config, model), []
    with _repeatable(repeatable and IS_GPU), Engine(model, config.train) as engine:
        for step in range(steps):
            synchronise()
            began = time.perf_counter()
            model.module.train()
            for batch in stream.micro_batches(step):
                with only_repeatable_kernels(repeatable and model.takes_repeatable_kernels):
                    engine.backward(loss(config, model, batch).total)
            synchronise()
            times.append(time.perf_counter() - began)
    return times[WARM_UP:]


@contextmanager
def _repeatable(is_on: bool) -> Iterator[None]:
    """Within the block, have PyTorch use kernels that give the same numbers each time, or any."""
    before = torch.are_deterministic_algorithms_enabled()
    torch.use_deterministic_algorithms(is_on, warn_only=True)
    try:
        yield
    finally:
        torch.use_deterministic_algorithms(before, warn_only=True)


def trainer_steps(path: Path, texts: int, steps: int) -> list[float]:
    """Return the seconds of each step of transformers' Trainer in bf16, on as many tokens."""
    from transformers import AutoModelForCausalLM, Trainer, TrainerCallback, TrainingArguments

    times: list[float] = []

    class Clock(TrainerCallback):  # type: ignore[misc]
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            synchronise()
            self.began = time.perf_counter()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            synchronise()
            times.append(time.perf_counter() - self.began)

    module = AutoModelForCausalLM.from_pretrained(path, dtype=torch.float32)
    ids = torch.arange(LENGTH) % 30 + 5
    data = [{"input_ids": ids, "labels": ids}] * (texts * steps)
    with tempfile.TemporaryDirectory() as folder:
        arguments = TrainingArguments(
            folder, per_device_train_batch_size=texts, max_steps=steps, bf16=IS_GPU, report_to=[],
            save_strategy="no", logging_strategy="no", optim="adamw_torch_fused", disable_tqdm=True,
            lr_scheduler_type="constant", use_cpu=not IS_GPU,
        )  # fmt: skip
        Trainer(module, arguments, train_dataset=data, callbacks=[Clock()]).train()
    return times[WARM_UP:]


def peak() -> float:
    """Return the measured TFLOP/s of a product of bf16 matrices."""
    size = 8192 if IS_GPU else 512
    a = torch.randn(size, size, dtype=torch.bfloat16, device=DEVICE)
    times = []
    for _ in range(8):
        synchronise()
        began = time.perf_counter()
        a @ a
        synchronise()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / median(times) / 1e12


def speed() -> Iterator[Row]:
    """Yield the time of a training step in bf16, and the Trainer's, at several tokens a step."""
    shapes, tokens = (SHAPES, (512, 2048, 8192)) if IS_GPU else (TINY, (512,))
    measured_peak = peak()
    yield "peak of a bf16 product", None, f"{measured_peak:.0f} TFLOP/s"
    for name, shape in shapes.items():
        with tempfile.TemporaryDirectory() as folder:
            path = build(shape, Path(folder) / name)
            pairs = pairs_file(Path(folder))
            for num_tokens in tokens:
                texts = num_tokens // LENGTH
                for objective in ("none", "likelihood_gap"):
                    config = TrialConfig.model_validate(
                        {
                            "model": {"path": str(path), "family": "causal"},
                            "alignment": {"data": str(pairs), "size": 1000},
                            "objective": objective,
                            "train": {
                                "lr": 1e-5, "steps": WARM_UP + STEPS, "batch_size": texts,
                                "max_tokens": LENGTH, "dtype": "bf16",
                            },
                            "evaluators": ["weights"],
                        }
                    )  # fmt: skip
                    if IS_GPU:
                        torch.cuda.reset_peak_memory_stats()
                    ours = median(our_steps(config, WARM_UP + STEPS))
                    gb = torch.cuda.max_memory_allocated() / 1e9 if IS_GPU else 0.0
                    text = f"{ours * 1e3:.0f} ms, {num_tokens / ours:,.0f} tokens/s, {gb:.1f} GB"
                    free = median(our_steps(config, WARM_UP + STEPS, repeatable=False))
                    text += f", {ours / free:.2f} × kernels that do not repeat"
                    if objective == "none":
                        num_weights = sum(
                            w.numel() for w in load(str(path), "causal").module.parameters()
                        )
                        share = 6 * num_weights * num_tokens / ours / 1e12 / measured_peak
                        loading._load.cache_clear()
                        gc.collect()
                        theirs = median(trainer_steps(path, texts, WARM_UP + STEPS))
                        gc.collect()
                        text += f", {share:.0%} of the peak; Trainer {theirs * 1e3:.0f} ms"
                    yield f"{name}, {num_tokens} tokens, {objective}", None, text
            loading._load.cache_clear()
            gc.collect()
