"""Run MANY trials: on one machine or a Ray cluster, searched by Optuna, recorded in MLflow.

`sweep/cli` has the verbs, `sweep/config` reads the spec, `sweep/driver` runs it. The driver asks
`sweep/search` for the next trial, which `sweep/workers` train, and `sweep/tracking` records it.
"""
