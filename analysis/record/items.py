"""What was measured item by item, of one candidate or of the base model."""

from __future__ import annotations

import tempfile
from typing import TYPE_CHECKING

import pandas as pd

from analysis.record.mlflow_client import connect
from analysis.record.names import Artifact
from analysis.record.sweep import run_id_of
from trainables.metrics.names import fused_alphas, fused_name, is_fused, plain_name

if TYPE_CHECKING:
    from analysis.record.sweep import Candidate, Sweep


def items(sweep: Sweep, candidate: Candidate | None, /) -> pd.DataFrame:
    """Return a row for each item that a candidate, or (None) the base model, was measured on.

    Columns: metric, value, item, cluster, outcome, influence (see trainables/metrics/estimate.py).
    Metrics have their plain names, whatever the α.

    Raises:
        ValueError: the trial is none of this sweep's, has kept no items, or was not measured at this α.
    """
    run_id = sweep.run_id if candidate is None else run_id_of(sweep, candidate.trial)
    client = connect(sweep.tracking_uri)
    if not any(entry.path == Artifact.ITEMS for entry in client.list_artifacts(run_id)):
        who = "the base model" if candidate is None else f"trial {candidate}"
        raise ValueError(
            f"sweep {sweep.name} has no items of {who}: only what was measured to its end has them."
        )
    with tempfile.TemporaryDirectory() as folder:
        kept = pd.read_parquet(client.download_artifacts(run_id, Artifact.ITEMS, folder))
    names = [str(name) for name in kept["metric"].unique()]
    if candidate is None or candidate.alpha is None:
        return kept[~kept["metric"].isin([name for name in names if is_fused(name)])]
    plain = {name: plain_name(name) for name in names}
    at_alpha = [name for name in names if name == fused_name(plain[name], candidate.alpha)]
    there = kept[kept["metric"].isin(at_alpha)]
    if there.empty:
        alphas = ", ".join(f"{alpha:g}" for alpha in fused_alphas(names))
        raise ValueError(
            f"sweep {sweep.name} has no items of {candidate}: beside its own α, trial "
            f"{candidate.trial} was measured at {alphas or 'none'}."
        )
    return there.assign(metric=there["metric"].map(plain).astype(kept["metric"].dtype))
