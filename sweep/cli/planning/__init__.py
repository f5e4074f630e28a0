"""The verb `plan`: what a sweep will spend, before it is started.

plan.py is the verb; other verbs use its `plan_of` and `table_of` before they start a sweep.
recorded.py reads how long trials of earlier sweeps took.
"""
