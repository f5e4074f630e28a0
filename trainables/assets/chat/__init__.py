"""A chat in a model's own format: template.py asks the process of process.py, which is bounded."""
