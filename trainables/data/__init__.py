"""Texts and pairs before any model: read by name, turned into token ids, and turned into queries.

A name in a spec is a known set (sets/) or a user's file, which sources.py tells apart. The rows of
either become Arrow tables of token ids (tables.py). A row of ids becomes a query (queries.py): the
tokens that a model reads, and the token to predict at each position. A pair becomes two queries
(comparisons.py).
"""
