"""Hand a sweep to the job API of a Ray cluster."""
