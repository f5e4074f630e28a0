"""A queue of sweeps on the head of a cluster: a folder of entries, and a server that starts them."""
