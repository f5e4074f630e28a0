"""Show how a sweep goes while it runs: progress in the terminal, a page in MLflow."""
