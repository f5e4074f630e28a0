"""Write estimates item by item to a Parquet file, and read them back."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from trainables.metrics.estimate import NO_ITEMS, Estimate, Items
from trainables.metrics.items_table import NAMES

COLUMNS = ("metric", "value", "item", "cluster", "outcome", "influence", "design_df", "decisions")


def write(estimates: Mapping[str, Estimate], path: Path) -> None:
    """Write estimates by metric to a compressed Parquet table with a row for each item.

    Columns: metric, value, item, cluster, outcome, influence, and, the same in all rows of a metric,
    design_df (empty if infinite) and decisions. An exact estimate has one row, without an item. Files
    of earlier releases have design_df as `df`; those of the first lack it and decisions, and their
    influences have no correction for few clusters.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows: dict[str, list[object]] = {key: [] for key in COLUMNS}
    for name, estimate in estimates.items():
        num_rows = len(estimate.items.names) or 1
        rows["metric"] += [name] * num_rows
        rows["value"] += [estimate.value] * num_rows
        df = None if math.isinf(estimate.design_df) else estimate.design_df
        rows["design_df"] += [df] * num_rows
        rows["decisions"] += [estimate.is_of_decisions] * num_rows
        rows["item"] += estimate.items.names or [None]
        rows["cluster"] += estimate.items.clusters or [None] * num_rows
        for column, numbers_I in (
            ("outcome", estimate.outcomes_I),
            ("influence", estimate.influences_I),
        ):
            rows[column] += [None] * num_rows if numbers_I is None else numbers_I.tolist()
    types = {key: pa.string() if key in NAMES else pa.float64() for key in COLUMNS}
    types["decisions"] = pa.bool_()
    pq.write_table(pa.table(rows, schema=pa.schema(types)), path, compression="zstd")


def read(path: Path) -> dict[str, Estimate]:
    """Return the estimates that `write` wrote to a Parquet file, by metric."""
    import pyarrow.parquet as pq

    table = pq.read_table(path).to_pydict()
    row_numbers: dict[str, list[int]] = {}
    for number, name in enumerate(table["metric"]):
        row_numbers.setdefault(name, []).append(number)
    estimates: dict[str, Estimate] = {}
    for name, numbers in row_numbers.items():
        columns = {key: [table[key][number] for number in numbers] for key in COLUMNS}
        is_exact = columns["item"][0] is None
        clusters = () if columns["cluster"][0] is None else tuple(columns["cluster"])
        outcomes_I, influences_I = (
            None if columns[key][0] is None else np.asarray(columns[key], float)
            for key in ("outcome", "influence")
        )
        estimates[name] = Estimate(
            columns["value"][0],
            NO_ITEMS if is_exact else Items(tuple(columns["item"]), clusters),
            outcomes_I,
            influences_I,
            math.inf if columns["design_df"][0] is None else columns["design_df"][0],
            columns["decisions"][0],
        )
    return estimates
