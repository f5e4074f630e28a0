"""The verb `plan`: what a sweep will spend, before it is started.

plan.py is the verb, and has `plan_of` and `show` for other verbs that ask before they start a sweep.
recorded.py reads how long trials of earlier sweeps took.
"""
