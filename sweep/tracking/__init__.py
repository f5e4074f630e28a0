"""Record a sweep in MLflow.

Results of trials are written by the driver alone, and after its end by `sweep sync` in its place. The
verbs write requests to it, as tags (`sweep pause`), and register models (`sweep front --register`).

recorder.py turns what happens to trials into entries (entries/). outbox.py writes each
entry to disk before the trial goes on. delivery.py sends the entries to MLflow in order, in the
background, through mlflow_record.py; batch.py has those under way. store/ is about addresses and
errors of the tracking store itself. sweeps.py opens, finds and deletes the record of a sweep,
control_requests.py keeps requests to a running sweep in its tags, and registry.py registers models.
"""
