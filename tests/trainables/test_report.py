"""Reports that cannot be used."""

import math
from pathlib import Path

import pytest

from trainables.report import Report, fault


def report(**metrics):
    return Report(
        3, 0.5, {name.replace("_", "/"): value for name, value in metrics.items()}, Path, Path
    )


def test_a_report_of_all_that_was_declared_has_no_fault():
    assert fault(report(bias_x_gap=1.0, task_x_accuracy=0.0), ["bias/x/gap"]) == ""


def test_a_metric_that_was_not_reported_is_named():
    clause = fault(report(bias_x_gap=1.0), ["task/x/b", "bias/x/gap", "task/x/a"])
    assert clause == "step 3 did not report task/x/a, task/x/b"


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_named_as_divergence(value):
    clause = fault(report(bias_x_gap=value, task_x_a=1.0), ["bias/x/gap"])
    assert clause == f"step 3 reported bias/x/gap = {value}: the trial diverged"
