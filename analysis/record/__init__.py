"""The record of a sweep in MLflow, read back.

names.py has the names of tags and artifacts, for the writer and the reader. reader.py returns a
Sweep, which knows its trials, candidates and front (sweep.py).
"""
