"""Texts and pairs, before any model: where they come from, and as token ids.

A name in a spec is a source (sources.py), read by the file of its set (sets/) or as the user's file.
Its rows become Arrow tables of token ids (tables.py), and rows become queries (queries.py): what is
read, and which token is asked for where. A pair becomes two queries (comparisons.py).
"""
