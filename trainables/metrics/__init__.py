"""What measured numbers mean, and how sure they are.

Metric and its name need the standard library alone, so that the analysis reads old sweeps without
torch or numpy; estimate.py and what builds on it are imported by who measures.
"""

from trainables.metrics.metric import Metric, declare

__all__ = ["Metric", "declare"]
