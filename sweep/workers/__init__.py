"""What runs in the process of a trial, and the folders that outlive it."""
