"""Train and measure ONE model: knows nothing of Ray, Optuna or MLflow."""
