"""Measured numbers: their unit and direction, their names, and their standard errors.

metric.py and names.py need the standard library alone, so that the analysis reads old sweeps without
torch or numpy. estimate.py, items_file.py and guard.py need more, and are for measuring.
"""

from trainables.metrics.metric import Metric, declare

__all__ = ["Metric", "declare"]
