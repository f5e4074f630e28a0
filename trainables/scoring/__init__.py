"""Measure without gradient, for the evaluators.

Queries are packed into rows and batches that waste no padding (packing.py) and come back as
log-probabilities (likelihood.py), divergences from the base or pooled hidden states.
"""
