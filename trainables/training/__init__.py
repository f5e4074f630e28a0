"""Train one model for some steps.

The stream makes the micro-batches of a step (stream.py), the loss one scalar of each (loss.py), and
the engine moves the weights (engine.py). A checkpoint holds what resuming needs (checkpoint.py).
"""
