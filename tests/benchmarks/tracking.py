"""The cost of recording: of one report in a trial's time, and of many trials until all is delivered.

    make bench            (python -m tests.benchmarks.tracking --trials 1000)

First a report of 25 metrics, to the same `mlflow server` in turns. Ours takes the time in the worker and
in the driver until the trial may go on, while the delivery runs beside it. Without an outbox a trial
would wait for one synchronous log_batch, or for Ray's own callback, which sends a request a metric.

Then trials that do nothing, with five reports each, from the start of the sweep until MLflow has all
entries, which are counted; and Ray Tune with its own callback and OptunaSearch on the same stores.
Optuna's storage is a journal beside SQLite, and PostgreSQL beside PostgreSQL, which is left out if the
machine has no server of it.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import ray

from tests import servers
from tests.benchmarks.tracking_reports import bench_reports
from tests.benchmarks.tracking_trials import AT_ONCE, bench_trials


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--trials", type=int, default=1000, help="of ours")
    parser.add_argument("--stock-trials", type=int, default=60, help="of Ray Tune's")
    parser.add_argument("--reports", type=int, default=100, help="rounds of reports")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    os.environ |= {"TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1", "RAY_AIR_NEW_OUTPUT": "0"}
    with ExitStack() as open_:
        folder = Path(open_.enter_context(tempfile.TemporaryDirectory()))
        try:
            postgres = open_.enter_context(servers.postgresql())
        except servers.NotInstalled as error:
            print(f"without PostgreSQL: {error}")
            postgres = None
        reports = bench_reports(folder, postgres, options.reports)
        ray.init(
            num_cpus=AT_ONCE, include_dashboard=False, log_to_driver=False, logging_level="ERROR"
        )
        flows = bench_trials(folder, postgres, options.trials, options.stock_trials)
        ray.shutdown()
    if options.json:
        options.json.write_text(json.dumps({"report_ms": reports, "trials": flows}, indent=1))


if __name__ == "__main__":
    main()
