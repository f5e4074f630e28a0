"""What a store of MLflow must be before it is read."""
