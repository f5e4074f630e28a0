"""Whether a model of an architecture that is not tested can be measured and trained.

tested.py lists those that are. For any other, laws.py says what a model must do and tries it, and
specimen.py makes what is tried of a model that is too large: a copy of few blocks (smaller.py) with
random weights.
"""
