"""Measure a model without gradient, for the evaluators.

packing.py arranges queries in rows and batches with little padding. From them come log-probabilities
(likelihood.py), scores of alternatives (choices.py), the KL divergence from the base (divergence.py),
and pooled hidden states (features.py). general_text.py draws the texts that forgetting is measured on.
"""
