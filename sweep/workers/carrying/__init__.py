"""Entries of the cache, models and data, which reach each node of a cluster once.

carrier.py is the actor on the driver's node that has them, and fetching.py what a worker elsewhere asks
of it. They go into a file of the node; the object store of Ray only carries their parts, since a copy
that is left in it keeps Ray from releasing a node that has nothing to do.
"""
