"""Ray Tune asks for trials, and an Optuna study answers.

The study is the only memory of the search (study.py): a killed sweep goes on from it (searcher.py).
"""
