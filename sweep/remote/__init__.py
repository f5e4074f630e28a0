"""Run a sweep on a Ray cluster, through the job API of the cluster."""
