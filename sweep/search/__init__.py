"""The search: Ray Tune asks for trials, and an Optuna study suggests them.

The study is the only memory of the search, so a killed sweep goes on from it. searcher.py connects
the two, study.py opens and deletes studies, and versions.py copies one whose search space has grown.
"""
