"""The Ray cluster that a sweep runs on.

joining.py joins one, or starts one on this machine, whose files and processes session_folder.py keeps
to this user and to the life of the sweep. room.py counts the trials that fit. watch.py ends the sweep
if Ray goes first.
"""
