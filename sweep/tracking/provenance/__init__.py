"""Which code runs a sweep, and what a trial ran.

versions.py has the versions of packages and the commit, and code_diff.py the changes since that commit.
trial_yaml.py writes a trial as a file that can be run again.
"""
