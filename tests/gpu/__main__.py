"""Check trials on a GPU, and measure what they cost.

    python -m tests.gpu --out DIR               (some minutes on one GPU; a small form without one)

It needs what `trainables` needs and pytest, and no network: the models are random, of the shapes of
SmolLM2-135M and Llama-3.2-1B, and the miniature ones. Prints one table and writes it as DIR/gpu.json
after each check; ends with 1 if one failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from tests.gpu import IS_GPU, Row, laws, sharding, speed, trials

# The cheapest first: the device is there for minutes.
CHECKS: tuple[Callable[[], Iterator[Row]], ...] = (
    trials.repeats,
    trials.evaluation,
    sharding.stages,
    sharding.two_processes,
    trials.side_by_side,
    trials.memory,
    speed.speed,
    laws.laws,
)


def main() -> None:
    """Run the checks, or with an option that is not shown one of their processes."""
    parser = argparse.ArgumentParser(
        prog="python -m tests.gpu", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--out", type=Path, default=Path("."), help="folder for gpu.json")
    names = [check.__name__ for check in CHECKS]
    parser.add_argument(
        "--only", nargs="+", choices=names, default=names, help="some of the checks"
    )
    parser.add_argument("--base-metrics", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--one-trial", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.base_metrics or options.one_trial:
        print(json.dumps(trials.base_metrics() if options.base_metrics else trials.one_trial()))
        return
    device = torch.cuda.get_device_name() if IS_GPU else "CPU"
    rows: list[Row] = []
    options.out.mkdir(parents=True, exist_ok=True)
    for check in CHECKS:
        if check.__name__ not in options.only:
            continue
        began = time.perf_counter()
        try:
            for row in check():
                rows.append(row)
                print(*row, flush=True)
        except Exception as error:  # the other checks are run, too
            rows.append((check.__name__, False, f"{type(error).__name__}: {error}"[:300]))
            print(*rows[-1], flush=True)
        rows.append((f"seconds of {check.__name__}", None, f"{time.perf_counter() - began:.0f}"))
        _write(options.out / "gpu.json", device, rows)
    table = Table(title=f"{device}, torch {torch.__version__}", title_justify="left")
    for heading in ("check", "", "figure"):
        table.add_column(heading)
    for name, passed, text in rows:
        table.add_row(name, {True: "pass", False: "FAIL", None: ""}[passed], text)
    Console(width=120).print(table)
    sys.exit(any(passed is False for _, passed, _ in rows))


def _write(file: Path, device: str, rows: list[Row]) -> None:
    """Write what has been found so far."""
    lines = [dict(zip(("check", "passed", "figure"), row, strict=True)) for row in rows]
    found = {"device": device, "torch": torch.__version__, "rows": lines}
    file.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
