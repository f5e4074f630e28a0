"""The verbs that need the job API of a cluster: use, submit, jobs, logs, queue."""
