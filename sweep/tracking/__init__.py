"""The record of a sweep in MLflow, written by the driver alone.

What happens becomes entries (recorder.py, entries.py), which are on disk before anyone goes on
(outbox.py) and are delivered in order (delivery.py) to MLflow (mlflow_record.py).
"""
