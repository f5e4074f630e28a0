"""Estimates item by item, as a Parquet file."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trainables.metrics.estimate import NONE, Estimate, Items

COLUMNS = ("metric", "value", "item", "cluster", "outcome", "influence")  # of the file of items
TEXT = ("metric", "item", "cluster")


def write(found: Mapping[str, Estimate], file: Path) -> None:
    """All estimates, item by item, as a compressed Parquet table.

    Columns: metric, value, item, cluster, outcome, influence; a row without an item for what is exact.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, list[object]] = {key: [] for key in COLUMNS}
    for name, estimate in found.items():
        num = len(estimate.items.names) or 1
        rows["metric"] += [name] * num
        rows["value"] += [estimate.value] * num
        rows["item"] += estimate.items.names or [None]
        rows["cluster"] += estimate.items.clusters or [None] * num
        for column, held in (
            ("outcome", estimate.outcomes_I),
            ("influence", estimate.influences_I),
        ):
            rows[column] += [None] * num if held is None else held.tolist()
    schema = pa.schema([(key, pa.string() if key in TEXT else pa.float64()) for key in COLUMNS])
    pq.write_table(pa.table(rows, schema=schema), file, compression="zstd")


def read(file: Path) -> dict[str, Estimate]:
    """What `write` wrote."""
    import pyarrow.parquet as pq

    table = pq.read_table(file).to_pydict()
    places: dict[str, list[int]] = {}
    for row, name in enumerate(table["metric"]):
        places.setdefault(name, []).append(row)
    found: dict[str, Estimate] = {}
    for name, rows in places.items():
        kept = {key: [table[key][row] for row in rows] for key in COLUMNS}
        exact = kept["item"][0] is None
        clusters = () if kept["cluster"][0] is None else tuple(kept["cluster"])
        found[name] = Estimate(
            kept["value"][0],
            NONE if exact else Items(tuple(kept["item"]), clusters),
            *(
                None if kept[key][0] is None else np.asarray(kept[key], float)
                for key in ("outcome", "influence")
            ),
        )
    return found
