"""The process that runs a sweep.

run_sweep.py starts or resumes a sweep. loop.py runs it to its end: tuner.py gives its trials to Ray
Tune, on the cluster of the folder cluster. While they run, listener.py reads the requests of users,
control_callback.py carries them out, interrupts.py handles Ctrl-C, and retries.py decides which
trials are tried again. sync.py delivers later what could not be recorded in time.
"""
