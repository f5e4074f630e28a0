"""The search space: the trial's own YAML with a domain at some leaves.

domains.py defines the domains. The other files walk through a space: draw.py draws a trial, grid.py
counts and looks up the points of a grid, corners.py makes the trials with which a spec is checked,
faults.py finds bad domains, growth.py compares two versions, and names.py names the parameters.
"""
