"""The spec: the YAML file that a user writes, and everything that can be wrong with it.

spec.py is the schema, check.py finds the faults of the file, and preflight.py fetches models and data
and finds theirs, with the files of input_faults/.
"""
