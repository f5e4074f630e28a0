"""Read the record of sweeps back from MLflow: fronts, comparisons, pictures.

pareto.py computes fronts, record/ reads, stats/ tests, views/ writes tables, files and pictures. It
knows nothing of Ray, Optuna and torch, so it runs wherever MLflow can be reached.
"""
