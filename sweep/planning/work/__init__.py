"""What the trials of a sweep have to compute, by configuration alone, without loading anything.

drawn.py draws trials as a search would, shapes.py says how large a model is, text_sizes.py how long
the texts of a set are, of which known_texts.py lists the known ones. From these follow the FLOP of a
trial (trial_work.py) and the tokens that its evaluators read (evaluation_work.py).
"""
