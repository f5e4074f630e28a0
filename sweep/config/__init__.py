"""The spec: the file a user writes, and everything that can be wrong with it.

spec.py is the schema, check.py finds faults of the file, and preflight.py those of models and data.
"""
