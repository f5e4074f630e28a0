"""The record of a sweep, read.

names.py has the names of tags and artifacts, for writer and reader. reader.py reads a Sweep, which
knows its trials, candidates and front (sweep.py).
"""
