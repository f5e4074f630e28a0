"""The door to lm-evaluation-harness, an optional part of the installation: imported late, kept quiet.

Its modules take seconds to import, and it prints bars, warnings and advice.
"""

from __future__ import annotations

import importlib.metadata
import importlib.util
import io
import logging
import os
import random
import sys
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, nullcontext, redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

INSTALL = "`pip install -e '.[harness]'` brings it"
SEED = 1234  # the harness's own, of examples and of everything that is drawn
# The library `evaluate` would otherwise fetch code from the Hub, where the code of a task calls it.
ENVIRONMENT = {"HF_EVALUATE_OFFLINE": "1"}


def is_installed() -> bool:
    """Return whether lm-evaluation-harness can be imported; it is not imported for that."""
    return importlib.util.find_spec("lm_eval") is not None


def version() -> str:
    """Return the version of the installed lm-evaluation-harness."""
    return importlib.metadata.version("lm_eval")


def tasks_folder() -> Path:
    """Return the folder of the tasks that come with the harness, without importing it."""
    spec = importlib.util.find_spec("lm_eval")
    assert spec is not None
    assert spec.origin is not None
    return Path(spec.origin).parent / "tasks"


@contextmanager
def quiet() -> Iterator[None]:
    """Return a context in which nothing is printed, and the harness logs errors alone."""
    for name, value in ENVIRONMENT.items():
        os.environ.setdefault(name, value)
    logging.getLogger("lm_eval").setLevel(logging.ERROR)
    with (
        redirect_stdout(io.StringIO()),
        redirect_stderr(io.StringIO()),
        warnings.catch_warnings(action="ignore"),
    ):
        yield


@contextmanager
def seeded() -> Iterator[None]:
    """Return a context with the harness's own seeds; afterwards all random states are as before.

    torch has one if it is imported already: reading a task needs no torch.
    """
    import numpy as np

    torch = sys.modules.get("torch")
    python_state, numpy_state = random.getstate(), np.random.get_state()
    with torch.random.fork_rng() if torch else nullcontext():
        random.seed(0)
        np.random.seed(SEED)
        if torch:
            torch.manual_seed(SEED)
        try:
            yield
        finally:
            random.setstate(python_state)
            np.random.set_state(numpy_state)


def tasks_below(folder: Path) -> dict[str, Any]:
    """Return the harness's entry of each task, group and tag in the YAML files of a folder."""
    with quiet():
        from lm_eval.tasks import TaskManager

        return dict(TaskManager(include_path=folder, include_defaults=False).task_index)


def read_yaml(path: Path) -> dict[str, Any]:
    """Return the YAML of a task with all that it includes; a function is the path of its code.

    No code is run.
    """
    with quiet():
        from lm_eval.tasks._yaml_loader import load_yaml

        tree: dict[str, Any] = load_yaml(path, resolve_func=False)
    return tree


def build_task(name: str, path: Path, overrides: dict[str, Any]) -> Any:
    """Return the task of a YAML file, with its data. Code that the YAML names is run.

    overrides: values in place of those of the file.
    """
    with quiet():
        from lm_eval.tasks._factory import TaskFactory
        from lm_eval.tasks._index import Entry, Kind

        entry = Entry(name, Kind.TASK, path)
        return TaskFactory().build(entry, overrides={"task": name} | overrides, registry={})


def default_metrics(output_type: str) -> list[str]:
    """Return the names of the metrics of a task that lists none."""
    with quiet():
        import lm_eval.api.metrics  # noqa: F401 (fills the registry)
        from lm_eval.api.registry import DEFAULT_METRIC_REGISTRY

    return list(DEFAULT_METRIC_REGISTRY[output_type])


def higher_is_better(metric: str) -> bool | None:
    """Return the harness's own direction of a metric; None if it does not know the metric."""
    with quiet():
        import lm_eval.api.metrics  # noqa: F401
        from lm_eval.api.registry import is_higher_better

        higher: bool | None = is_higher_better(metric)
    return higher


def known_metrics() -> list[str]:
    """Return the names of the metrics that the harness computes itself."""
    with quiet():
        import lm_eval.api.metrics  # noqa: F401
        from lm_eval.api.registry import metric_registry

        return list(metric_registry)


def num_written(generation_kwargs: Mapping[str, Any]) -> int:
    """Return how many tokens these settings let a model write, as the harness reads them."""
    with quiet():
        from lm_eval.models.utils import normalize_gen_kwargs

    return int(normalize_gen_kwargs(dict(generation_kwargs))["max_gen_toks"])


def aggregations() -> dict[str, Any]:
    """Return the harness's functions that aggregate results and that we tell apart, by their names."""
    with quiet():
        from lm_eval.api import metrics

    names = ("mean", "perplexity", "weighted_perplexity", "bits_per_byte", "f1_score")
    return {name: getattr(metrics, name) for name in names}
