"""The search space: the trial's own YAML with a domain at some leaves.

domains.py says what a domain is; the other files walk through a space: to draw a trial, to count a
grid, to visit its corners, to name its parameters.
"""
