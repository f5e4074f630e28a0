"""The worker process that runs trials, its results, and the stores that outlive it.

worker.py runs trials, result.py is the result that it hands to Ray Tune, checkpoints.py the stores of
checkpoints and models. shared_storage.py checks that all nodes see them, and unchanged.py that models
and data are what the sweep began with.
"""
