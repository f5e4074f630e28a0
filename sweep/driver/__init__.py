"""The process that runs a sweep.

run_sweep.py starts or resumes one, loop.py runs it to its end under Ray Tune (tuner.py). Meanwhile
the listener hears requests, and interrupts.py what the operating system says.
"""
