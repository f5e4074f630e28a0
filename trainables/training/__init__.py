"""Train one model for some steps.

stream.py makes the micro-batches of a step, from texts mixed by mixture.py. loss.py makes one scalar of
each, and the engine (engine.py, on DeepSpeed) moves the weights at the learning rate of schedule.py.
checkpoint.py writes and reads the files that resuming needs.
"""
