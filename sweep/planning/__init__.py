"""What a sweep will spend before it is started: time, memory, disk, money, each with its range.

A plan (plan.py) draws trials as the search would and counts what each has to compute (work/), how long
this takes (speed.py, calibration/) on this machine (machine.py), and how long all take together
(slots.py). memory.py and disk.py are about bytes, table.py shows a plan. Nothing here loads weights,
torch or Ray, but the process that calibrates.
"""
