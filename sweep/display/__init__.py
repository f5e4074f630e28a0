"""What a running sweep shows: progress in the terminal, a page in MLflow."""
