"""What a trial takes on this machine: measured by short trials, and kept for later plans.

kept.py has what is kept and the speed that follows from it, calibrate.py starts the processes that
measure, and measuring.py is what runs in each of them: the one file here that loads torch.
"""
