"""What a GPU does to trials: whether they repeat, what they cost, whether evaluation agrees with the CPU.

    python -m tests.gpu --out DIR               (some minutes on one GPU; a small form without one)

It needs what `trainables` needs, and no network: the models are random, of the shapes of SmolLM2-135M and
Llama-3.2-1B, and the miniature ones. Prints one table and writes it as DIR/gpu.json; ends with 1 if a
check failed. The laws of the plugins on a GPU are `python -m pytest tests/trainables`.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median
from typing import Any

import torch
from rich.console import Console
from rich.table import Table

from trainables.config import TrialConfig
from trainables.determinism import only_repeatable_kernels
from trainables.models import miniature
from trainables.models.loading import load
from trainables.training.engine import Engine
from trainables.training.loss import loss
from trainables.training.stream import Stream
from trainables.trial import run_trial

IS_GPU = torch.cuda.is_available()
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

Row = tuple[str, bool | None, str]


def synchronise() -> None:
    """Wait for the GPU."""
    if IS_GPU:
        torch.cuda.synchronize()


def trial(name: str, dtype: str, **changes: Any) -> TrialConfig:
    """Return a small trial of a miniature model with most kinds of loss."""
    tree = {
        "model": {"path": name, "family": miniature.MODELS[name]},
        "alignment": {"data": "miniature", "size": 64},
        "objective": {"name": "likelihood_gap", "weight": 10.0},
        "regulariser": {"name": "kl_to_base", "data": "miniature", "texts": 4},
        "replay": {"data": "miniature", "ratio": 0.25},
        "train": {"lr": 1e-3, "steps": 6, "batch_size": 8, "dtype": dtype, "report_every": 3},
        "evaluators": [
            {"name": "stereoset", "data": "miniature"},
            {"name": "perplexity", "data": "miniature", "limit": 40},
            {"name": "kl", "data": "miniature", "limit": 40},
            {"name": "multiple_choice", "task": "miniature_facts"},
        ],
    }
    return TrialConfig.model_validate(tree | changes)


def metrics_of(config: TrialConfig, **more: Any) -> list[dict[str, float]]:
    """Return the metrics of each report of a trial."""
    return [report.metrics for report in run_trial(config, **more)]


def repeats() -> Iterator[Row]:
    """Yield whether a trial run twice, and one that was resumed, give the same numbers to the last bit."""
    for name in miniature.MODELS:
        for dtype in ("fp32", "bf16"):
            config = trial(name, dtype)
            first = metrics_of(config)
            yield f"{name} {dtype}: repeats bit for bit", metrics_of(config) == first, ""
            with tempfile.TemporaryDirectory() as folder:
                reports = run_trial(config)
                next(reports)
                next(reports).save_state(Path(folder))
                reports.close()
                resumed = metrics_of(config, resume_from=Path(folder))
            yield f"{name} {dtype}: resumed = not stopped", resumed == first[2:], ""


def base_metrics() -> dict[str, dict[str, float]]:
    """Return the metrics at the base weights of both miniature models, in fp32."""
    return {name: next(run_trial(trial(name, "fp32"))).metrics for name in miniature.MODELS}


def evaluation() -> Iterator[Row]:
    """Yield how far the metrics of the base models are from those on the CPU."""
    command = [sys.executable, "-m", "tests.gpu", "--base-metrics"]
    environment = os.environ | {"CUDA_VISIBLE_DEVICES": ""}
    process = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    on_cpu = json.loads(process.stdout.splitlines()[-1])
    for name, metrics in base_metrics().items():
        gaps = {
            key: abs(value - on_cpu[name][key]) / max(1, abs(on_cpu[name][key]))
            for key, value in metrics.items()
            if not key.startswith(("se/", "df/"))
        }
        worst = max(gaps, key=lambda key: gaps[key])
        text = f"{len(gaps)} metrics, farthest {worst}: {gaps[worst]:.1e}"
        yield f"{name}: metrics as on the CPU", gaps[worst] < 1e-4, text


def memory() -> Iterator[Row]:
    """Yield the GPU's memory after each of 20 trials in one process."""
    config = trial("miniature-llama", "bf16")
    held = []
    for _ in range(20 if IS_GPU else 2):
        metrics_of(config)
        gc.collect()
        held.append(torch.cuda.memory_allocated() / 1e6 if IS_GPU else 0.0)
    text = f"{held[1]:.1f} MB after 2, {held[-1]:.1f} after {len(held)}"
    yield "memory after many trials stays", held[-1] <= held[1] * 1.01, text


def build(shape: dict[str, Any], folder: Path) -> Path:
    """Write a random Llama of a shape, with the tokenizer of the miniature; return the folder."""
    from transformers import LlamaConfig, LlamaForCausalLM

    shutil.copytree(miniature.folder("miniature-llama"), folder)
    ids = json.loads((folder / "config.json").read_text())
    special = {key: ids.get(key) for key in ("bos_token_id", "eos_token_id", "pad_token_id")}
    torch.manual_seed(0)
    with torch.device("cuda" if IS_GPU else "cpu"):
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
    torch.use_deterministic_algorithms(repeatable and IS_GPU, warn_only=True)
    model.reset(config.train.dtype)
    stream, times = Stream(config, model), []
    with Engine(model, config.train) as engine:
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
    a = torch.randn(size, size, dtype=torch.bfloat16, device="cuda" if IS_GPU else "cpu")
    times = []
    for _ in range(8):
        synchronise()
        began = time.perf_counter()
        a @ a
        synchronise()
        times.append(time.perf_counter() - began)
    return 2 * size**3 / median(times) / 1e12


def speed(shapes: dict[str, dict[str, Any]], tokens: list[int]) -> Iterator[Row]:
    """Yield the time of a training step in bf16, and the Trainer's, at several tokens a step."""
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
                        load.__globals__["_load"].cache_clear()
                        gc.collect()
                        theirs = median(trainer_steps(path, texts, WARM_UP + STEPS))
                        gc.collect()
                        text += f", {share:.0%} of the peak; Trainer {theirs * 1e3:.0f} ms"
                    yield f"{name}, {num_tokens} tokens, {objective}", None, text
            load.__globals__["_load"].cache_clear()
            gc.collect()


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for gpu.json")
    parser.add_argument("--base-metrics", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.base_metrics:
        print(json.dumps(base_metrics()))
        return
    small = {"tiny": {"vocab_size": 512, "hidden_size": 64, "intermediate_size": 64,
             "num_hidden_layers": 2, "num_attention_heads": 2}}  # fmt: skip
    shapes, tokens = (SHAPES, [512, 2048, 8192]) if IS_GPU else (small, [512])
    device = torch.cuda.get_device_name() if IS_GPU else "CPU"
    table = Table(title=f"{device}, torch {torch.__version__}", title_justify="left")
    for heading in ("check", "", "figure"):
        table.add_column(heading)
    rows: list[Row] = []
    checks: list[Callable[[], Iterator[Row]]] = [
        repeats, evaluation, memory, lambda: speed(shapes, tokens)
    ]  # fmt: skip
    for check in checks:
        try:
            for row in check():
                rows.append(row)
                print(*row, flush=True)
        except Exception as error:  # the other checks are run, too: the device is there for minutes
            rows.append((check.__name__, False, f"{type(error).__name__}: {error}"[:300]))
            print(*rows[-1], flush=True)
    for name, passed, text in rows:
        table.add_row(name, {True: "pass", False: "FAIL", None: ""}[passed], text)
    options.out.mkdir(parents=True, exist_ok=True)
    lines = [dict(zip(("check", "passed", "figure"), row, strict=True)) for row in rows]
    (options.out / "gpu.json").write_text(json.dumps({"device": device, "rows": lines}, indent=1))
    Console(width=120).print(table)
    sys.exit(any(passed is False for _, passed, _ in rows))


if __name__ == "__main__":
    main()
