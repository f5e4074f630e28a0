"""Which code runs a sweep.

versions.py has the versions of packages and the commit, and code_diff.py the changes since that commit.
"""
