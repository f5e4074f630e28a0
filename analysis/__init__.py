"""Read the record of sweeps back from MLflow: fronts, comparisons, pictures."""
