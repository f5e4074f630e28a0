"""The candidates so far of a sweep that runs, from what its trials have reported.

analysis/record/sweep.py says the same of a record; a test of progress.py compares the two.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from statistics import mean
from typing import TYPE_CHECKING, Any, NamedTuple

from sweep.trial_request import TrialRequest
from trainables.metrics.names import TRAINED, other_candidates

if TYPE_CHECKING:
    from sweep.config.spec import SweepSpec


class MeasuredModel(NamedTuple):
    """A model that a complete trial has measured: its own, or its weights at another α.

    recipe: equal for the models of one recipe at one α.
    seed:   of the trial, None if it is not known; the same seed again gives the same model.
    values: of the metrics that are goals or constrained, in the order of `names_of`.
    """

    recipe: str
    seed: int | None
    values: tuple[float, ...]


def recipe_at(fingerprint: str, alpha: float | None) -> str:
    """Return the text by which models of one recipe at one α are found; None is a trial's own model."""
    return fingerprint if alpha is None else f"{fingerprint}@{alpha:g}"


def measured_by(
    request: TrialRequest, metrics: Mapping[str, Any], names: Sequence[str]
) -> Iterator[MeasuredModel]:
    """Yield the models of a complete trial.

    Args:
        request: the trial.
        metrics: those of its last report.
        names: of the metrics that are goals or constrained.
    """
    fingerprint, seed = request.recipe or str(request.number), request.trial.get("seed", 0)
    own = request.trial.get("fusion", {}).get("alpha", TRAINED)
    by_alpha: dict[float | None, Mapping[str, Any]] = {None: metrics}
    by_alpha.update(other_candidates(metrics, own).items())
    for alpha, values in by_alpha.items():
        recipe = recipe_at(fingerprint, alpha)
        yield MeasuredModel(recipe, seed, tuple(float(values[name]) for name in names))


def names_of(spec: SweepSpec) -> list[str]:
    """Return the names of the metrics that are goals or constrained."""
    return list(dict.fromkeys([*spec.goals, *spec.constraints]))


def candidates(
    spec: SweepSpec, models: Iterable[MeasuredModel], base: Mapping[str, float]
) -> list[Mapping[str, float]]:
    """Return the candidates that keep the constraints, each as name -> value.

    A recipe is the mean over its models, one for each seed. The base model is one of the candidates if
    it was measured.

    base: metrics of the base model by name; it may be empty.
    """
    names = names_of(spec)
    by_recipe: dict[str, dict[int | None, tuple[float, ...]]] = {}
    for model in models:
        by_recipe.setdefault(model.recipe, {}).setdefault(model.seed, model.values)
    rows: list[Mapping[str, float]] = [
        dict(zip(names, map(mean, zip(*by_seed.values(), strict=True)), strict=True))
        for by_seed in by_recipe.values()
    ]
    if all(name in base for name in names):
        rows.append({name: base[name] for name in names})
    return [row for row in rows if spec.allows(row)]
