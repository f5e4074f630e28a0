"""Read the results that were recorded item by item, of a candidate or of the base model."""

from __future__ import annotations

import logging
import math
import tempfile
from collections.abc import Mapping, Sequence
from functools import cached_property, lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from analysis.record.mlflow_client import OtherContent, connect, download
from analysis.record.names import Artifact
from analysis.record.replicates import FEW_SEEDS, OfItems, of_items
from analysis.record.sweep import run_id_of
from trainables.metrics.estimate import Estimate, Items
from trainables.metrics.items_table import DECISIONS, DESIGN_DF, read_table
from trainables.metrics.names import fused_alphas, fused_name, is_fused, plain_name
from trainables.schema.text.masking import masked

if TYPE_CHECKING:
    from analysis.record.candidate import Candidate
    from analysis.record.mlflow_client import Store
    from analysis.record.sweep import Sweep

log = logging.getLogger(__name__)

OF_ESTIMATES = {DESIGN_DF, DECISIONS}  # columns that files of early releases lack
MAX_RECIPES = 1024  # of which what their items say is kept in memory


def read_items(sweep: Sweep, candidate: Candidate | None, /) -> pd.DataFrame:
    """Return a row for each metric and item that a candidate was measured on.

    Columns: metric, value, item, cluster, outcome, influence, design_df, decisions (see
    trainables/metrics/estimate.py; no decisions are known in files of early releases). Metrics have
    their plain names, whatever the α of the candidate.

    Args:
        candidate: the candidate; None stands for the base model.

    Raises:
        ValueError: the sweep has no such trial, no items of it, or no measurements at this α.
        OtherContent: the store gives something else than a sweep writes.
    """
    if candidate is not None and candidate.step is not None:
        raise ValueError(
            f"sweep {sweep.name} has no items of {candidate}: they are kept of the end of a training "
            f"alone; compare trial {candidate.trial}, or run its YAML again (--out-dir)."
        )
    run_id = sweep.run_id if candidate is None else run_id_of(sweep, candidate.trial)
    model = "the base model" if candidate is None else f"trial {candidate}"
    try:
        rows = _rows_of_run(connect(sweep.tracking_uri), run_id)
    except _NotThere as error:
        raise ValueError(
            f"sweep {sweep.name} has no items of {model}: only a model that was measured to its end "
            f"has them, once the store has taken them (`sweep status {sweep.name}`)."
        ) from error
    if rows is None:
        place = f"{Artifact.ITEMS} of {model} of sweep {sweep.name}"
        raise OtherContent(place, sweep.tracking_uri)
    if "design_df" not in rows:
        rows = _corrected(rows)
    if "decisions" not in rows:
        rows = rows.assign(decisions=False)
    names = [str(name) for name in rows["metric"].unique()]
    if candidate is None or candidate.alpha is None:
        return rows[~rows["metric"].isin([name for name in names if is_fused(name)])]
    plain_names = {name: plain_name(name) for name in names}
    names_at_alpha = [
        name for name in names if name == fused_name(plain_names[name], candidate.alpha)
    ]
    rows_at_alpha = rows[rows["metric"].isin(names_at_alpha)]
    if rows_at_alpha.empty:
        alphas = ", ".join(f"{alpha:g}" for alpha in fused_alphas(names))
        raise ValueError(
            f"sweep {sweep.name} has no items of {candidate}: beside its own α, trial "
            f"{candidate.trial} was measured at {alphas or 'none'}."
        )
    metrics = rows_at_alpha["metric"].map(plain_names).astype(rows["metric"].dtype)
    return rows_at_alpha.assign(metric=metrics)


class _NotThere(Exception):
    """A run has no items, which may come later."""


class RecordedItems:
    """What the items of replicates say, as the store has them (`ItemsOf` in recipes.py).

    A front can do without: nothing is known where the store lacks items of a replicate, or those of an
    early release, or gives something else. A store that does not give artifacts here is not asked
    again, and a warning says what that means.
    """

    def __init__(self, tracking_uri: str) -> None:
        """Read nothing yet."""
        self._tracking_uri = tracking_uri
        self._gives_artifacts = True

    @cached_property
    def _store(self) -> Store:
        """The store, which must exist."""
        return connect(self._tracking_uri)

    def __call__(self, run_ids: Sequence[str]) -> Mapping[str, OfItems]:
        """Return by metric what the items of some runs say, on which all of them were measured."""
        if self._gives_artifacts:
            try:
                return _of_runs(self._store, tuple(run_ids))
            except _NotThere:
                return {}
            # Of MLflow, of the library of an artifact store, of one that is not installed.
            except Exception as error:
                self._gives_artifacts = False
                _warn(self._tracking_uri, type(error).__name__)
        return {}


@lru_cache
def _warn(tracking_uri: str, error: str) -> None:
    """Warn, once in a process, that a store does not give items. error: the name of its class."""
    log.warning(
        "%s does not give %s (%s): the errors of recipes with more than %s seeds are those that need "
        "no items, and may be wider than need be.",
        *(masked(tracking_uri), Artifact.ITEMS, error, FEW_SEEDS),
    )


@lru_cache(MAX_RECIPES)
def _of_runs(store: Store, run_ids: tuple[str, ...]) -> Mapping[str, OfItems]:
    """Return by metric what the items of some complete trials say, whose results do not change.

    Raises:
        _NotThere: a run has no items.
    """
    measured: list[dict[str, Estimate]] = []
    for run_id in run_ids:
        rows = _rows_of_run(store, run_id)
        if rows is None or not {*rows} >= OF_ESTIMATES:
            return {}
        measured.append(_estimates(rows))
    names = set.intersection(*(set(estimates) for estimates in measured))
    found = {name: of_items([estimates[name] for estimates in measured]) for name in names}
    return {name: one for name, one in found.items() if one is not None}


def _estimates(rows: pd.DataFrame) -> dict[str, Estimate]:
    """Return the estimates of a file by metric, without outcomes; exact ones are left out."""
    estimates = {}
    for name, own in rows.dropna(subset=["item", "influence"]).groupby("metric", sort=False):
        first = own.iloc[0]
        cluster = first["cluster"]
        clusters = () if pd.isna(cluster) else tuple(own["cluster"].tolist())
        items = Items(tuple(own["item"].tolist()), clusters)
        influences_I = own["influence"].to_numpy(float)
        estimates[str(name)] = Estimate(
            *(float(first["value"]), items, None, influences_I),
            design_df=float(first["design_df"]),
            is_of_decisions=bool(first["decisions"]),
        )
    return estimates


def _rows_of_run(store: Store, run_id: str) -> pd.DataFrame | None:
    """Return the rows of a run's items; None if the store gives something else.

    Raises:
        _NotThere: the run has none.
    """
    with tempfile.TemporaryDirectory() as folder:
        file = download(store, run_id, Artifact.ITEMS, folder)
        if file is None:
            raise _NotThere(run_id)
        return _rows(file)


def _rows(path: Path) -> pd.DataFrame | None:
    """Return the rows of a file of items; None if it is none that a sweep writes.

    The first releases wrote neither design_df nor decisions.
    """
    try:
        rows: pd.DataFrame = read_table(path).to_pandas()
    except ValueError:
        return None
    return rows.fillna({DESIGN_DF: math.inf})


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a file of an early release as they are written now.

    Its influences have no correction for few clusters. They get √(C / (C − 1)) for C clusters, which is
    right for clusters of equal weight, and the degrees of freedom are C − 1.
    """
    labels = rows["cluster"].fillna(rows["item"])
    num_clusters = labels.groupby(rows["metric"]).transform("nunique").to_numpy(float)
    df = np.where(num_clusters > 0, num_clusters - 1, np.inf)
    factor = np.sqrt(num_clusters / np.maximum(df, 1))
    return rows.assign(influence=rows["influence"] * factor, design_df=df)
