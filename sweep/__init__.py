"""Run MANY trials: on one machine or a Ray cluster, searched by Optuna, recorded in MLflow."""
