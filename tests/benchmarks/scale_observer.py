"""What a process beside a large sweep sees of it: what its processes use, and when its reports arrive.

    python -m tests.benchmarks.scale_observer PID SWEEP_HOME RESULTS METRIC    (by the bench itself)

It ends with its standard input.
"""

from __future__ import annotations

import itertools
import json
import select
import sqlite3
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil

LOOK_S, MEASURE_S = 0.1, 2.0  # seconds between two looks at the record, and at the processes
SETTLE_S = 30.0  # after all slots are taken, until what is seen counts
NAMES = {"gcs_server": "Ray's head (gcs_server)", "raylet": "Ray's node (raylet)"}
DRIVER = "the driver"


@dataclass(frozen=True)
class Observation:
    """What was seen while all slots were taken.

    lags:         what is late -> by how many seconds, each time.
    cpu_share:    process -> share of one core.
    megabytes:    of the driver at the end; megabytes_per_thousand: by how many it grew per thousand
                  trials, by least squares.
    worker_megabytes: of a worker, without what it shares with others; median.
    start_s:      seconds from the first trial's start until every slot had one. What is seen counts
                  from half a minute later on.
    """

    lags: dict[str, list[float]]
    cpu_share: dict[str, float]
    reports_per_s: float
    megabytes: float
    megabytes_per_thousand: float
    worker_megabytes: float
    start_s: float


def read_observation(results: Path, tracking_uri: str, began_at: str, process: str) -> Observation:
    """Return what was seen, from the observer's results and the finished record.

    began_at, process: metrics with the time at which a trial began, and its process.
    """
    seen = json.loads(results.read_text())
    runs: dict[str, dict[str, float]] = defaultdict(dict)
    with closing(sqlite3.connect(tracking_uri.removeprefix("sqlite:///"))) as store:
        query = "select run_uuid, key, value from latest_metrics where key in (?, ?, ?)"
        for run, key, value in store.execute(query, (began_at, process, seen["metric"])):
            runs[run][key] = value
    trials = sorted(
        (run[process], run[began_at], run[seen["metric"]]) for run in runs.values() if len(run) == 3
    )
    firsts = {slot: began for slot, began, _ in reversed(trials)}
    full, last_start = max(firsts.values()) + SETTLE_S, max(began for _, began, _ in trials)
    gaps = [
        began - ended
        for (slot, _, ended), (next_slot, began, _) in itertools.pairwise(trials)
        if slot == next_slot and full <= ended
    ]
    lags = {
        name: [late for reported, late in seen[key] if full <= reported <= last_start]
        for name, key in (("report to journal", "journal"), ("report to MLflow", "store"))
    }
    lags["end of a trial to the next start"] = gaps
    during = [look for look in seen["looks"] if full <= look["at"] <= last_start]
    seconds = during[-1]["at"] - during[0]["at"]
    shares = {
        name: (during[-1]["cpu_s"][name] - during[0]["cpu_s"][name]) / seconds
        for name in during[0]["cpu_s"]
    }
    ends = np.sort([ended for _, _, ended in trials])
    num_ended = [np.searchsorted(ends, look["at"]) for look in during]
    sizes = [look["megabytes"] for look in during]
    slope = float(np.polyfit(num_ended, sizes, 1)[0])
    return Observation(
        lags,
        shares,
        len(lags["report to MLflow"]) / (last_start - full),
        sizes[-1],
        1000 * slope,
        seen["worker_megabytes"],
        max(firsts.values()) - min(firsts.values()),
    )


def observe(driver: psutil.Process, home: Path, metric: str) -> dict[str, object]:
    """Watch until the standard input ends, and return what was seen.

    home: SWEEP_HOME; metric: the one that holds the time of a report.
    """
    journal, store = _journal_values(home, metric), _store_values(home, metric)
    seen: dict[str, list[tuple[float, float]]] = {"journal": [], "store": []}
    looks, processes = [], _of_ray(driver) | {DRIVER: driver}
    next_look, worker_megabytes = 0.0, 0.0
    while not select.select([sys.stdin], [], [], LOOK_S)[0]:
        for name, values in (("journal", journal), ("store", store)):
            found = next(values)
            now = time.time()
            seen[name] += [(value, now - value) for value in found]
        if time.time() >= next_look:
            next_look = time.time() + MEASURE_S
            looks.append(
                {
                    "at": time.time(),
                    "cpu_s": {name: sum(p.cpu_times()[:2]) for name, p in processes.items()},
                    "megabytes": driver.memory_info().rss / 1e6,
                }
            )
            if len(looks) % 15 == 0:
                worker_megabytes = _of_a_worker(processes) or worker_megabytes
    return seen | {"looks": looks, "metric": metric, "worker_megabytes": worker_megabytes}


def _of_ray(driver: psutil.Process) -> dict[str, psutil.Process]:
    """Return the processes of a cluster that the driver has started, by their names in the table."""
    children = {child.name(): child for child in driver.children(recursive=True)}
    return {title: children[name] for name, title in NAMES.items()}


def _of_a_worker(processes: dict[str, psutil.Process]) -> float:
    """Return the median memory of twenty workers, in MB, without what others have, too."""
    workers = processes[NAMES["raylet"]].children()[:20]
    sizes = []
    for worker in workers:
        try:
            if "ray::" in worker.cmdline()[0]:
                sizes.append(worker.memory_full_info().uss / 1e6)
        except (psutil.Error, IndexError):
            continue
    return float(np.median(sizes)) if sizes else 0.0


def _journal_values(home: Path, metric: str) -> Iterator[list[float]]:
    """Yield, at each call, a metric's values in the lines that the journal has got since the last."""
    path, place, rest = home / "bench" / "record" / "journal.jsonl", 0, b""
    while True:
        values = []
        if path.exists():
            with path.open("rb") as file:
                file.seek(place)
                chunk = file.read()
            place += len(chunk)
            *lines, rest = (rest + chunk).split(b"\n")
            entries = [json.loads(line) for line in lines if b'"report"' in line]
            values = [e["metrics"][metric] for e in entries if metric in e["metrics"]]
        yield values


def _store_values(home: Path, metric: str) -> Iterator[list[float]]:
    """Yield, at each call, a metric's values in the rows that MLflow has got since the last."""
    path, newest = home / "mlflow.db", 0
    query = "select rowid, value from metrics where rowid > ? and key = ?"
    while True:
        rows = []
        if path.exists():
            with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=30)) as store:
                try:
                    rows = store.execute(query, (newest, metric)).fetchall()
                except sqlite3.OperationalError:  # it has no tables yet
                    rows = []
        newest = max([newest, *(row for row, _ in rows)])
        yield [value for _, value in rows]


def main() -> None:
    pid, home, results, metric = sys.argv[1:]
    seen = observe(psutil.Process(int(pid)), Path(home), metric)
    Path(results).write_text(json.dumps(seen))


if __name__ == "__main__":
    main()
