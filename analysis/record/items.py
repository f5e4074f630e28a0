"""Read the results that were recorded item by item, of a candidate or of the base model."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from pandas.api.types import is_numeric_dtype

from analysis.record.mlflow_client import OtherContent, connect, download, has_artifact
from analysis.record.names import Artifact
from analysis.record.sweep import run_id_of
from trainables.metrics.names import fused_alphas, fused_name, is_fused, plain_name

if TYPE_CHECKING:
    from analysis.record.sweep import Candidate, Sweep

NUMBERS, NAMES = ("value", "outcome", "influence"), ("metric", "item", "cluster")  # columns


def read_items(sweep: Sweep, candidate: Candidate | None, /) -> pd.DataFrame:
    """Return a row for each metric and item that a candidate was measured on.

    Columns: metric, value, item, cluster, outcome, influence, df (see trainables/metrics/estimate.py);
    df is NaN where it is not known. Metrics have their plain names, whatever the α of the candidate.

    Args:
        candidate: the candidate; None stands for the base model.

    Raises:
        ValueError: the sweep has no such trial, no items of it, or no measurements at this α.
        OtherContent: the store gives something else than a sweep writes.
    """
    run_id = sweep.run_id if candidate is None else run_id_of(sweep, candidate.trial)
    client = connect(sweep.tracking_uri)
    model = "the base model" if candidate is None else f"trial {candidate}"
    if not has_artifact(client, run_id, Artifact.ITEMS):
        raise ValueError(
            f"sweep {sweep.name} has no items of {model}: only a model that was measured to its end "
            f"has them, once the store has taken them (`sweep status {sweep.name}`)."
        )
    with tempfile.TemporaryDirectory() as folder:
        rows = _rows(download(client, run_id, Artifact.ITEMS, folder))
    if rows is None:
        place = f"{Artifact.ITEMS} of {model} of sweep {sweep.name}"
        raise OtherContent(place, sweep.tracking_uri)
    if "df" not in rows:
        rows = _corrected(rows)
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


def _rows(path: Path) -> pd.DataFrame | None:
    """Return the rows of a file of items; None if it is none that a sweep writes."""
    try:
        rows = pd.read_parquet(path)
    except (ValueError, OSError):  # of pyarrow
        return None
    if not {*NUMBERS, *NAMES} <= {*rows}:
        return None
    are_numbers = all(is_numeric_dtype(rows[name]) for name in {*NUMBERS, "df"} & {*rows})
    return rows if are_numbers and all(isinstance(name, str) for name in rows["metric"]) else None


def _corrected(rows: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of a file of an early release as they are written now.

    Its influences have no correction for few clusters. They get √(C / (C − 1)) for C clusters, which is
    right for clusters of equal weight, and the degrees of freedom are C − 1.
    """
    labels = rows["cluster"].fillna(rows["item"])
    num_clusters = labels.groupby(rows["metric"]).transform("nunique").to_numpy(float)
    df = np.where(num_clusters > 0, num_clusters - 1, np.nan)
    factor = np.sqrt(num_clusters / np.maximum(df, 1))
    return rows.assign(influence=rows["influence"] * factor, df=df)
