"""How busy the machine is, as MLflow's own collectors see it."""

import time

import pytest

from sweep.workers import system_metrics
from sweep.workers.system_metrics import SystemMetrics

pytestmark = pytest.mark.timeout(60)  # the first to import MLflow


def test_means_have_the_names_that_the_interface_of_mlflow_shows():
    with SystemMetrics() as watch:
        sum(range(10**7))
        means = watch.take()
    assert means["system/cpu_utilization_percentage"] > 0
    assert 0 < means["system/system_memory_usage_percentage"] < 100
    assert {"system/disk_usage_percentage", "system/network_receive_megabytes"} <= means.keys()


def test_samples_that_were_taken_are_not_in_the_next_means(monkeypatch):
    monkeypatch.setattr(system_metrics, "INTERVAL_S", 0.01)
    with SystemMetrics() as watch:
        time.sleep(0.2)
        cpu = watch._collectors[0]
        with watch._lock:
            assert len(cpu.metrics["cpu_utilization_percentage"]) > 3, "sampled between reports"
        watch.take()
        with watch._lock:
            assert len(cpu.metrics["cpu_utilization_percentage"]) < 3


def test_a_sample_costs_less_than_a_hundredth_of_a_core():
    with SystemMetrics() as watch:
        before = time.thread_time()
        for _ in range(20):
            watch._sample()
        assert (time.thread_time() - before) / 20 < 0.01 * system_metrics.INTERVAL_S
