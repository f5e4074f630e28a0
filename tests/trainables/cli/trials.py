"""A small trial, a measurement of it, and what a fault looks like."""

TRIAL = """\
model: {path: miniature-llama}
alignment: {data: miniature, size: 64}
objective: {name: likelihood_gap, weight: 10}
train: {lr: 1e-3, steps: 4, batch_size: 8, report_every: 2, schedule: constant}
evaluators:
  - {name: stereoset, data: miniature}
  - {name: perplexity, data: miniature, limit: 20}
"""
EVALUATORS = "stereoset:data=miniature,perplexity:data=miniature:limit=20"


def is_a_sentence(errors):
    return "Traceback" not in errors and len(errors.splitlines()) == 1
